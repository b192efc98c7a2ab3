/**
 * `LevelCursor`: the disjoint tables of one level (≥ 1) as one ordered walk. Tables are opened when
 * the walk reaches them, one at a time: a seek touches one table however many the level has.
 *
 * Disjoint means in internal-key order: the versions of one user key may go on in the next table.
 * A level is given smallest key first. Must not outlive the tables.
 */

import { compareBytes, EMPTY_BYTES } from "../base/bytes.ts";
import type { EntryCursor } from "./cursor.ts";

/** What a level cursor needs of a table; a `TableReader` is one. */
export interface LevelTable {
  readonly meta: { readonly smallestKey: Uint8Array; readonly largestKey: Uint8Array };
  cursor(): EntryCursor;
}

const NONE = -1;

export class LevelCursor implements EntryCursor {
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

  readonly #tables: readonly LevelTable[];
  /** Number of the open table, and its cursor. */
  #table = NONE;
  #cursor: EntryCursor | undefined;

  constructor(tables: readonly LevelTable[]) {
    this.#tables = tables;
  }

  seekToFirst(): void {
    this.valid = false;
    if (this.#tables.length === 0) return;
    const cursor = this.#open(0);
    cursor.seekToFirst();
    this.#settleForward(cursor);
  }

  seekToLast(): void {
    this.valid = false;
    if (this.#tables.length === 0) return;
    const cursor = this.#open(this.#tables.length - 1);
    cursor.seekToLast();
    this.#settleBackward(cursor);
  }

  seek(key: Uint8Array, version: number): void {
    this.valid = false;
    // Before this table every user key is smaller. From it on the answer may still be one table
    // further: when only newer versions of the key are here.
    for (let table = this.#firstEndingAtOrAfter(key); table < this.#tables.length; table++) {
      const cursor = this.#open(table);
      cursor.seek(key, version);
      if (cursor.valid) {
        this.#take(cursor);
        return;
      }
    }
  }

  seekBefore(key: Uint8Array, version: number): void {
    this.valid = false;
    // Behind this table every user key is larger.
    for (let table = this.#lastStartingAtOrBefore(key); table >= 0; table--) {
      const cursor = this.#open(table);
      cursor.seekBefore(key, version);
      if (cursor.valid) {
        this.#take(cursor);
        return;
      }
    }
  }

  next(): void {
    const cursor = this.#cursor as EntryCursor;
    cursor.next();
    if (cursor.valid) this.#take(cursor);
    else this.#settleForward(cursor);
  }

  prev(): void {
    const cursor = this.#cursor as EntryCursor;
    cursor.prev();
    if (cursor.valid) this.#take(cursor);
    else this.#settleBackward(cursor);
  }

  close(): void {
    this.valid = false;
    this.#cursor?.close();
    this.#cursor = undefined;
    this.#table = NONE;
    this.keyBytes = EMPTY_BYTES;
    this.valueBytes = EMPTY_BYTES;
  }

  /** Goes on to the first entry of the tables behind while the current one has no more. */
  #settleForward(from: EntryCursor): void {
    this.valid = false;
    let cursor = from;
    while (!cursor.valid) {
      if (this.#table + 1 >= this.#tables.length) return;
      cursor = this.#open(this.#table + 1);
      cursor.seekToFirst();
    }
    this.#take(cursor);
  }

  #settleBackward(from: EntryCursor): void {
    this.valid = false;
    let cursor = from;
    while (!cursor.valid) {
      if (this.#table <= 0) return;
      cursor = this.#open(this.#table - 1);
      cursor.seekToLast();
    }
    this.#take(cursor);
  }

  /** The cursor of a table; closes that of another. */
  #open(table: number): EntryCursor {
    if (this.#table === table && this.#cursor !== undefined) return this.#cursor;
    this.#cursor?.close();
    this.#cursor = undefined;
    const cursor = (this.#tables[table] as LevelTable).cursor();
    this.#cursor = cursor;
    this.#table = table;
    return cursor;
  }

  #take(cursor: EntryCursor): void {
    this.keyBytes = cursor.keyBytes;
    this.keyOffset = cursor.keyOffset;
    this.keyLength = cursor.keyLength;
    this.version = cursor.version;
    this.meta = cursor.meta;
    this.userMeta = cursor.userMeta;
    this.expiresAt = cursor.expiresAt;
    this.valueBytes = cursor.valueBytes;
    this.valueOffset = cursor.valueOffset;
    this.valueLength = cursor.valueLength;
    this.valid = true;
  }

  #firstEndingAtOrAfter(key: Uint8Array): number {
    let low = 0;
    let high = this.#tables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { largestKey } = (this.#tables[middle] as LevelTable).meta;
      if (compareBytes(largestKey, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #lastStartingAtOrBefore(key: Uint8Array): number {
    let low = 0;
    let high = this.#tables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { smallestKey } = (this.#tables[middle] as LevelTable).meta;
      if (compareBytes(smallestKey, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
