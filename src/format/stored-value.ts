/**
 * Stored value: what follows an internal key in a table or memtable.
 *
 *     | meta u8 | userMeta u8 | expiresAt uvarint | value … |
 *
 * `expiresAt` is in unix seconds, 0 = never. There is no length: the container delimits it. Meta is
 * a set of bits; test bits, never compare it for equality (committed sets carry 0x40 into tables).
 * Frozen.
 */

import { readUvarint, UVARINT_TOO_LARGE, uvarintLength, writeUvarint } from "./varint.ts";

/** Delete marker; the value is empty. */
export const META_DELETE = 0x01;
/** The value bytes are a value pointer (value-pointer.ts). */
export const META_POINTER = 0x02;
/** Versions of this key older than this one may be dropped. */
export const META_DISCARD_EARLIER = 0x04;
/** Written by a merge operator; compaction neither drops it nor counts it as a version. */
export const META_MERGE = 0x08;
/** The record belongs to a transaction whose group ends with an end marker; carried into tables. */
export const META_IN_TRANSACTION = 0x40;
/** End marker of a transaction; only in write-ahead logs. */
export const META_TRANSACTION_END = 0x80;

/** True when readers must treat the entry as absent at `nowSeconds` (unix seconds). */
export function isDeletedOrExpired(meta: number, expiresAt: number, nowSeconds: number): boolean {
  return (meta & META_DELETE) !== 0 || (expiresAt !== 0 && expiresAt <= nowSeconds);
}

/** Encoded size of a stored value. */
export function storedValueLength(expiresAt: number, valueLength: number): number {
  return 2 + uvarintLength(expiresAt) + valueLength;
}

/** Writes everything before the value and returns the offset at which the value goes. */
export function writeStoredValueHeader(
  target: Uint8Array,
  offset: number,
  meta: number,
  userMeta: number,
  expiresAt: number,
): number {
  target[offset] = meta;
  target[offset + 1] = userMeta;
  return writeUvarint(target, offset + 2, expiresAt);
}

/**
 * Reads an `expiresAt` varint: its value, or -1 (truncated) or -2 (malformed). An expiry beyond
 * 2^53 − 1 seconds, which Badger can store, reads as 2^53 − 1: it never comes either.
 * `uvarintSize()` tells the bytes taken.
 */
export function readExpiry(bytes: Uint8Array, offset: number, limit: number): number {
  const expiresAt = readUvarint(bytes, offset, limit);
  return expiresAt === UVARINT_TOO_LARGE ? Number.MAX_SAFE_INTEGER : expiresAt;
}
