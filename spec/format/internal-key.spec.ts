import { describe, expect, test } from "bun:test";
import { compareBytes } from "../../src/base/bytes.ts";
import {
  compareInternalKeys,
  encodeInternalKey,
  readVersionSuffix,
  writeVersionSuffix,
} from "../../src/format/internal-key.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareInternalKeys(a, 0, a.length, b, 0, b.length);
}

describe("internal key", () => {
  test("has the frozen bytes of the format text", () => {
    expect(encodeInternalKey(utf8("a"), 1)).toEqual(fromHex("61 ff ff ff ff ff ff ff fe"));
    expect(encodeInternalKey(utf8("a"), 2 ** 40)).toEqual(fromHex("61 ff ff fe ff ff ff ff ff"));
    expect(encodeInternalKey(utf8(""), 0)).toEqual(fromHex("ff ff ff ff ff ff ff ff"));
  });

  test(`gives back any version (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    const suffix = new Uint8Array(8);
    for (let round = 0; round < 1000; round++) {
      const version = random.spread();
      writeVersionSuffix(suffix, 0, version);
      expect(new DataView(suffix.buffer).getBigUint64(0)).toBe(2n ** 64n - 1n - BigInt(version));
      expect(readVersionSuffix(suffix, 0)).toBe(version);
    }
  });

  test("a version beyond 2^53 - 1 is refused, never rounded", () => {
    writeVersionSuffix(new Uint8Array(8), 0, Number.MAX_SAFE_INTEGER);
    expect(readVersionSuffix(fromHex("ff e0 00 00 00 00 00 00"), 0)).toBe(2 ** 53 - 1);
    for (const hex of ["ff df ff ff ff ff ff ff", "00 00 00 00 00 00 00 00"]) {
      expect(() => readVersionSuffix(fromHex(hex), 0)).toThrow(
        expect.objectContaining({ code: "ERR_UNSUPPORTED_FORMAT" }),
      );
    }
  });

  test("a key sorts before its extensions whatever the versions, unlike plain bytes", () => {
    const a = encodeInternalKey(utf8("a"), 5);
    const aa = encodeInternalKey(utf8("aa"), 5);
    expect(compare(a, aa)).toBeLessThan(0);
    expect(compareBytes(a, aa)).toBeGreaterThan(0);
  });

  test(`orders by user key, then newest first (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 3000; round++) {
      const [keyA, keyB] = [random.key(), random.key()];
      const [versionA, versionB] = [random.below(4), random.below(4)];
      const expected = Math.sign(compareBytes(keyA, keyB)) || Math.sign(versionB - versionA);
      const a = encodeInternalKey(keyA, versionA);
      const b = encodeInternalKey(keyB, versionB);
      expect(Math.sign(compare(a, b))).toBe(expected);
    }
  });
});
