import { describe, expect, test } from "bun:test";
import {
  readUvarint,
  UVARINT_MALFORMED,
  UVARINT_TOO_LARGE,
  UVARINT_TRUNCATED,
  uvarintLength,
  uvarintSize,
  writeUvarint,
  writeUvarintHalves,
} from "../../src/format/varint.ts";
import { fromHex } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

function encode(n: number): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(12);
  return target.slice(0, writeUvarint(target, 0, n));
}

function naive(n: bigint): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let rest = n;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

describe("uvarint", () => {
  test.each([
    [0, "00"],
    [127, "7f"],
    [128, "80 01"],
    [300, "ac 02"],
    [65_536, "80 80 04"],
    [4_102_444_800, "80 ae 99 a4 0f"],
    [Number.MAX_SAFE_INTEGER, "ff ff ff ff ff ff ff 0f"],
  ])("%d is the frozen bytes %s", (n, hex) => {
    expect(encode(n)).toEqual(fromHex(hex));
    expect(readUvarint(fromHex(hex), 0, 10)).toBe(n);
  });

  test(`agrees with the BigInt definition around every power of two (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    const values = Array.from({ length: 500 }, () => random.spread());
    for (let bits = 0; bits <= 53; bits++)
      values.push(2 ** bits - 1, Math.min(2 ** bits, 2 ** 53 - 1));
    for (const n of values) {
      const bytes = encode(n);
      expect(bytes).toEqual(naive(BigInt(n)));
      expect(uvarintLength(n)).toBe(bytes.length);
      expect(readUvarint(bytes, 0, bytes.length)).toBe(n);
      expect(uvarintSize()).toBe(bytes.length);
      for (let limit = 0; limit < bytes.length; limit++) {
        expect(readUvarint(bytes, 0, limit)).toBe(UVARINT_TRUNCATED);
      }
    }
  });

  test("halves of a u64 are written like the whole", () => {
    for (const n of [0n, 127n, 128n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]) {
      const target = new Uint8Array(10);
      const end = writeUvarintHalves(target, 0, Number(n >> 32n), Number(n & 0xffff_ffffn));
      expect(target.slice(0, end)).toEqual(naive(n));
    }
  });

  test("a valid u64 beyond 2^53 - 1 is told apart, with its size", () => {
    for (const n of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const bytes = naive(n);
      expect(readUvarint(bytes, 0, bytes.length)).toBe(UVARINT_TOO_LARGE);
      expect(uvarintSize()).toBe(bytes.length);
    }
  });

  test("more than 64 bits or ten bytes is malformed", () => {
    expect(readUvarint(fromHex("ff ff ff ff ff ff ff ff ff 02"), 0, 10)).toBe(UVARINT_MALFORMED);
    expect(readUvarint(new Uint8Array(20).fill(0xff), 0, 20)).toBe(UVARINT_MALFORMED);
    expect(readUvarint(new Uint8Array(20).fill(0x80), 0, 20)).toBe(UVARINT_MALFORMED);
  });

  test("an encoding longer than necessary is read as Go reads it", () => {
    expect(readUvarint(fromHex("85 80 80 00"), 0, 4)).toBe(5);
    expect(uvarintSize()).toBe(4);
  });
});
