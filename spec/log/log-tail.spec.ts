import { describe, expect, test } from "bun:test";

import { logRecordLength, writeLogRecord } from "../../src/format/log-record.ts";
import { hasZeroSector } from "../../src/format/zero-sector.ts";
import { isCrashTail } from "../../src/log/log-tail.ts";

/** Ten records of about 600 bytes, and where each starts. */
function log(): { bytes: Uint8Array; starts: number[] } {
  const value = new Uint8Array(580).map((_, i) => ((i * 7) % 251) | 1);
  const length = logRecordLength(4, value.length, 0);
  const bytes = new Uint8Array(20 + 10 * length);
  const starts: number[] = [];
  let offset = 20;
  for (let i = 0; i < 10; i++) {
    starts.push(offset);
    const key = new TextEncoder().encode(`key${i}`);
    offset = writeLogRecord(bytes, offset, 0, 0, 0, key, i + 1, value);
  }
  return { bytes, starts };
}

describe("the tail of a log", () => {
  test("is what a kill leaves when the file ends anywhere in a record", () => {
    const { bytes, starts } = log();
    for (let cut = starts[5] as number; cut < (starts[6] as number); cut++) {
      expect(isCrashTail(bytes.slice(0, cut), starts[5] as number, cut)).toBe(true);
    }
  });

  test("is damage when a byte of a record is wrong and whole records follow", () => {
    const { bytes, starts } = log();
    const start = starts[3] as number;
    for (let position = start; position < (starts[4] as number); position += 13) {
      const damaged = bytes.slice();
      damaged[position] = (damaged[position] as number) ^ 0x20;
      expect([position, isCrashTail(damaged, start, damaged.length)]).toEqual([position, false]);
    }
  });

  test("is what a power cut leaves when a sector before the whole records reads as zeros", () => {
    const { bytes, starts } = log();
    const torn = bytes.slice();
    const sector = Math.ceil((starts[3] as number) / 512) * 512;
    torn.fill(0, sector, sector + 512);
    const lastWhole = starts.findLast((start) => start <= sector) as number;
    expect(isCrashTail(torn, lastWhole, torn.length)).toBe(true);
  });

  test("is damage when the last record is there to its end, and wrong", () => {
    const { bytes, starts } = log();
    const start = starts[9] as number;
    for (const at of [start + 100, start + 8, bytes.length - 2]) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expect([at, isCrashTail(damaged, start, damaged.length)]).toEqual([at, false]);
    }
  });

  test("is no damage when the last record ends in zeros: Badger fills its logs beforehand", () => {
    const { bytes, starts } = log();
    const start = starts[9] as number;
    for (const written of [6, 40, 300, 590]) {
      const torn = new Uint8Array(bytes.length + 4096);
      torn.set(bytes.subarray(0, start + written));
      expect([written, isCrashTail(torn, start, torn.length)]).toEqual([written, true]);
    }
  });

  // A record of which only the first byte, a zero, lay in the sector that was lost: it was whole all the
  // same, its sector counted as written, and the database could not be opened (found by the simulator).
  test("is what a power cut leaves when the follower's first byte lies in the lost sector", () => {
    const key = new TextEncoder().encode("k");
    const bytes = new Uint8Array(2048);
    const first = 949;
    const length = 1535 - first;
    const fill = logRecordLength(1, 0, 0);
    const end = writeLogRecord(
      bytes,
      first,
      0,
      0,
      0,
      key,
      1,
      new Uint8Array(length - fill - 1).fill(9),
    );
    expect(end).toBe(1535);
    const size = writeLogRecord(bytes, end, 0, 0, 0, key, 2, new Uint8Array(100).fill(9));
    bytes.fill(0, 1024, 1536);
    expect(isCrashTail(bytes, first, size)).toBe(true);
  });

  test("is damage when what follows the records begins none, and no sector of it is missing", () => {
    const { bytes, starts } = log();
    const start = starts[9] as number;
    const nonsense = bytes.slice();
    nonsense[start + 2] = 3;
    expect(isCrashTail(nonsense, start, nonsense.length)).toBe(false);
    nonsense.fill(0, start + 3);
    expect(isCrashTail(nonsense, start, nonsense.length)).toBe(true);
  });

  // A power cut had kept the newer sectors, and of the one before an older state: whole records, then zeros.
  // Fewer zeros than half a sector were taken for damage, and the database could not be opened.
  test("is what a power cut leaves when a sector was not written on", () => {
    const { bytes, starts } = log();
    for (const start of starts.slice(1, 6)) {
      const stale = bytes.slice();
      stale.fill(0, start, Math.ceil(start / 512) * 512);
      expect([start, isCrashTail(stale, start, stale.length)]).toEqual([start, true]);
    }
  });

  test("a zero sector counts at its place in the file, and zero bytes inside one do not", () => {
    const bytes = new Uint8Array(2048).fill(1);
    bytes.fill(0, 512, 1024);
    expect(hasZeroSector(bytes, 0, 2048)).toBe(true);
    expect(hasZeroSector(bytes, 0, 2048, 300)).toBe(false);
    expect(hasZeroSector(bytes, 600, 2048)).toBe(true);
    bytes[1023] = 1;
    expect(hasZeroSector(bytes, 600, 2048)).toBe(false);
  });
});
