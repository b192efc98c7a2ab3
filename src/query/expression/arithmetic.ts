/**
 * `+ - * / %` and signs. Values are doubles; whether a division is one of integers is decided by the
 * static type where it is known (`4.0`, CAST AS real, avg), else by the operands having no fraction.
 */

import type { Binary, Expression, Span, Unary } from "../../../grammar/ast.ts";
import { Problem } from "../problem.ts";
import { unboxed, type Datum } from "../value/datum.ts";
import {
  derived,
  describeDatum,
  describeType,
  isNumeric,
  type Compile,
  type Compiled,
  type StaticType,
} from "./compiled.ts";

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%";

export function isArithmetic(operator: Binary["operator"]): operator is ArithmeticOperator {
  return "+-*/%".includes(operator);
}

export function compileArithmetic(
  node: Binary & { readonly operator: ArithmeticOperator },
  compile: Compile,
): Compiled {
  const left = compileNumber(node.left, compile);
  const right = compileNumber(node.right, compile);
  const type = resultType(left.type, right.type);
  const apply = operation(node.operator, type, node);
  const [l, r] = [left.evaluate, right.evaluate];
  return derived([left, right], type, (frame) => {
    const a = numberOf(l(frame), node.left.span);
    if (a === null) return null;
    const b = numberOf(r(frame), node.right.span);
    if (b === null) return null;
    const result = apply(a, b);
    if (!Number.isFinite(result))
      throw new Problem("the result is too large for a number", node.span);
    return result;
  });
}

export function compileSign(node: Unary, compile: Compile): Compiled {
  const operand = compileNumber(node.operand, compile);
  const sign = node.operator === "-" ? -1 : 1;
  return derived([operand], operand.type, (frame) => {
    const number = numberOf(operand.evaluate(frame), node.operand.span);
    return number === null ? null : number === 0 ? 0 : sign * number;
  });
}

function compileNumber(expression: Expression, compile: Compile): Compiled {
  const compiled = compile(expression);
  const { type } = compiled;
  if (isNumeric(type) || type === "any" || type === "null" || type === "json") return compiled;
  throw notANumber(describeType(type), expression.span);
}

function numberOf(datum: Datum, span: Span): number | null {
  if (typeof datum === "number") return datum;
  const plain = unboxed(datum);
  if (typeof plain === "number" || plain === null) return plain;
  throw notANumber(describeDatum(plain), span);
}

function notANumber(found: string, span: Span): Problem {
  const hint =
    found === "text" || found === "bytes"
      ? "CAST(… AS integer) or CAST(… AS real) reads a number from text"
      : undefined;
  return new Problem(`expected a number, found ${found}`, span, hint);
}

function resultType(left: StaticType, right: StaticType): StaticType {
  if (left === "real" || right === "real") return "real";
  return left === "integer" && right === "integer" ? "integer" : "number";
}

function operation(
  operator: ArithmeticOperator,
  type: StaticType,
  node: Binary,
): (a: number, b: number) => number {
  switch (operator) {
    case "+":
      return (a, b) => a + b;
    case "-":
      return (a, b) => a - b;
    case "*":
      return (a, b) => a * b;
    case "/":
      return (a, b) => {
        if (b === 0) throw new Problem("division by zero", node.operatorSpan);
        const whole = type !== "real" && Number.isInteger(a) && Number.isInteger(b);
        return whole ? Math.trunc(a / b) : a / b;
      };
    case "%":
      return (a, b) => {
        if (b === 0) throw new Problem("division by zero", node.operatorSpan);
        return a % b;
      };
  }
}
