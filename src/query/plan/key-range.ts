/**
 * Sets of keys as sorted, disjoint, non-touching half-open ranges [from, to). Every bound is inclusive
 * below and exclusive above: `key > x` starts at the smallest key after `x`, `key <= x` ends there. A
 * point is the range from a key to the smallest key after it.
 */

import { compareBytes, EMPTY_BYTES, keyAfter, prefixEnd, startsWith } from "../../base/bytes.ts";

export interface KeyRange {
  readonly from: Uint8Array;
  /** Absent: to the end. */
  readonly to: Uint8Array | undefined;
}

export type KeySet = readonly KeyRange[];

export const ALL_KEYS: KeySet = [{ from: EMPTY_BYTES, to: undefined }];
export const NO_KEYS: KeySet = [];

export function pointOf(key: Uint8Array): KeyRange {
  return { from: key, to: keyAfter(key) };
}

export function pointSet(keys: readonly Uint8Array[]): KeySet {
  return uniteAll(keys.map((key) => [pointOf(key)]));
}

export function prefixSet(prefix: Uint8Array): KeySet {
  return [{ from: prefix, to: prefixEnd(prefix) }];
}

/** Keys between two bounds, each `[key, inclusive]` or absent. */
export function boundedSet(
  low: readonly [Uint8Array, boolean] | undefined,
  high: readonly [Uint8Array, boolean] | undefined,
): KeySet {
  const from = low === undefined ? EMPTY_BYTES : low[1] ? low[0] : keyAfter(low[0]);
  const to = high === undefined ? undefined : high[1] ? keyAfter(high[0]) : high[0];
  return isEmpty(from, to) ? NO_KEYS : [{ from, to }];
}

function isEmpty(from: Uint8Array, to: Uint8Array | undefined): boolean {
  return to !== undefined && compareBytes(from, to) >= 0;
}

/** Ends compared, where absent is after everything. */
function compareEnds(a: Uint8Array | undefined, b: Uint8Array | undefined): number {
  if (a === undefined) return b === undefined ? 0 : 1;
  return b === undefined ? -1 : compareBytes(a, b);
}

/** Keys in any of the sets: sorted once, then merged, so a long OR costs n log n. */
export function uniteAll(sets: readonly KeySet[]): KeySet {
  const ranges = sets.flat().sort((a, b) => compareBytes(a.from, b.from));
  const united: KeyRange[] = [];
  for (const range of ranges) {
    const last = united.at(-1);
    if (last === undefined || (last.to !== undefined && compareBytes(range.from, last.to) > 0)) {
      united.push(range);
    } else if (compareEnds(range.to, last.to) > 0) {
      united[united.length - 1] = { from: last.from, to: range.to };
    }
  }
  return united;
}

/** Keys in both sets: one walk over the two. */
export function intersect(a: KeySet, b: KeySet): KeySet {
  const both: KeyRange[] = [];
  let [i, j] = [0, 0];
  for (;;) {
    const left = a[i];
    const right = b[j];
    if (left === undefined || right === undefined) return both;
    const from = compareBytes(left.from, right.from) > 0 ? left.from : right.from;
    const leftEndsFirst = compareEnds(left.to, right.to) <= 0;
    const to = leftEndsFirst ? left.to : right.to;
    if (!isEmpty(from, to)) both.push({ from, to });
    if (leftEndsFirst) i++;
    else j++;
  }
}

export function isAll(set: KeySet): boolean {
  const only = set[0];
  return set.length === 1 && only !== undefined && only.from.length === 0 && only.to === undefined;
}

/** The key, if the range holds exactly one. */
export function pointKey(range: KeyRange): Uint8Array | undefined {
  const { from, to } = range;
  const isPoint = to !== undefined && to.length === from.length + 1 && to[from.length] === 0;
  return isPoint && startsWith(to, from) ? from : undefined;
}

/** The prefix, if the range is all keys under one. */
export function prefixOf(range: KeyRange): Uint8Array | undefined {
  if (range.from.length === 0 || range.to === undefined) return undefined;
  return compareEnds(prefixEnd(range.from), range.to) === 0 ? range.from : undefined;
}
