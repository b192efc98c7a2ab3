/** Table cursors against a sorted array: all forms a table can have, small and usual blocks. */

import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import type { TableOptions } from "../../src/table/table-options.ts";
import { cursorSuite } from "../suites/cursor.suite.ts";
import { randomEntries, SEED, type SuiteEntry } from "../suites/sorted-entries.ts";
import { buildTable, openTable, readAll, TABLE_PATH } from "./table-fixture.ts";

const encryption = { keyId: 7, key: new Uint8Array(32).fill(9) };
const variants: readonly [string, Partial<TableOptions>][] = [
  ["a table", {}],
  ["a table of small blocks", { blockSizeBytes: 200 }],
  ["a table of one entry a block", { blockSizeBytes: 1 }],
  ["a Snappy table", { compression: 1, blockSizeBytes: 512 }],
  ["a Zstandard table", { compression: 2, blockSizeBytes: 512 }],
  ["an encrypted Zstandard table", { compression: 2, blockSizeBytes: 512, encryption }],
  ["an encrypted table", { blockSizeBytes: 512, encryption }],
  ["a table without extension", { blockSizeBytes: 512, extension: false, checksum: "crc32c" }],
];

for (const [name, options] of variants) {
  const make = (entries: readonly SuiteEntry[]) => openTable(buildTable(entries, options)).cursor();
  cursorSuite(name, make, { allowsEmpty: false, entryCount: 150 });
}

cursorSuite(
  "a table read through the cache",
  (entries) => {
    const table = buildTable(entries, { blockSizeBytes: 300 });
    return openTable(table, new BlockCache(4096, 300)).cursor();
  },
  { allowsEmpty: false, entryCount: 150 },
);

cursorSuite(
  "a table of large blocks read through the cache",
  (entries) => openTable(buildTable(entries, { blockSizeBytes: 200_000 })).cursor(),
  { allowsEmpty: false, entryCount: 150 },
);

cursorSuite(
  "a table without a cache",
  (entries) => openTable(buildTable(entries, { blockSizeBytes: 300 }), new BlockCache(0)).cursor(),
  { allowsEmpty: false, entryCount: 150 },
);

describe("read-ahead", () => {
  const entries = randomEntries(new SeededRandom(SEED), 4000, "binary");

  test("a long walk leaves only its first blocks in the cache and reads many blocks at once", () => {
    const table = buildTable(entries);
    const cache = new BlockCache(16 * 4096);
    let reads = 0;
    const { fileSystem } = table;
    const counting = {
      ...table,
      fileSystem: Object.assign(Object.create(fileSystem), {
        open: (...parameters: Parameters<typeof fileSystem.open>) => {
          const file = fileSystem.open(...parameters);
          const read = file.read.bind(file);
          file.read = (...parts) => {
            reads++;
            return read(...parts);
          };
          return file;
        },
      }),
    };
    const reader = openTable(counting, cache);
    reads = 0;
    expect(readAll(reader)).toEqual(entries);
    expect(reads).toBeLessThanOrEqual(10);
    expect(cache.misses).toBe(2);
    reads = 0;
    const cursor = reader.cursor();
    let count = 0;
    for (cursor.seekToLast(); cursor.valid; cursor.prev()) count++;
    expect(count).toBe(entries.length);
    expect(reads).toBeLessThanOrEqual(10);
    expect(cache.misses).toBe(4);
  });

  test("short walks from anywhere find their blocks in the cache the second time", () => {
    const cache = new BlockCache(8 << 20);
    const reader = openTable(buildTable(entries), cache);
    const walkAll = (): void => {
      for (let i = 0; i < entries.length; i += 100) {
        const { key, version } = entries[i] as SuiteEntry;
        const cursor = reader.cursor();
        cursor.seek(key, version);
        for (let k = 0; k < 5 && cursor.valid; k++) cursor.next();
      }
    };
    walkAll();
    const { misses } = cache;
    walkAll();
    expect(cache.misses).toBe(misses);
  });

  test("blocks of more than 64 KiB come out of the cache as they went in", () => {
    const large = randomEntries(new SeededRandom(SEED), 900, "binary", { valueSizeMax: 500 });
    const reader = openTable(buildTable(large, { blockSizeBytes: 150_000 }));
    for (const { key, version } of large) reader.cursor().seek(key, version);
    expect(readAll(reader)).toEqual(large);
  });

  test("a walk over cached blocks reads nothing from the file and does not disturb the cache", () => {
    const table = buildTable(entries);
    const cache = new BlockCache(1 << 20);
    const reader = openTable(table, cache);
    for (const { key, version } of entries) reader.cursor().seek(key, version);
    const { misses, usedBytes } = cache;
    expect(usedBytes).toBeGreaterThan(0);
    // Not even the file is needed any more.
    table.fileSystem.open(TABLE_PATH, { write: true, create: "truncate" }).close();
    expect(readAll(reader)).toEqual(entries);
    expect(readAll(reader)).toEqual(entries);
    expect([cache.misses, cache.usedBytes]).toEqual([misses, usedBytes]);
  });

  test("cursors of one table do not disturb each other, nor point reads them", () => {
    const reader = openTable(buildTable(entries), new BlockCache(3 * 4096));
    const cursors = [reader.cursor(), reader.cursor(), reader.cursor()];
    for (const cursor of cursors) cursor.seekToFirst();
    for (const one of entries) {
      for (const cursor of cursors) {
        const { keyBytes, keyLength } = cursor;
        if (keyLength !== one.key.length || keyBytes[keyLength - 1] !== one.key.at(-1)) {
          throw new Error(`lost at ${one.key.toHex()}`);
        }
        cursor.next();
      }
    }
    for (const cursor of cursors) expect(cursor.valid).toBe(false);
  });
});
