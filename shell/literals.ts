/** Reads one literal of the query language, for `--literal`, `--param NAME:=…` and `.param`. */

import type { Language, ParameterValue } from "./engine.ts";
import { usageError } from "./exit-codes.ts";

/** The literal's value. Throws a usage error for anything that is not exactly one literal. */
export function parseLiteral(language: Language, text: string): ParameterValue {
  const negative = /^\s*-/.test(text);
  const value = literalOf(language, negative ? text.replace("-", " ") : text);
  if (value === undefined || (negative && typeof value !== "number")) {
    throw usageError(
      `${text} is no literal`,
      `literals: 'text', b"bytes\\x00", x'00ff', b64'AAE=', 42, 1.5, 15m, true, null`,
    );
  }
  return negative ? -(value as number) : value;
}

function literalOf(language: Language, text: string): ParameterValue | undefined {
  const parsed = language.parse(`SELECT ${text}\n`);
  if (parsed.kind !== "ok" || parsed.statements.length !== 1) return undefined;
  const statement = parsed.statements[0]?.statement;
  if (statement?.kind !== "select") return undefined;
  const { columns, from, where, orderBy, groupBy, having, limit, offset, distinct } = statement;
  const clauses = [from, where, having, limit, offset, ...orderBy, ...groupBy];
  const [column, ...others] = columns;
  if (distinct || others.length > 0 || clauses.some((clause) => clause !== undefined)) {
    return undefined;
  }
  if (column?.kind !== "column" || column.alias !== undefined) return undefined;
  return column.expression.kind === "literal" ? column.expression.value : undefined;
}

/** A KEY or VALUE argument: its UTF-8 bytes, or with `--literal` what the literal means. */
export function argumentBytes(
  language: Language | undefined,
  argument: string,
): string | Uint8Array {
  if (language === undefined) return argument;
  const value = parseLiteral(language, argument);
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  throw usageError(`${argument} is no text or byte string`, `write '${argument}' for the text`);
}
