/**
 * A cursor that passes over entries of another one, one by one, in both directions. What to pass over is
 * up to the classes that extend it.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import type { EntryCursor } from "./cursor.ts";

export abstract class FilterCursor implements EntryCursor {
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

  constructor(inner: EntryCursor) {
    this.#inner = inner;
  }

  /** Whether the entry that the inner cursor stands on is passed over. */
  protected abstract isHidden(inner: EntryCursor): boolean;

  seekToFirst(): void {
    this.#inner.seekToFirst();
    this.#forward();
  }

  seekToLast(): void {
    this.#inner.seekToLast();
    this.#backward();
  }

  seek(key: Uint8Array, version: number): void {
    this.#inner.seek(key, version);
    this.#forward();
  }

  seekBefore(key: Uint8Array, version: number): void {
    this.#inner.seekBefore(key, version);
    this.#backward();
  }

  next(): void {
    this.#inner.next();
    this.#forward();
  }

  prev(): void {
    this.#inner.prev();
    this.#backward();
  }

  close(): void {
    this.valid = false;
    this.#inner.close();
  }

  #forward(): void {
    const inner = this.#inner;
    while (inner.valid && this.isHidden(inner)) inner.next();
    this.#show();
  }

  #backward(): void {
    const inner = this.#inner;
    while (inner.valid && this.isHidden(inner)) inner.prev();
    this.#show();
  }

  #show(): void {
    const inner = this.#inner;
    this.valid = inner.valid;
    if (!inner.valid) return;
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
