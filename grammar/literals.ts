/**
 * Literals both ways: what a literal's text means, and how a value is written so that the parser reads
 * the same value back. Quoted output never holds a control character, a C1 control or a bidirectional
 * override, so it is safe on a terminal.
 */

import { isReserved } from "./tokens.ts";
import { NAME_PART, NAME_START } from "./scan.ts";

/** Why a literal has no value; `offset` counts from the literal's first character. */
export interface LiteralProblem {
  readonly message: string;
  readonly offset: number;
  readonly length: number;
  readonly hint: string;
}

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// --------------------------------------------------------------------- reading

/** `'it''s'` → `it's`, `"a""b"` → `a"b`. */
export function unquote(image: string): string {
  const quote = image.charAt(0);
  const body = image.slice(1, -1);
  return body.includes(quote) ? body.replaceAll(quote + quote, quote) : body;
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, "\\": 92, '"': 34 };

/** The bytes of a `b"…"` literal. */
export function decodeBytes(image: string): Uint8Array | LiteralProblem {
  const body = image.slice(2, -1);
  if (!body.includes("\\")) return encoder.encode(body);
  const parts: number[] = [];
  let at = 0;
  while (at < body.length) {
    const slash = body.indexOf("\\", at);
    if (slash !== at) {
      const end = slash < 0 ? body.length : slash;
      for (const byte of encoder.encode(body.slice(at, end))) parts.push(byte);
      at = end;
      continue;
    }
    const escape = body.charAt(at + 1);
    const hex = body.slice(at + 2, at + 4);
    if (escape === "x" && /^[0-9a-fA-F]{2}$/.test(hex)) {
      parts.push(Number.parseInt(hex, 16));
      at += 4;
    } else if (Object.hasOwn(ESCAPES, escape)) {
      parts.push(ESCAPES[escape] as number);
      at += 2;
    } else {
      const length = Math.min(escape === "x" ? 4 : 2, body.length - at);
      return {
        message: `a byte string has no escape ${visible(body.slice(at, at + length))}`,
        offset: at + 2,
        length,
        hint: String.raw`the escapes are \n \t \r \\ \" and \xNN with two hexadecimal digits`,
      };
    }
  }
  return Uint8Array.from(parts);
}

/** The bytes of an `x'…'` literal. */
export function decodeHex(image: string): Uint8Array | LiteralProblem {
  const body = image.slice(2, -1);
  const hint = "write two hexadecimal digits per byte, such as x'00ff'";
  const bad = body.search(/[^0-9a-fA-F]/);
  if (bad >= 0) {
    const digit = visible(String.fromCodePoint(body.codePointAt(bad) as number));
    return { message: `${digit} is not a hexadecimal digit`, offset: bad + 2, length: 1, hint };
  }
  if (body.length % 2 === 1) {
    const message = "a hexadecimal literal needs an even number of digits";
    return { message, offset: 0, length: image.length, hint };
  }
  return Uint8Array.fromHex(body);
}

/** The bytes of a `b64'…'` literal. */
export function decodeBase64(image: string): Uint8Array | LiteralProblem {
  try {
    return Uint8Array.fromBase64(image.slice(4, -1));
  } catch {
    const hint = "write standard base64 with its padding, such as b64'AAE='";
    return { message: "this is not base64", offset: 0, length: image.length, hint };
  }
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds in `90s`, `15m`, `2h`, `7d`. */
export function decodeDuration(image: string): number {
  return Number(image.slice(0, -1)) * (SECONDS[image.slice(-1)] as number);
}

// --------------------------------------------------------------------- writing

/** C0 and C1 controls, and the characters that reorder or hide text on a terminal. */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- control characters are the point
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
const UNSAFE_ALL = new RegExp(UNSAFE, "g");

/** The text with every unsafe character and lone surrogate replaced by one harmless character. */
export function visible(text: string): string {
  return text.toWellFormed().replace(UNSAFE_ALL, (char) => (char === "\t" ? " " : "\ufffd"));
}

/**
 * A literal for these bytes: `'text'` when they are UTF-8 without control characters, else `b"…"`.
 * The parser reads the same bytes back.
 */
export function quoteBytes(bytes: Uint8Array): string {
  let text: string;
  try {
    text = strictDecoder.decode(bytes);
  } catch {
    return byteString(bytes);
  }
  return UNSAFE.test(text) ? byteString(bytes) : quoted(text, "'");
}

/**
 * A literal for this text: `'…'`, or `b"…"` of its UTF-8 bytes when it holds control characters. Half of
 * a surrogate pair becomes U+FFFD, as it does in UTF-8.
 */
export function quoteText(text: string): string {
  return UNSAFE.test(text) ? byteString(encoder.encode(text)) : quoted(text.toWellFormed(), "'");
}

/** `'…'` or `"…"` whatever it holds, the quote doubled. */
export function quoted(text: string, quote: "'" | '"'): string {
  return quote + (text.includes(quote) ? text.replaceAll(quote, quote + quote) : text) + quote;
}

/** A name, quoted only where a bare one would be read differently. */
export function quoteName(name: string): string {
  return isBareName(name) ? name : quoted(name, '"');
}

const BARE = new RegExp(`^[${NAME_START}][${NAME_PART}]*$`);

function isBareName(name: string): boolean {
  return BARE.test(name) && name === name.toLowerCase() && !isReserved(name);
}

const SHORT_ESCAPES: Readonly<Record<number, string>> = {
  9: String.raw`\t`,
  10: String.raw`\n`,
  13: String.raw`\r`,
  34: String.raw`\"`,
  92: "\\\\",
};

/** `b"…"`: safe characters of valid UTF-8 runs as they are, every other byte as an escape. */
export function byteString(bytes: Uint8Array): string {
  let out = 'b"';
  let at = 0;
  while (at < bytes.length) {
    const length = characterLength(bytes, at);
    const byte = bytes[at] as number;
    const char = length > 0 ? strictDecoder.decode(bytes.subarray(at, at + length)) : "";
    if (byte in SHORT_ESCAPES) out += SHORT_ESCAPES[byte] as string;
    else if (char !== "" && !UNSAFE.test(char)) out += char;
    else {
      for (const each of bytes.subarray(at, at + Math.max(1, length))) {
        out += `\\x${each.toString(16).padStart(2, "0")}`;
      }
    }
    at += Math.max(1, length);
  }
  return `${out}"`;
}

/** Length in bytes of the valid UTF-8 sequence at `at`, 0 if there is none. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    strictDecoder.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}
