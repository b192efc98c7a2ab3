/** AND, OR, NOT, IS NULL and CASE in three-valued logic: true, false, null for unknown. */

import type { Binary, Case, Expression, IsNull, Span, Unary } from "../../../grammar/ast.ts";
import { at } from "../../base/assert.ts";
import { Problem } from "../problem.ts";
import { unboxed, type Datum } from "../value/datum.ts";
import { compileComparison } from "./comparison.ts";
import {
  derived,
  describeDatum,
  describeType,
  unitedType,
  type Compile,
  type Compiled,
} from "./compiled.ts";

/** A value as a condition: numbers are true unless zero, text and bytes are no conditions. */
export function truthOf(datum: Datum, span: Span): boolean | null {
  if (typeof datum === "boolean" || datum === null) return datum;
  const plain = unboxed(datum);
  if (typeof plain === "number") return plain !== 0;
  if (typeof plain === "boolean" || plain === null) return plain;
  throw notACondition(describeDatum(plain), span);
}

/** Compiles an expression that has to be a condition. */
export function compileCondition(expression: Expression, compile: Compile): Compiled {
  const compiled = compile(expression);
  if (compiled.type === "text" || compiled.type === "bytes") {
    throw notACondition(describeType(compiled.type), expression.span);
  }
  return compiled;
}

function notACondition(type: string, span: Span): Problem {
  return new Problem(
    `expected a condition, found ${type}`,
    span,
    "compare it with something: … = …",
  );
}

/** The operands of a chain of one operator, left to right, without recursion over its length. */
export function operandsOf(node: Binary): Expression[] {
  const operands: Expression[] = [];
  let current: Expression = node;
  while (current.kind === "binary" && current.operator === node.operator) {
    operands.push(current.right);
    current = current.left;
  }
  operands.push(current);
  return operands.reverse();
}

/** AND and OR: `decisive` is the operand value that settles the result at once. */
export function compileAndOr(node: Binary, compile: Compile): Compiled {
  const decisive = node.operator === "or";
  const expressions = operandsOf(node);
  const operands = expressions.map((operand) => compileCondition(operand, compile));
  const evaluates = operands.map((operand) => operand.evaluate);
  return derived(operands, "boolean", (frame) => {
    let unknown = false;
    for (let i = 0; i < evaluates.length; i++) {
      const datum = at(evaluates, i)(frame);
      const truth = typeof datum === "boolean" ? datum : truthOf(datum, at(expressions, i).span);
      if (truth === decisive) return decisive;
      if (truth === null) unknown = true;
    }
    return unknown ? null : !decisive;
  });
}

export function compileNot(node: Unary, compile: Compile): Compiled {
  const operand = compileCondition(node.operand, compile);
  return derived([operand], "boolean", (frame) => {
    const truth = truthOf(operand.evaluate(frame), node.operand.span);
    return truth === null ? null : !truth;
  });
}

export function compileIsNull(node: IsNull, compile: Compile): Compiled {
  const operand = compile(node.operand);
  return derived([operand], "boolean", (frame) => {
    const isNull = unboxed(operand.evaluate(frame)) === null;
    return isNull !== node.negated;
  });
}

export function compileCase(node: Case, compile: Compile): Compiled {
  const { operand } = node;
  const branches = node.branches.map(({ when, then }) => ({
    span: when.span,
    when:
      operand === undefined
        ? compileCondition(when, compile)
        : compileComparison(equation(operand, when), compile),
    then: compile(then),
  }));
  const otherwise = node.otherwise === undefined ? undefined : compile(node.otherwise);
  const results = [...branches.map((branch) => branch.then), ...(otherwise ? [otherwise] : [])];
  return derived(
    [...branches.map((branch) => branch.when), ...results],
    unitedType(results.map((result) => result.type)),
    (frame) => {
      for (const branch of branches) {
        if (truthOf(branch.when.evaluate(frame), branch.span) === true) {
          return branch.then.evaluate(frame);
        }
      }
      return otherwise === undefined ? null : otherwise.evaluate(frame);
    },
  );
}

/** `CASE x WHEN y` tests x = y. */
function equation(left: Expression, right: Expression): Binary & { readonly operator: "=" } {
  const { span } = right;
  return { kind: "binary", operator: "=", operatorSpan: span, span, left, right };
}
