/**
 * A cursor without what cuts hide. Used under a scan for the cuts its reader knows of, and in flushes and
 * compactions to leave out for good what nobody can read any more.
 *
 * Hidden entries are passed over one by one: cuts are carried out soon after they are made.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import type { FileNumber } from "../base/ids.ts";
import { type Cut, hides } from "../format/cut.ts";
import { META_POINTER } from "../format/stored-value.ts";
import { pointerFile, pointerLength } from "../format/value-pointer.ts";
import type { EntryCursor } from "./cursor.ts";

export class CutCursor implements EntryCursor {
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
  /** Value-log record bytes that passed-over entries pointed to, by file. */
  readonly #discardedBytes = new Map<FileNumber, number>();
  readonly #inner: EntryCursor;
  readonly #cuts: readonly Cut[];

  constructor(inner: EntryCursor, cuts: readonly Cut[]) {
    this.#inner = inner;
    this.#cuts = cuts;
  }

  /** Adds what was passed over to what somebody else has dropped. */
  addDiscardsTo(bytesByFile: Map<FileNumber, number>): void {
    for (const [file, bytes] of this.#discardedBytes) {
      bytesByFile.set(file, (bytesByFile.get(file) ?? 0) + bytes);
    }
  }

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
    while (inner.valid && this.#isHidden()) inner.next();
    this.#show();
  }

  #backward(): void {
    const inner = this.#inner;
    while (inner.valid && this.#isHidden()) inner.prev();
    this.#show();
  }

  #isHidden(): boolean {
    const inner = this.#inner;
    const cuts = this.#cuts;
    for (let i = 0; i < cuts.length; i++) {
      const cut = cuts[i] as Cut;
      if (!hides(cut, inner.keyBytes, inner.keyOffset, inner.keyLength, inner.version)) continue;
      if ((inner.meta & META_POINTER) !== 0) this.#discard(inner);
      return true;
    }
    return false;
  }

  #discard({ valueBytes, valueOffset }: EntryCursor): void {
    const file = pointerFile(valueBytes, valueOffset);
    const bytes = pointerLength(valueBytes, valueOffset);
    this.#discardedBytes.set(file, (this.#discardedBytes.get(file) ?? 0) + bytes);
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
