/** What the naive database stores, and the one way to walk it. */

import { compareBytes, prefixEnd, startsWith, toBytes } from "../../src/base/bytes.ts";
import type { Version } from "../../src/base/ids.ts";
import type { Range } from "../../src/database/contract.ts";

export interface NaiveVersion {
  readonly version: Version;
  readonly value: Uint8Array;
  readonly userMeta: number;
  /** Unix seconds, 0 = never. */
  readonly expiresAt: number;
  readonly deleted: boolean;
}

export interface NaiveRecord {
  readonly key: Uint8Array;
  /** Newest first, at least one. */
  readonly versions: readonly NaiveVersion[];
}

/** Index of the first item at or after `key` in a list sorted by key. */
export function findKey(records: readonly { readonly key: Uint8Array }[], key: Uint8Array): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes((records[middle] as NaiveRecord).key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a key lies inside a range's bounds. */
export function inBounds(key: Uint8Array, range: Range): boolean {
  const { prefix, gt, gte, lt, lte } = range;
  if (prefix !== undefined && !startsWith(key, toBytes(prefix))) return false;
  if (gt !== undefined && compareBytes(key, toBytes(gt)) <= 0) return false;
  if (gte !== undefined && compareBytes(key, toBytes(gte)) < 0) return false;
  if (lt !== undefined && compareBytes(key, toBytes(lt)) >= 0) return false;
  if (lte !== undefined && compareBytes(key, toBytes(lte)) > 0) return false;
  return true;
}

/** The slice of `records` inside the bounds, as indexes [start, end). */
export function sliceOf(records: readonly NaiveRecord[], range: Range): [number, number] {
  let start = 0;
  let end = records.length;
  const { prefix, gt, gte, lt, lte } = range;
  if (prefix !== undefined) {
    const after = prefixEnd(toBytes(prefix));
    start = Math.max(start, findKey(records, toBytes(prefix)));
    if (after !== undefined) end = Math.min(end, findKey(records, after));
  }
  if (gte !== undefined) start = Math.max(start, findKey(records, toBytes(gte)));
  if (gt !== undefined) start = Math.max(start, findAfter(records, toBytes(gt)));
  if (lt !== undefined) end = Math.min(end, findKey(records, toBytes(lt)));
  if (lte !== undefined) end = Math.min(end, findAfter(records, toBytes(lte)));
  return [start, Math.max(start, end)];
}

function findAfter(records: readonly NaiveRecord[], key: Uint8Array): number {
  const index = findKey(records, key);
  const found = records[index];
  return found !== undefined && compareBytes(found.key, key) === 0 ? index + 1 : index;
}
