/** `= != < <= > >=`, BETWEEN and IN. Null on either side gives null; unlike types are an error. */

import type { Between, Binary, InList, Span } from "../../../grammar/ast.ts";
import { compareBytes, toBytes } from "../../base/bytes.ts";
import { Problem } from "../problem.ts";
import { compareData, typeName, unboxed, type Datum } from "../value/datum.ts";
import {
  derived,
  describeType,
  isNumeric,
  type Compile,
  type Compiled,
  type Evaluate,
  type StaticType,
} from "./compiled.ts";

/** Which outcomes of a comparison make the operator true: less, equal, greater. */
const LESS = 1;
const EQUAL = 2;
const GREATER = 4;

export type ComparisonOperator = "=" | "!=" | "<" | "<=" | ">" | ">=";

const OUTCOMES: Readonly<Record<ComparisonOperator, number>> = {
  "=": EQUAL,
  "!=": LESS | GREATER,
  "<": LESS,
  "<=": LESS | EQUAL,
  ">": GREATER,
  ">=": GREATER | EQUAL,
};

export function isComparison(operator: Binary["operator"]): operator is ComparisonOperator {
  return operator in OUTCOMES;
}

export function compileComparison(
  node: Binary & { readonly operator: ComparisonOperator },
  compile: Compile,
): Compiled {
  const left = compile(node.left);
  const right = compile(node.right);
  checkComparable(left.type, right.type, node.operatorSpan);
  const outcomes = OUTCOMES[node.operator];
  return derived(
    [left, right],
    "boolean",
    bytesAgainstConstant(left, right, outcomes) ??
      comparing(left.evaluate, right.evaluate, outcomes, node.operatorSpan),
  );
}

/** Refuses a comparison that no row could make right. */
export function checkComparable(left: StaticType, right: StaticType, span: Span): void {
  const classes = [classOf(left), classOf(right)];
  if (classes.includes("any") || classes[0] === classes[1]) return;
  throw unlike(left, right, span);
}

function classOf(type: StaticType): string {
  if (isNumeric(type)) return "number";
  if (type === "text") return "bytes";
  // JSON may hold a scalar of any type.
  return type === "null" || type === "json" ? "any" : type;
}

function unlike(left: StaticType, right: StaticType, span: Span): Problem {
  const message = `cannot compare ${describeType(left)} with ${describeType(right)}`;
  const types = [left, right];
  if (!types.some(isNumeric)) return new Problem(message, span);
  const hint = types.includes("bytes")
    ? "value ->> '$.field' reads a number inside JSON, CAST(value AS integer) reads one from text"
    : types.includes("text")
      ? "CAST(… AS real) reads a number from text"
      : undefined;
  return new Problem(message, span, hint);
}

function comparing(left: Evaluate, right: Evaluate, outcomes: number, span: Span): Evaluate {
  return (frame) => {
    const a = left(frame);
    if (a === null) return null;
    const b = right(frame);
    if (b === null) return null;
    if (typeof a === "number" && typeof b === "number") {
      return (outcomes & (a < b ? LESS : a > b ? GREATER : EQUAL)) !== 0;
    }
    return compareOrFail(a, b, outcomes, span);
  };
}

function compareOrFail(a: Datum, b: Datum, outcomes: number, span: Span): boolean | null {
  const left = unboxed(a);
  const right = unboxed(b);
  if (left === null || right === null) return null;
  const equality = (outcomes & EQUAL) === 0 ? outcomes === (LESS | GREATER) : outcomes === EQUAL;
  const order = compareData(left, right, equality);
  if (order !== order) throw unlike(typeName(left), typeName(right), span);
  return (outcomes & (order < 0 ? LESS : order > 0 ? GREATER : EQUAL)) !== 0;
}

/** The common case of a column of bytes against a literal, without a type test per row. */
function bytesAgainstConstant(
  left: Compiled,
  right: Compiled,
  outcomes: number,
): Evaluate | undefined {
  const datum = right.folded?.datum;
  if (left.type !== "bytes" || (typeof datum !== "string" && !(datum instanceof Uint8Array))) {
    return undefined;
  }
  const constant = toBytes(datum);
  const { evaluate } = left;
  return (frame) => {
    const bytes = evaluate(frame);
    if (bytes === null) return null;
    const order = compareBytes(bytes as Uint8Array, constant);
    return (outcomes & (order < 0 ? LESS : order > 0 ? GREATER : EQUAL)) !== 0;
  };
}

export function compileBetween(node: Between, compile: Compile): Compiled {
  const operand = compile(node.operand);
  const low = compile(node.low);
  const high = compile(node.high);
  checkComparable(operand.type, low.type, node.low.span);
  checkComparable(operand.type, high.type, node.high.span);
  return derived([operand, low, high], "boolean", (frame) => {
    const datum = operand.evaluate(frame);
    if (datum === null) return null;
    const a = low.evaluate(frame);
    const b = high.evaluate(frame);
    const above = a === null ? null : compareOrFail(datum, a, GREATER | EQUAL, node.low.span);
    const below = b === null ? null : compareOrFail(datum, b, LESS | EQUAL, node.high.span);
    const inside = above === false || below === false ? false : above === null ? null : below;
    return inside === null ? null : inside !== node.negated;
  });
}

/** Lists of constants at least this long are looked up instead of compared one by one. */
const LOOKUP_LENGTH_MIN = 4;

export function compileIn(node: InList, compile: Compile): Compiled {
  const operand = compile(node.operand);
  const items = node.items.map((item) => compile(item));
  for (const [i, item] of items.entries()) {
    checkComparable(operand.type, item.type, node.items[i]?.span ?? node.span);
  }
  const lookup = lookupOf(items);
  return derived([operand, ...items], "boolean", (frame) => {
    const datum = unboxed(operand.evaluate(frame));
    if (datum === null) return null;
    if (lookup !== undefined && typeof datum === lookup.type) {
      return lookup.set.has(datum) !== node.negated;
    }
    let sawNull = false;
    for (const [i, item] of items.entries()) {
      const other = item.evaluate(frame);
      const equal = other === null ? null : compareOrFail(datum, other, EQUAL, spanOf(node, i));
      if (equal === true) return !node.negated;
      if (equal === null) sawNull = true;
    }
    return sawNull ? null : node.negated;
  });
}

function spanOf(node: InList, index: number): Span {
  return node.items[index]?.span ?? node.span;
}

function lookupOf(
  items: readonly Compiled[],
): { readonly type: string; readonly set: ReadonlySet<Datum> } | undefined {
  if (items.length < LOOKUP_LENGTH_MIN) return undefined;
  const data = items.map((item) => item.folded?.datum);
  const type = typeof data[0];
  if (type !== "string" && type !== "number") return undefined;
  if (!data.every((datum) => typeof datum === type)) return undefined;
  return { type, set: new Set(data as Datum[]) };
}
