/**
 * Value pointer: where in the value log a value's record lies.
 *
 *     | file number u32 LE | record length u32 LE | record offset u32 LE |
 *
 * The length is that of the whole record (header through checksum), the offset is absolute. Frozen.
 */

import { readU32LE, writeU32LE } from "./integers.ts";

/** Bytes of an encoded value pointer. Frozen. */
export const VALUE_POINTER_SIZE = 12;

/** Writes a pointer; all three are integers below 2^32. */
export function writeValuePointer(
  target: Uint8Array,
  offset: number,
  fileNumber: number,
  recordLength: number,
  recordOffset: number,
): void {
  writeU32LE(target, offset, fileNumber);
  writeU32LE(target, offset + 4, recordLength);
  writeU32LE(target, offset + 8, recordOffset);
}

/** Number of the value-log file. */
export function pointerFile(bytes: Uint8Array, offset: number): number {
  return readU32LE(bytes, offset);
}

/** Length of the whole record in the value log. */
export function pointerLength(bytes: Uint8Array, offset: number): number {
  return readU32LE(bytes, offset + 4);
}

/** Offset of the record's first byte in the value-log file. */
export function pointerOffset(bytes: Uint8Array, offset: number): number {
  return readU32LE(bytes, offset + 8);
}
