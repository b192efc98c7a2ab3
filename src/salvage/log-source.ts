/** `LogSource`: the entries of one log in order, as a source of the merge. */

import type { Memtable } from "../memtable/memtable.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import type { EntrySource } from "./entry-merge.ts";

export class LogSource implements EntrySource {
  readonly rank: number;
  valid = false;
  key: Uint8Array = new Uint8Array(0);
  version = 0;
  meta = 0;
  userMeta = 0;
  expiresAt = 0;
  value: Uint8Array = new Uint8Array(0);
  readonly #cursor: EntryCursor;

  constructor(memtable: Memtable, rank: number) {
    this.rank = rank;
    this.#cursor = memtable.cursor();
    this.#cursor.seekToFirst();
    this.#show();
  }

  open(): void {
    // Everything is in memory.
  }

  next(): void {
    this.#cursor.next();
    this.#show();
  }

  close(): void {
    this.valid = false;
    this.#cursor.close();
  }

  #show(): void {
    const { valid, keyBytes, keyOffset, keyLength, valueBytes, valueOffset } = this.#cursor;
    this.valid = valid;
    if (!valid) return;
    this.key = keyBytes.slice(keyOffset, keyOffset + keyLength);
    this.version = this.#cursor.version;
    this.meta = this.#cursor.meta;
    this.userMeta = this.#cursor.userMeta;
    this.expiresAt = this.#cursor.expiresAt;
    this.value = valueBytes.subarray(valueOffset, valueOffset + this.#cursor.valueLength);
  }
}
