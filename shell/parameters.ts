/**
 * Parameters of statements: how `--param` and `.param` spell them, and what a statement is given. A
 * value is text unless `:=` says that it is a literal, so a parameter can never change what a
 * statement means by what it happens to look like.
 */

import type { Language, ParameterValue, QueryParameters } from "./engine.ts";
import { usageError } from "./exit-codes.ts";
import { parseLiteral } from "./literals.ts";

/** `NAME=VALUE` or `NAME:=LITERAL`. */
export function parseAssignment(language: Language, text: string): [string, ParameterValue] {
  const match = /^:?([A-Za-z_]\w*|[1-9]\d*)(:?=)([^]*)$/.exec(text);
  if (match === null) {
    throw usageError(
      `${text}: not of the form NAME=VALUE`,
      "NAME=VALUE for text, NAME:=VALUE for a literal, 1=VALUE for the first ?",
    );
  }
  const [, name = "", operator, value = ""] = match;
  return [name, operator === ":=" ? parseLiteral(language, value) : value];
}

/** What `execute` gets: a list for a text that uses `?`, else a record. */
export function parametersFor(
  values: ReadonlyMap<string, ParameterValue>,
  positional: boolean,
): QueryParameters {
  if (!positional) return Object.fromEntries(values);
  const list: ParameterValue[] = [];
  for (let n = 1; values.has(String(n)); n++) list.push(values.get(String(n)) as ParameterValue);
  return list;
}
