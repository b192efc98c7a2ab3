/** CAST: strict, because a guessed number would be a wrong answer. */

import type { Cast, Span } from "../../../grammar/ast.ts";
import { quoteText } from "../../../grammar/index.ts";
import { Problem } from "../problem.ts";
import { bytesOf, isJson, textOf, unboxed, type Datum } from "../value/datum.ts";
import { derived, describeDatum, type Compile, type Compiled } from "./compiled.ts";
import { documentOf } from "./json-access.ts";

export function compileCast(node: Cast, compile: Compile): Compiled {
  const operand = compile(node.operand);
  const { span } = node.operand;
  const convert = CONVERSIONS[node.type];
  return derived([operand], node.type, (frame) => {
    const datum = operand.evaluate(frame);
    return datum === null ? null : convert(datum, span);
  });
}

const CONVERSIONS: Readonly<
  Record<Cast["type"], (datum: Exclude<Datum, null>, span: Span) => Datum>
> = {
  text: toTextDatum,
  bytes: (datum) => bytesOf(datum),
  integer: (datum, span) => {
    const number = toNumber(datum, span);
    if (number === null) return null;
    if (!Number.isSafeInteger(Math.trunc(number))) {
      throw new Problem("too large for an integer: at most 9007199254740991", span);
    }
    return Math.trunc(number);
  },
  real: toNumber,
  json: toJson,
};

export function toTextDatum(datum: Exclude<Datum, null>, span: Span | undefined): string {
  const text = textOf(datum);
  if (text !== undefined) return text;
  throw new Problem("these bytes are not UTF-8 text", span, "hex(…) or base64(…) shows any bytes");
}

export function toJson(datum: Exclude<Datum, null>, span: Span | undefined): Datum {
  if (isJson(datum)) return datum;
  const json = documentOf(datum, undefined);
  if (json === undefined)
    throw new Problem(
      `expected JSON, found ${describeDatum(datum)} that cannot be read as JSON`,
      span,
      "json_type(…) is null for what is not JSON",
    );
  return { json };
}

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

function toNumber(datum: Exclude<Datum, null>, span: Span): number | null {
  const plain = unboxed(datum);
  if (plain === null || typeof plain === "number") return plain;
  if (typeof plain === "boolean") return Number(plain);
  const text = textOf(plain);
  if (text === undefined || isJson(plain) || !NUMBER.test(text)) {
    const shown = text === undefined ? "these bytes are" : `${quoteText(text.slice(0, 40))} is`;
    throw new Problem(`${shown} not a number`, span);
  }
  return Number(text);
}
