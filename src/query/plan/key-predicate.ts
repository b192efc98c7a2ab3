/**
 * From a condition to the keys it can be true for. Conditions on `key` against constants become points and
 * ranges, also under AND and OR; everything else is left to the filter.
 *
 * What is claimed: the condition is true at most for keys in the set, and when the result is exact, for
 * all of them (so the filter need not test it again). Null counts as not true, as WHERE has it.
 */

import type { Binary, Expression, Span } from "../../../grammar/ast.ts";
import { toBytes } from "../../base/bytes.ts";
import { operandsOf, truthOf } from "../expression/logic.ts";
import { patternText } from "../expression/text-match.ts";
import { unboxed, type Datum } from "../value/datum.ts";
import { LikePattern } from "../value/like-pattern.ts";
import {
  ALL_KEYS,
  boundedSet,
  intersect,
  isAll,
  NO_KEYS,
  pointSet,
  prefixSet,
  uniteAll,
  type KeySet,
} from "./key-range.ts";

export interface KeyAnalysis {
  /** Whether an expression is the `key` column. */
  isKey(expression: Expression): boolean;
  /** The value of a constant expression, else `undefined`. */
  constant(expression: Expression): Datum | undefined;
}

interface KeyCondition {
  readonly keys: KeySet;
  readonly exact: boolean;
}

/** The keys to read and the parts of the condition that rows still have to be tested for. */
export function splitCondition(
  condition: Expression,
  analysis: KeyAnalysis,
): { keys: KeySet; residual: readonly Expression[] } {
  const residual: Expression[] = [];
  let keys = ALL_KEYS;
  for (const part of conjuncts(condition)) {
    const found = analyse(part, analysis);
    if (found !== undefined) keys = intersect(keys, found.keys);
    if (found?.exact !== true) residual.push(part);
  }
  return { keys, residual };
}

/** The operands of a chain of ANDs, also of ANDs in parentheses within it. */
export function conjuncts(condition: Expression): Expression[] {
  if (condition.kind !== "binary" || condition.operator !== "and") return [condition];
  return operandsOf(condition).flatMap(conjuncts);
}

function analyse(node: Expression, analysis: KeyAnalysis): KeyCondition | undefined {
  const datum = analysis.constant(node);
  if (datum !== undefined) {
    return exactly(truthOf(datum, node.span) === true ? ALL_KEYS : NO_KEYS);
  }
  switch (node.kind) {
    case "binary":
      if (node.operator === "and") return analyseAnd(node, analysis);
      return node.operator === "or" ? analyseOr(node, analysis) : analyseComparison(node, analysis);
    case "between":
      if (node.negated || !analysis.isKey(node.operand)) return undefined;
      return between(analysis.constant(node.low), analysis.constant(node.high));
    case "in":
      if (node.negated || !analysis.isKey(node.operand)) return undefined;
      return oneOf(node.items.map((item) => analysis.constant(item)));
    case "startsWith":
      if (node.negated || !analysis.isKey(node.operand)) return undefined;
      return fromBytes(analysis.constant(node.prefix), prefixSet);
    case "like":
      if (node.negated || !analysis.isKey(node.operand)) return undefined;
      return like(analysis.constant(node.pattern), node.pattern.span);
    default:
      return undefined;
  }
}

function exactly(keys: KeySet): KeyCondition {
  return { keys, exact: true };
}

function analyseAnd(node: Binary, analysis: KeyAnalysis): KeyCondition | undefined {
  const { keys, residual } = splitCondition(node, analysis);
  return isAll(keys) && residual.length > 0 ? undefined : { keys, exact: residual.length === 0 };
}

/** A single operand that says nothing about keys makes the whole OR say nothing. */
function analyseOr(node: Binary, analysis: KeyAnalysis): KeyCondition | undefined {
  const sets: KeySet[] = [];
  let exact = true;
  for (const operand of operandsOf(node)) {
    const found = analyse(operand, analysis);
    if (found === undefined) return undefined;
    sets.push(found.keys);
    exact &&= found.exact;
  }
  return { keys: uniteAll(sets), exact };
}

const REVERSED: Readonly<Record<string, string>> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

function analyseComparison(node: Binary, analysis: KeyAnalysis): KeyCondition | undefined {
  const { left, right, operator } = node;
  if (analysis.isKey(left)) return compare(operator, analysis.constant(right));
  if (analysis.isKey(right))
    return compare(REVERSED[operator] ?? operator, analysis.constant(left));
  return undefined;
}

function compare(operator: string, datum: Datum | undefined): KeyCondition | undefined {
  return fromBytes(datum, (bytes) => {
    switch (operator) {
      case "=":
        return pointSet([bytes]);
      case "<":
        return boundedSet(undefined, [bytes, false]);
      case "<=":
        return boundedSet(undefined, [bytes, true]);
      case ">":
        return boundedSet([bytes, false], undefined);
      case ">=":
        return boundedSet([bytes, true], undefined);
      default:
        return undefined;
    }
  });
}

function between(low: Datum | undefined, high: Datum | undefined): KeyCondition | undefined {
  return fromBytes(
    low,
    (from) => fromBytes(high, (to) => boundedSet([from, true], [to, true]))?.keys,
  );
}

function oneOf(items: readonly (Datum | undefined)[]): KeyCondition | undefined {
  const sets = items.map((item) => fromBytes(item, (bytes) => pointSet([bytes])));
  if (!sets.every((set) => set !== undefined)) return undefined;
  return exactly(uniteAll(sets.map((set) => set.keys)));
}

function like(pattern: Datum | undefined, span: Span): KeyCondition | undefined {
  let shape: LikePattern["shape"] = "general";
  const found = fromBytes(pattern, (bytes) => {
    const parsed = new LikePattern(patternText(bytes, span));
    shape = parsed.shape;
    return shape === "exact" ? pointSet([parsed.prefix]) : prefixSet(parsed.prefix);
  });
  if (found === undefined) return undefined;
  const exact = shape !== "general" || pattern === null;
  return isAll(found.keys) && !exact ? undefined : { keys: found.keys, exact };
}

/** The exact keys for a constant that is text or bytes; none for null; unknown for anything else. */
function fromBytes(
  constant: Datum | undefined,
  keysFor: (bytes: Uint8Array) => KeySet | undefined,
): KeyCondition | undefined {
  if (constant === undefined) return undefined;
  const datum = unboxed(constant);
  if (datum === null) return exactly(NO_KEYS);
  if (typeof datum !== "string" && !(datum instanceof Uint8Array)) return undefined;
  const keys = keysFor(toBytes(datum));
  return keys === undefined ? undefined : exactly(keys);
}
