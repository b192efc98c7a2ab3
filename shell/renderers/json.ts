/**
 * Modes `json` (one array per result) and `jsonl` (one object per line). Valid UTF-8 becomes a JSON
 * string, other bytes `{"$bytes": "<base64>"}`; a data object that has a key `$bytes` of its own is
 * told apart by one more `$` (`$bytes` → `$$bytes`, `$$bytes` → `$$$bytes`), so both read back.
 */

import type { QueryValue } from "../engine.ts";
import { isJson } from "../engine.ts";
import type { RenderStyle } from "./cell.ts";
import { cellOf, decodeStrict, escapeJsonText } from "./cell.ts";
import type { Renderer, RendererFactory, RenderOptions, ResultRow } from "./renderer.ts";

export const jsonRenderer: RendererFactory = (columns, options): Renderer => {
  const print = rowPrinter(columns, options);
  let first = true;
  return {
    begin: () => "[",
    rows(batch) {
      let text = "";
      for (const row of batch) {
        text += first ? "\n" : ",\n";
        first = false;
        text += print(row);
      }
      return text;
    },
    flush: () => "",
    end: () => (first ? "]\n" : "\n]\n"),
  };
};

export const jsonlRenderer: RendererFactory = (columns, options): Renderer => {
  const print = rowPrinter(columns, options);
  return {
    begin: () => "",
    rows: (batch) => batch.map((row) => `${print(row)}\n`).join(""),
    flush: () => "",
    end: () => "",
  };
};

function rowPrinter(
  columns: readonly string[],
  options: RenderOptions,
): (row: ResultRow) => string {
  const labels = uniqueNames(columns).map((name) => JSON.stringify(escapeName(name)));
  const styles = columns.map((name) => (name === "key" ? options.keyStyle : options.valueStyle));
  return (row) => {
    const fields = labels.map((label, i) => {
      const value = jsonValue(row[i] ?? null, styles[i] ?? "auto", options.quoteBytes);
      return `${label}:${JSON.stringify(value)}`;
    });
    return escapeJsonText(`{${fields.join(",")}}`);
  };
}

/** Objects cannot repeat a key: the second `n` becomes `n:2`. */
export function uniqueNames(columns: readonly string[]): string[] {
  const taken = new Set<string>();
  return columns.map((name) => {
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name}:${n}`;
    taken.add(unique);
    return unique;
  });
}

/** A value as something `JSON.stringify` prints. */
export function jsonValue(
  value: QueryValue,
  style: RenderStyle,
  quoteBytes: (bytes: Uint8Array) => string,
): unknown {
  if (value === null || typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value === "object" && isJson(value)) {
    return style === "redacted" ? "<json>" : escapeReserved(value.json);
  }
  if (style === "json") {
    const text = typeof value === "string" ? value : decodeStrict(value);
    const parsed = text === undefined ? undefined : parseJson(text);
    if (parsed !== undefined) return escapeReserved(parsed.json);
  } else if (style !== "auto") {
    return cellOf(value, { style, nullText: "null", quoteBytes }).text;
  }
  if (typeof value === "string") return value.toWellFormed();
  return decodeStrict(value) ?? { $bytes: Buffer.from(value).toString("base64") };
}

function parseJson(text: string): { json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

const RESERVED = /^\$+bytes$/;

function escapeName(name: string): string {
  return RESERVED.test(name) ? `$${name}` : name;
}

function escapeReserved(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(escapeReserved);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [escapeName(name), escapeReserved(value)]),
  );
}
