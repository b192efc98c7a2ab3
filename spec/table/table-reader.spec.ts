/** Point reads and what a reader tells of its table. */

import { describe, expect, test } from "bun:test";
import { compareBytes, concatBytes, toText } from "../../src/base/bytes.ts";
import { CorruptionError } from "../../src/base/errors.ts";
import { EntrySlot } from "../../src/cursor/entry-slot.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { decodeTableFooter, encodeTableFooter } from "../../src/format/table-footer.ts";
import { decodeTableIndex, encodeTableIndex } from "../../src/format/table-index.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import type { TableOptions } from "../../src/table/table-options.ts";
import { TableReader } from "../../src/table/table-reader.ts";
import {
  entry,
  naiveGet,
  randomEntries,
  randomKey,
  SEED,
  type SuiteEntry,
} from "../suites/sorted-entries.ts";
import { buildTable, openTable, TABLE_PATH, tableBytes, withBytes } from "./table-fixture.ts";

const slot = new EntrySlot();

/** Compares one point read with the slow obvious answer. */
function checkGet(
  reader: TableReader,
  entries: readonly SuiteEntry[],
  key: Uint8Array,
  version: number,
): void {
  const expected = naiveGet(entries, key, version);
  const found = reader.get(key, bloomHash(key, 0, key.length), version, slot);
  const what = `${key.toHex().slice(0, 80)}@${version}`;
  if (found !== (expected !== undefined)) throw new Error(`${what}: found is ${found}`);
  if (expected === undefined) return;
  const value = slot.valueBytes.subarray(slot.valueOffset, slot.valueOffset + slot.valueLength);
  const same =
    slot.version === expected.version &&
    slot.meta === expected.meta &&
    slot.userMeta === expected.userMeta &&
    slot.expiresAt === expected.expiresAt &&
    compareBytes(value, expected.value) === 0;
  if (!same) throw new Error(`${what}: another entry, version ${slot.version}`);
}

const encryption = { keyId: 1, key: new Uint8Array(16).fill(3) };
const variants: readonly [string, Partial<TableOptions>][] = [
  ["usual blocks", {}],
  ["small blocks", { blockSizeBytes: 150 }],
  ["small Snappy blocks", { blockSizeBytes: 250, compression: 1 }],
  ["small encrypted Zstandard blocks", { blockSizeBytes: 250, compression: 2, encryption }],
  ["no bloom filter", { blockSizeBytes: 250, bloomFalsePositive: 0 }],
];
const caches: readonly [string, () => BlockCache][] = [
  ["a large cache", () => new BlockCache(1 << 22)],
  ["a cache of few frames", () => new BlockCache(2000, 250)],
  ["a cache whose frames are too small", () => new BlockCache(4000, 64)],
  ["no cache", () => new BlockCache(0)],
];

for (const [blocks, options] of variants) {
  for (const [cacheName, makeCache] of caches) {
    test(`point reads answer like a sorted array: ${blocks}, ${cacheName} (seed ${SEED})`, () => {
      const random = new SeededRandom(SEED);
      for (const shape of ["tiny", "numbered", "suffixed", "binary"] as const) {
        const entries = randomEntries(random, 150, shape);
        const reader = openTable(buildTable(entries, options), makeCache());
        for (let round = 0; round < 2; round++) {
          for (const one of entries) {
            for (const version of [one.version - 1, one.version, one.version + 1, 2 ** 53 - 1]) {
              checkGet(reader, entries, one.key, version);
            }
          }
          for (let i = 0; i < 200; i++) {
            checkGet(reader, entries, randomKey(random, shape), random.below(50));
          }
        }
        reader.close();
      }
    });
  }
}

test("versions of one key over many blocks are all found", () => {
  const entries = [entry("a", 5, "first")];
  for (let version = 300; version >= 1; version -= 2) {
    entries.push(entry("key", version, `value ${version}`));
  }
  entries.push(entry("key!", 7, "next"));
  const reader = openTable(buildTable(entries, { blockSizeBytes: 100 }));
  const key = new TextEncoder().encode("key");
  for (let version = 0; version <= 301; version++) checkGet(reader, entries, key, version);
});

test("keys of 60 KB, keys of one byte and values larger than a block are found", () => {
  const long = new Uint8Array(60_000).fill(0x70);
  const longer = new Uint8Array(65_000).fill(0x70);
  const entries = [
    entry("a", 1, new Uint8Array(100_000).fill(1)),
    entry("p", 1, "short"),
    entry(long, 2, "long"),
    entry(longer, 9, new Uint8Array(5000)),
    entry(longer, 8, "older"),
    entry("z", 1),
  ];
  const reader = openTable(buildTable(entries), new BlockCache(1 << 20));
  for (let round = 0; round < 2; round++) {
    for (const one of entries) checkGet(reader, entries, one.key, one.version);
  }
});

test("the bloom filter knows every key and lets few others through", () => {
  const entries = Array.from({ length: 5000 }, (_, i) => entry(`key/${1_000_000 + 2 * i}`, 1));
  const reader = openTable(buildTable(entries));
  for (const { key } of entries)
    expect(reader.mayContain(bloomHash(key, 0, key.length))).toBe(true);
  let passed = 0;
  for (let i = 0; i < 5000; i++) {
    const key = new TextEncoder().encode(`key/${1_000_001 + 2 * i}`);
    if (reader.mayContain(bloomHash(key, 0, key.length))) passed++;
  }
  // 1 % is 50 of them; three times that would be no accident.
  expect(passed).toBeLessThan(150);
});

describe("the description of a table", () => {
  const entries = [
    entry("a", 9, "", { meta: 0x41 }),
    entry("a", 3, "x", { expiresAt: 500 }),
    entry("b", 70, Uint8Array.fromHex("020000003c00000014000000"), { meta: 0x42 }),
    entry("c", 2, Uint8Array.fromHex("010000000a00000014000000"), { meta: 0x42 }),
    entry("d", 1, Uint8Array.fromHex("020000000100000014000000"), { meta: 0x42, expiresAt: 900 }),
  ];

  test("is what the builder counted, and what the file tells again", () => {
    const table = buildTable(entries);
    expect(table.meta).toMatchObject({
      fileNumber: 1,
      level: 2,
      maxVersion: 70,
      entryCount: 5,
      tombstoneCount: 1,
      endingCount: 3,
      staleBytes: 0,
      minExpiresAt: 500,
      maxExpiresAt: 900,
      knownOrdered: true,
      compression: 0,
      keyId: 0,
    });
    expect(table.meta.valueLogBytes).toEqual(
      new Map([
        [2, 61],
        [1, 10],
      ]),
    );
    expect(toText(table.meta.smallestKey)).toBe("a");
    expect(toText(table.meta.largestKey)).toBe("d");
    const reader = openTable(table);
    expect(reader.meta).toEqual(table.meta);
  });

  test("lacks what only Meles records when the file does not tell it", () => {
    const table = buildTable(entries, { extension: false });
    expect(openTable(table).meta).toEqual({
      ...table.meta,
      knownOrdered: false,
      tombstoneCount: 0,
      endingCount: 0,
      minExpiresAt: 0,
      maxExpiresAt: 0,
      valueLogBytes: new Map(),
    });
  });
});

test("an encrypted table without its data key is refused as such", () => {
  const table = buildTable([entry("a", 1)], { encryption });
  const file = table.fileSystem.open(TABLE_PATH, { write: false, create: "never" });
  const source = { fileNumber: 1, level: 0, compression: 0, keyId: 1 } as const;
  const cache = new BlockCache(0);
  expect(() => TableReader.open(file, source, cache, { verifyChecksums: "none" })).toThrow(
    expect.objectContaining({ code: "ERR_ENCRYPTION_KEY" }),
  );
});

test("closing a table frees its blocks, twice is harmless", () => {
  const entries = randomEntries(new SeededRandom(SEED), 500, "binary");
  const cache = new BlockCache(1 << 16);
  const table = buildTable(entries);
  // More rounds than table slots or frames could last if they leaked.
  for (let round = 0; round < 50; round++) {
    const reader = openTable(table, cache);
    for (const one of entries) checkGet(reader, [one], one.key, one.version);
    reader.close();
    reader.close();
  }
  expect(cache.usedBytes).toBeLessThanOrEqual(1 << 16);
  const oversize = new BlockCache(1 << 20, 64);
  const reader = openTable(table, oversize);
  for (const one of entries) checkGet(reader, [one], one.key, one.version);
  expect(oversize.usedBytes).toBeGreaterThan(10_000);
  reader.close();
  expect(oversize.usedBytes).toBe(0);
});

test("blocks of more than 64 KiB are searched, cached or not", () => {
  const entries = randomEntries(new SeededRandom(SEED), 800, "binary", { valueSizeMax: 600 });
  const reader = openTable(buildTable(entries, { blockSizeBytes: 150_000 }));
  for (let round = 0; round < 2; round++) {
    for (const one of entries) checkGet(reader, entries, one.key, one.version);
  }
});

test("an index that lists blocks wrongly is damage of the first read, or of opening when blocks are verified then", () => {
  const table = buildTable([entry("a", 1), entry("b", 1)], { blockSizeBytes: 20 });
  const bytes = tableBytes(table).slice();
  const { indexOffset, indexLength } = decodeTableFooter(bytes, bytes.length);
  const index = bytes.subarray(indexOffset, indexOffset + indexLength);
  const blocksPart = bytes.subarray(0, indexOffset);
  const { blocks, ...head } = decodeTableIndex(index);
  const wrong = encodeTableIndex({
    ...head,
    onDiskSize: 0,
    blocks: { ...blocks, offsets: blocks.offsets.toReversed() },
  });
  const damaged = withBytes(
    table,
    concatBytes(blocksPart, wrong, encodeTableFooter(wrong, "xxhash64")),
  );
  const reader = openTable(damaged);
  expect(() => reader.cursor()).toThrow(CorruptionError);
  expect(() => reader.cursor()).toThrow(CorruptionError);
  expect(() => openTable(damaged, undefined, "open")).toThrow(CorruptionError);
});
