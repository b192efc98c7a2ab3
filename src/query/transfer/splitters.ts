/** How records follow each other in each format. */

import { END, MORE, RecordError, type RecordSplitter } from "./record-file.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === NEWLINE || byte === RETURN || byte === 0x09;
}

/** One record per line; lines of white space are none. */
export class LineSplitter implements RecordSplitter {
  start(bytes: Uint8Array, from: number, to: number, atEnd: boolean): number {
    for (let i = from; i < to; i++) if (!isSpace(bytes[i] as number)) return i;
    return atEnd ? END : MORE;
  }

  end(bytes: Uint8Array, start: number, to: number, atEnd: boolean): number {
    const newline = bytes.indexOf(NEWLINE, start);
    return newline >= 0 && newline < to ? newline : atEnd ? to : MORE;
  }
}

/** CSV and TSV: a record may hold line breaks inside quotes. Empty lines are none. */
export class SeparatedSplitter implements RecordSplitter {
  readonly #separator: number;

  constructor(separator: number) {
    this.#separator = separator;
  }

  start(bytes: Uint8Array, from: number, to: number, atEnd: boolean): number {
    for (let i = from; i < to; i++) {
      if (bytes[i] !== NEWLINE && bytes[i] !== RETURN) return i;
    }
    return atEnd ? END : MORE;
  }

  end(bytes: Uint8Array, start: number, to: number, atEnd: boolean): number {
    let quoted = false;
    let fieldStart = true;
    for (let i = start; i < to; i++) {
      const byte = bytes[i] as number;
      if (quoted) {
        // A doubled quote leaves and enters at once, which comes to the same.
        if (byte === QUOTE) quoted = bytes[i + 1] === QUOTE && i + 1 < to ? (i++, true) : false;
      } else if (byte === NEWLINE) {
        return i;
      } else if (byte === QUOTE && fieldStart) {
        quoted = true;
      }
      fieldStart = !quoted && byte === this.#separator;
    }
    return atEnd && !quoted ? to : MORE;
  }
}

/** The elements of one array. */
export class ArraySplitter implements RecordSplitter {
  #state: "before" | "first" | "element" | "closed" = "before";

  start(bytes: Uint8Array, from: number, to: number, atEnd: boolean): number {
    // Kept only with an answer: after `MORE` the same bytes are looked at again.
    let state = this.#state;
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      if (isSpace(byte)) continue;
      if (state === "closed") throw new RecordError("something follows the end of the array");
      if (state === "before") {
        if (byte !== OPEN_BRACKET) {
          throw new RecordError("expected an array of objects; one object per line is AS jsonl");
        }
        state = "first";
      } else if (byte === CLOSE_BRACKET) {
        state = "closed";
      } else if (state === "first") {
        this.#state = "element";
        return i;
      } else if (byte === COMMA) {
        return this.#afterComma(bytes, i + 1, to, atEnd);
      } else {
        throw new RecordError("expected a comma between the elements of the array");
      }
    }
    if (!atEnd) return MORE;
    if (state === "closed") return END;
    throw new RecordError("the file ends before the array does");
  }

  #afterComma(bytes: Uint8Array, from: number, to: number, atEnd: boolean): number {
    for (let i = from; i < to; i++) if (!isSpace(bytes[i] as number)) return i;
    if (atEnd) throw new RecordError("the file ends after a comma");
    return MORE;
  }

  end(bytes: Uint8Array, start: number, to: number, atEnd: boolean): number {
    let depth = 0;
    for (let i = start; i < to; i++) {
      const byte = bytes[i] as number;
      if (byte === QUOTE) {
        i = stringEnd(bytes, i, to);
        if (i === MORE) return MORE;
        if (depth === 0) return i + 1;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        depth++;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (depth === 0) return i;
        if (--depth === 0) return i + 1;
      } else if (depth === 0 && byte === COMMA) {
        return i;
      }
    }
    return atEnd && depth === 0 ? to : MORE;
  }
}

/** Offset of the quote that closes the string opened at `open`, or `MORE`. */
function stringEnd(bytes: Uint8Array, open: number, to: number): number {
  for (let i = open + 1; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte === BACKSLASH) i++;
    else if (byte === QUOTE) return i;
  }
  return MORE;
}

/** JSON text without white space between its parts; the bytes are valid JSON. */
export function compactJson(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const compact = new Uint8Array(end - start);
  let length = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (isSpace(byte)) continue;
    if (byte !== QUOTE) {
      compact[length++] = byte;
      continue;
    }
    const close = stringEnd(bytes, i, end);
    for (; i <= close; i++) compact[length++] = bytes[i] as number;
    i--;
  }
  return compact.subarray(0, length);
}
