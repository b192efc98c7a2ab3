/**
 * What an expression becomes: a closure from the current row to a value, made once per statement, and
 * what is known of it before any row has been seen.
 */

import type { ColumnReference, Expression, Span } from "../../../grammar/ast.ts";
import { Problem } from "../problem.ts";
import { typeName, type Datum, type TypeName } from "../value/datum.ts";
import type { Frame } from "./frame.ts";

export type Evaluate = (frame: Frame) => Datum;

/** Type of every value the expression gives other than null; "any" when only rows can tell. */
export type StaticType = TypeName | "number" | "any";

export interface Compiled {
  readonly evaluate: Evaluate;
  readonly type: StaticType;
  /** Reads no column: the same value for every row. */
  readonly constant: boolean;
  /** The value, if it is constant and can be computed. */
  readonly folded?: { readonly datum: Datum };
}

/** Where the names in an expression get their meaning. */
export interface Scope {
  /** Throws a `Problem` for a name it does not know. */
  column(reference: ColumnReference): Compiled;
  parameter(index: number | string, span: Span): Datum;
  /** Unix seconds, the same for the whole statement. */
  readonly nowSeconds: number;
  /** Asked before anything else; lets grouped queries replace groups and aggregates. */
  intercept?(expression: Expression): Compiled | undefined;
}

export type Compile = (expression: Expression) => Compiled;

export function constantOf(datum: Datum): Compiled {
  return { evaluate: () => datum, type: typeName(datum), constant: true, folded: { datum } };
}

/** An expression over operands, computed now if they are all constant. */
export function derived(
  operands: readonly Compiled[],
  type: StaticType,
  evaluate: Evaluate,
): Compiled {
  if (!operands.every((operand) => operand.constant)) return { evaluate, type, constant: false };
  try {
    return constantOf(evaluate(NO_FRAME));
  } catch (error) {
    // It may never be evaluated (`false AND 1 / 0 = 1`), so a failure waits for that.
    if (error instanceof Problem) return { evaluate, type, constant: true };
    throw error;
  }
}

/** For constant expressions, which look at no frame. */
export const NO_FRAME = undefined as unknown as Frame;

/** The type of a choice between expressions. */
export function unitedType(types: readonly StaticType[]): StaticType {
  const known = new Set(types.filter((type) => type !== "null"));
  const [first] = known;
  if (first === undefined) return "null";
  if (known.size === 1) return first;
  return [...known].every(isNumeric) ? "number" : "any";
}

export function isNumeric(type: StaticType): boolean {
  return type === "integer" || type === "real" || type === "number";
}

/** A type as messages name it. */
export function describeType(type: StaticType): string {
  return isNumeric(type)
    ? "a number"
    : type === "boolean"
      ? "a boolean"
      : type === "json"
        ? "JSON"
        : type;
}

export function describeDatum(datum: Datum): string {
  return describeType(typeName(datum));
}
