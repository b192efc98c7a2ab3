import { expect, test } from "bun:test";
import * as integers from "../../src/format/integers.ts";
import { Seeded, SEED } from "./seeded.ts";

test(`fixed-width integers agree with DataView at any alignment (seed ${SEED})`, () => {
  const random = new Seeded(SEED);
  for (let round = 0; round < 300; round++) {
    const bytes = random.bytes(16);
    const view = new DataView(bytes.buffer);
    const offset = random.below(8);
    expect(integers.readU16LE(bytes, offset)).toBe(view.getUint16(offset, true));
    expect(integers.readU16BE(bytes, offset)).toBe(view.getUint16(offset));
    expect(integers.readU32LE(bytes, offset)).toBe(view.getUint32(offset, true));
    expect(integers.readU32BE(bytes, offset)).toBe(view.getUint32(offset));
    const value = random.spread();
    integers.writeU64LE(bytes, offset, value);
    expect(view.getBigUint64(offset, true)).toBe(BigInt(value));
    expect(integers.readU64LE(bytes, offset)).toBe(value);
    integers.writeU64BE(bytes, offset, value);
    expect(view.getBigUint64(offset)).toBe(BigInt(value));
    expect(integers.readU64BE(bytes, offset)).toBe(value);
    integers.writeU16LE(bytes, offset, value);
    expect(view.getUint16(offset, true)).toBe(Number(BigInt(value) & 0xffffn));
    integers.writeU16BE(bytes, offset, value);
    expect(view.getUint16(offset)).toBe(Number(BigInt(value) & 0xffffn));
  }
});

test("a u64 beyond 2^53 - 1 is undefined, never rounded", () => {
  const bytes = Uint8Array.fromHex("0020000000000000");
  expect(integers.readU64BE(bytes, 0)).toBeUndefined();
  expect(integers.readU64LE(bytes.toReversed(), 0)).toBeUndefined();
});
