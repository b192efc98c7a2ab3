/**
 * ReadSet: everything an update transaction learned from its snapshot, for the conflict check: keys it
 * asked for (present or absent) and ranges it scanned. Own buffered writes are not reads.
 *
 * Keys are copied into one buffer and deduplicated; ranges are united when they overlap. The set only
 * grows. It never claims less than was read; a scan that stopped early claims exactly up to the last
 * key it saw, so writes behind that point do not disturb it.
 */

import { compareRange, EMPTY_BYTES } from "../base/bytes.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { isAboveLower, isBelowUpper, isEmptyRange, uniteRanges } from "./key-range.ts";
import type { KeyRange } from "./key-range.ts";

/** Up to so many keys a linear look at the hashes beats building a table. */
const LINEAR_KEYS_MAX = 8;
/** 2^32 / φ: spreads a hash over the high bits, which choose the slot. */
const GOLDEN_RATIO = 0x9e3779b1;
const NO_SLOTS = new Uint32Array(0);

/** Bounds of a scan; an `undefined` end is open. */
export type ScanBounds = KeyRange;

/**
 * The part of a scan's range that it has seen so far. The scan tells where it is when it pauses or
 * ends (per entry is fine too: nothing is allocated), and says once how it ended. A read that is still
 * open when the transaction commits counts as stopped.
 */
export class RangeRead {
  readonly #bounds: ScanBounds;
  readonly #reverse: boolean;
  #last: Uint8Array = EMPTY_BYTES;
  #lastLength = -1;
  #ending: "open" | "exhausted" | "stopped" = "open";

  constructor(bounds: ScanBounds, reverse: boolean) {
    this.#bounds = bounds;
    this.#reverse = reverse;
  }

  get finished(): boolean {
    return this.#ending !== "open";
  }

  /**
   * The scan has seen everything from its start through this key, in its direction. The bytes are
   * copied. Never takes anything back: a key behind the last one changes nothing. (After a seek that
   * skips keys, open a new read from there.)
   */
  coverTo(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#lastLength >= 0) {
      const order = compareRange(bytes, offset, length, this.#last, 0, this.#lastLength);
      if (this.#reverse ? order >= 0 : order <= 0) return;
    }
    if (this.#last.length < length) this.#last = new Uint8Array(Math.max(32, length * 2));
    const last = this.#last;
    for (let i = 0; i < length; i++) last[i] = bytes[offset + i] as number;
    this.#lastLength = length;
  }

  /**
   * `exhausted`: the scan met its bound, so it covers the whole range. `stopped`: a limit or the caller
   * ended it; it covers up to and including the last key given to `coverTo`, nothing if there was
   * none. The first call decides.
   */
  finish(ending: "exhausted" | "stopped"): void {
    if (this.#ending === "open") this.#ending = ending;
  }

  /** What is covered now; `undefined` when nothing is. */
  covered(): KeyRange | undefined {
    if (this.#ending === "exhausted") return this.#bounds;
    if (this.#lastLength < 0) return undefined;
    const last = this.#last.slice(0, this.#lastLength);
    const { lower, lowerInclusive, upper, upperInclusive } = this.#bounds;
    return this.#reverse
      ? { lower: last, lowerInclusive: true, upper, upperInclusive }
      : { lower, lowerInclusive, upper: last, upperInclusive: true };
  }
}

export class ReadSet {
  #bytes: Uint8Array = EMPTY_BYTES;
  #bytesEnd = 0;
  /** End of key i in `#bytes`; it starts where key i − 1 ends. */
  readonly #ends: number[] = [];
  readonly #hashes: number[] = [];
  /** Open addressing from hash to key index + 1; empty until there are enough keys. */
  #slots = NO_SLOTS;
  #slotShift = 0;
  /** United up to the last `ranges()`, then whatever was added. */
  #ranges: KeyRange[] = [];
  #unitedCount = 0;
  #openReads: RangeRead[] = [];

  /** Nothing was read: such a transaction cannot conflict. */
  get isEmpty(): boolean {
    return this.#ends.length === 0 && this.ranges().length === 0;
  }

  /** Distinct keys. */
  get keyCount(): number {
    return this.#ends.length;
  }

  /** The buffer that `keyStart` and `keyEnd` refer to; valid until the next `addKey`. */
  get keyBytes(): Uint8Array {
    return this.#bytes;
  }

  keyStart(index: number): number {
    return index === 0 ? 0 : (this.#ends[index - 1] as number);
  }

  keyEnd(index: number): number {
    return this.#ends[index] as number;
  }

  keyHash(index: number): number {
    return this.#hashes[index] as number;
  }

  /** Remembers a key that was looked up, found or not. The bytes are copied; `hash` is their `bloomHash`. */
  addKey(key: Uint8Array, hash = bloomHash(key, 0, key.length)): void {
    if (this.hasKey(key, 0, key.length, hash)) return;
    const index = this.#ends.length;
    this.#append(key);
    this.#hashes.push(hash);
    if (this.#slots.length > 0 || index >= LINEAR_KEYS_MAX) this.#insertSlot(index);
  }

  /** Remembers that all of a range was read. Bounds are kept, not copied: hand over bytes nobody changes. */
  addRange(
    lower: Uint8Array | undefined,
    lowerInclusive: boolean,
    upper: Uint8Array | undefined,
    upperInclusive: boolean,
  ): void {
    this.#addCovered({ lower, lowerInclusive, upper, upperInclusive });
  }

  /** Starts following a scan over `bounds` (kept, not copied). */
  openRange(bounds: ScanBounds, reverse: boolean): RangeRead {
    const read = new RangeRead(bounds, reverse);
    if (this.#openReads.length >= 64) this.#collectFinished();
    this.#openReads.push(read);
    return read;
  }

  /** Whether exactly this key was looked up; `hash` is its `bloomHash`. */
  hasKey(bytes: Uint8Array, offset: number, length: number, hash: number): boolean {
    if (this.#slots.length === 0) {
      for (let i = 0; i < this.#hashes.length; i++) {
        if (this.#hashes[i] === hash && this.#isKey(i, bytes, offset, length)) return true;
      }
      return false;
    }
    const mask = this.#slots.length - 1;
    for (let slot = Math.imul(hash, GOLDEN_RATIO) >>> this.#slotShift; ; slot = (slot + 1) & mask) {
      const index = (this.#slots[slot] as number) - 1;
      if (index < 0) return false;
      if (this.#hashes[index] === hash && this.#isKey(index, bytes, offset, length)) return true;
    }
  }

  /** The ranges read so far, open scans included: sorted, disjoint, none empty. Valid until the next read. */
  ranges(): readonly KeyRange[] {
    this.#collectFinished();
    if (this.#ranges.length > this.#unitedCount) this.#unite();
    if (this.#openReads.length === 0) return this.#ranges;
    const all = [...this.#ranges];
    for (const read of this.#openReads) {
      const covered = read.covered();
      if (covered !== undefined) all.push(covered);
    }
    return uniteRanges(all);
  }

  #addCovered(range: KeyRange): void {
    if (isEmptyRange(range)) return;
    this.#ranges.push(range);
    if (this.#ranges.length > 2 * this.#unitedCount + 32) this.#unite();
  }

  #unite(): void {
    this.#ranges = uniteRanges(this.#ranges);
    this.#unitedCount = this.#ranges.length;
  }

  #collectFinished(): void {
    if (this.#openReads.length === 0) return;
    const stillOpen: RangeRead[] = [];
    for (const read of this.#openReads) {
      if (!read.finished) {
        stillOpen.push(read);
        continue;
      }
      const covered = read.covered();
      if (covered !== undefined) this.#addCovered(covered);
    }
    this.#openReads = stillOpen;
  }

  #append(key: Uint8Array): void {
    const end = this.#bytesEnd + key.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(64, end * 2));
      larger.set(this.#bytes.subarray(0, this.#bytesEnd));
      this.#bytes = larger;
    }
    this.#bytes.set(key, this.#bytesEnd);
    this.#bytesEnd = end;
    this.#ends.push(end);
  }

  #isKey(index: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const start = this.keyStart(index);
    if (this.keyEnd(index) - start !== length) return false;
    const own = this.#bytes;
    for (let i = 0; i < length; i++) {
      if (own[start + i] !== bytes[offset + i]) return false;
    }
    return true;
  }

  #insertSlot(index: number): void {
    if ((index + 1) * 2 > this.#slots.length) {
      this.#slots = new Uint32Array(Math.max(32, this.#slots.length * 2));
      this.#slotShift = 32 - Math.log2(this.#slots.length);
      for (let i = 0; i < index; i++) this.#place(i);
    }
    this.#place(index);
  }

  #place(index: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = Math.imul(this.#hashes[index] as number, GOLDEN_RATIO) >>> this.#slotShift;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = index + 1;
  }
}

/** Whether sorted, disjoint ranges hold the key `bytes[offset … offset + length)`. O(log n). */
export function rangesContain(
  ranges: readonly KeyRange[],
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAboveLower(ranges[middle] as KeyRange, bytes, offset, length)) low = middle + 1;
    else high = middle;
  }
  const candidate = ranges[low - 1];
  return candidate !== undefined && isBelowUpper(candidate, bytes, offset, length);
}
