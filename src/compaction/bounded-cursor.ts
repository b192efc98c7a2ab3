/**
 * A forward cursor that ends before a user key: the right edge of a sub-compaction. Its left edge is a
 * seek.
 */

import { assert } from "../base/assert.ts";
import { compareRange, EMPTY_BYTES } from "../base/bytes.ts";
import type { EntryCursor } from "../cursor/cursor.ts";

export class BoundedCursor implements EntryCursor {
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
  readonly #upper: Uint8Array;

  /** @param upper the first user key that is left out. */
  constructor(inner: EntryCursor, upper: Uint8Array) {
    this.#inner = inner;
    this.#upper = upper;
  }

  seekToFirst(): void {
    this.#inner.seekToFirst();
    this.#settle();
  }

  seek(key: Uint8Array, version: number): void {
    this.#inner.seek(key, version);
    this.#settle();
  }

  next(): void {
    this.#inner.next();
    this.#settle();
  }

  seekToLast(): void {
    assert(false, "a bounded cursor runs forward");
  }

  seekBefore(): void {
    assert(false, "a bounded cursor runs forward");
  }

  prev(): void {
    assert(false, "a bounded cursor runs forward");
  }

  close(): void {
    this.valid = false;
    this.#inner.close();
  }

  #settle(): void {
    const inner = this.#inner;
    const upper = this.#upper;
    this.valid =
      inner.valid &&
      compareRange(inner.keyBytes, inner.keyOffset, inner.keyLength, upper, 0, upper.length) < 0;
    if (!this.valid) return;
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
}
