import { describe, expect, test } from "bun:test";
import {
  bloomBitsPerKey,
  bloomMayContain,
  bloomProbes,
  buildBloomFilter,
} from "../../src/format/bloom-filter.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

function hashOf(bytes: Uint8Array): number {
  return bloomHash(bytes, 0, bytes.length);
}

function mayContain(filter: Uint8Array, hash: number): boolean {
  return bloomMayContain(filter, 0, filter.length, hash);
}

describe("bloom hash", () => {
  test.each([
    ["", 0xbc9f1d34],
    ["a", 0x286e9db0],
    ["ab", 0x39aca330],
    ["abc", 0x855d012f],
    ["abcd", 0xb9c83353],
    ["hello", 0xf795964e],
    ["badger!!", 0xe325fa47],
    ["apple", 0x7c7f163b],
    ["apricot", 0x1ec30025],
  ])("of %j is the frozen value", (text, expected) => {
    expect(hashOf(utf8(text))).toBe(expected);
  });

  test("takes bytes as unsigned, and slices as they are", () => {
    expect(hashOf(fromHex("ff fe fd fc fb"))).toBe(0xcdd139a4);
    expect(bloomHash(utf8("xxhelloxx"), 2, 5)).toBe(0xf795964e);
  });
});

describe("bloom filter", () => {
  test("is Badger's bytes with Badger's sizing", () => {
    const hashes = new Uint32Array([hashOf(utf8("apple")), hashOf(utf8("apricot"))]);
    const bits = bloomBitsPerKey(0.01, "badger");
    const filter = buildBloomFilter(hashes, 2, bits, bloomProbes(bits, "badger"));
    expect(filter).toEqual(fromHex("40 01 00 00 a0 00 00 0f 04"));
  });

  test.each([
    [0.1, 4, 2],
    [0.05, 5, 3],
    [0.01, 7, 4],
    [0.001, 10, 6],
    [0.0001, 14, 9],
  ])("for %d Badger takes %d bits and %d probes", (falsePositive, bits, probes) => {
    expect(bloomBitsPerKey(falsePositive, "badger")).toBe(bits);
    expect(bloomProbes(bits, "badger")).toBe(probes);
  });

  test(`for 1 % our sizing takes 10 bits and 7 probes and keeps the promise (seed ${SEED})`, () => {
    const bits = bloomBitsPerKey(0.01, "optimal");
    const probes = bloomProbes(bits, "optimal");
    expect([bits, probes]).toEqual([10, 7]);
    const random = new Seeded(SEED);
    const count = 20_000;
    const hashes = Uint32Array.from({ length: count }, () => hashOf(random.bytes(16)));
    const filter = buildBloomFilter(hashes, count, bits, probes);
    for (const hash of hashes) expect(mayContain(filter, hash)).toBe(true);
    let wrong = 0;
    for (let i = 0; i < count; i++) if (mayContain(filter, hashOf(random.bytes(16)))) wrong++;
    expect(wrong / count).toBeLessThan(0.013);
  });

  test(`never denies a key that was added, whatever the sizing (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 100; round++) {
      const count = random.below(200);
      const hashes = Uint32Array.from({ length: count + 5 }, () => random.u32());
      const filter = buildBloomFilter(hashes, count, 1 + random.below(30), 1 + random.below(30));
      const padded = new Uint8Array([1, 2, ...filter, 3]);
      for (const hash of hashes.subarray(0, count)) {
        expect(bloomMayContain(padded, 2, filter.length, hash)).toBe(true);
      }
    }
  });

  test(`sets exactly the bits of the definition (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (const bitsPerKey of [1, 7, 10, 333, 100_001, 9_999_999]) {
      const hashes = Uint32Array.of(0, 0xffff_ffff, random.u32(), random.u32(), random.u32());
      const filter = buildBloomFilter(hashes, 5, bitsPerKey, 30);
      const bitCount = (filter.length - 1) * 8;
      expect(bitCount).toBe(Math.ceil(Math.max(64, 5 * bitsPerKey) / 8) * 8);
      const expected = new Set<number>();
      for (const hash of hashes) {
        const step = (hash >>> 17) | ((hash << 15) >>> 0);
        for (let probe = 0; probe < 30; probe++) {
          expected.add(((hash + probe * (step >>> 0)) % 2 ** 32) % bitCount);
        }
      }
      for (const bit of expected)
        expect((filter[bit >>> 3] as number) & (1 << (bit & 7))).not.toBe(0);
      let set = 0;
      for (const byte of filter.subarray(0, -1)) {
        if (byte !== 0) for (let rest = byte; rest > 0; rest &= rest - 1) set++;
      }
      expect(set).toBe(expected.size);
    }
  });

  test("special forms: absent excludes nothing, one byte everything, 31 probes nothing", () => {
    expect(mayContain(new Uint8Array(0), 5)).toBe(true);
    expect(mayContain(new Uint8Array(1), 5)).toBe(false);
    expect(mayContain(fromHex("00 00 00 00 00 00 00 00 1f"), 5)).toBe(true);
    expect(mayContain(fromHex("00 00 00 00 00 00 00 00 1e"), 5)).toBe(false);
  });
});
