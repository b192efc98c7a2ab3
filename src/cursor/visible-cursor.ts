/**
 * What a snapshot sees of a merged cursor, inside bounds: for each user key the newest version ≤ the
 * read version, unless that is a delete marker or has expired. With `allVersions` every version
 * ≤ the read version, newest first (oldest first in reverse), markers included; only superseded
 * versions whose value-log file was collected are passed over. Badger leaves such ones behind: its
 * collection writes a version again on top, and what is below comes to light when that copy is dropped.
 *
 * Walks in one direction, chosen at construction; `seek` may be called at any time. The current entry
 * is a slice of the inner cursor's buffers, except in reverse, where the candidate has to be copied
 * because the inner cursor walks past it to find out that it was the newest.
 */

import { compareRange, EMPTY_BYTES } from "../base/bytes.ts";
import { copyBytes } from "../base/copy-bytes.ts";
import { VERSION_MAX } from "../base/ids.ts";
import { isDeletedOrExpired, META_POINTER } from "../format/stored-value.ts";
import type { EntryCursor } from "./cursor.ts";

export interface Visibility {
  readonly readVersion: number;
  /** Only versions strictly greater; −1 for all. */
  readonly since: number;
  readonly allVersions: boolean;
  readonly nowSeconds: number;
  readonly reverse: boolean;
  /** Inclusive lower and exclusive upper bound; absent = open. */
  readonly lower: Uint8Array | undefined;
  readonly upper: Uint8Array | undefined;
  /** Leave out keys that belong to the engine (`!badger!…`). */
  readonly hidden: Uint8Array;
  /** Whether the value-log file that the pointer at `offset` names is gone; absent = never asked. */
  readonly isCollected?: (bytes: Uint8Array, offset: number) => boolean;
}

/** A walk is wasteful when it passes over so many ended keys … */
const WASTED_MIN = 1000;
/** … and over so many for each entry it shows. */
const WASTED_PER_SHOWN = 4;

export class VisibleCursor {
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
  readonly #inner: EntryCursor;
  readonly #options: Visibility;
  /** The user key last decided on: further versions of it are passed over. */
  #lastKey = new Uint8Array(64);
  #lastLength = -1;
  #copy = new Uint8Array(256);
  /** Entries shown, and keys passed over because they have ended. */
  #shown = 0;
  #ended = 0;
  #firstEnded: Uint8Array = EMPTY_BYTES;

  constructor(inner: EntryCursor, options: Visibility) {
    this.#inner = inner;
    this.#options = options;
  }

  /** To the first entry in walking direction. */
  seekToStart(): void {
    const { reverse, lower, upper } = this.#options;
    this.#lastLength = -1;
    if (!reverse) {
      if (lower === undefined) this.#inner.seekToFirst();
      else this.#inner.seek(lower, Number.POSITIVE_INFINITY);
      this.#advance();
    } else {
      if (upper === undefined) this.#inner.seekToLast();
      else this.#inner.seekBefore(upper, Number.POSITIVE_INFINITY);
      this.#retreat();
    }
  }

  /** To the first entry at or after `key` in walking direction, clamped to the bounds. */
  seek(key: Uint8Array): void {
    const { reverse, lower, upper } = this.#options;
    this.#lastLength = -1;
    if (!reverse) {
      const from = lower !== undefined && before(key, lower) ? lower : key;
      this.#inner.seek(from, Number.POSITIVE_INFINITY);
      this.#advance();
    } else if (upper !== undefined && !before(key, upper)) {
      this.seekToStart();
    } else {
      this.#inner.seekBefore(key, -1);
      this.#retreat();
    }
  }

  next(): void {
    if (this.#options.reverse) {
      this.#retreat();
    } else {
      this.#inner.next();
      this.#advance();
    }
  }

  close(): void {
    this.valid = false;
    this.#inner.close();
  }

  /** Where the walk had to pass over many deleted or expired keys for few that it showed. */
  wastedSpan(): { smallestKey: Uint8Array; largestKey: Uint8Array } | undefined {
    if (this.#ended < WASTED_MIN || this.#ended < this.#shown * WASTED_PER_SHOWN) return undefined;
    const first = this.#firstEnded;
    const last = this.#lastKey.slice(0, this.#lastLength);
    return before(last, first)
      ? { smallestKey: last, largestKey: first }
      : { smallestKey: first, largestKey: last };
  }

  #passEnded(): void {
    if (this.#ended++ === 0) this.#firstEnded = this.#lastKey.slice(0, this.#lastLength);
  }

  /** Forward: from the inner cursor's position to the next visible entry. */
  #advance(): void {
    const inner = this.#inner;
    const { readVersion, since, allVersions, nowSeconds, upper } = this.#options;
    while (inner.valid) {
      if (
        upper !== undefined &&
        compareRange(inner.keyBytes, inner.keyOffset, inner.keyLength, upper, 0, upper.length) >= 0
      ) {
        break;
      }
      if (isAbove(inner.version, readVersion) || this.#isHidden()) {
        inner.next();
        continue;
      }
      if (allVersions) {
        const isSuperseded = this.#isLastKey();
        if (!isSuperseded) this.#rememberKey();
        if (inner.version > since && !(isSuperseded && this.#isCollected(inner))) {
          return this.#show();
        }
        inner.next();
        continue;
      }
      if (this.#isLastKey()) {
        inner.next();
        continue;
      }
      this.#rememberKey();
      if (inner.version > since && !isDeletedOrExpired(inner.meta, inner.expiresAt, nowSeconds)) {
        return this.#show();
      }
      if (since < 0) this.#passEnded();
      inner.next();
    }
    this.valid = false;
  }

  /**
   * Reverse: versions of a key come oldest first, so the newest visible one is the last before the key
   * changes. Leaves the inner cursor on the first entry of the next smaller key.
   */
  #retreat(): void {
    const inner = this.#inner;
    const { readVersion, since, allVersions, nowSeconds, lower } = this.#options;
    while (inner.valid) {
      if (
        lower !== undefined &&
        compareRange(inner.keyBytes, inner.keyOffset, inner.keyLength, lower, 0, lower.length) < 0
      ) {
        break;
      }
      if (isAbove(inner.version, readVersion) || this.#isHidden()) {
        inner.prev();
        continue;
      }
      if (allVersions) {
        const wanted = inner.version > since;
        if (wanted) this.#keep();
        const isDoubtful = wanted && this.#isCollected(inner);
        if (isDoubtful) this.#rememberKey();
        inner.prev();
        if (wanted && !(isDoubtful && this.#isSupersededBehind())) return;
        continue;
      }
      this.#rememberKey();
      // To the key's very end: behind commits newer than the snapshot an own write may follow.
      do {
        if (!isAbove(inner.version, readVersion)) this.#keep();
        inner.prev();
      } while (inner.valid && this.#isLastKey());
      if (this.version > since && !isDeletedOrExpired(this.meta, this.expiresAt, nowSeconds)) {
        this.#shown++;
        return;
      }
      if (since < 0) this.#passEnded();
    }
    this.valid = false;
  }

  /** In reverse: whether a newer visible version of the remembered key follows. */
  #isSupersededBehind(): boolean {
    const inner = this.#inner;
    while (inner.valid && isAbove(inner.version, this.#options.readVersion)) inner.prev();
    return inner.valid && this.#isLastKey();
  }

  #isCollected({ meta, valueBytes, valueOffset }: EntryCursor): boolean {
    if ((meta & META_POINTER) === 0) return false;
    return this.#options.isCollected?.(valueBytes, valueOffset) ?? false;
  }

  #isHidden(): boolean {
    const { hidden } = this.#options;
    const inner = this.#inner;
    if (hidden.length === 0 || inner.keyLength < hidden.length) return false;
    if (inner.keyBytes[inner.keyOffset] !== hidden[0]) return false;
    return (
      compareRange(inner.keyBytes, inner.keyOffset, hidden.length, hidden, 0, hidden.length) === 0
    );
  }

  #isLastKey(): boolean {
    const inner = this.#inner;
    if (inner.keyLength !== this.#lastLength) return false;
    const bytes = inner.keyBytes;
    const offset = inner.keyOffset;
    const last = this.#lastKey;
    // Two keys in a row differ late if at all: compare from the end.
    for (let i = this.#lastLength - 1; i >= 0; i--) {
      if (bytes[offset + i] !== last[i]) return false;
    }
    return true;
  }

  #rememberKey(): void {
    const inner = this.#inner;
    const length = inner.keyLength;
    if (length > this.#lastKey.length) this.#lastKey = new Uint8Array(length * 2);
    copyBytes(inner.keyBytes, inner.keyOffset, this.#lastKey, 0, length);
    this.#lastLength = length;
  }

  #show(): void {
    const inner = this.#inner;
    this.#shown++;
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
  }

  /** Copies the inner cursor's entry, which is about to move away. */
  #keep(): void {
    const inner = this.#inner;
    const need = inner.keyLength + inner.valueLength;
    if (need > this.#copy.length) this.#copy = new Uint8Array(need * 2);
    copyBytes(inner.keyBytes, inner.keyOffset, this.#copy, 0, inner.keyLength);
    copyBytes(inner.valueBytes, inner.valueOffset, this.#copy, inner.keyLength, inner.valueLength);
    this.valid = true;
    this.keyBytes = this.#copy;
    this.keyOffset = 0;
    this.keyLength = inner.keyLength;
    this.version = inner.version;
    this.meta = inner.meta;
    this.userMeta = inner.userMeta;
    this.expiresAt = inner.expiresAt;
    this.valueBytes = this.#copy;
    this.valueOffset = inner.keyLength;
    this.valueLength = inner.valueLength;
  }
}

/** Invisible: committed after the snapshot. Own writes of a transaction are marked by the largest version. */
function isAbove(version: number, readVersion: number): boolean {
  return version > readVersion && version !== VERSION_MAX;
}

function before(a: Uint8Array, b: Uint8Array): boolean {
  return compareRange(a, 0, a.length, b, 0, b.length) < 0;
}
