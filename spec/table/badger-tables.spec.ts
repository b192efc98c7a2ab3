/** Tables written by the real Badger: read completely, and written again byte for byte. */

import { describe, expect, test } from "bun:test";
import { toText } from "../../src/base/bytes.ts";
import { EntrySlot } from "../../src/cursor/entry-slot.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { decodeKeyRegistry } from "../../src/format/key-registry.ts";
import { replayManifest } from "../../src/format/manifest-replay.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import { TableBuilder } from "../../src/table/table-builder.ts";
import { BADGER_TABLE_OPTIONS } from "../../src/table/table-options.ts";
import { TableReader } from "../../src/table/table-reader.ts";
import { readFixture } from "../fixtures/unpack.ts";
import { entry, type SuiteEntry } from "../suites/sorted-entries.ts";
import { addEntry, buildTable, readAll, tableBytes, TABLE_PATH } from "./table-fixture.ts";

const MASTER_KEY = new TextEncoder().encode("0123456789abcdef");

/** Opens table 1 of an archive with what its manifest and key registry say. */
function openFixture(name: string): { reader: TableReader; bytes: Uint8Array } {
  const files = readFixture(name);
  const get = (file: string): Uint8Array => {
    const bytes = files.get(file);
    if (bytes === undefined) throw new Error(`${name} has no ${file}`);
    return bytes;
  };
  const bytes = get(TABLE_PATH);
  const table = replayManifest(get("MANIFEST")).tables.get(1);
  if (table === undefined) throw new Error(`${name} has no table 1`);
  const { compression, keyId } = table;
  const keys = keyId === 0 ? [] : decodeKeyRegistry(get("KEYREGISTRY"), MASTER_KEY).keys;
  const key = keys.find((one) => one.keyId === keyId)?.data;
  const fileSystem = new MemoryFileSystem();
  const file = fileSystem.open(TABLE_PATH, { write: true, create: "exclusive" });
  file.write(bytes, 0, bytes.length, 0);
  const source = { fileNumber: 1, level: 0, compression, keyId, ...(key ? { key } : {}) };
  const options = { verifyChecksums: "both" } as const;
  return { reader: TableReader.open(file, source, new BlockCache(1 << 20), options), bytes };
}

/** Writes a table as Badger would. */
function writeAsBadger(entries: readonly SuiteEntry[]): Uint8Array {
  return tableBytes(buildTable(entries, BADGER_TABLE_OPTIONS));
}

const POINTER = Uint8Array.fromHex("010000003c00000014000000");
const SMALL_ENTRIES = [
  entry("apple", 4, "", { meta: 0x41 }),
  entry("apple", 1, "red", { userMeta: 7 }),
  entry("apricot", 2, "orange"),
  entry("banana", 2, "yellow", { expiresAt: 4_102_444_800 }),
  entry("big", 3, POINTER, { meta: 0x42 }),
  entry("disc", 5, "d", { meta: 0x44 }),
];

describe("small tables", () => {
  for (const form of ["none", "snappy", "zstd", "enc"]) {
    test(`the entries of small-${form}-closed`, () => {
      const { reader } = openFixture(`small-${form}-closed`);
      expect(readAll(reader)).toEqual(SMALL_ENTRIES);
      const { meta } = reader;
      expect(toText(meta.smallestKey)).toBe("apple");
      expect(toText(meta.largestKey)).toBe("disc");
      expect(meta).toMatchObject({
        level: 0,
        maxVersion: 5,
        entryCount: 6,
        knownOrdered: false,
        tombstoneCount: 0,
        minExpiresAt: 0,
      });
    });
  }

  test("point reads of every version", () => {
    const { reader } = openFixture("small-snappy-closed");
    const slot = new EntrySlot();
    const read = (text: string, version: number): string | undefined => {
      const key = new TextEncoder().encode(text);
      if (!reader.get(key, bloomHash(key, 0, key.length), version, slot)) return undefined;
      const value = slot.valueBytes.subarray(slot.valueOffset, slot.valueOffset + slot.valueLength);
      return `${slot.version}/${slot.meta}/${toText(value)}`;
    };
    expect(read("apple", 9)).toBe("4/65/");
    expect(read("apple", 3)).toBe("1/64/red");
    expect(read("apple", 0)).toBeUndefined();
    expect(read("banana", 2)).toBe("2/64/yellow");
    expect(read("cherry", 9)).toBeUndefined();
  });

  test("the uncompressed one is written again byte for byte", () => {
    expect(writeAsBadger(SMALL_ENTRIES)).toEqual(openFixture("small-none-closed").bytes);
  });
});

describe("a table of 490 blocks", () => {
  const { reader, bytes } = openFixture("small-9003-entries");
  const entries = readAll(reader);

  test("has its 9,003 entries, three of them versions of one key", () => {
    expect(reader.meta.entryCount).toBe(9003);
    expect(entries.length).toBe(9003);
    expect(entries.filter((one) => toText(one.key) === "key/00000").length).toBe(3);
  });

  test("answers a point read for every entry, cached or not", () => {
    const slot = new EntrySlot();
    for (let round = 0; round < 2; round++) {
      for (const one of entries) {
        const hash = bloomHash(one.key, 0, one.key.length);
        if (!reader.get(one.key, hash, one.version, slot) || slot.version !== one.version) {
          throw new Error(`${toText(one.key)}@${one.version} is not found`);
        }
      }
    }
  });

  test("is written again byte for byte", () => {
    expect(Bun.hash(writeAsBadger(entries))).toBe(Bun.hash(bytes));
  });
});

test("the worked example: two keys, 217 bytes as Badger writes them", () => {
  const fileSystem = new MemoryFileSystem();
  const file = fileSystem.open(TABLE_PATH, { write: true, create: "exclusive" });
  const identity = { fileNumber: 1, level: 0, knownOrdered: false };
  const builder = new TableBuilder(file, identity, BADGER_TABLE_OPTIONS);
  addEntry(builder, entry("apple", 1, "red", { userMeta: 7 }));
  addEntry(builder, entry("apricot", 2, "orange", { expiresAt: 4_102_444_800 }));
  expect(builder.finish().sizeBytes).toBe(217);
  const expected = `
    00000d006170706c65fffffffffffffffe400700726564
    02000d007269636f74fffffffffffffffd40008 0ae99a40f6f72616e6765
    000000001700000000000002 10aab7d8ec0a 00000006
    180000000000000010002400 20001c001000 08000c000400 10000000 cb000000 02000000 4b000000
    0200000000000000 00000000 08000000 14000000 09000000 40010000a000000f04 000000
    01000000 10000000 0000 0a000c00080000000400 0a000000 4b000000 04000000 0d000000
    6170706c65fffffffffffffffe 000000
    00000080 10dde4abc30b 00000006`;
  expect(fileSystem.readFile(TABLE_PATH)?.toHex()).toBe(expected.replaceAll(/\s+/g, ""));
});
