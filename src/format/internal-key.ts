/**
 * Internal key: the user key and its version, so that one order serves both.
 *
 *     | user key … | 2^64 − 1 − version, u64 BE |
 *
 * Newer versions of a key sort before older ones. The order is: user keys as unsigned bytes (a
 * proper prefix first), then the suffix bytes. It is NOT a plain comparison of whole internal keys:
 * that would put `a` behind `aa`. Frozen.
 *
 * Versions are numbers up to 2^53 − 1. The complement of a u64 is the complement of its halves, so
 * no BigInt is needed.
 */

import { compareRange } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import { VERSION_MAX } from "../base/ids.ts";
import { readU32BE, writeU32BE } from "./integers.ts";

/** Bytes of the version suffix. Frozen. */
export const VERSION_SUFFIX_SIZE = 8;

const HALF = 0x1_0000_0000;
const HIGH_HALF_MAX = Math.floor(VERSION_MAX / HALF);

/** Writes the 8-byte suffix of `version`, an integer in 0 … 2^53 − 1. */
export function writeVersionSuffix(target: Uint8Array, offset: number, version: number): void {
  writeU32BE(target, offset, ~(version / HALF));
  writeU32BE(target, offset + 4, ~version);
}

/** The version in the suffix at `offset`. Throws `ERR_UNSUPPORTED_FORMAT` beyond 2^53 − 1. */
export function readVersionSuffix(bytes: Uint8Array, offset: number): number {
  const high = ~readU32BE(bytes, offset) >>> 0;
  if (high > HIGH_HALF_MAX) refuseVersion();
  return high * HALF + (~readU32BE(bytes, offset + 4) >>> 0);
}

function refuseVersion(): never {
  throw new MelesError(
    "ERR_UNSUPPORTED_FORMAT",
    `a key has a version beyond ${VERSION_MAX}; only directories with smaller versions can be opened`,
  );
}

/** A new internal key. */
export function encodeInternalKey(userKey: Uint8Array, version: number): Uint8Array {
  const key = new Uint8Array(userKey.length + VERSION_SUFFIX_SIZE);
  key.set(userKey);
  writeVersionSuffix(key, userKey.length, version);
  return key;
}

/**
 * Orders two whole internal keys given by start and length (at least 8 each): user key ascending,
 * then suffix bytes ascending, that is newest first.
 */
export function compareInternalKeys(
  a: Uint8Array,
  aStart: number,
  aLength: number,
  b: Uint8Array,
  bStart: number,
  bLength: number,
): number {
  const aUserLength = aLength - VERSION_SUFFIX_SIZE;
  const bUserLength = bLength - VERSION_SUFFIX_SIZE;
  const byUserKey = compareRange(a, aStart, aUserLength, b, bStart, bUserLength);
  if (byUserKey !== 0) return byUserKey;
  return compareRange(a, aStart + aUserLength, 8, b, bStart + bUserLength, 8);
}
