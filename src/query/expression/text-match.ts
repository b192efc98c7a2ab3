/** LIKE, STARTS WITH and `||`: text and bytes alike. */

import type { Binary, Expression, Like, Span, StartsWith } from "../../../grammar/ast.ts";
import { concatBytes, startsWith, toBytes } from "../../base/bytes.ts";
import { Problem } from "../problem.ts";
import { bytesOf, textOf, unboxed, type Datum } from "../value/datum.ts";
import { LikePattern } from "../value/like-pattern.ts";
import { derived, describeDatum, describeType, type Compile, type Compiled } from "./compiled.ts";

export function compileLike(node: Like, compile: Compile): Compiled {
  const operand = compileText(node.operand, compile);
  const pattern = compileText(node.pattern, compile);
  let lastText: string | undefined;
  let last = new LikePattern("");
  return derived([operand, pattern], "boolean", (frame) => {
    const datum = textual(operand.evaluate(frame), node.operand.span);
    const by = textual(pattern.evaluate(frame), node.pattern.span);
    if (datum === null || by === null) return null;
    const text = typeof by === "string" ? by : patternText(by, node.pattern.span);
    if (text !== lastText) {
      last = new LikePattern(text);
      lastText = text;
    }
    return last.matches(toBytes(datum)) !== node.negated;
  });
}

/** The pattern of a LIKE; bytes are taken as UTF-8. */
export function patternText(pattern: Uint8Array, span: Span): string {
  const text = textOf(pattern);
  if (text === undefined) throw new Problem("a LIKE pattern must be valid UTF-8", span);
  return text;
}

export function compileStartsWith(node: StartsWith, compile: Compile): Compiled {
  const operand = compileText(node.operand, compile);
  const prefix = compileText(node.prefix, compile);
  return derived([operand, prefix], "boolean", (frame) => {
    const datum = textual(operand.evaluate(frame), node.operand.span);
    const start = textual(prefix.evaluate(frame), node.prefix.span);
    if (datum === null || start === null) return null;
    const matches =
      typeof datum === "string" && typeof start === "string"
        ? datum.startsWith(start)
        : startsWith(toBytes(datum), toBytes(start));
    return matches !== node.negated;
  });
}

/** `||`: bytes as soon as one side is bytes, otherwise text. */
export function compileConcat(node: Binary, compile: Compile): Compiled {
  const left = compile(node.left);
  const right = compile(node.right);
  const types = [left.type, right.type];
  const type = types.includes("bytes") ? "bytes" : types.includes("any") ? "any" : "text";
  const [l, r] = [left.evaluate, right.evaluate];
  return derived([left, right], type, (frame) => {
    const a = l(frame);
    const b = r(frame);
    if (typeof a === "string" && typeof b === "string") return a + b;
    if (a === null || b === null) return null;
    if (a instanceof Uint8Array || b instanceof Uint8Array)
      return concatBytes(bytesOf(a), bytesOf(b));
    return `${textOf(a) ?? ""}${textOf(b) ?? ""}`;
  });
}

/** Compiles an operand that has to be text or bytes. */
function compileText(expression: Expression, compile: Compile): Compiled {
  const compiled = compile(expression);
  switch (compiled.type) {
    case "text":
    case "bytes":
    case "any":
    case "null":
    case "json":
      return compiled;
    default:
      throw notText(describeType(compiled.type), expression.span);
  }
}

function textual(datum: Datum, span: Span): string | Uint8Array | null {
  if (typeof datum === "string" || datum instanceof Uint8Array || datum === null) return datum;
  const plain = unboxed(datum);
  if (typeof plain === "string" || plain === null) return plain;
  throw notText(describeDatum(plain), span);
}

function notText(found: string, span: Span): Problem {
  return new Problem(
    `expected text or bytes, found ${found}`,
    span,
    "CAST(… AS text) gives its text",
  );
}
