/** Sorted tables: build, point reads, walks. Files in the page cache, blocks in the block cache. */

import { join } from "node:path";
import { EntrySlot } from "../../../src/cursor/entry-slot.ts";
import { BunFileSystem } from "../../../src/env/bun-file-system.ts";
import { bloomHash } from "../../../src/format/bloom-hash.ts";
import { BlockCache } from "../../../src/table/block-cache.ts";
import { TableBuilder } from "../../../src/table/table-builder.ts";
import { TABLE_OPTIONS } from "../../../src/table/table-options.ts";
import { TableReader } from "../../../src/table/table-reader.ts";
import { KEY_BYTES } from "../job.ts";
import { Keys, Values, Xorshift } from "../data.ts";
import type { MicroBench } from "./benches.ts";

const ENTRIES = 50_000;
const VALUE_BYTES = 100;
const CACHE_BYTES = 64 << 20;
const META_NONE = 0;

export function tableBenches(folder: string): MicroBench[] {
  const fileSystem = new BunFileSystem();
  const keys = new Keys("sequential").block(0, ENTRIES);
  const value = new Values(VALUE_BYTES).at(5).slice();
  const build = (path: string) => {
    const file = fileSystem.open(path, { write: true, create: "truncate" });
    const identity = { fileNumber: 1, level: 1, knownOrdered: true };
    const builder = new TableBuilder(file, identity, TABLE_OPTIONS);
    for (let i = 0; i < ENTRIES; i++) {
      const at = i * KEY_BYTES;
      builder.add(keys, at, KEY_BYTES, 1, META_NONE, 0, 0, value, 0, VALUE_BYTES, false);
    }
    builder.finish();
    file.close();
  };
  const path = join(folder, "table.sst");
  build(path);
  const source = { fileNumber: 1, level: 1, compression: 0, keyId: 0 } as const;
  const reader = TableReader.open(
    fileSystem.open(path, { write: false, create: "never" }),
    source,
    new BlockCache(CACHE_BYTES),
    { verifyChecksums: "read" },
  );
  const rebuilt = join(folder, "built.sst");
  return [
    { name: "table, build", calls: ENTRIES, run: () => build(rebuilt) },
    ...reads(reader, keys),
  ];
}

function reads(reader: TableReader, keys: Uint8Array): MicroBench[] {
  const slot = new EntrySlot();
  const random = new Xorshift(12_345);
  const absent = new Uint8Array(KEY_BYTES).fill(0x55);
  const walk = (reverse: boolean) => () => {
    const cursor = reader.cursor();
    let count = 0;
    if (reverse) cursor.seekToLast();
    else cursor.seekToFirst();
    while (cursor.valid) {
      count++;
      if (reverse) cursor.prev();
      else cursor.next();
    }
    cursor.close();
    if (count !== ENTRIES) throw new Error(`walked ${count}`);
    return count;
  };
  return [
    {
      name: "table, get cached",
      calls: 1,
      run: () => {
        const at = random.below(ENTRIES) * KEY_BYTES;
        const key = keys.subarray(at, at + KEY_BYTES);
        return reader.get(key, bloomHash(key, 0, KEY_BYTES), Number.MAX_SAFE_INTEGER, slot);
      },
    },
    {
      name: "table, get absent",
      calls: 1,
      run: () => reader.get(absent, bloomHash(absent, 0, KEY_BYTES), Number.MAX_SAFE_INTEGER, slot),
    },
    { name: "table, walk forward", calls: ENTRIES, run: walk(false) },
    { name: "table, walk backward", calls: ENTRIES, run: walk(true) },
  ];
}
