/**
 * One value as text that a terminal shows harmlessly and that the parser reads back: the rule every
 * textual renderer shares. Text stays text when it is well-formed and holds nothing a terminal would
 * act on; everything else becomes a byte string literal. Text that itself looks like such a literal
 * (or like the mode's word for null) is written as a byte string too, so no two values look alike.
 */

import type { QueryValue } from "../engine.ts";
import { isJson } from "../engine.ts";

export const RENDER_STYLES = ["auto", "text", "hex", "base64", "json", "redacted"] as const;
export type RenderStyle = (typeof RENDER_STYLES)[number];

export type CellKind = "null" | "boolean" | "number" | "text" | "bytes" | "json";

export interface Cell {
  readonly kind: CellKind;
  readonly text: string;
}

export interface CellOptions {
  readonly style: RenderStyle;
  /** How the mode writes null, e.g. `NULL` or `\N`; empty when emptiness stands for it. */
  readonly nullText: string;
  /** The grammar's printer of byte strings. */
  readonly quoteBytes: (bytes: Uint8Array) => string;
}

const encoder = new TextEncoder();
// ignoreBOM: a leading U+FEFF is data and must not vanish.
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * What a terminal could act on or hide: C0, DEL, C1, direction marks, embeddings, overrides and
 * isolates, line and paragraph separators, the byte order mark, interlinear and tag characters.
 */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const UNSAFE_ALL = new RegExp(UNSAFE.source, "gu");
/** Text that would read back as a byte string: b"…", x'…', b64'…'. */
const LOOKS_LIKE_BYTES = /^(?:b"|x'|b64')/i;

/** True when a terminal shows the text as it is. */
export function isPrintable(text: string): boolean {
  return !UNSAFE.test(text) && text.isWellFormed();
}

/** The bytes' text, or `undefined` when they are not valid UTF-8. */
export function decodeStrict(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export function toBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Makes JSON text safe to show: what `UNSAFE` names and JSON leaves raw becomes `\uXXXX`. */
export function escapeJsonText(json: string): string {
  return UNSAFE.test(json)
    ? json.replace(UNSAFE_ALL, (character) =>
        // A newline in JSON text can only be layout: inside strings it is already escaped.
        character === "\n"
          ? character
          : Array.from(
              { length: character.length },
              (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
            ).join(""),
      )
    : json;
}

/** Any text on one line with the unsafe parts made visible; for messages, not for data that must read back. */
export function visibleText(text: string): string {
  return text
    .toWellFormed()
    .replace(UNSAFE_ALL, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

export function cellOf(value: QueryValue, options: CellOptions): Cell {
  if (value === null) return { kind: "null", text: options.nullText };
  if (typeof value === "boolean") return { kind: "boolean", text: String(value) };
  if (typeof value === "number") return { kind: "number", text: String(value) };
  if (typeof value === "string") return textCell(value, undefined, options);
  if (!isJson(value)) return textCell(decodeStrict(value), value, options);
  if (options.style === "redacted") return { kind: "json", text: "<json>" };
  return { kind: "json", text: escapeJsonText(JSON.stringify(value.json)) };
}

/** `text` and `bytes` are the same value in two forms; at least one is given. */
function textCell(
  text: string | undefined,
  bytes: Uint8Array | undefined,
  options: CellOptions,
): Cell {
  const raw = (): Uint8Array => bytes ?? toBytes(text ?? "");
  switch (options.style) {
    case "auto":
      break;
    case "text": {
      const lenient = text ?? lenientDecoder.decode(raw());
      return { kind: "text", text: visibleText(lenient) };
    }
    case "hex":
      return { kind: "bytes", text: `x'${Buffer.from(raw()).toString("hex")}'` };
    case "base64":
      return { kind: "bytes", text: `b64'${Buffer.from(raw()).toString("base64")}'` };
    case "redacted":
      return { kind: "bytes", text: `<${raw().length} bytes>` };
    case "json": {
      const json = reprintJson(text);
      if (json !== undefined) return { kind: "json", text: json };
    }
  }
  const plain =
    text !== undefined &&
    isPrintable(text) &&
    !LOOKS_LIKE_BYTES.test(text) &&
    (text !== options.nullText || text === "");
  if (plain) return { kind: "text", text };
  if (text !== undefined && isPrintable(text)) return { kind: "bytes", text: disguised(text) };
  return { kind: "bytes", text: quoteSafely(raw(), options) };
}

/** Printable text that would look like something else, as a byte string. */
function disguised(text: string): string {
  return `b"${text.replace(/[\\"]/g, "\\$&")}"`;
}

/** A byte string literal that is itself printable, whatever the grammar's printer leaves readable. */
function quoteSafely(bytes: Uint8Array, options: CellOptions): string {
  const quoted = options.quoteBytes(bytes);
  return isPrintable(quoted) ? quoted : `x'${Buffer.from(bytes).toString("hex")}'`;
}

/** JSON text normalized, or `undefined` when it is not JSON. */
function reprintJson(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return escapeJsonText(JSON.stringify(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
