/**
 * WriteSet: the buffered writes of one transaction. The last write of a key wins.
 *
 * Entries sit in an array in the order of first writes; a replacing write takes the place of the old
 * one, so a key's index never changes. One to a few keys are found by comparing hashes in a row; a
 * table is built only beyond that, and the key order only when a cursor asks for it, so a single-key
 * transaction pays for neither.
 *
 * A cursor sees the set as it was when the cursor was made: it keeps the entry array and the order,
 * and both are copied before the first write that would change what it keeps. Entries are immutable.
 */

import { compareBytes, equalBytes } from "../base/bytes.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { logRecordLength } from "../format/log-record.ts";
import { META_DELETE } from "../format/stored-value.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { WriteSetCursor } from "./write-set-cursor.ts";

/** One buffered write. Key and value belong to the set. */
export interface WriteEntry {
  readonly key: Uint8Array;
  /** Empty for delete markers. */
  readonly value: Uint8Array;
  /** Badger meta bits (format/stored-value.ts). */
  readonly meta: number;
  readonly userMeta: number;
  /** Unix seconds, 0 = never. */
  readonly expiresAt: number;
  /** `bloomHash` of the key. */
  readonly hash: number;
}

/** What a write will cost in the log, in bytes. */
export type MeasureWrite = (keyLength: number, valueLength: number, expiresAt: number) => number;

/** Up to so many entries a linear look at the hashes beats building a table. */
const LINEAR_ENTRIES_MAX = 8;
/** 2^32 / φ: spreads a hash over the high bits, which choose the slot. */
const GOLDEN_RATIO = 0x9e3779b1;
const NO_SLOTS = new Uint32Array(0);
const NO_ORDER: readonly number[] = [];

export class WriteSet {
  readonly #measure: MeasureWrite;
  #entries: WriteEntry[] = [];
  /** A cursor holds `#entries`: copy before replacing an element. Appending does not disturb it. */
  #entriesAreShared = false;
  #bytes = 0;
  /** Open addressing from hash to entry index + 1; empty until there are enough entries. */
  #slots = NO_SLOTS;
  #slotShift = 0;
  /** Indexes of the first `#order.length` entries in key order; never changed, only replaced. */
  #order: readonly number[] = NO_ORDER;

  /** `measure`: defaults to the length of the log record with the value in it. */
  constructor(measure: MeasureWrite = logRecordLength) {
    this.#measure = measure;
  }

  /** Distinct keys. */
  get size(): number {
    return this.#entries.length;
  }

  /** Sum of what the buffered writes cost in the log. */
  get bytes(): number {
    return this.#bytes;
  }

  /** In order of each key's first write. Valid until the next write. */
  get entries(): readonly WriteEntry[] {
    return this.#entries;
  }

  /** The keys, for the conflict table. A new array. */
  keys(): Uint8Array[] {
    const keys: Uint8Array[] = [];
    for (const entry of this.#entries) keys.push(entry.key);
    return keys;
  }

  /** Buffers a write. Key and value are kept, not copied: nobody may change them afterwards. */
  put(
    key: Uint8Array,
    value: Uint8Array,
    meta: number,
    userMeta: number,
    expiresAt: number,
    hash = bloomHash(key, 0, key.length),
  ): void {
    const entry: WriteEntry = { key, value, meta, userMeta, expiresAt, hash };
    const index = this.#find(key, hash);
    this.#bytes += this.#measure(key.length, value.length, expiresAt);
    if (index < 0) {
      this.#entries.push(entry);
      if (this.#entries.length > LINEAR_ENTRIES_MAX) this.#insertSlot(this.#entries.length - 1);
      return;
    }
    const old = this.#entries[index] as WriteEntry;
    this.#bytes -= this.#measure(old.key.length, old.value.length, old.expiresAt);
    if (this.#entriesAreShared) {
      this.#entries = this.#entries.slice();
      this.#entriesAreShared = false;
    }
    this.#entries[index] = entry;
  }

  /** Buffers a delete marker. */
  delete(key: Uint8Array, hash = bloomHash(key, 0, key.length)): void {
    this.put(key, EMPTY_BYTES, META_DELETE, 0, 0, hash);
  }

  /** The buffered write of a key, delete markers included. `hash` is its `bloomHash`. */
  get(key: Uint8Array, hash = bloomHash(key, 0, key.length)): WriteEntry | undefined {
    const index = this.#find(key, hash);
    return index < 0 ? undefined : this.#entries[index];
  }

  /** A cursor over the writes so far, in key order; later writes do not disturb it. */
  cursor(): WriteSetCursor {
    this.#sort();
    this.#entriesAreShared = true;
    return new WriteSetCursor(this.#entries, this.#order);
  }

  #find(key: Uint8Array, hash: number): number {
    const entries = this.#entries;
    const slots = this.#slots;
    if (slots.length === 0) {
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i] as WriteEntry;
        if (entry.hash === hash && equalBytes(entry.key, key)) return i;
      }
      return -1;
    }
    const mask = slots.length - 1;
    for (let slot = Math.imul(hash, GOLDEN_RATIO) >>> this.#slotShift; ; slot = (slot + 1) & mask) {
      const index = (slots[slot] as number) - 1;
      if (index < 0) return -1;
      const entry = entries[index] as WriteEntry;
      if (entry.hash === hash && equalBytes(entry.key, key)) return index;
    }
  }

  #insertSlot(index: number): void {
    if ((index + 1) * 2 > this.#slots.length) {
      this.#slots = new Uint32Array(Math.max(64, this.#slots.length * 2));
      this.#slotShift = 32 - Math.log2(this.#slots.length);
      for (let i = 0; i < index; i++) this.#place(i);
    }
    this.#place(index);
  }

  #place(index: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = (this.#entries[index] as WriteEntry).hash;
    let slot = Math.imul(hash, GOLDEN_RATIO) >>> this.#slotShift;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = index + 1;
  }

  /** Brings entries written since the last cursor into the order: sorts those alone, then merges. */
  #sort(): void {
    const entries = this.#entries;
    const sorted = this.#order;
    if (sorted.length === entries.length) return;
    const added: number[] = [];
    for (let i = sorted.length; i < entries.length; i++) added.push(i);
    added.sort((a, b) =>
      compareBytes((entries[a] as WriteEntry).key, (entries[b] as WriteEntry).key),
    );
    this.#order = sorted.length === 0 ? added : mergeOrders(entries, sorted, added);
  }
}

function mergeOrders(
  entries: readonly WriteEntry[],
  a: readonly number[],
  b: readonly number[],
): number[] {
  const merged: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const left = a[i] as number;
    const right = b[j] as number;
    const order = compareBytes(
      (entries[left] as WriteEntry).key,
      (entries[right] as WriteEntry).key,
    );
    if (order < 0) {
      merged.push(left);
      i++;
    } else {
      merged.push(right);
      j++;
    }
  }
  for (; i < a.length; i++) merged.push(a[i] as number);
  for (; j < b.length; j++) merged.push(b[j] as number);
  return merged;
}
