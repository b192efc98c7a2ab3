/**
 * Checksum message of table blocks and table indexes: Protocol Buffers, two fields.
 *
 *     | 08 algorithm, absent for CRC-32C | 10 sum, absent when 0 |
 *
 * Algorithms (frozen): 0 = CRC-32C, 1 = xxHash64 with seed 0. Its length varies (0 to 6 bytes for
 * CRC-32C, up to 13 for xxHash64), so containers store the length behind it. Badger writes CRC-32C
 * and reads both; Meles writes xxHash64 by default (4 KiB: 0.4 µs against 2.2 µs here).
 */

import { damaged } from "./damage.ts";
import { crc32c } from "./crc32c.ts";
import { writeUvarintHalves } from "./varint.ts";

export type ChecksumKind = "crc32c" | "xxhash64";

/** Longest message this writer makes. */
export const CHECKSUM_MESSAGE_SIZE_MAX = 13;

const ALGORITHM_CRC32C = 0;
const ALGORITHM_XXHASH64 = 1;
const TAG_ALGORITHM = 0x08;
const TAG_SUM = 0x10;

// Results of the last computation or decoding, as unsigned halves: a u64 without a BigInt per call.
let sumHigh = 0;
let sumLow = 0;

function compute(algorithm: number, bytes: Uint8Array, start: number, end: number): void {
  if (algorithm === ALGORITHM_CRC32C) {
    sumHigh = 0;
    sumLow = crc32c(bytes, start, end);
    return;
  }
  const sum = Bun.hash.xxHash64(bytes.subarray(start, end));
  sumHigh = Number(sum >> 32n);
  sumLow = Number(sum & 0xffff_ffffn);
}

/** Appends the message over `bytes[start, end)` at `offset` of `target`; returns the offset behind it. */
export function writeChecksum(
  target: Uint8Array,
  offset: number,
  kind: ChecksumKind,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let position = offset;
  if (kind === "xxhash64") {
    target[position++] = TAG_ALGORITHM;
    target[position++] = ALGORITHM_XXHASH64;
    compute(ALGORITHM_XXHASH64, bytes, start, end);
  } else {
    compute(ALGORITHM_CRC32C, bytes, start, end);
  }
  if (sumHigh === 0 && sumLow === 0) return position;
  target[position++] = TAG_SUM;
  return writeUvarintHalves(target, position, sumHigh, sumLow);
}

/** Reads a message into `sumHigh` and `sumLow` and returns the algorithm. Unknown fields are skipped. */
function decode(bytes: Uint8Array, start: number, end: number): number {
  let algorithm = ALGORITHM_CRC32C;
  let high = 0;
  let low = 0;
  let i = start;
  while (i < end) {
    const tag = bytes[i] as number;
    // Both fields are varints, and so may be fields of later writers; nothing else fits a checksum.
    if (tag >= 0x80 || (tag & 7) !== 0 || tag < 8) {
      throw damaged(i, "a field of a checksum message", `tag ${tag}`);
    }
    i = readHalves(bytes, i + 1, end);
    if (tag === TAG_ALGORITHM) {
      if (sumHigh !== 0 || sumLow > ALGORITHM_XXHASH64) {
        throw damaged(i, "checksum algorithm 0 (CRC-32C) or 1 (xxHash64)", "another algorithm");
      }
      algorithm = sumLow;
    } else if (tag === TAG_SUM) {
      high = sumHigh;
      low = sumLow;
    }
  }
  sumHigh = high;
  sumLow = low;
  return algorithm;
}

/** Reads a u64 varint into the module's halves; returns the offset behind it. */
function readHalves(bytes: Uint8Array, start: number, end: number): number {
  let high = 0;
  let low = 0;
  for (let i = start, shift = 0; i < end && shift < 70; i++, shift += 7) {
    const byte = bytes[i] as number;
    const group = byte & 0x7f;
    if (shift < 32) low |= group << shift;
    if (shift > 32) high |= group << (shift - 32);
    else if (shift > 25) high |= group >>> (32 - shift);
    if (byte < 0x80) {
      if (shift === 63 && byte > 1) break;
      sumHigh = high >>> 0;
      sumLow = low >>> 0;
      return i + 1;
    }
  }
  throw damaged(start, "a varint of at most 64 bits", "none");
}

/**
 * True when the message `message[messageStart, messageEnd)` matches `bytes[start, end)`.
 * `CorruptionError` when the message itself is not understood.
 */
export function checksumMatches(
  message: Uint8Array,
  messageStart: number,
  messageEnd: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const algorithm = decode(message, messageStart, messageEnd);
  const storedHigh = sumHigh;
  const storedLow = sumLow;
  compute(algorithm, bytes, start, end);
  return sumHigh === storedHigh && sumLow === storedLow;
}

/** What a message says, for inspection tools. */
export interface Checksum {
  readonly kind: ChecksumKind;
  /** The sum as 16 hex digits (8 for CRC-32C). */
  readonly sum: string;
}

/** Decodes a message; `CorruptionError` when it is not understood. */
export function decodeChecksum(bytes: Uint8Array, start: number, end: number): Checksum {
  const algorithm = decode(bytes, start, end);
  const low = sumLow.toString(16).padStart(8, "0");
  const high = sumHigh.toString(16).padStart(8, "0");
  if (algorithm === ALGORITHM_XXHASH64) return { kind: "xxhash64", sum: high + low };
  return { kind: "crc32c", sum: sumHigh === 0 ? low : high + low };
}
