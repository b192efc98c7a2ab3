/**
 * Damage of every kind to small tables (I8): with checksums on, a damaged table gives a
 * `CorruptionError` or exactly what was written; with checksums off, at worst wrong data, never a
 * crash, a hang or an error of another kind.
 */

import { describe, expect, test } from "bun:test";
import { CorruptionError, IoError, MelesError } from "../../src/base/errors.ts";
import { EntrySlot } from "../../src/cursor/entry-slot.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import type { TableOptions } from "../../src/table/table-options.ts";
import type { ChecksumVerification, TableReader } from "../../src/table/table-reader.ts";
import { entry, SEED, type SuiteEntry } from "../suites/sorted-entries.ts";
import {
  type BuiltTable,
  buildTable,
  openTable,
  readAll,
  tableBytes,
  TABLE_PATH,
  withBytes,
} from "./table-fixture.ts";

const ENTRIES = [
  entry("apple", 4, "", { meta: 0x41 }),
  entry("apple", 1, "red", { userMeta: 7 }),
  entry("apricot", 2, "orange, and a little more of it to fill the block"),
  entry("banana", 2, "yellow", { expiresAt: 4_102_444_800 }),
  entry("big", 3, Uint8Array.fromHex("010000003c00000014000000"), { meta: 0x42 }),
  entry("cherry", 5, "dark red, dark red, dark red, dark red, dark red"),
];

const encryption = { keyId: 1, key: new Uint8Array(16).fill(3) };
const VARIANTS: readonly [string, Partial<TableOptions>][] = [
  ["plain", { blockSizeBytes: 120 }],
  ["plain, CRC-32C, without extension", { checksum: "crc32c", extension: false }],
  ["Snappy", { blockSizeBytes: 120, compression: 1 }],
  ["Zstandard", { blockSizeBytes: 120, compression: 2 }],
  ["encrypted Zstandard", { blockSizeBytes: 120, compression: 2, encryption }],
];

/** Reads everything in every way: point reads, forward, backward. */
function readEverything(table: BuiltTable, verify: ChecksumVerification): SuiteEntry[] {
  const reader = openTable(table, new BlockCache(1 << 16, 128), verify);
  try {
    readPoints(reader);
    const cursor = reader.cursor();
    let count = 0;
    for (cursor.seekToLast(); cursor.valid; cursor.prev()) count++;
    const entries = readAll(reader);
    if (verify === "both") expect(count).toBe(entries.length);
    return entries;
  } finally {
    reader.close();
  }
}

function readPoints(reader: TableReader): void {
  const slot = new EntrySlot();
  for (const { key, version } of ENTRIES) {
    reader.get(key, bloomHash(key, 0, key.length), version, slot);
  }
}

function checkDamaged(table: BuiltTable, bytes: Uint8Array, what: string): void {
  const damaged = withBytes(table, bytes);
  try {
    const entries = readEverything(damaged, "both");
    if (!Bun.deepEquals(entries, ENTRIES)) throw new Error(`${what}: wrong data`);
  } catch (error) {
    if (!(error instanceof CorruptionError))
      throw new Error(`${what}: ${String(error)}`, { cause: error });
    if (error.file !== TABLE_PATH || error.offset < 0 || error.offset > bytes.length) {
      throw new Error(`${what}: reported for "${error.file}" at ${error.offset}`, { cause: error });
    }
  }
  try {
    readEverything(damaged, "none");
  } catch (error) {
    if (!(error instanceof MelesError))
      throw new Error(`${what}, unverified: ${String(error)}`, { cause: error });
  }
}

for (const [name, options] of VARIANTS) {
  describe(`a damaged table: ${name}`, () => {
    const table = buildTable(ENTRIES, options);
    const good = tableBytes(table);

    test("is read as written while it is whole", () => {
      expect(readEverything(table, "both")).toEqual(ENTRIES);
    });

    test("any byte flipped", () => {
      for (let i = 0; i < good.length; i++) {
        for (const mask of [0x01, 0x80, 0xff]) {
          const bytes = good.slice();
          bytes[i] = (bytes[i] as number) ^ mask;
          checkDamaged(table, bytes, `byte ${i} xor ${mask}`);
        }
      }
    });

    test("cut anywhere", () => {
      for (let length = 0; length < good.length; length++) {
        const cut = withBytes(table, good.slice(0, length));
        expect(() => readEverything(cut, "both"), `cut to ${length}`).toThrow(CorruptionError);
      }
    });

    test(`bytes added or overwritten at random (seed ${SEED})`, () => {
      const random = new SeededRandom(SEED);
      for (let round = 0; round < 300; round++) {
        const bytes = new Uint8Array(good.length + random.below(2) * random.below(20));
        bytes.set(good);
        for (let hits = random.below(6); hits >= 0; hits--) {
          bytes[random.below(bytes.length)] = random.below(3) === 0 ? 0xff : random.below(256);
        }
        checkDamaged(table, bytes, `round ${round}, seed ${SEED}`);
      }
    });
  });
}

describe("when checksums are verified", () => {
  const table = buildTable(ENTRIES, { blockSizeBytes: 120 });
  const bytes = tableBytes(table);
  // The last letter of "red" in block 0, which opening does not read.
  const at = Buffer.from(bytes).indexOf("red") + 2;
  bytes[at] = (bytes[at] as number) ^ 1;
  const damaged = withBytes(table, bytes);

  test("at open: the damage is found by opening", () => {
    expect(() => openTable(damaged, undefined, "open")).toThrow(CorruptionError);
    expect(() => openTable(damaged, undefined, "both")).toThrow(CorruptionError);
  });

  test("at read: by reading the block, through the cache or a cursor, each time", () => {
    const reader = openTable(damaged, undefined, "read");
    for (let round = 0; round < 2; round++) {
      expect(() => readPoints(reader)).toThrow(CorruptionError);
      expect(() => readAll(reader)).toThrow(CorruptionError);
    }
    const cursor = reader.cursor();
    expect(() => cursor.seekToFirst()).toThrow(CorruptionError);
    expect(cursor.valid).toBe(false);
    cursor.seekToLast();
    expect(cursor.valid).toBe(true);
  });

  test("the report says where: the file, and where in it the damaged block starts", () => {
    const last = tableBytes(table);
    const place = Buffer.from(last).indexOf("dark red");
    last[place] = 0;
    let error: unknown;
    try {
      readAll(openTable(withBytes(table, last), undefined, "read"));
    } catch (thrown) {
      error = thrown;
    }
    // The block holds one entry: header, "cherry", version, meta, user meta, expiry, value.
    const offset = place - (4 + 6 + 8 + 3);
    expect(error).toMatchObject({ code: "ERR_CORRUPTION", file: TABLE_PATH, offset });
  });

  test("never: it goes unnoticed", () => {
    expect(readAll(openTable(damaged, undefined, "none"))).not.toEqual(ENTRIES);
  });
});

describe("a failure in the middle", () => {
  const table = buildTable(ENTRIES, { blockSizeBytes: 60 });
  const path = TABLE_PATH;

  test("a file that was cut after it was opened gives a CorruptionError", () => {
    const shrinking = withBytes(table, tableBytes(table));
    const reader = openTable(shrinking);
    const file = shrinking.fileSystem.open(path, { write: true, create: "never" });
    file.truncate(100);
    expect(() => readAll(reader)).toThrow("found the end of the file");
    expect(() => readPoints(reader)).toThrow("found the end of the file");
  });

  for (const cacheBytes of [0, 1 << 20]) {
    test(`a cursor goes on after a failed read${cacheBytes > 0 ? ", through the cache" : ""}`, () => {
      const bytes = tableBytes(table);
      const at = Buffer.from(bytes).indexOf("yellow");
      bytes[at] = (bytes[at] as number) ^ 1;
      const cache = new BlockCache(cacheBytes);
      const cursor = openTable(withBytes(table, bytes), cache, "read").cursor();
      const expectAt = (index: number): void => {
        const expected = ENTRIES[index] as SuiteEntry;
        const { keyBytes, keyLength, valueBytes, valueOffset, valueLength } = cursor;
        expect(keyBytes.slice(0, keyLength)).toEqual(expected.key.slice());
        expect(valueBytes.slice(valueOffset, valueOffset + valueLength)).toEqual(
          expected.value.slice(),
        );
      };
      for (let round = 0; round < 3; round++) {
        for (const index of [0, 2, 4, 5, 1]) {
          const { key, version } = ENTRIES[index] as SuiteEntry;
          cursor.seek(key, version);
          expectAt(index);
          const banana = ENTRIES[3] as SuiteEntry;
          expect(() => cursor.seek(banana.key, banana.version)).toThrow(CorruptionError);
          expect(cursor.valid).toBe(false);
          cursor.seek(key, version);
          expectAt(index);
        }
      }
    });
  }

  test("a failed read leaves nothing behind in a cursor's window", () => {
    const { fileSystem } = table;
    let failing = false;
    const failingSystem = new Proxy(fileSystem, {
      get(target, name) {
        if (name !== "open") return Reflect.get(target, name, target) as unknown;
        return (...parameters: Parameters<typeof fileSystem.open>) => {
          const file = target.open(...parameters);
          const read = file.read.bind(file);
          file.read = (bytes, offset, length, position) => {
            if (!failing) return read(bytes, offset, length, position);
            bytes.fill(0xee, offset, offset + length);
            throw new IoError({ operation: "read", path, errno: "EIO" });
          };
          return file;
        };
      },
    });
    const reader = openTable({ ...table, fileSystem: failingSystem }, new BlockCache(0));
    const cursor = reader.cursor();
    const walk = (): number => {
      let count = 0;
      for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
        if (++count === 2) failing = shouldFail;
      }
      return count;
    };
    let shouldFail = true;
    for (let round = 0; round < 3; round++) {
      // The first window, then the first blocks, which need none.
      expect(walk).toThrow(IoError);
      expect(() => cursor.seekToFirst()).toThrow(IoError);
      failing = false;
    }
    shouldFail = false;
    expect(walk()).toBe(ENTRIES.length);
    expect(readAll(reader)).toEqual(ENTRIES);
  });
});

test("blocks that are not in the compression the manifest says are damage", () => {
  const table = buildTable(ENTRIES, { blockSizeBytes: 120 });
  for (const compression of [1, 2] as const) {
    const mistaken = { ...table, options: { ...table.options, compression } };
    expect(() => readEverything(mistaken, "none")).toThrow(CorruptionError);
  }
});
