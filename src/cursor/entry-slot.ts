/**
 * `EntrySlot`: the reusable answer of a point read. A reader fills it, the caller copies out what it
 * keeps. One slot serves any number of reads, so a point read allocates nothing.
 *
 * The value is a slice of a shared buffer (block cache, memtable arena) and is valid until the next
 * read through the same database.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";

export class EntrySlot {
  version = 0;
  /** Badger meta bits (format/stored-value.ts). */
  meta = 0;
  userMeta = 0;
  /** Unix seconds, 0 = never. */
  expiresAt = 0;
  /** Value bytes, or a 12-byte value pointer when `meta` has the pointer bit. */
  valueBytes: Uint8Array = EMPTY_BYTES;
  valueOffset = 0;
  valueLength = 0;
}
