/**
 * Record of a log file (write-ahead log and value log).
 *
 *     | meta u8 | userMeta u8 | key length uvarint | value length uvarint | expiresAt uvarint |
 *     | internal key | value | CRC-32C u32 BE over all of the above, as stored |
 *
 * The key length counts the version suffix. Records follow each other without padding. In encrypted
 * files key and value are cipher text (encryption.ts); the checksum covers that. Frozen.
 *
 * Functions here run once per write or per replayed record: no allocation. A target may be backed
 * by a SharedArrayBuffer.
 */

import { crc32c } from "./crc32c.ts";
import { readU32BE, writeU32BE } from "./integers.ts";
import { readVersionSuffix, VERSION_SUFFIX_SIZE, writeVersionSuffix } from "./internal-key.ts";
import { META_TRANSACTION_END, readExpiry } from "./stored-value.ts";
import {
  readUvarint,
  UVARINT_MALFORMED,
  uvarintLength,
  uvarintSize,
  writeUvarint,
} from "./varint.ts";

const CRC_SIZE = 4;
/** Longest internal key the reader accepts. Frozen. */
export const LOG_KEY_LENGTH_MAX = 65_536;
/** Longest header part: two bytes, two lengths below 2^32, one u64. */
export const LOG_RECORD_HEADER_MAX = 22;
/** Most bytes a record needs beyond user key and value. */
export const LOG_RECORD_OVERHEAD_MAX = LOG_RECORD_HEADER_MAX + VERSION_SUFFIX_SIZE + CRC_SIZE;

/** The key of end markers: ASCII `!badger!txn`. Frozen. */
const TRANSACTION_END_KEY = new Uint8Array([
  0x21, 0x62, 0x61, 0x64, 0x67, 0x65, 0x72, 0x21, 0x74, 0x78, 0x6e,
]);

/** The meta bits of the record at `offset`; they are never encrypted. */
export function metaOfRecord(bytes: Uint8Array, offset: number): number {
  return bytes[offset] as number;
}

/** Length of a whole record, checksum included. */
export function logRecordLength(
  userKeyLength: number,
  valueLength: number,
  expiresAt: number,
): number {
  const keyLength = userKeyLength + VERSION_SUFFIX_SIZE;
  return (
    2 +
    uvarintLength(keyLength) +
    uvarintLength(valueLength) +
    uvarintLength(expiresAt) +
    keyLength +
    valueLength +
    CRC_SIZE
  );
}

/** The value's length in a record of `recordLength` bytes: the inverse of `logRecordLength`. */
export function valueLengthOfRecord(
  recordLength: number,
  userKeyLength: number,
  expiresAt: number,
): number {
  // The value's own length field takes 1 byte of an empty value's record; each further one is a step down.
  const rest = recordLength - logRecordLength(userKeyLength, 0, expiresAt);
  let length = rest;
  while (length > 0 && length + uvarintLength(length) - 1 > rest) length--;
  return Math.max(0, length);
}

/** Writes a record, checksum included, and returns the offset behind it. */
export function writeLogRecord(
  target: Uint8Array,
  offset: number,
  meta: number,
  userMeta: number,
  expiresAt: number,
  key: Uint8Array,
  version: number,
  value: Uint8Array,
): number {
  const keyLength = key.length;
  target[offset] = meta;
  target[offset + 1] = userMeta;
  let position = writeUvarint(target, offset + 2, keyLength + VERSION_SUFFIX_SIZE);
  position = writeUvarint(target, position, value.length);
  position = writeUvarint(target, position, expiresAt);
  position = copyInto(target, position, key);
  writeVersionSuffix(target, position, version);
  position = copyInto(target, position + VERSION_SUFFIX_SIZE, value);
  writeU32BE(target, position, crc32c(target, offset, position));
  return position + CRC_SIZE;
}

/** Up to this length a byte loop beats the call into `TypedArray.prototype.set`. */
const COPY_LOOP_MAX = 32;

function copyInto(target: Uint8Array, offset: number, source: Uint8Array): number {
  const length = source.length;
  if (length > COPY_LOOP_MAX) target.set(source, offset);
  else for (let i = 0; i < length; i++) target[offset + i] = source[i] as number;
  return offset + length;
}

/** Length of the end marker of a transaction committed at `version`. */
export function transactionEndLength(version: number): number {
  return logRecordLength(TRANSACTION_END_KEY.length, decimalLength(version), 0);
}

/** Writes the end marker, whose value is the version in decimal digits; returns the offset behind it. */
export function writeTransactionEnd(target: Uint8Array, offset: number, version: number): number {
  const digits = decimalLength(version);
  target[offset] = META_TRANSACTION_END;
  target[offset + 1] = 0;
  target[offset + 2] = TRANSACTION_END_KEY.length + VERSION_SUFFIX_SIZE;
  target[offset + 3] = digits;
  target[offset + 4] = 0;
  let position = copyInto(target, offset + 5, TRANSACTION_END_KEY);
  writeVersionSuffix(target, position, version);
  position += VERSION_SUFFIX_SIZE;
  let rest = version;
  for (let i = position + digits - 1; i >= position; i--) {
    const tens = Math.floor(rest / 10);
    target[i] = 0x30 + (rest - tens * 10);
    rest = tens;
  }
  position += digits;
  writeU32BE(target, position, crc32c(target, offset, position));
  return position + CRC_SIZE;
}

function decimalLength(version: number): number {
  let length = 1;
  for (let limit = 10; version >= limit; limit *= 10) length++;
  return length;
}

/**
 * What `LogRecordView.check` found. `end`: the log ends here (cut short, zeros, or a checksum that
 * does not match). `malformed`: bytes that no torn write leaves; opening must fail.
 */
export type LogRecordStatus = "ok" | "end" | "malformed";

/** One record of a log, decoded in place; reusable. Positions are absolute in the bytes given. */
export class LogRecordView {
  meta = 0;
  userMeta = 0;
  /** Unix seconds, 0 = never. */
  expiresAt = 0;
  keyOffset = 0;
  /** Length of the user key. */
  keyLength = 0;
  version = 0;
  valueOffset = 0;
  valueLength = 0;
  /** Offset behind the checksum: where the next record starts. */
  end = 0;

  /**
   * Decodes a record known to be good, without looking at the checksum. False, with the fields
   * undefined, when it does not fit before `limit`. Throws `ERR_UNSUPPORTED_FORMAT` for a version
   * beyond 2^53 − 1.
   */
  decode(bytes: Uint8Array, offset: number, limit: number): boolean {
    if (this.#decodeHeader(bytes, offset, limit) !== "ok") return false;
    if (this.keyLength < 0) return false;
    this.version = readVersionSuffix(bytes, this.keyOffset + this.keyLength);
    return true;
  }

  /** Decodes and validates a record that may be torn or damaged. Throws as `decode` does. */
  check(bytes: Uint8Array, offset: number, limit: number): LogRecordStatus {
    const status = this.checkStored(bytes, offset, limit);
    if (status === "ok") this.version = readVersionSuffix(bytes, this.keyOffset + this.keyLength);
    return status;
  }

  /** Like `check` for a record whose key and value may be cipher text: `version` is left alone. */
  checkStored(bytes: Uint8Array, offset: number, limit: number): LogRecordStatus {
    const status = this.#decodeHeader(bytes, offset, limit);
    if (status !== "ok") return status;
    const crcOffset = this.end - CRC_SIZE;
    if (crc32c(bytes, offset, crcOffset) !== readU32BE(bytes, crcOffset)) return "end";
    if (this.keyLength >= 0) return "ok";
    // An empty key ends the log; a key too short for its version suffix crashes Badger.
    return this.keyLength === -VERSION_SUFFIX_SIZE ? "end" : "malformed";
  }

  /**
   * Where the bytes at `offset` say that their record ends, whatever its checksum: `"beyond"` when that is
   * behind `limit`, or the header is; `"nonsense"` when no record begins like this.
   */
  extentOf(bytes: Uint8Array, offset: number, limit: number): number | "beyond" | "nonsense" {
    let position = offset + 2;
    const lengths: number[] = [];
    // Key length, value length, expiry.
    for (let field = 0; field < 3; field++) {
      if (position >= limit) return "beyond";
      const value =
        field < 2 ? readUvarint(bytes, position, limit) : readExpiry(bytes, position, limit);
      if (value === UVARINT_MALFORMED) return "nonsense";
      if (value < 0) return "beyond";
      lengths.push(value);
      position += uvarintSize();
    }
    const [keyLength = 0, valueLength = 0] = lengths;
    if (keyLength <= VERSION_SUFFIX_SIZE || keyLength > LOG_KEY_LENGTH_MAX) return "nonsense";
    const end = position + keyLength + valueLength + CRC_SIZE;
    return end > limit ? "beyond" : end;
  }

  #decodeHeader(bytes: Uint8Array, offset: number, limit: number): LogRecordStatus {
    if (offset + 5 > limit) return "end";
    this.meta = bytes[offset] as number;
    this.userMeta = bytes[offset + 1] as number;
    let position = offset + 2;
    const keyLength = readUvarint(bytes, position, limit);
    if (keyLength < 0) return keyLength === UVARINT_MALFORMED ? "malformed" : "end";
    position += uvarintSize();
    const valueLength = readUvarint(bytes, position, limit);
    if (valueLength < 0) return valueLength === UVARINT_MALFORMED ? "malformed" : "end";
    position += uvarintSize();
    const expiresAt = readExpiry(bytes, position, limit);
    if (expiresAt < 0) return expiresAt === UVARINT_MALFORMED ? "malformed" : "end";
    position += uvarintSize();
    // Lengths are below 2^53, so the comparison with what is left is exact.
    if (keyLength > LOG_KEY_LENGTH_MAX) return "end";
    if (keyLength + valueLength > limit - position - CRC_SIZE) return "end";
    this.expiresAt = expiresAt;
    this.keyOffset = position;
    this.keyLength = keyLength - VERSION_SUFFIX_SIZE;
    this.valueOffset = position + keyLength;
    this.valueLength = valueLength;
    this.end = position + keyLength + valueLength + CRC_SIZE;
    return "ok";
  }
}
