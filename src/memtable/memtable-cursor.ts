/**
 * Cursors over memtable entries: `MemtableCursor` walks the live skip list on the main thread,
 * `SortedEntriesCursor` an order computed elsewhere (the flush worker, over shared buffers).
 * Entries replaced by a later record with the same internal key are passed over.
 */

import { assert } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import { LogRecordView } from "../format/log-record.ts";
import { compareEntryWith, type EntryTable } from "./entry-table.ts";
import type { SkipList } from "./skip-list.ts";

abstract class EntriesCursor implements EntryCursor {
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
  readonly #view = new LogRecordView();

  abstract seekToFirst(): void;
  abstract seekToLast(): void;
  abstract seek(key: Uint8Array, version: number): void;
  abstract seekBefore(key: Uint8Array, version: number): void;
  abstract next(): void;
  abstract prev(): void;

  protected show(table: EntryTable, entry: number): void {
    const view = this.#view;
    view.decode(table.arena, table.recordOffsets[entry] as number, table.arena.length);
    this.keyBytes = table.arena;
    this.keyOffset = view.keyOffset;
    this.keyLength = view.keyLength;
    this.version = view.version;
    this.meta = view.meta;
    this.userMeta = view.userMeta;
    this.expiresAt = view.expiresAt;
    this.valueBytes = table.arena;
    this.valueOffset = view.valueOffset;
    this.valueLength = view.valueLength;
    this.valid = true;
  }

  close(): void {
    this.valid = false;
  }
}

export class MemtableCursor extends EntriesCursor {
  readonly #list: SkipList;
  #node = 0;

  constructor(list: SkipList) {
    super();
    this.#list = list;
  }

  override seekToFirst(): void {
    this.#forwardTo(this.#list.first());
  }

  override seekToLast(): void {
    this.#backwardTo(this.#list.last());
  }

  override seek(key: Uint8Array, version: number): void {
    const before = this.#list.seekBefore(key, version);
    this.#forwardTo(this.#list.next(before));
  }

  override seekBefore(key: Uint8Array, version: number): void {
    this.#backwardTo(this.#list.seekBefore(key, version));
  }

  override next(): void {
    assert(this.valid, "next() needs a position");
    this.#forwardTo(this.#list.next(this.#node));
  }

  override prev(): void {
    assert(this.valid, "prev() needs a position");
    this.#backwardTo(this.#list.previous(this.#node));
  }

  #forwardTo(start: number): void {
    // The columns grow under a live cursor: only the list's own view of them is current.
    const list = this.#list;
    const { replaced } = list.table;
    let node = start;
    while (node !== 0 && replaced[node - 1] === 1) node = list.next(node);
    this.#settle(node);
  }

  #backwardTo(start: number): void {
    const list = this.#list;
    const { replaced } = list.table;
    let node = start;
    while (node !== 0 && replaced[node - 1] === 1) node = list.previous(node);
    this.#settle(node);
  }

  #settle(node: number): void {
    this.#node = node;
    if (node === 0) this.valid = false;
    else this.show(this.#list.table, node - 1);
  }
}

export class SortedEntriesCursor extends EntriesCursor {
  readonly #table: EntryTable;
  readonly #order: Uint32Array;
  #position = -1;

  /** @param order entry numbers in internal-key order (entry-sort.ts). */
  constructor(table: EntryTable, order: Uint32Array) {
    super();
    this.#table = table;
    this.#order = order;
  }

  override seekToFirst(): void {
    this.#forwardTo(0);
  }

  override seekToLast(): void {
    this.#backwardTo(this.#order.length - 1);
  }

  override seek(key: Uint8Array, version: number): void {
    this.#forwardTo(this.#lowerBound(key, version));
  }

  override seekBefore(key: Uint8Array, version: number): void {
    this.#backwardTo(this.#lowerBound(key, version) - 1);
  }

  override next(): void {
    this.#forwardTo(this.#position + 1);
  }

  override prev(): void {
    this.#backwardTo(this.#position - 1);
  }

  #lowerBound(key: Uint8Array, version: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareEntryWith(this.#table, this.#order[middle] as number, key, version);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forwardTo(start: number): void {
    let position = start;
    while (position < this.#order.length && this.#isReplaced(position)) position++;
    this.#settle(position);
  }

  #backwardTo(start: number): void {
    let position = start;
    while (position >= 0 && this.#isReplaced(position)) position--;
    this.#settle(position);
  }

  #isReplaced(position: number): boolean {
    return this.#table.replaced[this.#order[position] as number] === 1;
  }

  #settle(position: number): void {
    this.#position = position;
    if (position < 0 || position >= this.#order.length) this.valid = false;
    else this.show(this.#table, this.#order[position] as number);
  }
}
