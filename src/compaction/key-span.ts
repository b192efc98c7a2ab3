/**
 * Key spans: the closed range of user keys that a table or a set of tables covers, and searches in
 * levels by it. Pure values.
 */

import { at } from "../base/assert.ts";
import { compareBytes } from "../base/bytes.ts";

/** From the smallest to the largest user key, both included. A `TableMeta` is one. */
export interface KeySpan {
  readonly smallestKey: Uint8Array;
  readonly largestKey: Uint8Array;
}

export function spansOverlap(a: KeySpan, b: KeySpan): boolean {
  return (
    compareBytes(a.smallestKey, b.largestKey) <= 0 && compareBytes(b.smallestKey, a.largestKey) <= 0
  );
}

/** Whether any of the spans, in no order, overlaps another one. */
export function overlapsAny(spans: readonly KeySpan[], other: KeySpan): boolean {
  return spans.some((span) => spansOverlap(span, other));
}

/** The smallest span that holds all the given ones; there must be one. */
export function hullOf(spans: readonly KeySpan[]): KeySpan {
  let { smallestKey, largestKey } = at(spans, 0);
  for (const span of spans) {
    if (compareBytes(span.smallestKey, smallestKey) < 0) smallestKey = span.smallestKey;
    if (compareBytes(span.largestKey, largestKey) > 0) largestKey = span.largestKey;
  }
  return { smallestKey, largestKey };
}

/** First position in a sorted, disjoint level whose span ends at or after `key`. O(log n). */
export function firstEndingAtOrAfter(level: readonly KeySpan[], key: Uint8Array): number {
  let low = 0;
  let high = level.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(at(level, middle).largestKey, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First position in a sorted, disjoint level whose span starts after `key`. O(log n). */
export function firstStartingAfter(level: readonly KeySpan[], key: Uint8Array): number {
  let low = 0;
  let high = level.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(at(level, middle).smallestKey, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The tables of a sorted, disjoint level (≥ 1) that overlap a span. O(log n + result). */
export function overlapping<T extends KeySpan>(level: readonly T[], span: KeySpan): T[] {
  return level.slice(
    firstEndingAtOrAfter(level, span.smallestKey),
    firstStartingAfter(level, span.largestKey),
  );
}

/** Whether any table overlaps the span; level 0 is searched table by table. */
export function anyOverlaps(
  level: readonly KeySpan[],
  levelNumber: number,
  span: KeySpan,
): boolean {
  if (levelNumber === 0) return level.some((table) => spansOverlap(table, span));
  const first = level[firstEndingAtOrAfter(level, span.smallestKey)];
  return first !== undefined && compareBytes(first.smallestKey, span.largestKey) <= 0;
}
