/**
 * Finds the whole records of a log, also behind damage: where the bytes do not go on as a log does, the
 * next offset is sought at which a record with a right checksum begins. The content of keys and values
 * is not looked at, so it does not matter whether they are encrypted.
 */

import { readU64BE } from "../format/integers.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LOG_KEY_LENGTH_MAX, LogRecordView } from "../format/log-record.ts";
import { META_IN_TRANSACTION, META_TRANSACTION_END, readExpiry } from "../format/stored-value.ts";
import { readUvarint, uvarintSize } from "../format/varint.ts";
import { hasZeroSector } from "../format/zero-sector.ts";

/** Bytes `[start, end)` of a log that are no record. */
export interface RecordGap {
  readonly start: number;
  readonly end: number;
}

export interface FoundRecords {
  /** Where whole records begin, ascending. */
  readonly offsets: readonly number[];
  /** Stretches between records. */
  readonly gaps: readonly RecordGap[];
  /** What follows the last record, up to the zeros at the end of the file. */
  readonly tail: RecordGap | undefined;
  /** The tail is what an interrupted write leaves: it was never acknowledged. */
  readonly tailIsUnfinished: boolean;
}

/** A record with fewer bytes is found too easily by chance. */
const RECORD_BYTES_MIN = 16;
/** Behind damage, noise claims large records all the time; larger ones than this are not believed there. */
const SOUGHT_BYTES_MAX = 16 << 20;
const CRC_BYTES = 4;

/** All whole records of `bytes`, the content of a log file. */
export function findRecords(bytes: Uint8Array): FoundRecords {
  const view = new LogRecordView();
  const isPlain = bytes.length >= 8 && readU64BE(bytes, 0) === 0;
  const offsets: number[] = [];
  const gaps: RecordGap[] = [];
  let offset = LOG_HEADER_SIZE;
  while (offset < bytes.length) {
    if (view.checkStored(bytes, offset, bytes.length) === "ok") {
      offsets.push(offset);
      offset = view.end;
      continue;
    }
    const next = seekRecord(bytes, offset + 1, isPlain);
    if (next < 0) break;
    gaps.push({ start: offset, end: next });
    offset = next;
  }
  const end = endOfContent(bytes, Math.min(offset, bytes.length));
  const tail = end > offset ? { start: offset, end } : undefined;
  return {
    offsets,
    gaps,
    tail,
    tailIsUnfinished: tail !== undefined && isUnfinished(bytes, tail),
  };
}

/** The first whole record of `bytes` at or behind `from`, or −1. `isPlain`: keys are not encrypted. */
export function seekRecord(bytes: Uint8Array, from: number, isPlain: boolean): number {
  const view = new LogRecordView();
  for (let offset = from; offset + RECORD_BYTES_MIN <= bytes.length; offset++) {
    const meta = bytes[offset] as number;
    if ((meta & 0x30) !== 0 || (bytes[offset + 2] as number) <= 8) continue;
    if ((meta & META_TRANSACTION_END) !== 0 && (meta & META_IN_TRANSACTION) !== 0) continue;
    if (isPlain && !hasVersion(bytes, offset)) continue;
    const limit = Math.min(bytes.length, offset + SOUGHT_BYTES_MAX);
    if (view.checkStored(bytes, offset, limit) !== "ok") continue;
    if (view.end - offset >= RECORD_BYTES_MIN) return offset;
  }
  return -1;
}

/** Whether the key of a plain record would end with a version below 2^53: spares most checksums. */
function hasVersion(bytes: Uint8Array, offset: number): boolean {
  const keyLength = readUvarint(bytes, offset + 2, bytes.length);
  const key = claimedKey(bytes, offset);
  const suffix = key + keyLength - 8;
  if (key < 0 || keyLength <= 8 || suffix + 8 > bytes.length) return false;
  return bytes[suffix] === 0xff && ((bytes[suffix + 1] as number) & 0xe0) === 0xe0;
}

/** Where the key of the record at `offset` would begin; −1 when its header makes no sense. */
function claimedKey(bytes: Uint8Array, offset: number): number {
  let position = offset + 2;
  for (let field = 0; field < 3; field++) {
    const isExpiry = field === 2;
    const value = isExpiry
      ? readExpiry(bytes, position, bytes.length)
      : readUvarint(bytes, position, bytes.length);
    if (value < 0) return -1;
    position += uvarintSize();
  }
  return position;
}

/**
 * Whether an interrupted write explains the tail: the record it begins with was not written to its end,
 * or sectors of it never reached the disk and read as zeros. The file has `sizeBytes`; `bytes` may hold
 * less of it.
 */
export function isUnfinished(
  bytes: Uint8Array,
  { start, end }: RecordGap,
  sizeBytes = bytes.length,
): boolean {
  const claimed = claimedEnd(bytes, start);
  if (claimed < 0) return sizeBytes - start < RECORD_BYTES_MIN;
  // A checksum may end with zeros, which count as the end of the file's content.
  if (claimed > sizeBytes || claimed > end + CRC_BYTES) return true;
  return hasZeroSector(bytes, start, end);
}

/** Where the record at `offset` ends if its header is right, which nothing shows; −1 if it cannot be. */
export function claimedEnd(bytes: Uint8Array, offset: number): number {
  const key = claimedKey(bytes, offset);
  if (key < 0) return -1;
  const keyLength = readUvarint(bytes, offset + 2, bytes.length);
  const valueLength = readUvarint(bytes, offset + 2 + uvarintSize(), bytes.length);
  return keyLength > LOG_KEY_LENGTH_MAX ? -1 : key + keyLength + valueLength + CRC_BYTES;
}

/** Where the zeros begin that fill the file's end. */
function endOfContent(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}
