/**
 * The memtable's storage, as plain shared buffers: an arena and one row of typed-array columns per
 * entry. Crosses threads as is (SharedArrayBuffer passes by reference), so a flush worker reads it in
 * place.
 *
 * The arena is the write-ahead log's image, byte for byte: arena offset = file offset, the 20-byte log
 * header included. An entry is therefore encoded once, checksummed once, written from where it lies,
 * and a replay is one read of the file. Records are never moved or changed after they were written.
 *
 * Only the main thread writes; a frozen table is read by any thread.
 */

import { compareRange } from "../base/bytes.ts";
import { readVersionSuffix, VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";

export interface EntryTable {
  readonly arena: Uint8Array;
  /** Offset of each entry's log record in the arena. */
  readonly recordOffsets: Uint32Array;
  /** Offset and length of each entry's user key; the 8-byte version suffix follows the key. */
  readonly keyOffsets: Uint32Array;
  readonly keyLengths: Uint16Array;
  /** Hash of the user key (format/bloom-hash.ts), kept for the index and the bloom filter. */
  readonly keyHashes: Uint32Array;
  /** 1 where a later record has the same key and version: the entry is dead. */
  readonly replaced: Uint8Array;
  /** Entries in the columns. */
  readonly count: number;
}

export function versionOf(table: EntryTable, entry: number): number {
  return readVersionSuffix(
    table.arena,
    (table.keyOffsets[entry] as number) + (table.keyLengths[entry] as number),
  );
}

/** Internal-key order of two entries; equal internal keys: the later record first. */
export function compareEntries(table: EntryTable, a: number, b: number): number {
  const aStart = table.keyOffsets[a] as number;
  const bStart = table.keyOffsets[b] as number;
  const aLength = table.keyLengths[a] as number;
  const bLength = table.keyLengths[b] as number;
  const byKey = compareRange(table.arena, aStart, aLength, table.arena, bStart, bLength);
  if (byKey !== 0) return byKey;
  // The suffix is the inverted version: plain byte order puts newer first.
  const bySuffix = compareRange(
    table.arena,
    aStart + aLength,
    VERSION_SUFFIX_SIZE,
    table.arena,
    bStart + bLength,
    VERSION_SUFFIX_SIZE,
  );
  return bySuffix !== 0 ? bySuffix : b - a;
}

/** Order of an entry against (key, version); a version of Infinity sorts before every entry of the key. */
export function compareEntryWith(
  table: EntryTable,
  entry: number,
  key: Uint8Array,
  version: number,
): number {
  const byKey = compareRange(
    table.arena,
    table.keyOffsets[entry] as number,
    table.keyLengths[entry] as number,
    key,
    0,
    key.length,
  );
  if (byKey !== 0) return byKey;
  const own = versionOf(table, entry);
  return own === version ? 0 : own > version ? -1 : 1;
}
