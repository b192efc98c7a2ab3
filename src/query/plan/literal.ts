/** Values and key ranges as the language writes them, for plans and messages. */

import { quoteBytes, quoteText } from "../../../grammar/index.ts";
import { toTextStrict } from "../../base/bytes.ts";
import { pointKey, prefixOf, type KeyRange } from "./key-range.ts";

/** Longest key that is shown in full. */
const BYTES_SHOWN = 60;

/** Bytes as a literal that the parser reads back, cut with … when long. */
export function literalOf(bytes: Uint8Array): string {
  if (bytes.length > BYTES_SHOWN) return `${literalOf(bytes.subarray(0, BYTES_SHOWN - 4))}…`;
  const text = toTextStrict(bytes);
  return text !== undefined && !/\p{C}/u.test(text) ? quoteText(text) : quoteBytes(bytes);
}

export function describeRange(range: KeyRange): string {
  const point = pointKey(range);
  if (point !== undefined) return `key = ${literalOf(point)}`;
  const prefix = prefixOf(range);
  if (prefix !== undefined) return `key STARTS WITH ${literalOf(prefix)}`;
  const { from, to } = range;
  const above = from.length === 0 ? undefined : afterKey(from, "key > ", "key >= ");
  const below = to === undefined ? undefined : afterKey(to, "key <= ", "key < ");
  const bounds = [above, below].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? "all keys" : bounds.join(" AND ");
}

/** A bound that is the smallest key after another one reads better as that key. */
function afterKey(bound: Uint8Array, afterOperator: string, operator: string): string {
  return bound.length > 1 && bound.at(-1) === 0
    ? afterOperator + literalOf(bound.subarray(0, -1))
    : operator + literalOf(bound);
}
