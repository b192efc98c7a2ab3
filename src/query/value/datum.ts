/**
 * The values of the language while a statement runs: the types they have, how they compare, and how one
 * turns into another. A datum is what `QueryValue` names; a JSON datum is boxed as `{ json }`.
 *
 * Order between types exists for sorting only; comparing across types in an expression is an error,
 * except that text and bytes compare by the text's UTF-8 bytes.
 */

import { compareBytes, toBytes, toTextStrict } from "../../base/bytes.ts";
import type { QueryJson, QueryValue } from "../../database/contract.ts";
import { canonicalJson, rawNumber, rawScalar } from "./json.ts";

export type Datum = QueryValue;

export type TypeName = "null" | "boolean" | "integer" | "real" | "text" | "bytes" | "json";

export function isJson(datum: Datum): datum is QueryJson {
  return typeof datum === "object" && datum !== null && !(datum instanceof Uint8Array);
}

/** The type of a value. Numbers without a fraction are integers. */
export function typeName(datum: Datum): TypeName {
  switch (typeof datum) {
    case "boolean":
      return "boolean";
    case "number":
      return Number.isInteger(datum) ? "integer" : "real";
    case "string":
      return "text";
    default:
      if (datum === null) return "null";
      return datum instanceof Uint8Array ? "bytes" : "json";
  }
}

/** A JSON scalar without its box; everything else as it is. */
export function unboxed(datum: Datum): Datum {
  return isJson(datum) ? scalarOf(datum.json, datum) : datum;
}

/** A parsed JSON value as a datum: scalars become SQL values, objects and arrays stay boxed. */
export function scalarOf(json: unknown, boxed?: QueryJson): Datum {
  switch (typeof json) {
    case "string":
    case "number":
    case "boolean":
      return json;
    default: {
      if (json === null || json === undefined) return null;
      const raw = rawNumber(json);
      return raw === undefined ? (boxed ?? { json }) : rawScalar(raw);
    }
  }
}

/** Cannot be compared: what `compareData` returns for values of unlike types. */
export const UNLIKE = Number.NaN;

/**
 * Compares two values that are not null: negative, zero, positive, or `UNLIKE` (test with
 * `result !== result`). JSON objects and arrays are only ever equal or unequal: unequal ones give `UNLIKE`
 * unless `equality` is asked for.
 */
export function compareData(a: Datum, b: Datum, equality = false): number {
  const left = unboxed(a);
  const right = unboxed(b);
  if (typeof left === "number") {
    return typeof right === "number" ? compareNumbers(left, right) : UNLIKE;
  }
  if (typeof left === "string") {
    if (typeof right === "string") return compareText(left, right);
    return right instanceof Uint8Array ? compareBytes(toBytes(left), right) : UNLIKE;
  }
  if (left instanceof Uint8Array) {
    if (right instanceof Uint8Array) return compareBytes(left, right);
    return typeof right === "string" ? compareBytes(left, toBytes(right)) : UNLIKE;
  }
  if (typeof left === "boolean") {
    return typeof right === "boolean" ? Number(left) - Number(right) : UNLIKE;
  }
  if (left === null || right === null || !isJson(right)) return UNLIKE;
  if (canonicalJson(left.json) === canonicalJson(right.json)) return 0;
  return equality ? 1 : UNLIKE;
}

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By code point, which is also the order of the UTF-8 bytes. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === length) return a.length - b.length;
  // Surrogates stand for code points above all of the basic plane, but sort below its last part.
  const left = a.charCodeAt(i);
  const right = b.charCodeAt(i);
  return liftSurrogate(left) - liftSurrogate(right);
}

function liftSurrogate(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** A total order over all values, for sorting: null, booleans, numbers, text and bytes, JSON. */
export function sortData(a: Datum, b: Datum): number {
  const left = unboxed(a);
  const right = unboxed(b);
  const rank = rankOf(left) - rankOf(right);
  if (rank !== 0) return rank;
  if (left === null) return 0;
  if (isJson(left) && isJson(right)) {
    return compareText(canonicalJson(left.json), canonicalJson(right.json));
  }
  return compareData(left, right);
}

function rankOf(datum: Datum): number {
  switch (typeof datum) {
    case "boolean":
      return 1;
    case "number":
      return 2;
    case "string":
      return 3;
    default:
      if (datum === null) return 0;
      return datum instanceof Uint8Array ? 3 : 4;
  }
}

/**
 * Values as one string that is equal exactly for values that group together. Text and bytes group
 * together when the bytes are the text's UTF-8, as `=` has it.
 */
export function groupKey(data: readonly Datum[]): string {
  let key = "";
  for (const datum of data) {
    const part = groupKeyPart(unboxed(datum));
    key += `${part.length}:${part}`;
  }
  return key;
}

function groupKeyPart(datum: Datum): string {
  switch (typeof datum) {
    case "boolean":
      return datum ? "t" : "f";
    case "number":
      return `#${datum === 0 ? 0 : datum}`;
    case "string":
      return `s${datum}`;
    default: {
      if (datum === null) return "n";
      if (isJson(datum)) return `j${canonicalJson(datum.json)}`;
      const text = toTextStrict(datum);
      return text === undefined ? `x${datum.toHex()}` : `s${text}`;
    }
  }
}

/** Rough size in memory, for budgets. */
export function sizeOfDatum(datum: Datum): number {
  if (typeof datum === "string") return 24 + datum.length * 2;
  if (typeof datum !== "object" || datum === null) return 8;
  if (datum instanceof Uint8Array) return 96 + datum.length;
  return 96 + JSON.stringify(datum.json).length * 2;
}

/** Text as `||` and the text functions see a value; `undefined` for bytes that are not UTF-8. */
export function textOf(datum: Datum): string | undefined {
  switch (typeof datum) {
    case "string":
      return datum;
    case "number":
    case "boolean":
      return String(datum);
    default:
      if (datum === null) return "null";
      return datum instanceof Uint8Array ? toTextStrict(datum) : jsonText(datum);
  }
}

/** Bytes as they are stored: text as UTF-8, numbers, booleans and JSON as JSON text. */
export function bytesOf(datum: Exclude<Datum, null>): Uint8Array {
  if (datum instanceof Uint8Array) return datum;
  return toBytes(typeof datum === "object" ? jsonText(datum) : String(datum));
}

export function jsonText(datum: QueryJson): string {
  return JSON.stringify(datum.json) ?? "null";
}
