/** From a tree of syntax to a closure: the one place that knows every kind of expression. */

import type { Binary, Expression, FunctionCall, Literal } from "../../../grammar/ast.ts";
import { FUNCTIONS } from "../../../grammar/index.ts";
import { unreachable } from "../../base/assert.ts";

import { didYouMean, Problem } from "../problem.ts";
import { isAggregateCall } from "./aggregates.ts";
import { compileArithmetic, compileSign, isArithmetic } from "./arithmetic.ts";
import { compileCast } from "./cast.ts";
import { compileBetween, compileComparison, compileIn, isComparison } from "./comparison.ts";
import {
  constantOf,
  derived,
  unitedType,
  type Compile,
  type Compiled,
  type Scope,
} from "./compiled.ts";
import { compileCall, SCALAR_FUNCTIONS, signatureOf } from "./functions.ts";
import { compileJsonAccess } from "./json-access.ts";
import { compileAndOr, compileCase, compileIsNull, compileNot } from "./logic.ts";
import { compileConcat, compileLike, compileStartsWith } from "./text-match.ts";

/** Compiles an expression; throws a `Problem` for unknown names and types that cannot fit. */
export function compileExpression(expression: Expression, scope: Scope): Compiled {
  const compile: Compile = (node) => {
    const replaced = scope.intercept?.(node);
    return replaced ?? compileNode(node, scope, compile);
  };
  return compile(expression);
}

function compileNode(node: Expression, scope: Scope, compile: Compile): Compiled {
  switch (node.kind) {
    case "literal":
      return compileLiteral(node);
    case "parameter":
      return constantOf(scope.parameter(node.name ?? node.index, node.span));
    case "reference":
      return scope.column(node);
    case "unary":
      return node.operator === "not" ? compileNot(node, compile) : compileSign(node, compile);
    case "binary":
      return compileBinary(node, compile);
    case "between":
      return compileBetween(node, compile);
    case "in":
      return compileIn(node, compile);
    case "like":
      return compileLike(node, compile);
    case "startsWith":
      return compileStartsWith(node, compile);
    case "isNull":
      return compileIsNull(node, compile);
    case "case":
      return compileCase(node, compile);
    case "cast":
      return compileCast(node, compile);
    case "call":
      return compileFunction(node, scope, compile);
    default:
      return unreachable(node);
  }
}

function compileLiteral(node: Literal): Compiled {
  const constant = constantOf(node.value);
  // 4.0 is a whole number to JavaScript, but whoever writes the point wants real arithmetic.
  const isReal = node.type === "number" && /[.e]/i.test(node.text);
  return isReal ? { ...constant, type: "real" } : constant;
}

function compileBinary(node: Binary, compile: Compile): Compiled {
  const { operator } = node;
  if (operator === "and" || operator === "or") return compileAndOr(node, compile);
  if (operator === "||") return compileConcat(node, compile);
  if (operator === "->" || operator === "->>") return compileJsonAccess(node, compile);
  if (isComparison(operator)) return compileComparison({ ...node, operator }, compile);
  if (isArithmetic(operator)) return compileArithmetic({ ...node, operator }, compile);
  return unreachable(operator);
}

function compileFunction(node: FunctionCall, scope: Scope, compile: Compile): Compiled {
  if (isAggregateCall(node)) {
    throw new Problem(
      `the aggregate ${node.name} is not allowed here`,
      node.span,
      "aggregates stand in the columns of a SELECT, in HAVING and in ORDER BY, not inside each other",
    );
  }
  if (node.name === "coalesce") return compileCoalesce(node, compile);
  const definition = Object.hasOwn(SCALAR_FUNCTIONS, node.name)
    ? SCALAR_FUNCTIONS[node.name]
    : undefined;
  if (definition === undefined) {
    throw new Problem(
      `there is no function ${node.name}`,
      node.nameSpan,
      didYouMean(node.name, FUNCTION_NAMES),
    );
  }
  return compileCall(node, definition, scope, compile);
}

const FUNCTION_NAMES: readonly string[] = [...new Set(FUNCTIONS.map(({ name }) => name))];

/** Not in the table, because arguments after the first non-null one must not be evaluated. */
function compileCoalesce(node: FunctionCall, compile: Compile): Compiled {
  if (node.arguments.length < 2 || node.star || node.distinct) {
    throw new Problem("coalesce takes two or more values", node.span, signatureOf("coalesce"));
  }
  const operands = node.arguments.map((argument) => compile(argument));
  return derived(operands, unitedType(operands.map((operand) => operand.type)), (frame) => {
    for (const operand of operands) {
      const datum = operand.evaluate(frame);
      if (datum !== null) return datum;
    }
    return null;
  });
}
