/** Which tables of Badger's may point into the value log: told by their index, held against every entry. */

import { expect, test } from "bun:test";

import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { replayManifest } from "../../src/format/manifest-replay.ts";
import { META_POINTER } from "../../src/format/stored-value.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import { TableReader } from "../../src/table/table-reader.ts";
import { readFixture } from "../fixtures/unpack.ts";
import { writeFile } from "../suites/copy-file-system.ts";

const FIXTURES = [
  "small-9003-entries",
  "small-none-closed",
  "small-snappy-closed",
  "small-zstd-closed",
  "case-sw",
  "case-disc",
  "mixed-none-versions",
  "mixed-zstd-gc",
] as const;

// Without it, opening a directory whose value log is empty would have read all of its tables.
test("a table that points nowhere is known by its index, and no other", () => {
  const seen = new Set<boolean>();
  for (const name of FIXTURES) {
    const files = readFixture(name);
    const { tables } = replayManifest(files.get("MANIFEST") as Uint8Array);
    for (const source of tables.values()) {
      const fileSystem = new MemoryFileSystem();
      const path = `/${String(source.fileNumber).padStart(6, "0")}.sst`;
      writeFile(fileSystem, path, files.get(path.slice(1)) as Uint8Array);
      const file = fileSystem.open(path, { write: false, create: "never" });
      const table = TableReader.open(file, source, new BlockCache(0), { verifyChecksums: "none" });
      const cursor = table.cursor();
      let points = false;
      for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
        points ||= (cursor.meta & META_POINTER) !== 0;
      }
      cursor.close();
      expect([name, path, table.mayPoint]).toEqual([name, path, points]);
      seen.add(points);
      table.close();
    }
  }
  expect([...seen].sort()).toEqual([false, true]);
});
