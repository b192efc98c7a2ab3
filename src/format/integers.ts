/**
 * Fixed-width unsigned integers at any alignment. Badger mixes byte orders within one structure, so
 * the order is part of every name. No bounds checks: callers have checked the range.
 *
 * Byte loads instead of a DataView: nothing to allocate or to keep per buffer, and as fast in JSC.
 */

export function readU16LE(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
}

export function readU16BE(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
}

export function readU32LE(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) |
      ((bytes[offset + 1] as number) << 8) |
      ((bytes[offset + 2] as number) << 16) |
      ((bytes[offset + 3] as number) << 24)) >>>
    0
  );
}

export function readU32BE(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] as number) << 24) |
      ((bytes[offset + 1] as number) << 16) |
      ((bytes[offset + 2] as number) << 8) |
      (bytes[offset + 3] as number)) >>>
    0
  );
}

export function writeU16LE(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value;
  target[offset + 1] = value >>> 8;
}

export function writeU16BE(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 8;
  target[offset + 1] = value;
}

export function writeU32LE(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value;
  target[offset + 1] = value >>> 8;
  target[offset + 2] = value >>> 16;
  target[offset + 3] = value >>> 24;
}

export function writeU32BE(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

/** The value of a u64, or `undefined` when it is beyond 2^53 − 1. */
export function readU64BE(bytes: Uint8Array, offset: number): number | undefined {
  const high = readU32BE(bytes, offset);
  return high > 0x1fffff ? undefined : high * 0x1_0000_0000 + readU32BE(bytes, offset + 4);
}

/** The value of a u64, or `undefined` when it is beyond 2^53 − 1. */
export function readU64LE(bytes: Uint8Array, offset: number): number | undefined {
  const high = readU32LE(bytes, offset + 4);
  return high > 0x1fffff ? undefined : high * 0x1_0000_0000 + readU32LE(bytes, offset);
}

/** `value` is an integer in 0 … 2^53 − 1. */
export function writeU64BE(target: Uint8Array, offset: number, value: number): void {
  writeU32BE(target, offset, Math.floor(value / 0x1_0000_0000));
  writeU32BE(target, offset + 4, value >>> 0);
}

/** `value` is an integer in 0 … 2^53 − 1. */
export function writeU64LE(target: Uint8Array, offset: number, value: number): void {
  writeU32LE(target, offset, value >>> 0);
  writeU32LE(target, offset + 4, Math.floor(value / 0x1_0000_0000));
}
