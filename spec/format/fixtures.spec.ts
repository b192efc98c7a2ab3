/**
 * Directories written by Badger, read with nothing but the decoders of this layer: every structure in
 * them is understood, and the commits documented in the fixtures' README are found. Two tables are
 * rebuilt from their entries, byte for byte.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/base/bytes.ts";
import { blockIsFull, finishBlock, writeBlockEntryHeader } from "../../src/format/block-encoder.ts";
import { BlockView } from "../../src/format/block.ts";
import { bloomBitsPerKey, bloomProbes, buildBloomFilter } from "../../src/format/bloom-filter.ts";
import { bloomMayContain } from "../../src/format/bloom-filter.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { decompressBlock } from "../../src/format/compression.ts";
import { decodeDiscardTable } from "../../src/format/discard-table.ts";
import { decryptBlock, LogCipher } from "../../src/format/encryption.ts";
import { memFileName, tableFileName, valueLogFileName } from "../../src/format/file-names.ts";
import { readU16LE } from "../../src/format/integers.ts";
import { readVersionSuffix } from "../../src/format/internal-key.ts";
import { decodeKeyRegistry } from "../../src/format/key-registry.ts";
import { decodeLogHeader, LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import { LogReplay } from "../../src/format/log-replay.ts";
import { LogRecordView } from "../../src/format/log-record.ts";
import type { ManifestCreate } from "../../src/format/manifest-change.ts";
import { replayManifest } from "../../src/format/manifest-replay.ts";
import { META_POINTER, readExpiry } from "../../src/format/stored-value.ts";
import {
  decodeTableFooter,
  encodeTableFooter,
  verifyTableIndex,
} from "../../src/format/table-footer.ts";
import type { TableIndexFields } from "../../src/format/table-index.ts";
import { decodeTableIndex, encodeTableIndex } from "../../src/format/table-index.ts";
import { pointerFile, pointerLength, pointerOffset } from "../../src/format/value-pointer.ts";
import { uvarintSize } from "../../src/format/varint.ts";
import { readFixture } from "../fixtures/unpack.ts";
import { utf8 } from "./hex.ts";

interface Found {
  readonly key: string;
  readonly version: number;
  readonly meta: number;
  readonly userMeta: number;
  readonly expiresAt: number;
  readonly value: string;
}

type Files = ReadonlyMap<string, Uint8Array>;

const MASTER_KEY = utf8("0123456789abcdef");
const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

function file(files: Files, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`no ${name} among ${[...files.keys()].join(" ")}`);
  return bytes;
}

function dataKey(files: Files, keyId: number): Uint8Array | undefined {
  if (keyId === 0) return undefined;
  const { keys } = decodeKeyRegistry(file(files, "KEYREGISTRY"), MASTER_KEY);
  return keys.find((key) => key.keyId === keyId)?.data;
}

interface RawEntry {
  readonly key: Uint8Array;
  readonly stored: Uint8Array;
}

interface Table {
  readonly index: TableIndexFields;
  readonly storedIndex: Uint8Array;
  readonly entries: readonly RawEntry[];
}

function readTable(files: Files, table: ManifestCreate): Table {
  const bytes = file(files, tableFileName(table.fileNumber));
  const key = dataKey(files, table.keyId);
  const footer = decodeTableFooter(bytes.subarray(-64), bytes.length);
  const indexEnd = footer.indexOffset + footer.indexLength;
  const storedIndex = bytes.subarray(footer.indexOffset, indexEnd);
  verifyTableIndex(footer, storedIndex);
  const plainIndex = key === undefined ? storedIndex : decryptBlock(key, storedIndex);
  const index = decodeTableIndex(plainIndex, footer.indexOffset);
  const entries: RawEntry[] = [];
  const view = new BlockView();
  for (let i = 0; i < index.blocks.offsets.length; i++) {
    const start = index.blocks.offsets[i] as number;
    const stored = bytes.subarray(start, start + (index.blocks.lengths[i] as number));
    const packed = key === undefined ? stored : decryptBlock(key, stored);
    const block = decompressBlock(table.compression, packed, 1 << 20);
    view.parse(block, 0, block.length);
    view.checkEntries();
    expect(view.verifyChecksum()).toBe(true);
    for (let n = 0; n < view.entryCount; n++) entries.push(readEntry(view, n));
  }
  expect(entries.length).toBe(index.keyCount);
  return { index, storedIndex, entries };
}

function readEntry(view: BlockView, n: number): RawEntry {
  const start = view.entryStart(n);
  const overlap = readU16LE(view.bytes, start);
  const keyEnd = start + 4 + readU16LE(view.bytes, start + 2);
  const shared = view.bytes.subarray(view.baseKeyOffset, view.baseKeyOffset + overlap);
  return {
    key: concatBytes(shared, view.bytes.subarray(start + 4, keyEnd)),
    stored: view.bytes.slice(keyEnd, view.entryEnd(n)),
  };
}

function interpret(files: Files, { key, stored }: RawEntry): Found {
  const userKeyLength = key.length - 8;
  const [meta, userMeta] = [stored[0] as number, stored[1] as number];
  const expiresAt = readExpiry(stored, 2, stored.length);
  const value = stored.subarray(2 + uvarintSize());
  return {
    key: text(key.subarray(0, userKeyLength)),
    version: readVersionSuffix(key, userKeyLength),
    meta,
    userMeta,
    expiresAt,
    value: text((meta & META_POINTER) === 0 ? value : follow(files, value)),
  };
}

function follow(files: Files, pointer: Uint8Array): Uint8Array {
  const bytes = file(files, valueLogFileName(pointerFile(pointer, 0))).slice();
  const header = decodeLogHeader(bytes);
  const offset = pointerOffset(pointer, 0);
  const view = new LogRecordView();
  expect(view.checkStored(bytes, offset, bytes.length)).toBe("ok");
  expect(view.end - offset).toBe(pointerLength(pointer, 0));
  const key = dataKey(files, header.keyId);
  if (key !== undefined) {
    new LogCipher(key, header.baseIv).applyTo(bytes, view.keyOffset, view.end - 4, offset);
  }
  return bytes.subarray(view.valueOffset, view.valueOffset + view.valueLength);
}

/** Everything in the tables, level by level. */
function tableContent(files: Files): Found[] {
  const { tables } = replayManifest(file(files, "MANIFEST"));
  return [...tables.values()].flatMap((table) =>
    readTable(files, table).entries.map((entry) => interpret(files, entry)),
  );
}

/** Everything a write-ahead log brings back, in order. */
function logContent(files: Files): { found: Found[]; validEnd: number } {
  const bytes = file(files, memFileName(1)).slice();
  const header = decodeLogHeader(bytes);
  const key = dataKey(files, header.keyId);
  const view = new LogRecordView();
  const found: Found[] = [];
  const validEnd = new LogReplay().replay(
    bytes,
    LOG_HEADER_SIZE,
    bytes.length,
    (offset) => {
      view.decode(bytes, offset, bytes.length);
      const value = bytes.slice(view.valueOffset, view.valueOffset + view.valueLength);
      found.push({
        key: text(bytes.subarray(view.keyOffset, view.keyOffset + view.keyLength)),
        version: view.version,
        meta: view.meta,
        userMeta: view.userMeta,
        expiresAt: view.expiresAt,
        value: text((view.meta & META_POINTER) === 0 ? value : follow(files, value)),
      });
    },
    key === undefined ? undefined : new LogCipher(key, header.baseIv),
  );
  return { found, validEnd };
}

const plain = { userMeta: 0, expiresAt: 0 };
const SMALL: Found[] = [
  { ...plain, key: "apple", version: 4, meta: 0x41, value: "" },
  { ...plain, key: "apple", version: 1, meta: 0x40, userMeta: 7, value: "red" },
  { ...plain, key: "apricot", version: 2, meta: 0x40, value: "orange" },
  { ...plain, key: "banana", version: 2, meta: 0x40, expiresAt: 4_102_444_800, value: "yellow" },
  { ...plain, key: "big", version: 3, meta: 0x42, value: "B".repeat(40) },
  { ...plain, key: "disc", version: 5, meta: 0x44, value: "d" },
];

function sorted(found: readonly Found[]): Found[] {
  return found.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : b.version - a.version));
}

describe.each(["none", "snappy", "zstd", "enc"])("the small directory (%s)", (kind) => {
  test("holds its commits in a table after a clean close", () => {
    const files = readFixture(`small-${kind}-closed`);
    expect(tableContent(files)).toEqual(SMALL);
  });

  test("holds its commits in the logs after a kill", () => {
    const files = readFixture(`small-${kind}-crash`);
    const { found, validEnd } = logContent(files);
    expect(sorted(found)).toEqual(SMALL);
    expect(replayManifest(file(files, "MANIFEST"))).toMatchObject({ changeSets: [], validEnd: 16 });
    const log = file(files, memFileName(1));
    expect(log.subarray(validEnd, validEnd + 22)).toEqual(new Uint8Array(22));
    // The value log has the one large value, and the scan ends behind it.
    const valueLog = file(files, valueLogFileName(1));
    const offsets: number[] = [];
    const end = new LogReplay().replay(valueLog, 20, valueLog.length, (at) => offsets.push(at));
    expect([offsets, end]).toEqual([[20], 80]);
  });
});

describe("the special cases", () => {
  const read = (name: string) => readFixture(`case-${name}`);
  const brief = (found: readonly Found[]) => found.map((e) => `${e.key}@${e.version}`);

  test("managed versions", () => {
    expect(brief(tableContent(read("managed")))).toEqual(["k@10", "m@7", "m@5"]);
    expect(brief(sorted(logContent(read("managed-crash")).found))).toEqual(["k@10", "m@7", "m@5"]);
  });

  test("a banned namespace and a sequence", () => {
    for (const found of [tableContent(read("ban")), logContent(read("ban-crash")).found]) {
      const banned = found.find((entry) => entry.key.startsWith("!badger!banned"));
      expect(banned).toMatchObject({ version: 1, meta: 0, value: "" });
      expect(banned?.key.length).toBe(22);
      expect(found.some((entry) => entry.value.length === 8)).toBe(true);
    }
  });

  test("a value threshold of 0: tables are whole, the crash copy has no complete transaction", () => {
    expect(tableContent(read("vt0")).length).toBeGreaterThan(0);
    expect(logContent(read("vt0-crash"))).toEqual({ found: [], validEnd: 20 });
  });

  test("stream-written tables at level 6", () => {
    const files = read("sw");
    const tables = [...replayManifest(file(files, "MANIFEST")).tables.values()];
    expect(tables.map((table) => table.level)).toEqual([6, 6]);
    const found = tableContent(files);
    expect(brief(sorted(found))).toEqual(["m2@9", "s0@1", "s1@2", "s2@3"]);
    expect(sorted(found).map((entry) => entry.meta)).toEqual([0, 0, META_POINTER, META_POINTER]);
    expect(sorted(found).map((entry) => entry.value.length)).toEqual([5, 20, 40, 60]);
  });

  test("three overwrites of 20 keys: three tables, each pointing into one value-log file", () => {
    const files = read("disc");
    expect(decodeDiscardTable(file(files, "DISCARD"))).toEqual(new Map());
    const tables = [...replayManifest(file(files, "MANIFEST")).tables.values()];
    expect(tables.map((table) => table.compression)).toEqual([0, 1, 1]);
    for (const table of tables) {
      const { entries, index } = readTable(files, table);
      expect(entries.length).toBe(20);
      let pointerBytes = 0;
      for (const entry of entries) {
        const pointer = entry.stored.subarray(-12);
        expect(pointerFile(pointer, 0)).toBe(table.fileNumber);
        expect(interpret(files, entry).value.length).toBe(1000);
        pointerBytes += pointerLength(pointer, 0);
      }
      const stored = index.blocks.lengths.reduce((sum, length) => sum + length, 0);
      const { length } = file(files, valueLogFileName(table.fileNumber));
      expect(pointerBytes).toBe(length - LOG_HEADER_SIZE);
      expect(index.onDiskSize).toBeGreaterThan(stored + pointerBytes);
    }
  });

  test("backup source", () => {
    const found = tableContent(read("bk"));
    expect(Math.max(...found.map((entry) => entry.version))).toBe(5);
  });
});

describe("a table of 9,003 entries", () => {
  let files: Files;
  let table: Table;
  beforeAll(() => {
    files = readFixture("small-9003-entries");
    const [created] = replayManifest(file(files, "MANIFEST")).tables.values();
    table = readTable(files, created as ManifestCreate);
  });

  test("is read whole, and its filter denies no key", () => {
    expect(table.index.blocks.offsets.length).toBe(490);
    expect(table.entries.length).toBe(9003);
    const filter = table.index.bloomFilter ?? new Uint8Array(1);
    for (const { key } of table.entries) {
      const hash = bloomHash(key, 0, key.length - 8);
      expect(bloomMayContain(filter, 0, filter.length, hash)).toBe(true);
    }
  });

  test("its index is written again byte for byte", () => {
    const { index, storedIndex } = table;
    const onDiskSize = index.onDiskSize - storedIndex.length;
    expect(encodeTableIndex({ ...index, onDiskSize })).toEqual(storedIndex.slice());
  });

  test("is rebuilt from its entries byte for byte", () => {
    expect(rebuild(table.entries, table.index.staleDataSize)).toEqual(
      file(files, tableFileName(1)).slice(),
    );
  });
});

/** A table builder in its simplest form. */
function rebuild(entries: readonly RawEntry[], staleDataSize: number): Uint8Array {
  const target = new Uint8Array(4 << 20);
  const [offsets, lengths, keys] = [[] as number[], [] as number[], [] as Uint8Array[]];
  const entryOffsets = new Uint32Array(10_000);
  const hashes = new Uint32Array(entries.length);
  let [blockStart, position, count, maxVersion, pointerBytes] = [0, 0, 0, 0, 0];
  let base = new Uint8Array(0);
  const finish = () => {
    const end = finishBlock(target, blockStart, position, entryOffsets, count, "crc32c");
    offsets.push(blockStart);
    lengths.push(end - blockStart);
    keys.push(base);
    blockStart = position = end;
    count = 0;
  };
  for (const [n, { key, stored }] of entries.entries()) {
    const size = position - blockStart;
    if (blockIsFull(size, count, key.length, stored.length, 4096, false)) finish();
    if (count === 0) base = key.slice();
    let overlap = 0;
    if (count > 0) while (overlap < key.length && key[overlap] === base[overlap]) overlap++;
    entryOffsets[count++] = position - blockStart;
    position = writeBlockEntryHeader(target, position, overlap, key.length - overlap);
    target.set(key.subarray(overlap), position);
    target.set(stored, position + key.length - overlap);
    position += key.length - overlap + stored.length;
    hashes[n] = bloomHash(key, 0, key.length - 8);
    maxVersion = Math.max(maxVersion, readVersionSuffix(key, key.length - 8));
    if (((stored[0] as number) & META_POINTER) !== 0) {
      pointerBytes += pointerLength(stored, stored.length - 12);
    }
  }
  finish();
  const bits = bloomBitsPerKey(0.01, "badger");
  const keyStarts = new Uint32Array(keys.length + 1);
  for (let i = 0; i < keys.length; i++) {
    keyStarts[i + 1] = (keyStarts[i] as number) + (keys[i] as Uint8Array).length;
  }
  const index = encodeTableIndex({
    blocks: {
      keys: concatBytes(...keys),
      keyStarts,
      offsets: Uint32Array.from(offsets),
      lengths: Uint32Array.from(lengths),
    },
    bloomFilter: buildBloomFilter(hashes, entries.length, bits, bloomProbes(bits, "badger")),
    maxVersion,
    keyCount: entries.length,
    uncompressedSize: position,
    onDiskSize: position + pointerBytes,
    staleDataSize,
    extension: undefined,
  });
  return concatBytes(target.subarray(0, position), index, encodeTableFooter(index, "crc32c"));
}
