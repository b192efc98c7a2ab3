/**
 * Cursor over a transaction's own writes as they were at one moment. Every entry carries
 * `OWN_WRITE_VERSION`, so in a merge with the snapshot the own write of a key comes first.
 */

import { assert } from "../base/assert.ts";
import { compareBytes, EMPTY_BYTES } from "../base/bytes.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import { OWN_WRITE_VERSION } from "./oracle.ts";
import type { WriteEntry } from "./write-set.ts";

export class WriteSetCursor implements EntryCursor {
  valid = false;
  keyBytes: Uint8Array = EMPTY_BYTES;
  readonly keyOffset = 0;
  keyLength = 0;
  readonly version = OWN_WRITE_VERSION;
  meta = 0;
  userMeta = 0;
  expiresAt = 0;
  valueBytes: Uint8Array = EMPTY_BYTES;
  readonly valueOffset = 0;
  valueLength = 0;

  readonly #entries: readonly WriteEntry[];
  readonly #order: readonly number[];
  #position = 0;

  /** `order`: indexes into `entries` in key order. Both must not change where `order` points. */
  constructor(entries: readonly WriteEntry[], order: readonly number[]) {
    this.#entries = entries;
    this.#order = order;
  }

  seekToFirst(): void {
    this.#moveTo(0);
  }

  seekToLast(): void {
    this.#moveTo(this.#order.length - 1);
  }

  seek(key: Uint8Array, version: number): void {
    const index = this.#lowerBound(key);
    this.#moveTo(version < OWN_WRITE_VERSION && this.#isAt(index, key) ? index + 1 : index);
  }

  seekBefore(key: Uint8Array, version: number): void {
    const index = this.#lowerBound(key);
    this.#moveTo(version < OWN_WRITE_VERSION && this.#isAt(index, key) ? index : index - 1);
  }

  next(): void {
    assert(this.valid, "a cursor moves on from an entry");
    this.#moveTo(this.#position + 1);
  }

  prev(): void {
    assert(this.valid, "a cursor moves back from an entry");
    this.#moveTo(this.#position - 1);
  }

  close(): void {
    this.valid = false;
  }

  /** First position whose key is at least `key`. */
  #lowerBound(key: Uint8Array): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.#entry(middle).key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isAt(position: number, key: Uint8Array): boolean {
    return position < this.#order.length && compareBytes(this.#entry(position).key, key) === 0;
  }

  #entry(position: number): WriteEntry {
    return this.#entries[this.#order[position] as number] as WriteEntry;
  }

  #moveTo(position: number): void {
    this.#position = position;
    if (position < 0 || position >= this.#order.length) {
      this.valid = false;
      return;
    }
    const entry = this.#entry(position);
    this.keyBytes = entry.key;
    this.keyLength = entry.key.length;
    this.meta = entry.meta;
    this.userMeta = entry.userMeta;
    this.expiresAt = entry.expiresAt;
    this.valueBytes = entry.value;
    this.valueLength = entry.value.length;
    this.valid = true;
  }
}
