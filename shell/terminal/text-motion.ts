/** Where a cursor may stand in a text: graphemes, words, lines. Pure; offsets are UTF-16 units. */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** What a user sees as one character is never cut; only a line is looked at, so long texts stay cheap. */
export function previousGrapheme(text: string, offset: number): number {
  if (offset <= 0) return 0;
  const unit = text.charCodeAt(offset - 1);
  // Between two ASCII characters there is always a boundary. (NaN, before the text, is no character.)
  if (unit === NEWLINE || (unit < 0x80 && !(text.charCodeAt(offset - 2) >= 0x80)))
    return offset - 1;
  const start = Math.max(lineStart(text, offset), windowStart(text, offset));
  let previous = start;
  const end = Math.min(lineEnd(text, offset), offset + WINDOW_UNITS);
  for (const { index } of segmenter.segment(text.slice(start, end))) {
    if (start + index >= offset) break;
    previous = start + index;
  }
  return previous;
}

export function nextGrapheme(text: string, offset: number): number {
  if (offset >= text.length) return text.length;
  const unit = text.charCodeAt(offset);
  if (unit === NEWLINE || (unit < 0x80 && !(text.charCodeAt(offset + 1) >= 0x80))) {
    return offset + 1;
  }
  const end = Math.min(lineEnd(text, offset), offset + WINDOW_UNITS);
  const [first] = segmenter.segment(text.slice(offset, end));
  return offset + (first?.segment.length ?? 1);
}

/** Far enough back for any grapheme, and not inside a surrogate pair. */
function windowStart(text: string, offset: number): number {
  const start = Math.max(0, offset - WINDOW_UNITS);
  return (text.charCodeAt(start) & 0xfc00) === 0xdc00 ? start - 1 : start;
}

/** The nearest place at or before `offset` where a cursor may stand. */
export function alignGrapheme(text: string, offset: number): number {
  if (offset >= text.length) return text.length;
  if (offset <= 0) return 0;
  const previous = previousGrapheme(text, offset);
  return nextGrapheme(text, previous) <= offset ? offset : previous;
}

export function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
}

export function lineEnd(text: string, offset: number): number {
  const newline = text.indexOf("\n", offset);
  return newline < 0 ? text.length : newline;
}

/** Long lines are looked at through a window: a key press must not cost the length of the line. */
const WINDOW_UNITS = 256;

const WORD = /[\p{L}\p{N}_]/u;

/** Start of the word before `offset`: what is no word is skipped first. */
export function wordLeft(text: string, offset: number): number {
  let at = offset;
  while (at > 0 && !isWord(text, before(text, at))) at = before(text, at);
  while (at > 0 && isWord(text, before(text, at))) at = before(text, at);
  return at;
}

export function wordRight(text: string, offset: number): number {
  let at = offset;
  while (at < text.length && !isWord(text, at)) at = after(text, at);
  while (at < text.length && isWord(text, at)) at = after(text, at);
  return at;
}

/** Start of the run of non-blanks before `offset`, as Ctrl-W has it. */
export function blankLeft(text: string, offset: number): number {
  let at = offset;
  while (at > 0 && /\s/.test(text.charAt(at - 1))) at--;
  while (at > 0 && !/\s/.test(text.charAt(at - 1))) at--;
  return at;
}

const NEWLINE = 10;

function isWord(text: string, offset: number): boolean {
  return WORD.test(String.fromCodePoint(text.codePointAt(offset) ?? 0));
}

function before(text: string, offset: number): number {
  return offset - ((text.charCodeAt(offset - 1) & 0xfc00) === 0xdc00 && offset > 1 ? 2 : 1);
}

function after(text: string, offset: number): number {
  return offset + ((text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1);
}
