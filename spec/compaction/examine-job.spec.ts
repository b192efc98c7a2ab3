/** Learning where a table points to that says nothing about it. */

import { describe, expect, test } from "bun:test";

import { CorruptionError } from "../../src/base/errors.ts";
import { join } from "../../src/base/paths.ts";
import { examineTable } from "../../src/compaction/examine-job.ts";
import { tableFileName } from "../../src/format/file-names.ts";
import { TableBuilder } from "../../src/table/table-builder.ts";
import { diskTree, DIRECTORY, SMALL_BLOCKS, writeTable } from "./disk-tree.ts";
import { entry, EntriesCursor } from "./entries.ts";

const ENTRIES = Array.from({ length: 200 }, (_, i) =>
  entry(
    `key-${String(i).padStart(4, "0")}@${i + 1}${i % 3 === 0 ? " vlog:100" : i % 3 === 1 ? "=inline" : " del"}`,
  ),
);
const POINTED = 67 * 100;

describe("an examined table", () => {
  test("tells how many bytes it points to, by file", () => {
    const disk = diskTree();
    const table = writeTable(disk, 1, 1, ENTRIES);
    const job = { directory: DIRECTORY, table, verifyChecksums: "both" } as const;
    expect(examineTable(job, disk.env)).toEqual(new Map([[7, POINTED]]));
    // What Meles itself writes down is the same.
    expect(table.valueLogBytes).toEqual(new Map([[7, POINTED]]));
    expect(disk.failures.open).toBe(0);
  });

  test("may point nowhere", () => {
    const disk = diskTree();
    const table = writeTable(disk, 1, 1, [entry("a@1=x"), entry("b@2 del")]);
    const job = { directory: DIRECTORY, table, verifyChecksums: "read" } as const;
    expect(examineTable(job, disk.env).size).toBe(0);
  });

  test("may be encrypted", () => {
    const disk = diskTree();
    const key = new Uint8Array(32).fill(5);
    const path = join(DIRECTORY, tableFileName(1));
    const file = disk.env.fileSystem.open(path, { write: true, create: "exclusive" });
    const options = { ...SMALL_BLOCKS, encryption: { keyId: 3, key } };
    const identity = { fileNumber: 1, level: 1, knownOrdered: true };
    const builder = new TableBuilder(file, identity, options, disk.env.random);
    const cursor = new EntriesCursor(ENTRIES);
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
      const {
        keyBytes,
        keyOffset,
        keyLength,
        version,
        meta,
        valueBytes,
        valueOffset,
        valueLength,
      } = cursor;
      builder.add(
        keyBytes,
        keyOffset,
        keyLength,
        version,
        meta,
        0,
        0,
        valueBytes,
        valueOffset,
        valueLength,
        false,
      );
    }
    const table = builder.finish();
    file.close();
    const withoutKey = { directory: DIRECTORY, table, verifyChecksums: "read" } as const;
    const pointers = examineTable({ ...withoutKey, key }, disk.env);
    expect(pointers).toEqual(new Map([[7, POINTED]]));
    expect(() => examineTable(withoutKey, disk.env)).toThrow();
    expect(disk.failures.open).toBe(0);
  });

  test("that is damaged anywhere is an error, and no file stays open", () => {
    const disk = diskTree();
    const table = writeTable(disk, 1, 1, ENTRIES);
    const path = join(DIRECTORY, tableFileName(1));
    const bytes = disk.env.fileSystem.readFile(path) as Uint8Array;
    for (let position = 0; position < bytes.length; position += 37) {
      const file = disk.env.fileSystem.open(path, { write: true, create: "never" });
      const damaged = bytes.slice();
      damaged[position] = (damaged[position] as number) ^ 0x10;
      file.write(damaged, 0, damaged.length, 0);
      file.close();
      const job = { directory: DIRECTORY, table, verifyChecksums: "both" } as const;
      expect(() => examineTable(job, disk.env)).toThrow(CorruptionError);
      expect(disk.failures.open).toBe(0);
    }
  });

  test("that cannot be read is an error, and no file stays open", () => {
    for (let operation = 1; operation < 8; operation++) {
      const disk = diskTree();
      const table = writeTable(disk, 1, 1, ENTRIES);
      disk.failures.left = operation;
      const job = { directory: DIRECTORY, table, verifyChecksums: "read" } as const;
      let failure: unknown;
      try {
        examineTable(job, disk.env);
      } catch (error) {
        failure = error;
      }
      if (disk.failures.left <= 0) expect(failure).toBeDefined();
      expect(disk.failures.open).toBe(0);
    }
  });
});
