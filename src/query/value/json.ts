/**
 * JSON in and out without losing digits. A number whose text a double cannot give back (a 64-bit id, say)
 * is kept as its text (`JSON.rawJSON`), so that rewriting one field of a value leaves the others as they
 * were. `->>` hands out such an integer as text, because a rounded one would be a wrong answer.
 */

import { toTextStrict } from "../../base/bytes.ts";

/** Parts of ECMAScript's "JSON.parse source text access" that the type library does not know yet. */
interface ExactJson {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
  parse(
    text: string,
    reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
}

const exactJson = JSON as unknown as ExactJson;

/** Fewer digits than this always survive a double. */
const MANY_DIGITS = /[\d.]{16}/;

/** What `parseJson` gives for text that is not JSON; no JSON value is `undefined`. */
export const NOT_JSON = undefined;

export function parseJson(text: string): unknown {
  if (!mayBeJson(text.charCodeAt(0))) return NOT_JSON;
  try {
    return MANY_DIGITS.test(text) ? exactJson.parse(text, keepDigits) : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return NOT_JSON;
    throw error;
  }
}

/** The same for UTF-8 bytes. */
export function parseJsonBytes(bytes: Uint8Array): unknown {
  const text = mayBeJson(bytes[0] ?? 0) ? toTextStrict(bytes) : undefined;
  return text === undefined ? NOT_JSON : parseJson(text);
}

/** Looks at the first character only: sparing plain text the cost of an exception. */
function mayBeJson(first: number): boolean {
  switch (first) {
    case 0x7b: // {
    case 0x5b: // [
    case 0x22: // "
    case 0x2d: // -
    case 0x20:
    case 0x09:
    case 0x0a:
    case 0x0d:
    case 0x74: // t
    case 0x66: // f
    case 0x6e: // n
      return true;
    default:
      return first >= 0x30 && first <= 0x39;
  }
}

function keepDigits(_name: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context.source === undefined) return value;
  return String(value) === context.source || !MANY_DIGITS.test(context.source)
    ? value
    : exactJson.rawJSON(context.source);
}

/** The text of a number that was kept as text, or `undefined` for any other value. */
export function rawNumber(json: unknown): string | undefined {
  return typeof json === "object" && exactJson.isRawJSON(json) ? json.rawJSON : undefined;
}

/** A kept number as `->>` gives it: a real is rounded as reals are, an integer stays text. */
export function rawScalar(raw: string): number | string {
  const number = Number(raw);
  return /^-?\d+$/.test(raw) && !Number.isSafeInteger(number) ? raw : number;
}

export type JsonType = "null" | "true" | "false" | "integer" | "real" | "text" | "array" | "object";

export function jsonTypeOf(json: unknown): JsonType {
  switch (typeof json) {
    case "boolean":
      return json ? "true" : "false";
    case "number":
      return Number.isInteger(json) ? "integer" : "real";
    case "string":
      return "text";
    default: {
      if (json === null || json === undefined) return "null";
      const raw = rawNumber(json);
      if (raw !== undefined) return /^-?\d+$/.test(raw) ? "integer" : "real";
      return Array.isArray(json) ? "array" : "object";
    }
  }
}

/** JSON text with the names of objects in order, so that equal values have equal text. */
export function canonicalJson(json: unknown): string {
  if (typeof json !== "object" || json === null || rawNumber(json) !== undefined) {
    return JSON.stringify(json);
  }
  if (Array.isArray(json)) return `[${json.map(canonicalJson).join()}]`;
  const fields = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${canonicalJson(value)}`).join()}}`;
}
