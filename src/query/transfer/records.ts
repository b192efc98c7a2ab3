/**
 * Records of a file as rows for expressions: the fields that the statement names, and `json`, the whole
 * record as the text of a JSON object.
 */

import type { FileFormat, Span } from "../../../grammar/ast.ts";
import { toTextStrict } from "../../base/bytes.ts";
import type { File } from "../../env/file-system.ts";
import { didYouMean, Problem } from "../problem.ts";
import type { Datum } from "../value/datum.ts";
import { parseJson } from "../value/json.ts";
import { fromCell, fromJsonForm } from "./json-form.ts";
import { RecordError, RecordFile } from "./record-file.ts";
import { ArraySplitter, compactJson, LineSplitter, SeparatedSplitter } from "./splitters.ts";

/** A field that an expression names. */
export interface WantedField {
  readonly name: string;
  readonly span: Span;
  /** May be missing from a file that names its fields. */
  readonly optional?: boolean;
}

/** The name that stands for the whole record. */
export const WHOLE_RECORD = "json";

export interface Records {
  readonly line: number;
  readonly doneBytes: number;
  /** Moves to the next record; a `RecordError` concerns the place in the file and ends reading. */
  next(): boolean;
  /** The wanted fields of the current record. Throws `RecordError` if it cannot be read; the next one may be. */
  fields(): readonly Datum[];
  /** Names of the current record's fields, for messages. */
  names(): readonly string[];
  close(): void;
}

export function openRecords(
  file: File,
  format: FileFormat,
  wanted: readonly WantedField[],
): Records {
  switch (format) {
    case "csv":
      return new SeparatedRecords(new RecordFile(file, new SeparatedSplitter(0x2c)), ",", wanted);
    case "tsv":
      return new SeparatedRecords(new RecordFile(file, new SeparatedSplitter(0x09)), "\t", wanted);
    case "json":
      return new JsonRecords(new RecordFile(file, new ArraySplitter()), wanted);
    case "jsonl":
      return new JsonRecords(new RecordFile(file, new LineSplitter()), wanted);
  }
}

function textOfRecord(file: RecordFile): string {
  const text = toTextStrict(file.bytes.subarray(file.startOffset, file.endOffset));
  if (text === undefined) throw new RecordError("the record is not valid UTF-8");
  return text;
}

class JsonRecords implements Records {
  readonly #file: RecordFile;
  readonly #wanted: readonly WantedField[];
  readonly #fields: Datum[];
  #names: readonly string[] = [];

  constructor(file: RecordFile, wanted: readonly WantedField[]) {
    this.#file = file;
    this.#wanted = wanted;
    this.#fields = wanted.map(() => null);
  }

  get line(): number {
    return this.#file.line;
  }

  get doneBytes(): number {
    return this.#file.doneBytes;
  }

  next(): boolean {
    return this.#file.next();
  }

  names(): readonly string[] {
    return this.#names;
  }

  fields(): readonly Datum[] {
    const file = this.#file;
    const record = parseJson(textOfRecord(file).trim());
    if (record === undefined) throw new RecordError("the record is not valid JSON");
    if (typeof record !== "object" || record === null || Array.isArray(record)) {
      throw new RecordError("the record is not a JSON object");
    }
    this.#names = Object.keys(record);
    for (let i = 0; i < this.#wanted.length; i++) {
      const { name } = this.#wanted[i] as WantedField;
      this.#fields[i] =
        name === WHOLE_RECORD
          ? textOf(compactJson(file.bytes, file.startOffset, file.endOffset))
          : this.#field(record as Record<string, unknown>, name);
    }
    return this.#fields;
  }

  #field(record: Record<string, unknown>, name: string): Datum {
    if (Object.hasOwn(record, name)) return fromJsonForm(record[name]);
    const alike = this.#names.find((candidate) => candidate.toLowerCase() === name);
    return alike === undefined ? null : fromJsonForm(record[alike]);
  }

  close(): void {
    this.#file.close();
  }
}

function textOf(bytes: Uint8Array): string {
  return toTextStrict(bytes) ?? "";
}

class SeparatedRecords implements Records {
  readonly #file: RecordFile;
  readonly #separator: string;
  readonly #names: readonly string[];
  readonly #labels: readonly string[];
  /** Per wanted field its column, `-1` for the whole record, `-2` for one that is missing. */
  readonly #columns: readonly number[];
  readonly #fields: Datum[];

  constructor(file: RecordFile, separator: string, wanted: readonly WantedField[]) {
    this.#file = file;
    this.#separator = separator;
    this.#names = file.next() ? splitCells(textOfRecord(file), separator) : [];
    this.#labels = this.#names.map((name) => `${JSON.stringify(name)}:`);
    this.#columns = wanted.map((field) => this.#columnOf(field));
    this.#fields = wanted.map(() => null);
  }

  get line(): number {
    return this.#file.line;
  }

  get doneBytes(): number {
    return this.#file.doneBytes;
  }

  next(): boolean {
    return this.#file.next();
  }

  names(): readonly string[] {
    return this.#names;
  }

  fields(): readonly Datum[] {
    const cells = splitCells(textOfRecord(this.#file), this.#separator);
    if (cells.length !== this.#names.length) {
      throw new RecordError(
        `the record has ${cells.length} of the header’s ${this.#names.length} fields`,
      );
    }
    for (let i = 0; i < this.#columns.length; i++) {
      const column = this.#columns[i] as number;
      this.#fields[i] =
        column >= 0 ? fromCell(cells[column] as string) : column === -1 ? this.#whole(cells) : null;
    }
    return this.#fields;
  }

  close(): void {
    this.#file.close();
  }

  #whole(cells: readonly string[]): string {
    return `{${cells.map((cell, i) => this.#labels[i] + JSON.stringify(cell)).join()}}`;
  }

  #columnOf({ name, span, optional }: WantedField): number {
    if (name === WHOLE_RECORD) return -1;
    const exact = this.#names.indexOf(name);
    const index =
      exact >= 0 ? exact : this.#names.findIndex((candidate) => candidate.toLowerCase() === name);
    if (index >= 0) return index;
    if (optional === true) return -2;
    throw new Problem(
      `the file has no field ${name}`,
      span,
      didYouMean(name, [...this.#names, WHOLE_RECORD]),
    );
  }
}

/** RFC 4180: a quoted cell may hold separators, line breaks and doubled quotes. */
export function splitCells(record: string, separator: string): string[] {
  const text = record.endsWith("\r") ? record.slice(0, -1) : record;
  if (!text.includes('"')) return text.split(separator);
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    const [cell, end] = text.startsWith('"', at)
      ? quotedCell(text, at)
      : plainCell(text, at, separator);
    cells.push(cell);
    if (end >= text.length) return cells;
    if (!text.startsWith(separator, end))
      throw new RecordError("text follows the end of a quoted field");
    at = end + separator.length;
  }
}

function plainCell(text: string, at: number, separator: string): [string, number] {
  const found = text.indexOf(separator, at);
  const end = found < 0 ? text.length : found;
  return [text.slice(at, end), end];
}

function quotedCell(text: string, at: number): [string, number] {
  for (let from = at + 1; ;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw new RecordError("a quoted field does not end");
    if (text.charAt(quote + 1) !== '"') {
      return [text.slice(at + 1, quote).replaceAll('""', '"'), quote + 1];
    }
    from = quote + 2;
  }
}
