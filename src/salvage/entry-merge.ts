/**
 * Merges sources in internal-key order and hands out groups: all entries of one key and version, the
 * most trusted source first. Unlike the engine's merge it keeps the twins, because when the value of
 * one is lost that of another may not be.
 *
 * A binary heap: without a manifest every table is a source of its own, and there may be thousands.
 */

import type { Version } from "../base/ids.ts";
import { compareEntry } from "./stored-block.ts";

/** Entries in internal-key order. */
export interface EntrySource {
  /** Among twins the source with the smallest rank wins; distinct. */
  readonly rank: number;
  valid: boolean;
  /** The source's own; not changed afterwards. */
  key: Uint8Array;
  version: Version;
  meta: number;
  userMeta: number;
  expiresAt: number;
  /** Value or pointer; a view that lasts until the source moves. */
  value: Uint8Array;
  /** Reads what `meta` to `value` need; before that only key and version are known. */
  open(): void;
  next(): void;
  close(): void;
}

export class EntryMerge {
  readonly #heap: EntrySource[];
  readonly #all: readonly EntrySource[];
  /** The sources that stand on the current key and version, by rank. */
  group: EntrySource[] = [];

  constructor(sources: readonly EntrySource[]) {
    this.#all = sources;
    this.#heap = sources.filter((source) => source.valid);
    for (let i = (this.#heap.length >>> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** Moves to the next group; false at the end. */
  next(): boolean {
    for (const source of this.group) {
      source.next();
      this.#put(source);
    }
    this.group = [];
    for (;;) {
      const source = this.#heap[0];
      if (source === undefined) return this.group.length > 0;
      const first = this.group[0];
      if (
        first !== undefined &&
        compareEntry(first.key, first.version, source.key, source.version) !== 0
      ) {
        return true;
      }
      this.#take();
      const { key, version } = source;
      source.open();
      // Its first block may have become unreadable since it was surveyed.
      const hasMoved =
        !source.valid || compareEntry(key, version, source.key, source.version) !== 0;
      if (hasMoved) this.#put(source);
      else this.group.push(source);
    }
  }

  close(): void {
    for (const source of this.#all) source.close();
  }

  #take(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) {
      heap[0] = last;
      this.#sink(0);
    }
  }

  #put(source: EntrySource): void {
    if (!source.valid) return;
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(source);
    while (hole > 0) {
      const parent = (hole - 1) >>> 1;
      if (compareSources(source, heap[parent] as EntrySource) >= 0) break;
      heap[hole] = heap[parent] as EntrySource;
      hole = parent;
    }
    heap[hole] = source;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const source = heap[start] as EntrySource;
    let hole = start;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (
        right < heap.length &&
        compareSources(heap[right] as EntrySource, heap[child] as EntrySource) < 0
      ) {
        child = right;
      }
      if (compareSources(heap[child] as EntrySource, source) >= 0) break;
      heap[hole] = heap[child] as EntrySource;
      hole = child;
    }
    heap[hole] = source;
  }
}

function compareSources(a: EntrySource, b: EntrySource): number {
  return compareEntry(a.key, a.version, b.key, b.version) || a.rank - b.rank;
}
