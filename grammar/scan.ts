/**
 * Where a token ends, found by hand so that any input costs one pass: quoted things, comments, words.
 * `statementEnd` walks a text with the same functions the lexer's tokens use, so the two agree on
 * what is inside a string. No Chevrotain here: a shell may split a stream without building a parser.
 */

/** Body of a character class: what may start a name. Punctuation and spaces beyond ASCII are left out. */
export const NAME_START =
  "A-Za-z_\\u00aa\\u00b5\\u00ba\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u1fff\\u2070-\\u218f" +
  "\\u2c00-\\u2fef\\u3001-\\udfff\\uf900-\\ufdcf\\ufdf0-\\uffef";
export const NAME_PART = `0-9${NAME_START}`;

/** Offset after a `'…'` or `"…"` whose quote is doubled to stand for itself; -1 without an end. */
export function quotedEnd(text: string, open: number): number {
  const quote = text.charAt(open);
  let at = open;
  for (;;) {
    at = text.indexOf(quote, at + 1);
    if (at < 0) return -1;
    if (text.charAt(at + 1) !== quote) return at + 1;
    at++;
  }
}

/** Offset after the body of `b"…"` that opens with the quote at `open`, where `\` escapes one unit. */
export function bytesLiteralEnd(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) return at + 1;
    if (unit === 0x5c) at++;
  }
  return -1;
}

/** Offset after a block comment, which does not nest; -1 if `start` opens none or it has no end. */
export function blockCommentEnd(text: string, start: number): number {
  if (text.charCodeAt(start) !== 0x2f || text.charCodeAt(start + 1) !== 0x2a) return -1;
  const close = text.indexOf("*/", start + 2);
  return close < 0 ? -1 : close + 2;
}

// Only what can hide a semicolon, or a quote that opens nothing, is looked at; all else is stepped over.
const NEXT_OF_INTEREST = new RegExp(
  `;|'|"|--|/\\*|:[${NAME_START}][${NAME_PART}]*|[${NAME_START}][${NAME_PART}]*|\\d[\\w.]*`,
  "g",
);

/**
 * Offset just after the first `;` outside strings and comments at or after `from` (which must itself
 * lie outside them), or -1. Does not parse, never throws; one pass.
 */
export function statementEnd(text: string, from = 0): number {
  let at = from;
  for (;;) {
    NEXT_OF_INTEREST.lastIndex = at;
    const match = NEXT_OF_INTEREST.exec(text);
    if (match === null) return -1;
    at = match.index + match[0].length;
    if (match[0] === ";") return at;
    at = hiddenEnd(text, match[0], match.index);
    if (at < 0) return -1;
  }
}

/** Offset after what was `found` at `start`: after the whole of it when it opens quotes or a comment, -1 without an end. */
function hiddenEnd(text: string, found: string, start: number): number {
  const at = start + found.length;
  if (found === "'" || found === '"') return quotedEnd(text, start);
  if (found === "--") return text.indexOf("\n", at);
  if (found === "/*") return blockCommentEnd(text, start);
  if ((found === "b" || found === "B") && text.charAt(at) === '"') return bytesLiteralEnd(text, at);
  return at;
}

/** How many characters of a statement are words, numbers, signs and blanks: neither in quotes nor comments. One pass. */
export function codeLength(text: string): number {
  let hidden = 0;
  for (let at = 0; ;) {
    NEXT_OF_INTEREST.lastIndex = at;
    const match = NEXT_OF_INTEREST.exec(text);
    if (match === null) return text.length - hidden;
    const plainEnd = match.index + match[0].length;
    const end = hiddenEnd(text, match[0], match.index);
    at = end < 0 ? text.length : end;
    hidden += Math.max(0, at - plainEnd);
  }
}
