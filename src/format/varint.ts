/**
 * Unsigned varints: seven bits a byte, least significant group first, the high bit set on all bytes
 * but the last. Frozen; the same as in Go and in Protocol Buffers.
 *
 * The reader reports through its result and one module variable instead of an object, because it
 * runs for every entry read: no allocation.
 */

/** The longest encoding of a u64. */
export const UVARINT_SIZE_MAX = 10;

/** `readUvarint`: the bytes end inside the varint. */
export const UVARINT_TRUNCATED = -1;
/** `readUvarint`: more than ten bytes, or a value beyond 64 bits. */
export const UVARINT_MALFORMED = -2;
/** `readUvarint`: a valid u64 that is beyond 2^53 − 1; `uvarintSize()` is set. */
export const UVARINT_TOO_LARGE = -3;

let lastSize = 0;

/** Bytes taken by the last `readUvarint` that returned a value or `UVARINT_TOO_LARGE`. Module state: use it at once. */
export function uvarintSize(): number {
  return lastSize;
}

/** Encoded size of `n`, an integer in 0 … 2^53 − 1. */
export function uvarintLength(n: number): number {
  if (n < 0x80) return 1;
  if (n < 0x4000) return 2;
  if (n < 0x20_0000) return 3;
  if (n < 0x1000_0000) return 4;
  let length = 5;
  for (let rest = Math.floor(n / 0x8_0000_0000); rest > 0; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** Writes `n`, an integer in 0 … 2^53 − 1, and returns the offset behind it. */
export function writeUvarint(target: Uint8Array, offset: number, n: number): number {
  let rest = n;
  let position = offset;
  // Bit operations work on 32 bits: divide until the rest fits.
  while (rest > 0x7fff_ffff) {
    target[position++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest > 0x7f) {
    target[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[position++] = rest;
  return position;
}

/** Writes the u64 given by its unsigned halves and returns the offset behind it. */
export function writeUvarintHalves(
  target: Uint8Array,
  offset: number,
  high: number,
  low: number,
): number {
  let position = offset;
  let lowRest = low >>> 0;
  let highRest = high >>> 0;
  while (highRest > 0 || lowRest > 0x7f) {
    target[position++] = (lowRest & 0x7f) | 0x80;
    lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
    highRest >>>= 7;
  }
  target[position++] = lowRest;
  return position;
}

/**
 * Reads a varint that must end before `limit`. Returns its value, or one of the negative codes
 * above. Like Go, accepts encodings longer than necessary.
 */
export function readUvarint(bytes: Uint8Array, offset: number, limit: number): number {
  if (offset >= limit) return UVARINT_TRUNCATED;
  const first = bytes[offset] as number;
  if (first < 0x80) {
    lastSize = 1;
    return first;
  }
  if (offset + 1 < limit) {
    const second = bytes[offset + 1] as number;
    if (second < 0x80) {
      lastSize = 2;
      return (first & 0x7f) | (second << 7);
    }
  }
  return readLongUvarint(bytes, offset, limit);
}

function readLongUvarint(bytes: Uint8Array, offset: number, limit: number): number {
  let value = 0;
  let factor = 1;
  for (let i = 0; i < UVARINT_SIZE_MAX; i++) {
    if (offset + i >= limit) return UVARINT_TRUNCATED;
    const byte = bytes[offset + i] as number;
    // Exact up to 2^53; beyond, rounding never brings the sum back below.
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) {
      if (i === UVARINT_SIZE_MAX - 1 && byte > 1) return UVARINT_MALFORMED;
      lastSize = i + 1;
      return value > Number.MAX_SAFE_INTEGER ? UVARINT_TOO_LARGE : value;
    }
    factor *= 0x80;
  }
  return UVARINT_MALFORMED;
}
