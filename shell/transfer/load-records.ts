/**
 * Reads back what dump has written as jsonl or csv: text in pieces of any size → entries. Strict: what is
 * not an entry is an error that names its line. Pure.
 */

import { usageError } from "../exit-codes.ts";
import { CSV_COLUMNS, isBytesCell } from "./dump-writers.ts";

export interface LoadedEntry {
  readonly key: string | Uint8Array;
  readonly value: string | Uint8Array;
  readonly userMeta: number;
  readonly expiresAt: number;
}

/** Gets text piece by piece and hands out whole entries, also those in front of a mistake. */
export interface LoadReader {
  push(text: string): Iterable<LoadedEntry>;
  /** The input has ended. */
  end(): Iterable<LoadedEntry>;
}

export function jsonReader(): LoadReader {
  return new LineReader((line, number) => {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      throw wrong(number, "no JSON object");
    }
    return entryOf(json, number);
  });
}

function entryOf(json: unknown, line: number): LoadedEntry {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw wrong(line, "no JSON object");
  }
  const fields = json as Record<string, unknown>;
  for (const name of Object.keys(fields)) {
    if (!FIELDS.has(name)) throw wrong(line, `an unknown field ${JSON.stringify(name)}`);
  }
  return {
    key: bytesOf(fields["key"], "key", line),
    value: bytesOf(fields["value"], "value", line),
    userMeta: wholeNumber(fields["userMeta"] ?? fields["user_meta"] ?? 0, "userMeta", line),
    expiresAt: wholeNumber(fields["expiresAt"] ?? fields["expires_at"] ?? 0, "expiresAt", line),
  };
}

/** The second names are those that EXPORT writes. */
const FIELDS = new Set(["key", "value", "userMeta", "expiresAt", "user_meta", "expires_at"]);

function bytesOf(field: unknown, name: string, line: number): string | Uint8Array {
  if (typeof field === "string") {
    if (field.isWellFormed()) return field;
    throw wrong(line, `${name} holds half a character, which has no bytes`);
  }
  if (typeof field === "object" && field !== null && Object.keys(field).join() === "$bytes") {
    const encoded = (field as { $bytes: unknown }).$bytes;
    if (typeof encoded === "string") return fromBase64(encoded, name, line);
  }
  throw wrong(line, `${name} is no text and no {"$bytes": "<base64>"}`);
}

function fromBase64(encoded: string, name: string, line: number): Uint8Array {
  try {
    return Uint8Array.fromBase64(encoded);
  } catch {
    throw wrong(line, `${name} is not base64`);
  }
}

function wholeNumber(field: unknown, name: string, line: number): number {
  const max = name === "userMeta" ? 255 : Number.MAX_SAFE_INTEGER;
  if (typeof field === "number" && Number.isInteger(field) && field >= 0 && field <= max) {
    return field;
  }
  throw wrong(line, `${name} is no whole number from 0 to ${max}`);
}

function wrong(line: number, what: string): Error {
  return usageError(`standard input:${line}: ${what}`, "the entries before it are loaded and stay");
}

/** Characters of a record. A longer one is no entry, or an open quote that swallows all that follows. */
export const RECORD_LENGTH_MAX = 1 << 28;
/** Fields of a record: more than any header names. */
const CELLS_MAX = 64;

function requireShort(length: number, line: number): void {
  if (length <= RECORD_LENGTH_MAX) return;
  throw wrong(line, `an entry of more than ${RECORD_LENGTH_MAX >> 20} million characters`);
}

class LineReader implements LoadReader {
  readonly #parse: (line: string, number: number) => LoadedEntry;
  #rest: string[] = [];
  #restLength = 0;
  #number = 0;

  constructor(parse: (line: string, number: number) => LoadedEntry) {
    this.#parse = parse;
  }

  *push(text: string): Generator<LoadedEntry> {
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    for (const [i, line] of lines.entries()) {
      const whole = i === 0 ? this.#rest.join("") + line : line;
      if (i === 0) {
        this.#rest = [];
        this.#restLength = 0;
      }
      yield* this.#line(whole);
    }
    this.#rest.push(last);
    this.#restLength += last.length;
    requireShort(this.#restLength, this.#number + 1);
  }

  *end(): Generator<LoadedEntry> {
    yield* this.#line(this.#rest.join(""));
    this.#rest = [];
  }

  *#line(line: string): Generator<LoadedEntry> {
    this.#number++;
    if (line.trim() !== "") yield this.#parse(line, this.#number);
  }
}

/** What goes on with a field that began without a quote; quotes inside it stand for themselves. */
const PLAIN_RUN = /[^,\r\n]*/y;

export function csvReader(): LoadReader {
  return new CsvReader();
}

/** RFC 4180: fields in quotes may hold commas, doubled quotes and line ends. */
class CsvReader implements LoadReader {
  #columns: readonly string[] | undefined;
  #cells: string[] = [];
  /** Characters in them. */
  #length = 0;
  /** Pieces of the field being read. */
  #field = "";
  #state: "start" | "plain" | "quoted" | "quote" = "start";
  #line = 1;
  #recordLine = 1;

  *push(text: string): Generator<LoadedEntry> {
    let at = 0;
    while (at < text.length) {
      if (this.#state === "quoted") {
        at = this.#readQuoted(text, at);
        continue;
      }
      const character = text[at++] as string;
      if (this.#state === "quote" && character === '"') {
        this.#field += '"';
        this.#state = "quoted";
      } else if (character === '"' && this.#state === "start") {
        this.#state = "quoted";
      } else if (character === ",") {
        this.#endField();
      } else if (character === "\n") {
        this.#line++;
        yield* this.#endRecord();
      } else if (character !== "\r") {
        if (this.#state === "quote") throw wrong(this.#line, "text behind a closing quote");
        PLAIN_RUN.lastIndex = at;
        const run = PLAIN_RUN.exec(text)?.[0] ?? "";
        at += run.length;
        this.#field += character + run;
        this.#state = "plain";
      }
    }
    requireShort(this.#length + this.#field.length, this.#recordLine);
  }

  *end(): Generator<LoadedEntry> {
    if (this.#state === "quoted") throw wrong(this.#recordLine, "a quote that is never closed");
    if (this.#state !== "start" || this.#cells.length > 0) yield* this.#endRecord();
    if (this.#columns === undefined) this.#setColumns([""]);
  }

  #readQuoted(text: string, from: number): number {
    const quote = text.indexOf('"', from);
    const end = quote < 0 ? text.length : quote;
    const piece = text.slice(from, end);
    this.#field += piece;
    for (let at = piece.indexOf("\n"); at >= 0; at = piece.indexOf("\n", at + 1)) this.#line++;
    if (quote < 0) return end;
    this.#state = "quote";
    return quote + 1;
  }

  #endField(): void {
    if (this.#cells.length >= CELLS_MAX) {
      throw wrong(this.#recordLine, `more than ${CELLS_MAX} fields`);
    }
    this.#length += this.#field.length;
    this.#cells.push(this.#field);
    this.#field = "";
    this.#state = "start";
  }

  *#endRecord(): Generator<LoadedEntry> {
    const isBlank = this.#state === "start" && this.#cells.length === 0;
    const line = this.#recordLine;
    this.#recordLine = this.#line;
    if (isBlank) return;
    this.#endField();
    const cells = this.#cells;
    this.#cells = [];
    this.#length = 0;
    if (this.#columns === undefined) this.#setColumns(cells);
    else yield this.#entry(cells, this.#columns, line);
  }

  #setColumns(cells: readonly string[]): void {
    const unknown = cells.find((cell) => !(CSV_COLUMNS as readonly string[]).includes(cell));
    if (unknown !== undefined || !cells.includes("key") || !cells.includes("value")) {
      throw wrong(1, `the header names key, value, and if need be user_meta and expires_at`);
    }
    this.#columns = cells;
  }

  #entry(cells: readonly string[], columns: readonly string[], line: number): LoadedEntry {
    if (cells.length !== columns.length) {
      throw wrong(line, `${cells.length} fields, the header names ${columns.length}`);
    }
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? "";
    const numberOf = (name: string, field: string): number => {
      const text = cell(name);
      if (text === "") return 0;
      return wholeNumber(/^\d+$/.test(text) ? Number(text) : text, field, line);
    };
    return {
      key: csvBytes(cell("key"), "key", line),
      value: csvBytes(cell("value"), "value", line),
      userMeta: numberOf("user_meta", "userMeta"),
      expiresAt: numberOf("expires_at", "expiresAt"),
    };
  }
}

function csvBytes(cell: string, name: string, line: number): string | Uint8Array {
  if (!isBytesCell(cell)) return cell;
  return fromBase64(cell.slice('{"$bytes":"'.length, -2), name, line);
}
