import { describe, expect, test } from "bun:test";
import { crc32c } from "../../src/format/crc32c.ts";
import { LogCipher } from "../../src/format/encryption.ts";
import { writeU32BE } from "../../src/format/integers.ts";
import {
  logRecordLength,
  LogRecordView,
  transactionEndLength,
  writeLogRecord,
  writeTransactionEnd,
} from "../../src/format/log-record.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

/** The records of the worked example: value log, then write-ahead log. */
const BIG = `00 00 0b 28 00 62 69 67 ff ff ff ff ff ff ff fc ${"42".repeat(40)} 9e d7 71 b8`;
const POINTER =
  "42 00 0b 0c 00 62 69 67 ff ff ff ff ff ff ff fc 01 00 00 00 3c 00 00 00 14 00 00 00 7d 8f ae 6a";
const MEOW = "40 2a 0b 04 00 63 61 74 ff ff ff ff ff ff ff fb 6d 65 6f 77 b8 45 df 3e";
const DELETE = "41 00 0d 00 00 61 70 70 6c 65 ff ff ff ff ff ff ff fb 1b 79 fe 5e";
const END_3 =
  "80 00 13 01 00 21 62 61 64 67 65 72 21 74 78 6e ff ff ff ff ff ff ff fc 33 51 20 00 3f";
const END_4 =
  "80 00 13 01 00 21 62 61 64 67 65 72 21 74 78 6e ff ff ff ff ff ff ff fb 34 ff 87 ad 91";

function record(
  meta: number,
  userMeta: number,
  expiresAt: number,
  key: Uint8Array,
  version: number,
  value: Uint8Array,
): Uint8Array {
  const target = new Uint8Array(logRecordLength(key.length, value.length, expiresAt) + 2);
  const end = writeLogRecord(target, 1, meta, userMeta, expiresAt, key, version, value);
  expect(end).toBe(target.length - 1);
  return target.slice(1, end);
}

describe("log record", () => {
  test("has the frozen bytes of the worked example", () => {
    expect(record(0, 0, 0, utf8("big"), 3, utf8("B".repeat(40)))).toEqual(fromHex(BIG));
    const pointer = fromHex("01 00 00 00 3c 00 00 00 14 00 00 00");
    expect(record(0x42, 0, 0, utf8("big"), 3, pointer)).toEqual(fromHex(POINTER));
    expect(record(0x40, 0x2a, 0, utf8("cat"), 4, utf8("meow"))).toEqual(fromHex(MEOW));
    expect(record(0x41, 0, 0, utf8("apple"), 4, utf8(""))).toEqual(fromHex(DELETE));
  });

  test("end markers have the frozen bytes of the worked example", () => {
    for (const [version, hex] of [
      [3, END_3],
      [4, END_4],
    ] as const) {
      const target = new Uint8Array(64);
      expect(writeTransactionEnd(target, 0, version)).toBe(transactionEndLength(version));
      expect(target.slice(0, transactionEndLength(version))).toEqual(fromHex(hex));
    }
  });

  test("end markers carry any version in decimal digits", () => {
    const view = new LogRecordView();
    for (const version of [1, 9, 10, 99, 100, 2 ** 32, 2 ** 53 - 1]) {
      const target = new Uint8Array(64);
      const end = writeTransactionEnd(target, 0, version);
      expect(end).toBe(transactionEndLength(version));
      expect(view.check(target, 0, end)).toBe("ok");
      const digits = target.subarray(view.valueOffset, view.valueOffset + view.valueLength);
      expect(new TextDecoder().decode(digits)).toBe(String(version));
      expect(view.version).toBe(version);
    }
  });

  test(`gives back what was written, also from shared memory (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    const shared = new Uint8Array(new SharedArrayBuffer(70_000));
    const view = new LogRecordView();
    for (let round = 0; round < 500; round++) {
      const key = random.bytes(1 + random.below(round % 50 === 0 ? 65_000 : 60));
      const value = random.bytes(random.below(300));
      const [meta, userMeta] = [random.below(256), random.below(256)];
      const [expiresAt, version] = [random.spread(), random.spread()];
      const offset = random.below(100);
      const end = writeLogRecord(shared, offset, meta, userMeta, expiresAt, key, version, value);
      expect(end - offset).toBe(logRecordLength(key.length, value.length, expiresAt));
      for (const read of [
        () => view.check(shared, offset, end) === "ok",
        () => view.decode(shared, offset, end),
      ]) {
        expect(read()).toBe(true);
        expect([view.meta, view.userMeta, view.expiresAt]).toEqual([meta, userMeta, expiresAt]);
        expect([view.version, view.end]).toEqual([version, end]);
        expect(shared.slice(view.keyOffset, view.keyOffset + view.keyLength)).toEqual(key);
        expect(shared.slice(view.valueOffset, view.valueOffset + view.valueLength)).toEqual(value);
      }
    }
  });

  test("cut anywhere, the log ends before it", () => {
    const bytes = fromHex(MEOW);
    const view = new LogRecordView();
    for (let limit = 0; limit < bytes.length; limit++) {
      expect(view.check(bytes, 0, limit)).toBe("end");
      expect(view.decode(bytes, 0, limit)).toBe(false);
    }
  });

  test("no damaged byte goes unnoticed", () => {
    const view = new LogRecordView();
    for (const hex of [BIG, POINTER, MEOW, DELETE, END_3]) {
      const good = fromHex(hex);
      for (let i = 0; i < good.length; i++) {
        for (let bit = 0; bit < 8; bit++) {
          const bad = good.slice();
          bad[i] = (bad[i] as number) ^ (1 << bit);
          expect(view.check(bad, 0, bad.length)).not.toBe("ok");
        }
      }
    }
  });

  test("zeros end the log, a varint without end is no torn write", () => {
    const view = new LogRecordView();
    expect(view.check(new Uint8Array(100), 0, 100)).toBe("end");
    expect(view.check(new Uint8Array(4), 0, 4)).toBe("end");
    expect(view.check(new Uint8Array(100).fill(0xff), 0, 100)).toBe("malformed");
    expect(view.check(new Uint8Array(8).fill(0xff), 0, 8)).toBe("end");
  });

  test("an announced size beyond the bytes at hand ends the log without being believed", () => {
    const view = new LogRecordView();
    // Key length 9, value length 2^32 - 1: their 32-bit sum wraps around in Badger.
    expect(view.check(fromHex(`00 00 09 ff ff ff ff 0f 00 ${"00".repeat(40)}`), 0, 49)).toBe("end");
    // Key length 65537.
    expect(view.check(fromHex(`00 00 81 80 04 00 00 ${"00".repeat(90)}`), 0, 97)).toBe("end");
  });

  test("a key without room for a version is damage, an empty key the end", () => {
    const view = new LogRecordView();
    expect(view.check(fromHex("00 00 00 00 00 45 72 76 35"), 0, 9)).toBe("end");
    const short = fromHex("00 00 05 00 00 61 62 63 64 65 00 00 00 00");
    expect(view.check(withCrc(short), 0, short.length)).toBe("malformed");
    expect(view.decode(short, 0, short.length)).toBe(false);
  });

  test("encrypted, it is the observed bytes of the format text", () => {
    const cipher = new LogCipher(
      fromHex("01080f161d242b323940474e555c636a"),
      fromHex("a0a1a2a3a4a5a6a7a8a9aaab"),
    );
    const bytes = record(0x40, 1, 0, utf8("cat"), 4, utf8("meow"));
    const plain = bytes.slice();
    cipher.sealRecord(bytes, 0, 5, bytes.length, 20);
    expect(bytes).toEqual(fromHex("40 01 0b 04 00 a4b2cb301da55ca250d0e0adf5381f aa47c5a3"));
    const view = new LogRecordView();
    expect(view.checkStored(bytes, 0, bytes.length)).toBe("ok");
    cipher.applyTo(bytes, view.keyOffset, view.end - 4, 20);
    expect(bytes.subarray(0, 20)).toEqual(plain.subarray(0, 20));
  });
});

/** Renews the last four bytes. */
function withCrc(bytes: Uint8Array): Uint8Array {
  writeU32BE(bytes, bytes.length - 4, crc32c(bytes, 0, bytes.length - 4));
  return bytes;
}
