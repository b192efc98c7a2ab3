import { describe, expect, test } from "bun:test";
import { crc32c } from "../../src/format/crc32c.ts";
import { utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

/** The definition, bit by bit. */
function naiveCrc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe("crc32c", () => {
  test.each([
    ["nothing", new Uint8Array(0), 0],
    ["a zero byte", new Uint8Array(1), 0x527d5351],
    ["a", utf8("a"), 0xc1d04330],
    ["123456789", utf8("123456789"), 0xe3069283],
    ["5 zero bytes", new Uint8Array(5), 0x45727635],
    ["32 zero bytes", new Uint8Array(32), 0x8a9136aa],
    ["32 bytes 0xff", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["bytes 00 to 1f", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ])("of %s is the published value", (_name, bytes, expected) => {
    expect(crc32c(bytes, 0, bytes.length)).toBe(expected);
  });

  test(`agrees with the bitwise definition on any slice (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    const bytes = random.bytes(300);
    for (let round = 0; round < 500; round++) {
      const start = random.below(300);
      const end = start + random.below(301 - start);
      expect(crc32c(bytes, start, end)).toBe(naiveCrc32c(bytes.subarray(start, end)));
    }
  });

  test("continues from the checksum of what came before", () => {
    const bytes = new Seeded(SEED).bytes(50);
    const whole = crc32c(bytes, 0, 50);
    for (let split = 0; split <= 50; split++) {
      expect(crc32c(bytes, split, 50, crc32c(bytes, 0, split))).toBe(whole);
    }
  });

  test(`of long slices agrees with the bitwise definition, too (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    const bytes = new Uint8Array(new SharedArrayBuffer(200_000));
    bytes.set(random.bytes(bytes.length));
    // More than it takes until long inputs are folded.
    for (let round = 0; round < 20; round++) crc32c(bytes, 0, bytes.length);
    const lengths = [511, 512, 513, 575, 576, 577, 4096, 32_767, 32_768, 32_769, 32_832, 32_833];
    lengths.push(65_536, 65_600, 98_304, 98_368, 150_001);
    for (const length of lengths) {
      const start = random.below(1000);
      const expected = naiveCrc32c(bytes.subarray(start, start + length));
      expect(crc32c(bytes, start, start + length), `${length} bytes`).toBe(expected);
      const split = start + 1 + random.below(length);
      const first = crc32c(bytes, start, split);
      expect(crc32c(bytes, split, start + length, first), `split at ${split}`).toBe(expected);
    }
    for (let round = 0; round < 300; round++) {
      const start = random.below(10_000);
      const end = start + 512 + random.below(3000);
      expect(crc32c(bytes, start, end)).toBe(naiveCrc32c(bytes.subarray(start, end)));
    }
  });
});
