/** Where a value-log file ends, behind every kind of tail and around the edges of the read window. */

import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/base/bytes.ts";
import type { File } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { encodeLogHeader, LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import { logRecordLength, writeLogRecord } from "../../src/format/log-record.ts";
import { writeUvarint } from "../../src/format/varint.ts";
import { findLogEnd } from "../../src/log/log-end.ts";
import { SEED } from "../suites/sorted-entries.ts";

const WINDOW_BYTES = 4 << 20;
const HEADER = encodeLogHeader(0, new Uint8Array(12).fill(5));
const KEY = new TextEncoder().encode("key");

function record(valueLength: number, key = KEY, expiresAt = 0): Uint8Array {
  const value = new Uint8Array(valueLength).fill(0x5a);
  const bytes = new Uint8Array(logRecordLength(key.length, valueLength, expiresAt));
  writeLogRecord(bytes, 0, 0, 0, expiresAt, key, 77, value);
  return bytes;
}

/** A record of exactly so many bytes, header and checksum included. */
function recordOfLength(length: number): Uint8Array {
  let valueLength = length - logRecordLength(KEY.length, 0, 0);
  while (logRecordLength(KEY.length, valueLength, 0) > length) valueLength--;
  const bytes = record(valueLength);
  if (bytes.length !== length) throw new Error(`no record has ${length} bytes`);
  return bytes;
}

function fileOf(...parts: readonly Uint8Array[]): File {
  const file = new MemoryFileSystem().open("/000001.vlog", { write: true, create: "exclusive" });
  let position = 0;
  for (const part of parts) {
    file.write(part, 0, part.length, position);
    position += part.length;
  }
  return file;
}

/** Bytes that begin like a record of `valueLength` bytes. */
function claim(valueLength: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length).fill(0x33);
  bytes.set([0, 0, KEY.length + 8]);
  bytes[writeUvarint(bytes, 3, valueLength)] = 0;
  return bytes;
}

function randomBytes(random: SeededRandom, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

describe("the end of a log", () => {
  test("without records is the end of its header, whatever follows", () => {
    for (const tail of [
      new Uint8Array(0),
      new Uint8Array(5000),
      claim(10, 12),
      claim(2 ** 40, 90),
    ]) {
      expect(findLogEnd(fileOf(HEADER, tail))).toBe(LOG_HEADER_SIZE);
    }
  });

  test("of a file without a whole header is the end of the header", () => {
    for (const size of [0, 1, 19]) {
      expect(findLogEnd(fileOf(HEADER.subarray(0, size)))).toBe(LOG_HEADER_SIZE);
    }
  });

  test("is behind the last whole record, wherever the next one is torn", () => {
    const whole = concatBytes(HEADER, record(10), record(0), record(500));
    const torn = record(60, KEY, 1_900_000_000);
    for (let length = 0; length < torn.length; length++) {
      expect(findLogEnd(fileOf(whole, torn.subarray(0, length)))).toBe(whole.length);
      // Badger preallocates: behind a torn record there may be any number of zeros.
      const zeros = new Uint8Array(200);
      expect(findLogEnd(fileOf(whole, torn.subarray(0, length), zeros))).toBe(whole.length);
    }
    expect(findLogEnd(fileOf(whole, torn))).toBe(whole.length + torn.length);
  });

  test("is before the first damaged record, whichever byte is damaged", () => {
    const records = [record(9), record(40), record(7)];
    const bytes = concatBytes(HEADER, ...records);
    let start = LOG_HEADER_SIZE;
    for (const { length } of records) {
      for (let offset = start; offset < start + length; offset++) {
        const damaged = bytes.slice();
        damaged[offset] = (damaged[offset] as number) ^ 0x10;
        expect(findLogEnd(fileOf(damaged)), `byte ${offset}`).toBe(start);
      }
      start += length;
    }
  });

  test(`is behind the last whole record before random tails (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    for (let round = 0; round < 400; round++) {
      const records = Array.from({ length: random.below(6) }, () =>
        record(random.below(300), randomBytes(random, 1 + random.below(40)), random.below(2) * 2e9),
      );
      const end = LOG_HEADER_SIZE + records.reduce((sum, { length }) => sum + length, 0);
      const tail = [
        new Uint8Array(random.below(3000)),
        randomBytes(random, random.below(3000)),
        claim(Math.floor(2 ** (random.next() * 53)), 16 + random.below(3000)),
        concatBytes(randomBytes(random, 3), new Uint8Array(100)),
      ][round % 4] as Uint8Array;
      expect(findLogEnd(fileOf(HEADER, ...records, tail)), `round ${round}`).toBe(end);
    }
  });
});

describe("the read window", () => {
  // A record that was a few bytes longer than the window, but whose key and value fitted into it, was
  // once taken for the end of the log, and it and all behind it were cut off.
  test("takes records that are just shorter, just as long and just longer than it", () => {
    const small = record(100);
    for (const extra of [-2, -1, 0, 1, 2, 4, 7, 11, 15, 18, 19, 24]) {
      const large = recordOfLength(WINDOW_BYTES + extra);
      const bytes = HEADER.length + large.length + small.length;
      expect(findLogEnd(fileOf(HEADER, large, small)), `${extra} bytes longer`).toBe(bytes);
    }
  });

  test("takes much larger records between small ones", () => {
    const parts = [HEADER, record(50), record(21 << 20), record(3), record(6 << 20), record(80)];
    const end = parts.reduce((sum, { length }) => sum + length, 0);
    expect(findLogEnd(fileOf(...parts, new Uint8Array(5000)))).toBe(end);
    expect(findLogEnd(fileOf(...parts, claim(1 << 20, 5000)))).toBe(end);
  });

  test("ends at a large record that is torn or damaged", () => {
    const large = record(9 << 20);
    expect(findLogEnd(fileOf(HEADER, record(5), large.subarray(0, -1)))).toBe(
      HEADER.length + record(5).length,
    );
    large[5 << 20] = 1;
    expect(findLogEnd(fileOf(HEADER, large, record(5)))).toBe(HEADER.length);
  });

  test("slides over many records, of which some always straddle its end", () => {
    const one = record(30_000);
    const parts = Array.from({ length: 300 }, () => one);
    expect(findLogEnd(fileOf(HEADER, ...parts, one.subarray(0, 77)))).toBe(
      HEADER.length + 300 * one.length,
    );
  });

  // Once such a claim made the window grow step by step to the size of the file.
  test("does not grow for a record that claims more than the file holds", () => {
    const bytes = concatBytes(HEADER, record(10), claim(1e15, 12 << 20));
    const file = fileOf(bytes);
    const asked: number[] = [];
    const spied: File = Object.create(file, {
      size: { value: () => file.size() },
      read: {
        value: (target: Uint8Array, offset: number, length: number, position: number) => {
          asked.push(length);
          return file.read(target, offset, length, position);
        },
      },
    });
    expect(findLogEnd(spied)).toBe(HEADER.length + record(10).length);
    expect(Math.max(...asked)).toBe(WINDOW_BYTES);
  });

  // The bytes behind a torn header were once read as a version, and refused as one beyond 2^53.
  test("ends quietly at garbage that would be an impossible version", () => {
    const tail = claim(20, 6 << 20);
    tail.fill(0, 5);
    const bytes = [HEADER, record(10), tail];
    expect(findLogEnd(fileOf(...bytes))).toBe(HEADER.length + record(10).length);
  });
});
