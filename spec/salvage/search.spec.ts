/** Finding blocks, records and framed messages in bytes that nobody describes any more. */

import { describe, expect, test } from "bun:test";
import { concatBytes, toBytes } from "../../src/base/bytes.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { encodeManifestRecord } from "../../src/format/manifest-change.ts";
import { logRecordLength, writeLogRecord } from "../../src/format/log-record.ts";
import { decodeTableFooter } from "../../src/format/table-footer.ts";
import { decodeTableIndex } from "../../src/format/table-index.ts";
import { findBlocks } from "../../src/salvage/block-search.ts";
import { readFramedRecords } from "../../src/salvage/framed-records.ts";
import { findRecords } from "../../src/salvage/record-scan.ts";
import { TableBuilder } from "../../src/table/table-builder.ts";
import { BADGER_TABLE_OPTIONS, TABLE_OPTIONS } from "../../src/table/table-options.ts";
import { SEED } from "../suites/sorted-entries.ts";

const EMPTY = new Uint8Array(0);

function tableBytes(
  compression: 0 | 1 | 2,
  checksum: "crc32c" | "xxhash64",
  random: SeededRandom,
): Uint8Array {
  const fileSystem = new MemoryFileSystem();
  const file = fileSystem.open("/t", { write: true, create: "exclusive" });
  const base = checksum === "crc32c" ? BADGER_TABLE_OPTIONS : TABLE_OPTIONS;
  const builder = new TableBuilder(
    file,
    { fileNumber: 1, level: 0, knownOrdered: false },
    { ...base, compression, blockSizeBytes: 300 },
  );
  for (let i = 0; i < 150; i++) {
    const key = toBytes(`k${String(i).padStart(4, "0")}${"x".repeat(random.below(9))}`);
    const value = new Uint8Array(random.below(80));
    // Runs of zeros and noise: what block ends look like.
    if (random.below(2) === 0) random.fill(value);
    builder.add(key, 0, key.length, 5, 0, 0, 0, value, 0, value.length, false);
  }
  builder.finish();
  return fileSystem.readFile("/t") as Uint8Array;
}

function blocksOf(bytes: Uint8Array): { start: number; end: number }[] {
  const { indexOffset, indexLength } = decodeTableFooter(bytes, bytes.length);
  const { blocks } = decodeTableIndex(bytes.subarray(indexOffset, indexOffset + indexLength));
  return Array.from(blocks.offsets, (start, i) => ({
    start,
    end: start + (blocks.lengths[i] as number),
  }));
}

describe.each([
  [0, "xxhash64"],
  [0, "crc32c"],
  [1, "crc32c"],
  [2, "xxhash64"],
] as const)("blocks of a table with compression %d and %s", (compression, checksum) => {
  test(`are all found, also around damage (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    for (let round = 0; round < 12; round++) {
      const bytes = tableBytes(compression, checksum, random);
      const blocks = blocksOf(bytes);
      expect(findBlocks(bytes, 0, bytes.length, compression)).toEqual(blocks);
      const at = random.below(blocks.at(-1)?.end ?? 1);
      const length = 1 + random.below(500);
      const end = Math.min(at + length, bytes.length);
      if (round % 2 === 0) bytes.fill(0, at, end);
      else random.fill(bytes.subarray(at, end));
      const whole = blocks.filter((block) => block.end <= at || block.start >= end);
      const found = findBlocks(bytes, 0, bytes.length, compression);
      expect(found).toEqual(expect.arrayContaining(whole));
      // A block may survive: zeros written over zeros.
      for (const block of found) expect(blocks).toContainEqual(block);
    }
  });
});

test("records of a log are found behind damage of any length", () => {
  const random = new SeededRandom(SEED);
  for (let round = 0; round < 30; round++) {
    const log = new Uint8Array(20_000);
    const spans: { start: number; end: number }[] = [];
    let end = 20;
    for (let i = 0; i < 60; i++) {
      const key = toBytes(`key-${i}`);
      const value = new Uint8Array(random.below(200));
      random.fill(value);
      const start = end;
      expect(start + logRecordLength(key.length, value.length, 0)).toBeLessThan(log.length);
      end = writeLogRecord(log, start, 0, 0, 0, key, i + 1, value);
      spans.push({ start, end });
    }
    const at = 20 + random.below(end - 20);
    const stop = Math.min(end, at + 1 + random.below(1500));
    if (round % 2 === 0) log.fill(0, at, stop);
    else random.fill(log.subarray(at, stop));
    const { offsets, gaps, tail } = findRecords(log.slice(0, end));
    const whole = spans
      .filter((span) => span.end <= at || span.start >= stop)
      .map(({ start }) => start);
    expect(
      offsets.filter((offset) => whole.includes(offset)),
      `seed ${SEED}, round ${round}`,
    ).toEqual(whole);
    expect(gaps.length + Number(tail !== undefined)).toBeLessThanOrEqual(1);
  }
});

test("zeros behind the last record are no tail, an unfinished record is told from a damaged one", () => {
  const log = new Uint8Array(4000);
  const end = writeLogRecord(log, 20, 0, 0, 0, toBytes("key"), 1, toBytes("value"));
  expect(findRecords(log)).toMatchObject({ offsets: [20], gaps: [], tail: undefined });
  const next = writeLogRecord(log, end, 0, 0, 0, toBytes("next"), 2, new Uint8Array(300).fill(5));
  expect(findRecords(log.slice(0, next - 40))).toMatchObject({
    offsets: [20],
    tailIsUnfinished: true,
  });
  log[end + 100] = 6;
  expect(findRecords(log.slice(0, next))).toMatchObject({
    offsets: [20],
    tail: { start: end, end: next },
    tailIsUnfinished: false,
  });
});

test("framed records are found behind damage, and gaps are told", () => {
  const records = [3, 4, 5].map((fileNumber) =>
    encodeManifestRecord({
      changes: [{ op: "create", fileNumber, level: 1, keyId: 0, compression: 0 }],
    }),
  );
  const bytes = concatBytes(new Uint8Array(8), ...records);
  const length = records[0]?.length ?? 0;
  expect(readFramedRecords(bytes, 8).gaps).toEqual([]);
  bytes[8 + length + 2] = 9;
  const { records: found, gaps } = readFramedRecords(bytes, 8);
  expect(found.map(({ offset }) => offset)).toEqual([8, 8 + 2 * length]);
  expect(gaps).toEqual([{ start: 8 + length, end: 8 + 2 * length }]);
  expect(readFramedRecords(EMPTY, 8)).toEqual({ records: [], gaps: [] });
});
