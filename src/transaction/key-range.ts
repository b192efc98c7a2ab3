/**
 * A range of user keys with open, inclusive or exclusive ends: what a scan covered, what a drop removed.
 * An `undefined` end is unbounded. Pure values; used by the read set and the conflict table.
 */

import { compareBytes, compareRange } from "../base/bytes.ts";

export interface KeyRange {
  /** `undefined`: from the first key on. */
  readonly lower: Uint8Array | undefined;
  readonly lowerInclusive: boolean;
  /** `undefined`: up to the last key. */
  readonly upper: Uint8Array | undefined;
  readonly upperInclusive: boolean;
}

/** Every key there can be. */
export const WHOLE_RANGE: KeyRange = {
  lower: undefined,
  lowerInclusive: true,
  upper: undefined,
  upperInclusive: true,
};

/** Whether the key `bytes[offset … offset + length)` lies at or above the range's lower end. */
export function isAboveLower(
  range: KeyRange,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const lower = range.lower;
  if (lower === undefined) return true;
  const order = compareRange(bytes, offset, length, lower, 0, lower.length);
  return order > 0 || (order === 0 && range.lowerInclusive);
}

/** Whether the key `bytes[offset … offset + length)` lies at or below the range's upper end. */
export function isBelowUpper(
  range: KeyRange,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const upper = range.upper;
  if (upper === undefined) return true;
  const order = compareRange(bytes, offset, length, upper, 0, upper.length);
  return order < 0 || (order === 0 && range.upperInclusive);
}

export function rangeContains(
  range: KeyRange,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  return isAboveLower(range, bytes, offset, length) && isBelowUpper(range, bytes, offset, length);
}

/** Whether no key can lie in the range. */
export function isEmptyRange(range: KeyRange): boolean {
  return !reaches(range, range);
}

/** Whether some key could lie in both. Ranges such as ("a", "a\0") exclusive count as holding one. */
export function rangesOverlap(a: KeyRange, b: KeyRange): boolean {
  return reaches(a, b) && reaches(b, a) && !isEmptyRange(a) && !isEmptyRange(b);
}

/** Order of two ranges by their lower ends; an inclusive end comes before an exclusive one. */
export function compareLowerEnds(a: KeyRange, b: KeyRange): number {
  if (a.lower === undefined) return b.lower === undefined ? 0 : -1;
  if (b.lower === undefined) return 1;
  const order = compareBytes(a.lower, b.lower);
  return order !== 0 ? order : Number(b.lowerInclusive) - Number(a.lowerInclusive);
}

/** Order of two ranges by their upper ends; an exclusive end comes before an inclusive one. */
export function compareUpperEnds(a: KeyRange, b: KeyRange): number {
  if (a.upper === undefined) return b.upper === undefined ? 0 : 1;
  if (b.upper === undefined) return -1;
  const order = compareBytes(a.upper, b.upper);
  return order !== 0 ? order : Number(a.upperInclusive) - Number(b.upperInclusive);
}

/**
 * Sorted, disjoint ranges that hold exactly the keys of the given ones: overlapping and touching
 * ranges are united, empty ones left out. O(n log n).
 */
export function uniteRanges(ranges: readonly KeyRange[]): KeyRange[] {
  const sorted = ranges.filter((range) => !isEmptyRange(range)).sort(compareLowerEnds);
  const united: KeyRange[] = [];
  for (const range of sorted) {
    const last = united.at(-1);
    if (last === undefined || !touches(last, range)) {
      united.push(range);
    } else if (compareUpperEnds(range, last) > 0) {
      united[united.length - 1] = {
        lower: last.lower,
        lowerInclusive: last.lowerInclusive,
        upper: range.upper,
        upperInclusive: range.upperInclusive,
      };
    }
  }
  return united;
}

/** Whether `a` starts at or before a place where `b` still goes on. */
function reaches(a: KeyRange, b: KeyRange): boolean {
  if (a.lower === undefined || b.upper === undefined) return true;
  const order = compareBytes(a.lower, b.upper);
  return order < 0 || (order === 0 && a.lowerInclusive && b.upperInclusive);
}

/** Whether nothing lies between the end of `before` and the start of `after` (given in order). */
function touches(before: KeyRange, after: KeyRange): boolean {
  if (before.upper === undefined || after.lower === undefined) return true;
  const order = compareBytes(after.lower, before.upper);
  return order < 0 || (order === 0 && (after.lowerInclusive || before.upperInclusive));
}
