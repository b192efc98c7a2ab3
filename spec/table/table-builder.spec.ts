/** What a builder writes, when, and what it insists on. */

import { describe, expect, test } from "bun:test";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { decryptBlock } from "../../src/format/encryption.ts";
import { decodeTableFooter } from "../../src/format/table-footer.ts";
import { decodeTableIndex } from "../../src/format/table-index.ts";
import type { TableIndexFields } from "../../src/format/table-index.ts";
import { uvarintLength } from "../../src/format/varint.ts";
import { TableBuilder } from "../../src/table/table-builder.ts";
import { TABLE_OPTIONS, type TableOptions } from "../../src/table/table-options.ts";
import { entry, randomEntries, SEED, type SuiteEntry } from "../suites/sorted-entries.ts";
import {
  addEntry,
  type BuiltTable,
  buildTable,
  openTable,
  readAll,
  tableBytes,
} from "./table-fixture.ts";

const identity = { fileNumber: 1, level: 0, knownOrdered: true };

function indexOf(table: BuiltTable): TableIndexFields {
  const bytes = tableBytes(table);
  const footer = decodeTableFooter(bytes.subarray(-64), bytes.length);
  const { indexOffset, indexLength } = footer;
  const stored = bytes.slice(indexOffset, indexOffset + indexLength);
  const { encryption } = table.options;
  const index = encryption === undefined ? stored : decryptBlock(encryption.key, stored);
  return decodeTableIndex(index, indexOffset);
}

/** Base keys of the blocks as the cut rule says, counted entry by entry with whole overlaps. */
function naiveCuts(
  entries: readonly SuiteEntry[],
  blockSize: number,
  encrypted: boolean,
): number[] {
  const cuts: number[] = [];
  let bytes = 0;
  let count = 0;
  let base: Uint8Array = new Uint8Array(0);
  entries.forEach((one, i) => {
    const key = internalKey(one);
    const value = 2 + uvarintLength(one.expiresAt) + one.value.length;
    const estimate =
      bytes + 6 + key.length + value + 4 * (count + 1) + 4 + 8 + 4 + (encrypted ? 16 : 0);
    if (count === 0 || estimate > blockSize) {
      cuts.push(i);
      bytes = 0;
      count = 0;
      base = key;
    }
    let overlap = 0;
    if (count > 0) while (overlap < base.length && base[overlap] === key[overlap]) overlap++;
    bytes += 4 + key.length - overlap + value;
    count++;
  });
  return cuts;
}

function internalKey(one: SuiteEntry): Uint8Array {
  const key = new Uint8Array(one.key.length + 8);
  key.set(one.key);
  new DataView(key.buffer).setBigUint64(one.key.length, 2n ** 64n - 1n - BigInt(one.version));
  return key;
}

describe("blocks", () => {
  for (const shape of ["tiny", "numbered", "suffixed", "binary"] as const) {
    test(`are cut where the rule says, over ${shape} keys (seed ${SEED})`, () => {
      const entries = randomEntries(new SeededRandom(SEED), 400, shape);
      const encryption = { keyId: 1, key: new Uint8Array(16) };
      for (const blockSizeBytes of [1, 100, 333, 4096]) {
        const variants: Partial<TableOptions>[] = [
          { blockSizeBytes },
          { blockSizeBytes, encryption },
        ];
        for (const options of variants) {
          const { blocks } = indexOf(buildTable(entries, options));
          const cuts = naiveCuts(entries, blockSizeBytes, options.encryption !== undefined);
          expect(blocks.offsets.length).toBe(cuts.length);
          cuts.forEach((cut, i) => {
            const { keys, keyStarts } = blocks;
            const base: Uint8Array = keys.slice(keyStarts[i], keyStarts[i + 1]);
            expect(base).toEqual(internalKey(entries[cut] as SuiteEntry));
          });
        }
      }
    });
  }

  test("share all they can with their base key, also when keys outgrow the builder's buffers", () => {
    const entries = [];
    for (let i = 0; i < 20; i++) {
      // All but the last byte of the base key is shared by all, however long they are.
      const key = new Uint8Array(200 + 61 * i).fill(0x61);
      key[199] = i;
      entries.push(entry(key, 1));
    }
    const table = buildTable(entries, { blockSizeBytes: 15_000 });
    expect(naiveCuts(entries, 15_000, false).length).toBe(1);
    expect(indexOf(table).blocks.offsets.length).toBe(1);
    expect(table.meta.largestKey).toEqual(entries.at(-1)?.key as Uint8Array);
  });

  test("larger than the write buffer are written whole", () => {
    const entries = [
      entry("a", 1, new Uint8Array(3_000_000).fill(1)),
      entry("b", 1, "small"),
      entry("c", 1, new Uint8Array(2_000_000).fill(2)),
    ];
    for (const compression of [0, 2] as const) {
      expect(readAll(openTable(buildTable(entries, { compression })))).toEqual(entries);
    }
  });
});

describe("the index", () => {
  test("counts stale entries, and the blocks they start, by Badger's estimate", () => {
    const entries = [entry("aa", 1, "12345"), entry("ab", 1, "12345"), entry("ac", 1, "123")];
    const isStale = (one: SuiteEntry): boolean => one.key[1] !== 0x62;
    const table = buildTable(entries, { blockSizeBytes: 60 }, isStale);
    const { blocks, staleDataSize } = indexOf(table);
    expect(blocks.offsets.length).toBe(3);
    // Key, value and 8 for each; key and 8 again for the block it starts. The first block is no new one.
    expect(staleDataSize).toBe(10 + 5 + 8 + (10 + 3 + 8) + (10 + 8));
    expect(table.meta.staleBytes).toBe(staleDataSize);
  });

  test("holds sizes as Badger counts them: plain, and stored with what pointers point to", () => {
    const pointer = Uint8Array.fromHex("010000003c00000014000000");
    const entries = [entry("a", 1, pointer, { meta: 0x42 }), entry("b", 1, "x".repeat(500))];
    const table = buildTable(entries, { compression: 2 });
    const index = indexOf(table);
    const stored = index.blocks.lengths.reduce((sum, length) => sum + length, 0);
    const bytes = tableBytes(table);
    const { indexLength } = decodeTableFooter(bytes.subarray(-64), bytes.length);
    expect(index.onDiskSize).toBe(stored + 60 + indexLength);
    expect(index.uncompressedSize).toBeGreaterThan(500);
    expect(stored).toBeLessThan(200);
  });

  test("without a bloom filter has none", () => {
    const entries = [entry("a", 1)];
    expect(indexOf(buildTable(entries, { bloomFalsePositive: 0 })).bloomFilter).toBeUndefined();
    expect(indexOf(buildTable(entries)).bloomFilter?.length).toBe(9);
  });

  test("has one hash per user key, however many versions", () => {
    const entries: SuiteEntry[] = [];
    for (let i = 100; i < 300; i++) {
      for (let version = 9; version > 0; version--) entries.push(entry(`k${i}`, version));
    }
    expect(indexOf(buildTable(entries)).bloomFilter?.length).toBe((200 * 10) / 8 + 1);
    const like = buildTable(entries, { bloomStyle: "badger" });
    expect(indexOf(like).bloomFilter?.length).toBe((1800 * 7) / 8 + 1);
  });
});

describe("the file", () => {
  test("is synced once, by finish, after the last write", () => {
    const fileSystem = new MemoryFileSystem();
    const file = fileSystem.open("t", { write: true, create: "exclusive" });
    const calls: string[] = [];
    const write = file.write.bind(file);
    const sync = file.sync.bind(file);
    file.write = (...parameters) => {
      calls.push("write");
      write(...parameters);
    };
    file.sync = () => {
      calls.push("sync");
      sync();
    };
    const builder = new TableBuilder(file, identity, TABLE_OPTIONS);
    for (let i = 100_000; i < 130_000; i++) addEntry(builder, entry(`key ${i}`, 1, "x".repeat(90)));
    expect(calls.length).toBeGreaterThan(1);
    expect(calls).not.toContain("sync");
    builder.finish();
    expect(calls.indexOf("sync")).toBe(calls.length - 1);
  });

  test("has about the estimated size", () => {
    for (const compression of [0, 1, 2] as const) {
      const file = new MemoryFileSystem().open("t", { write: true, create: "exclusive" });
      const builder = new TableBuilder(file, identity, { ...TABLE_OPTIONS, compression });
      expect(builder.isEmpty).toBe(true);
      for (let i = 100_000; i < 120_000; i++) addEntry(builder, entry(`key ${i}`, 1, `value ${i}`));
      expect(builder.isEmpty).toBe(false);
      const estimate = builder.estimatedSizeBytes;
      const { sizeBytes } = builder.finish();
      expect(estimate / sizeBytes).toBeGreaterThan(0.9);
      expect(estimate / sizeBytes).toBeLessThan(1.1);
    }
  });
});

describe("a builder insists", () => {
  const make = (): TableBuilder => {
    const file = new MemoryFileSystem().open("t", { write: true, create: "exclusive" });
    return new TableBuilder(file, identity, TABLE_OPTIONS);
  };

  test("on ascending keys", () => {
    for (const [first, second] of [
      [entry("b", 1), entry("a", 1)],
      [entry("aa", 1), entry("a", 9)],
      [entry("a", 1), entry("a", 1)],
      [entry("a", 1), entry("a", 2)],
    ] as const) {
      const builder = make();
      addEntry(builder, first);
      expect(() => addEntry(builder, second)).toThrow(/ascending|newest first/);
    }
  });

  test("on at least one entry, and on being finished once", () => {
    expect(() => make().finish()).toThrow("at least one entry");
    const builder = make();
    addEntry(builder, entry("a", 1));
    builder.finish();
    expect(() => builder.finish()).toThrow("finished once");
    expect(() => addEntry(builder, entry("b", 1))).toThrow("no more entries");
    const abandoned = make();
    addEntry(abandoned, entry("a", 1));
    abandoned.abandon();
    expect(() => abandoned.finish()).toThrow("finished once");
  });

  test("on keys that fit an entry", () => {
    expect(() => addEntry(make(), entry(new Uint8Array(65_524), 1))).toThrow("16-bit");
    addEntry(make(), entry(new Uint8Array(65_523), 1));
  });

  test("on randomness for an encrypted table", () => {
    const file = new MemoryFileSystem().open("t", { write: true, create: "exclusive" });
    const options = { ...TABLE_OPTIONS, encryption: { keyId: 1, key: new Uint8Array(16) } };
    expect(() => new TableBuilder(file, identity, options)).toThrow("random");
  });
});
