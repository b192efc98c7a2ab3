/**
 * The cursor contract: an ordered walk over versioned entries. Order is internal-key order: user key
 * ascending as unsigned bytes, then version descending (newest first).
 *
 * A cursor exposes its entry as slices of shared buffers, valid until the next call that moves or
 * closes it; nothing is allocated per entry. Fields are plain mutable properties because getters
 * through an interface cost more than the work behind them. Synchronous, single thread.
 */

export interface EntryCursor {
  /** Positioned on an entry. All other fields mean something only then. */
  valid: boolean;
  /** User key (no version suffix): `keyBytes[keyOffset … keyOffset + keyLength)`. */
  keyBytes: Uint8Array;
  keyOffset: number;
  keyLength: number;
  version: number;
  /** Badger meta bits (format/stored-value.ts). */
  meta: number;
  userMeta: number;
  /** Unix seconds, 0 = never. */
  expiresAt: number;
  /** Value bytes, or a 12-byte value pointer when `meta` has the pointer bit. */
  valueBytes: Uint8Array;
  valueOffset: number;
  valueLength: number;

  seekToFirst(): void;
  seekToLast(): void;
  /** To the first entry at or after (key, version): same key with a version ≤ `version`, else a larger key. */
  seek(key: Uint8Array, version: number): void;
  /**
   * To the last entry strictly before (key, version). `seekBefore(key, Infinity)` finds the last entry
   * with a smaller user key, `seekBefore(key, -1)` the last one with a user key ≤ `key`.
   */
  seekBefore(key: Uint8Array, version: number): void;
  /** One entry on; becomes invalid after the last. Must be valid. */
  next(): void;
  /** One entry back; becomes invalid before the first. Must be valid. */
  prev(): void;
  /** Releases what the cursor holds. Idempotent. */
  close(): void;
}
