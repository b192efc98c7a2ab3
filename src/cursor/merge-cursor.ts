/**
 * Merges cursors into one, in internal-key order. Where two hold the same internal key the one given
 * earlier wins and the other's entry is passed over (Badger: the newer source shadows an identical
 * key written again by its value-log collection).
 *
 * The current entry is the inner cursor's own slice: fields are copied, bytes are not. With few inner
 * cursors (a handful of memtables and level-0 tables, one per deeper level) a linear pass over the
 * others beats a heap; on a run of entries from one source the cost is one comparison an entry,
 * against the runner-up.
 *
 * Changing direction repositions the other cursors, so it costs a seek each.
 */

import { assert } from "../base/assert.ts";
import { compareRange, EMPTY_BYTES } from "../base/bytes.ts";
import type { EntryCursor } from "./cursor.ts";

const NONE = -1;

export class MergeCursor implements EntryCursor {
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
  readonly #cursors: readonly EntryCursor[];
  /** Index of the cursor that holds the current entry, and of the best of the others. */
  #leader = NONE;
  #runnerUp = NONE;
  #forward = true;

  /** @param cursors in order of precedence, newest source first. Closed with this cursor. */
  constructor(cursors: readonly EntryCursor[]) {
    this.#cursors = cursors;
  }

  seekToFirst(): void {
    for (const cursor of this.#cursors) cursor.seekToFirst();
    this.#start(true);
  }

  seekToLast(): void {
    for (const cursor of this.#cursors) cursor.seekToLast();
    this.#start(false);
  }

  seek(key: Uint8Array, version: number): void {
    for (const cursor of this.#cursors) cursor.seek(key, version);
    this.#start(true);
  }

  seekBefore(key: Uint8Array, version: number): void {
    for (const cursor of this.#cursors) cursor.seekBefore(key, version);
    this.#start(false);
  }

  next(): void {
    assert(this.valid, "next() needs a position");
    if (!this.#forward) this.#turn(true);
    this.#step();
  }

  prev(): void {
    assert(this.valid, "prev() needs a position");
    if (this.#forward) this.#turn(false);
    this.#step();
  }

  close(): void {
    this.valid = false;
    for (const cursor of this.#cursors) cursor.close();
  }

  #start(forward: boolean): void {
    this.#forward = forward;
    this.#rank();
    this.#skipShadowed();
    this.#show();
  }

  /** Moves the leader on, re-ranks when it fell behind the runner-up, passes over shadowed twins. */
  #step(): void {
    const leader = this.#cursors[this.#leader] as EntryCursor;
    if (this.#forward) leader.next();
    else leader.prev();
    if (this.#runnerUp === NONE) {
      if (leader.valid) this.#show();
      else this.valid = false;
      return;
    }
    if (leader.valid) {
      const order = this.#compare(leader, this.#cursors[this.#runnerUp] as EntryCursor);
      if (order < 0) {
        this.#show();
        return;
      }
    }
    this.#rank();
    this.#skipShadowed();
    this.#show();
  }

  /** Finds leader and runner-up; ties go to the earlier cursor. */
  #rank(): void {
    const cursors = this.#cursors;
    let leader = NONE;
    let runnerUp = NONE;
    for (let i = 0; i < cursors.length; i++) {
      const cursor = cursors[i] as EntryCursor;
      if (!cursor.valid) continue;
      if (leader === NONE) leader = i;
      else if (this.#compare(cursor, cursors[leader] as EntryCursor) < 0) {
        runnerUp = leader;
        leader = i;
      } else if (runnerUp === NONE || this.#compare(cursor, cursors[runnerUp] as EntryCursor) < 0) {
        runnerUp = i;
      }
    }
    this.#leader = leader;
    this.#runnerUp = runnerUp;
  }

  /** Moves every other cursor off the leader's internal key. */
  #skipShadowed(): void {
    while (this.#runnerUp !== NONE) {
      const leader = this.#cursors[this.#leader] as EntryCursor;
      const other = this.#cursors[this.#runnerUp] as EntryCursor;
      if (this.#compare(leader, other) !== 0) return;
      if (this.#forward) other.next();
      else other.prev();
      this.#rank();
    }
  }

  /** Brings all cursors to the other side of the current entry. */
  #turn(forward: boolean): void {
    const key = this.keyBytes.slice(this.keyOffset, this.keyOffset + this.keyLength);
    const version = this.version;
    const leader = this.#leader;
    this.#forward = forward;
    for (let i = 0; i < this.#cursors.length; i++) {
      if (i === leader) continue;
      const cursor = this.#cursors[i] as EntryCursor;
      if (forward) {
        cursor.seek(key, version);
        if (cursor.valid && this.#isAt(cursor, key, version)) cursor.next();
      } else {
        cursor.seekBefore(key, version);
      }
    }
    // The leader still stands on the current entry and all others lie beyond it.
    this.#leader = leader;
    this.#runnerUp = NONE;
    for (let i = 0; i < this.#cursors.length; i++) {
      const cursor = this.#cursors[i] as EntryCursor;
      if (i === leader || !cursor.valid) continue;
      const best = this.#runnerUp;
      if (best === NONE || this.#compare(cursor, this.#cursors[best] as EntryCursor) < 0) {
        this.#runnerUp = i;
      }
    }
  }

  #isAt(cursor: EntryCursor, key: Uint8Array, version: number): boolean {
    return (
      cursor.version === version &&
      compareRange(cursor.keyBytes, cursor.keyOffset, cursor.keyLength, key, 0, key.length) === 0
    );
  }

  /** Negative when `a` comes before `b` in the walking direction. */
  #compare(a: EntryCursor, b: EntryCursor): number {
    const byKey = compareRange(
      a.keyBytes,
      a.keyOffset,
      a.keyLength,
      b.keyBytes,
      b.keyOffset,
      b.keyLength,
    );
    const order = byKey !== 0 ? byKey : b.version - a.version;
    return this.#forward ? order : -order;
  }

  #show(): void {
    if (this.#leader === NONE) {
      this.valid = false;
      return;
    }
    const leader = this.#cursors[this.#leader] as EntryCursor;
    this.valid = true;
    this.keyBytes = leader.keyBytes;
    this.keyOffset = leader.keyOffset;
    this.keyLength = leader.keyLength;
    this.version = leader.version;
    this.meta = leader.meta;
    this.userMeta = leader.userMeta;
    this.expiresAt = leader.expiresAt;
    this.valueBytes = leader.valueBytes;
    this.valueOffset = leader.valueOffset;
    this.valueLength = leader.valueLength;
  }
}
