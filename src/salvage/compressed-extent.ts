/**
 * Where a compressed block ends, from its own headers: for files whose index is lost. Nothing is
 * decompressed; the caller does that, and believes only checksums.
 */

import { readU16LE, readU32LE } from "../format/integers.ts";
import { readUvarint, uvarintSize } from "../format/varint.ts";

/** First four bytes of a Zstandard frame, little endian. Frozen. */
export const ZSTD_MAGIC = 0xfd2fb528;
/** A Snappy block with a larger plain size is not looked for: noise announces such sizes all the time. */
const SNAPPY_PLAIN_BYTES_MAX = 4 << 20;

/** End of the Zstandard frame that begins at `start`, or −1 when it is none or not whole before `limit`. */
export function zstdExtent(bytes: Uint8Array, start: number, limit: number): number {
  if (start + 5 > limit || readU32LE(bytes, start) !== ZSTD_MAGIC) return -1;
  const descriptor = bytes[start + 4] as number;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeCode = descriptor >>> 6;
  const sizeBytes = sizeCode === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeCode;
  let offset = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let isLast = false; !isLast;) {
    if (offset + 3 > limit) return -1;
    const header = readU16LE(bytes, offset) | ((bytes[offset + 2] as number) << 16);
    isLast = (header & 1) === 1;
    const type = (header >>> 1) & 3;
    if (type === 3) return -1;
    // A repeated byte is stored once.
    offset += 3 + (type === 1 ? 1 : header >>> 3);
  }
  if ((descriptor & 4) !== 0) offset += 4;
  return offset <= limit ? offset : -1;
}

/** End of the Snappy block that begins at `start`, or −1 when there is none that fits before `limit`. */
export function snappyExtent(bytes: Uint8Array, start: number, limit: number): number {
  const plainBytes = readUvarint(bytes, start, limit);
  if (plainBytes <= 0 || plainBytes > SNAPPY_PLAIN_BYTES_MAX) return -1;
  let offset = start + uvarintSize();
  let produced = 0;
  while (produced < plainBytes) {
    if (offset >= limit) return -1;
    const tag = bytes[offset] as number;
    const kind = tag & 3;
    if (kind !== 0) {
      // A block cannot begin with a copy: there is nothing yet to copy from.
      if (produced === 0) return -1;
      produced += kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
      offset += kind === 1 ? 2 : kind === 2 ? 3 : 5;
      continue;
    }
    let length = (tag >>> 2) + 1;
    offset++;
    if (length > 60) {
      const lengthBytes = length - 60;
      if (offset + lengthBytes > limit) return -1;
      length = 1;
      for (let i = 0; i < lengthBytes; i++) length += (bytes[offset + i] as number) * 2 ** (8 * i);
      offset += lengthBytes;
    }
    // A plain block begins with two zero bytes, the overlap of its base key.
    if (produced === 0 && bytes[offset] !== 0) return -1;
    produced += length;
    offset += length;
  }
  return produced === plainBytes && offset <= limit ? offset : -1;
}
