/**
 * Records with a length and a checksum in front, as `MANIFEST` and `KEYREGISTRY` have them:
 *
 *     | payload length u32 BE | CRC-32C of the payload u32 BE | payload |
 *
 * Read to the end whatever lies between: after damage the next offset is sought at which length and
 * checksum agree. A chance agreement is one in four thousand million.
 */

import { crc32c } from "../format/crc32c.ts";
import { readU32BE } from "../format/integers.ts";

const FRAME_BYTES = 8;

export interface FramedRecord {
  /** Where the frame begins; the payload is `[start, end)`. */
  readonly offset: number;
  readonly start: number;
  readonly end: number;
}

export interface FramedRecords {
  readonly records: readonly FramedRecord[];
  /** Stretches that are no record; the last may reach to the end of the bytes. */
  readonly gaps: readonly { readonly start: number; readonly end: number }[];
}

/** All whole, non-empty records of `bytes[from, …)`. */
export function readFramedRecords(bytes: Uint8Array, from: number): FramedRecords {
  const records: FramedRecord[] = [];
  const gaps: { start: number; end: number }[] = [];
  let offset = from;
  let gapStart = -1;
  while (offset < bytes.length) {
    const end = recordEnd(bytes, offset);
    if (end < 0) {
      if (gapStart < 0) gapStart = offset;
      offset++;
      continue;
    }
    if (gapStart >= 0) gaps.push({ start: gapStart, end: offset });
    gapStart = -1;
    records.push({ offset, start: offset + FRAME_BYTES, end });
    offset = end;
  }
  if (gapStart >= 0) gaps.push({ start: gapStart, end: bytes.length });
  return { records, gaps };
}

/** Where the whole record at `offset` ends, or −1. Eight zeros would be an empty record: they say nothing. */
function recordEnd(bytes: Uint8Array, offset: number): number {
  if (offset + FRAME_BYTES >= bytes.length) return -1;
  const length = readU32BE(bytes, offset);
  const start = offset + FRAME_BYTES;
  if (length === 0 || length > bytes.length - start) return -1;
  return crc32c(bytes, start, start + length) === readU32BE(bytes, offset + 4)
    ? start + length
    : -1;
}
