/**
 * `SortedLevel`: the tables of one level below 0, which do not overlap, in key order; finds the one of a key.
 * Immutable.
 */

import { commonPrefixLength, compareRange } from "../base/bytes.ts";
import { keyPrefix, lastAtMost } from "../base/key-prefix.ts";
import type { TableReader } from "../table/table-reader.ts";

export class SortedLevel {
  readonly tables: readonly TableReader[];
  readonly #largest: readonly Uint8Array[];
  /** Leading bytes that all largest keys share. */
  readonly #common: Uint8Array;
  /** Prefixes of the largest keys, behind what they share. */
  readonly #prefixes: Float64Array;

  constructor(tables: readonly TableReader[]) {
    this.tables = tables;
    this.#largest = tables.map(({ meta }) => meta.largestKey);
    const first = this.#largest[0] ?? new Uint8Array(0);
    const last = this.#largest.at(-1) ?? first;
    this.#common = first.subarray(0, commonPrefixLength(first, last));
    const start = this.#common.length;
    this.#prefixes = Float64Array.from(this.#largest, (key) => keyPrefix(key, start, key.length));
  }

  /** Index of the first table whose largest key is at or behind `key`, or the number of tables. */
  find(key: Uint8Array): number {
    const count = this.tables.length;
    if (count === 0) return 0;
    const common = this.#common;
    for (let i = 0; i < common.length; i++) {
      if (i === key.length) return 0;
      const difference = (common[i] as number) - (key[i] as number);
      if (difference !== 0) return difference > 0 ? 0 : count;
    }
    const prefix = keyPrefix(key, common.length, key.length);
    const last = lastAtMost(this.#prefixes, prefix);
    const found = this.#prefixes[last] as number;
    if (found < prefix) return last + 1;
    return found > prefix ? last : this.#firstUpTo(last, key);
  }

  /** As `find` when 6 bytes do not decide; all tables behind `last` are behind the key. */
  #firstUpTo(last: number, key: Uint8Array): number {
    let low = 0;
    let high = last + 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isAtOrBehind(middle, key)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #isAtOrBehind(index: number, key: Uint8Array): boolean {
    const largest = this.#largest[index] as Uint8Array;
    return compareRange(largest, 0, largest.length, key, 0, key.length) >= 0;
  }
}
