/**
 * The drop rules: what a compaction may leave out, as a forward cursor over a merged one. Per user
 * key, newest version first, with D = `discardVersion`:
 *
 *  1. Versions above D are kept: a snapshot may need them or what is below them.
 *  2. Live merge entries are kept and not counted as versions.
 *  3. Of the others, counted from the newest: the first that carries discard-earlier, or is the
 *     `versionsToKeep`-th (0 = no limit), or is deleted or expired, is the last. Everything older is
 *     dropped; live merge entries only below a delete, an expiry or discard-earlier, because a merge
 *     read looks through a mere count.
 *  4. If that last one is deleted or expired and no older version of its key can exist elsewhere
 *     (older-ranges.ts), it is dropped too (I4). Otherwise it stays, an expired entry as a bare delete
 *     marker, so that its value need not be kept.
 *
 * The visible state at every read version ≥ D is the same before and after. Reads at versions below
 * `thinnedVersion` are not answered any more. Nothing is allocated per entry.
 */

import { assert } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import {
  isDeletedOrExpired,
  META_DELETE,
  META_DISCARD_EARLIER,
  META_MERGE,
  META_POINTER,
} from "../format/stored-value.ts";
import { pointerFile, pointerLength } from "../format/value-pointer.ts";

export interface DropRules {
  /** D: of the versions at or below, only the newest can still be read. */
  readonly discardVersion: Version;
  /** Versions of a key to keep although no snapshot needs them; 0 keeps all. */
  readonly versionsToKeep: number;
  readonly nowSeconds: number;
  /** Whether an older version of this key may exist outside the merged cursor. Called with keys ascending. */
  readonly mayHaveOlder: (bytes: Uint8Array, offset: number, length: number) => boolean;
}

export class DropCursor implements EntryCursor {
  valid = false;
  keyBytes: Uint8Array = EMPTY_BYTES;
  keyOffset = 0;
  keyLength = 0;
  version = 0;
  meta = 0;
  userMeta = 0;
  expiresAt = 0;
  valueBytes: Uint8Array = EMPTY_BYTES;
  valueOffset = 0;
  valueLength = 0;

  /** The entry is the first kept one of its user key: a table may be closed before it. */
  startsKey = false;
  /** The entry is kept only for a snapshot, or as a marker: later compactions can drop it. */
  stale = false;

  entriesIn = 0;
  entriesOut = 0;
  /** The largest version that superseded something dropped; 0 when nothing was. */
  thinnedVersion: Version = 0;
  /**
   * The newest delete marker or expired entry that went without leaving anything behind; 0 when none
   * did. What happened to its key since an older backup can no longer be told.
   */
  droppedEndVersion: Version = 0;
  /** Value-log record bytes that dropped entries pointed to, by file. */
  readonly discardedBytes = new Map<FileNumber, number>();

  readonly #inner: EntryCursor;
  readonly #rules: DropRules;
  /** The user key being decided on. */
  #key = new Uint8Array(64);
  #keyLength = -1;
  #keyShown = false;
  /** Versions counted by rule 3. */
  #counted = 0;
  /** Versions that are no live merge entries, above D included. */
  #seen = 0;
  /** A delete, expiry or discard-earlier was seen, above D included. */
  #sawEnd = false;
  /** Rule 3 has found the last version of the key; its version, and whether merge entries end too. */
  #isCut = false;
  #cutVersion = 0;
  #cutsMerges = false;

  constructor(inner: EntryCursor, rules: DropRules) {
    this.#inner = inner;
    this.#rules = rules;
  }

  /** To the first entry that stays. */
  seekToFirst(): void {
    this.#inner.seekToFirst();
    this.#begin();
  }

  /** To the first entry that stays at or after a user key. `version` must be Infinity: all versions count. */
  seek(key: Uint8Array, version: number): void {
    assert(version === Number.POSITIVE_INFINITY, "the rules need all versions of a key");
    this.#inner.seek(key, version);
    this.#begin();
  }

  next(): void {
    this.#inner.next();
    this.#advance();
  }

  seekToLast(): void {
    assert(false, "the drop rules run forward");
  }

  seekBefore(): void {
    assert(false, "the drop rules run forward");
  }

  prev(): void {
    assert(false, "the drop rules run forward");
  }

  close(): void {
    this.valid = false;
    this.#inner.close();
  }

  #begin(): void {
    this.#keyLength = -1;
    this.#advance();
  }

  /** From the inner cursor's position to the next entry that stays. */
  #advance(): void {
    const inner = this.#inner;
    for (; inner.valid; inner.next()) {
      this.entriesIn++;
      if (!this.#isSameKey()) this.#startKey();
      if (this.#decide()) return;
    }
    this.valid = false;
  }

  /** Applies the rules to the inner entry: shows it and returns true, or counts it as dropped. */
  #decide(): boolean {
    const { meta, expiresAt, version } = this.#inner;
    const { discardVersion, versionsToKeep, nowSeconds } = this.#rules;
    const isEnd = isDeletedOrExpired(meta, expiresAt, nowSeconds);
    const isLiveMerge = !isEnd && (meta & META_MERGE) !== 0;
    const endsHistory = isEnd || (!isLiveMerge && (meta & META_DISCARD_EARLIER) !== 0);
    if (this.#isCut && !(isLiveMerge && !this.#cutsMerges)) {
      if (endsHistory) this.#cutsMerges = true;
      if (this.#cutVersion > this.thinnedVersion) this.thinnedVersion = this.#cutVersion;
      this.#discard();
      return false;
    }
    const stale = this.#isStale(isEnd, isLiveMerge);
    if (!isLiveMerge) this.#seen++;
    if (endsHistory) this.#sawEnd = true;
    if (version > discardVersion || isLiveMerge) return this.#show(stale);
    this.#counted++;
    if (endsHistory || this.#counted === versionsToKeep) {
      this.#isCut = true;
      this.#cutVersion = version;
      this.#cutsMerges = endsHistory;
    }
    if (!isEnd) return this.#show(stale);
    if (!this.#rules.mayHaveOlder(this.#key, 0, this.#keyLength)) {
      if (version > this.droppedEndVersion) this.droppedEndVersion = version;
      this.#discard();
      return false;
    }
    return this.#showMarker();
  }

  #isStale(isEnd: boolean, isLiveMerge: boolean): boolean {
    if (isEnd || this.#sawEnd) return true;
    const { versionsToKeep } = this.#rules;
    return !isLiveMerge && versionsToKeep > 0 && this.#seen >= versionsToKeep;
  }

  #show(stale: boolean): true {
    const inner = this.#inner;
    this.valid = true;
    this.keyBytes = inner.keyBytes;
    this.keyOffset = inner.keyOffset;
    this.keyLength = inner.keyLength;
    this.version = inner.version;
    this.meta = inner.meta;
    this.userMeta = inner.userMeta;
    this.expiresAt = inner.expiresAt;
    this.valueBytes = inner.valueBytes;
    this.valueOffset = inner.valueOffset;
    this.valueLength = inner.valueLength;
    this.stale = stale;
    this.startsKey = !this.#keyShown;
    this.#keyShown = true;
    this.entriesOut++;
    return true;
  }

  /** Shows a deleted or expired entry as a bare delete marker; a value it pointed to is not needed any more. */
  #showMarker(): true {
    const { meta } = this.#inner;
    this.#discard();
    this.#show(true);
    this.meta = (meta & ~(META_POINTER | META_MERGE | META_DISCARD_EARLIER)) | META_DELETE;
    this.expiresAt = 0;
    this.valueLength = 0;
    return true;
  }

  /** Counts the value-log bytes that the inner entry kept alive. */
  #discard(): void {
    const { meta, valueBytes, valueOffset } = this.#inner;
    if ((meta & META_POINTER) === 0) return;
    const file = pointerFile(valueBytes, valueOffset);
    const bytes = pointerLength(valueBytes, valueOffset);
    this.discardedBytes.set(file, (this.discardedBytes.get(file) ?? 0) + bytes);
  }

  #isSameKey(): boolean {
    const inner = this.#inner;
    const length = this.#keyLength;
    if (inner.keyLength !== length) return false;
    const bytes = inner.keyBytes;
    const offset = inner.keyOffset;
    const key = this.#key;
    // Neighbouring keys differ late if at all: compare from the end.
    for (let i = length - 1; i >= 0; i--) {
      if (bytes[offset + i] !== key[i]) return false;
    }
    return true;
  }

  #startKey(): void {
    const inner = this.#inner;
    const length = inner.keyLength;
    if (length > this.#key.length) this.#key = new Uint8Array(length * 2);
    const key = this.#key;
    const bytes = inner.keyBytes;
    const offset = inner.keyOffset;
    for (let i = 0; i < length; i++) key[i] = bytes[offset + i] as number;
    this.#keyLength = length;
    this.#keyShown = false;
    this.#counted = 0;
    this.#seen = 0;
    this.#sawEnd = false;
    this.#isCut = false;
    this.#cutsMerges = false;
  }
}
