import { describe, expect, test } from "bun:test";
import { CorruptionError } from "../../src/base/errors.ts";
import type { ChecksumKind } from "../../src/format/checksum.ts";
import {
  CHECKSUM_MESSAGE_SIZE_MAX,
  checksumMatches,
  decodeChecksum,
  writeChecksum,
} from "../../src/format/checksum.ts";
import { expectDamageContained } from "./damage-suite.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

function message(kind: ChecksumKind, bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(CHECKSUM_MESSAGE_SIZE_MAX);
  return target.slice(0, writeChecksum(target, 0, kind, bytes, 0, bytes.length));
}

function matches(stored: Uint8Array, bytes: Uint8Array): boolean {
  return checksumMatches(stored, 0, stored.length, bytes, 0, bytes.length);
}

describe("checksum message", () => {
  test("CRC-32C is the frozen bytes, without the algorithm, and empty for sum 0", () => {
    // e3069283 as a varint.
    expect(message("crc32c", utf8("123456789"))).toEqual(fromHex("10 83 a5 9a 98 0e"));
    expect(message("crc32c", new Uint8Array(0))).toEqual(new Uint8Array(0));
    expect(matches(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });

  test("xxHash64 is the published sum of nothing", () => {
    const stored = message("xxhash64", new Uint8Array(0));
    expect(decodeChecksum(stored, 0, stored.length)).toEqual({
      kind: "xxhash64",
      sum: "ef46db3751d8e999",
    });
    expect(stored).toEqual(fromHex("08 01 10 99 d3 e3 8e f5 e6 b6 a3 ef 01"));
  });

  test(`both algorithms match what they were made from and nothing else (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (const kind of ["crc32c", "xxhash64"] as const) {
      for (let round = 0; round < 100; round++) {
        const bytes = random.bytes(1 + random.below(100));
        const stored = message(kind, bytes);
        expect(matches(stored, bytes)).toBe(true);
        const at = random.below(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
        expect(matches(stored, bytes)).toBe(false);
      }
    }
  });

  test("an unknown algorithm is damage, an unknown varint field is skipped", () => {
    expect(() => matches(fromHex("08 02 10 01"), utf8("x"))).toThrow(CorruptionError);
    expect(() => matches(fromHex("08 81 80 80 80 10"), utf8("x"))).toThrow(CorruptionError);
    expect(matches(fromHex("10 83 a5 9a 98 0e 18 05"), utf8("123456789"))).toBe(true);
  });

  test("damage is a typed error or a mismatch", () => {
    for (const kind of ["crc32c", "xxhash64"] as const) {
      expectDamageContained(message(kind, utf8("some block")), (bytes) => {
        matches(bytes, utf8("some block"));
        decodeChecksum(bytes, 0, bytes.length);
      });
    }
  });
});
