/** Expressions → canonical text, with brackets only where precedence asks for them. */

import type { Binary, Case, Expression, Literal } from "./ast.ts";
import { byteString, quoted, quoteName } from "./literals.ts";
import { OPERATOR_PRECEDENCE as P, type Precedence } from "./precedence.ts";

/** The expression as text that parses back to it. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case "literal":
      return printLiteral(expression);
    case "parameter":
      return expression.name === undefined ? "?" : `:${expression.name}`;
    case "reference":
      return quoteName(expression.name);
    case "unary":
      return expression.operator === "not"
        ? `NOT ${binding(expression.operand, P.of("not"))}`
        : expression.operator + binding(expression.operand, P.arrow);
    case "binary":
      return printBinary(expression);
    case "between": {
      const { low, high } = expression;
      return test(expression, `BETWEEN ${compared(low)} AND ${compared(high)}`);
    }
    case "in":
      return test(expression, `IN (${expression.items.map(printExpression).join(", ")})`);
    case "like":
      return test(expression, `LIKE ${compared(expression.pattern)}`);
    case "startsWith":
      return test(expression, `STARTS WITH ${compared(expression.prefix)}`);
    case "isNull":
      return `${compared(expression.operand)} IS ${expression.negated ? "NOT " : ""}NULL`;
    case "case":
      return printCase(expression);
    case "cast":
      return `CAST(${printExpression(expression.operand)} AS ${expression.type.toUpperCase()})`;
    case "call": {
      const distinct = expression.distinct ? "DISTINCT " : "";
      const inside = expression.star
        ? "*"
        : distinct + expression.arguments.map(printExpression).join(", ");
      return `${quoteName(expression.name)}(${inside})`;
    }
  }
}

/** The expression, in brackets if it binds less tightly than `loosest`. */
function binding(expression: Expression, loosest: Precedence): string {
  const text = printExpression(expression);
  return precedenceOf(expression) < loosest ? `(${text})` : text;
}

/** An operand of a comparison: comparisons do not chain. */
function compared(expression: Expression): string {
  return binding(expression, P.loosest);
}

function precedenceOf(expression: Expression): Precedence {
  switch (expression.kind) {
    case "unary":
      return expression.operator === "not" ? P.of("not") : P.sign;
    case "binary":
      return P.of(expression.operator);
    case "between":
    case "in":
    case "like":
    case "startsWith":
    case "isNull":
      return P.comparison;
    default:
      return P.primary;
  }
}

function test(expression: { operand: Expression; negated: boolean }, rest: string): string {
  return `${compared(expression.operand)} ${expression.negated ? "NOT " : ""}${rest}`;
}

/** Operators group to the left, so the right side must bind tighter. */
function printBinary({ operator, left, right }: Binary): string {
  const own = P.of(operator);
  const leftmost = own === P.comparison ? P.loosest : own;
  const word = operator === "or" || operator === "and" ? operator.toUpperCase() : operator;
  const rightText = own === P.arrow ? afterArrow(right) : binding(right, own + 1);
  return `${binding(left, leftmost)} ${word} ${rightText}`;
}

/** `a -> -1` needs no brackets; a sign there takes only what directly follows it. */
function afterArrow(right: Expression): string {
  const bare = right.kind === "unary" && right.operator !== "not" && !isArrow(right.operand);
  return bare ? printExpression(right) : binding(right, P.primary);
}

function isArrow(expression: Expression): boolean {
  return precedenceOf(expression) === P.arrow;
}

function printLiteral(literal: Literal): string {
  switch (literal.type) {
    case "text":
      return quoted(literal.value, "'");
    case "bytes":
      if (literal.form === "x") return `x'${literal.value.toHex()}'`;
      if (literal.form === "b64") return `b64'${literal.value.toBase64()}'`;
      return byteString(literal.value);
    case "number":
    case "duration":
      return literal.text;
    default:
      return String(literal.value).toUpperCase();
  }
}

function printCase({ operand, branches, otherwise }: Case): string {
  const parts = ["CASE"];
  if (operand !== undefined) parts.push(printExpression(operand));
  for (const { when, then } of branches) {
    parts.push(`WHEN ${printExpression(when)} THEN ${printExpression(then)}`);
  }
  if (otherwise !== undefined) parts.push(`ELSE ${printExpression(otherwise)}`);
  return `${parts.join(" ")} END`;
}
