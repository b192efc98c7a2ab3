/**
 * The contract of the output modes: rows in, pieces of text (or bytes) out. A renderer is pure, it
 * holds at most a page of rows, and it never sees the terminal: the loop decides where pieces go.
 */

import type { QueryValue } from "../engine.ts";
import type { Cell, CellKind, RenderStyle } from "./cell.ts";
import { cellOf } from "./cell.ts";

export const MODES = ["table", "line", "json", "jsonl", "csv", "tsv", "raw", "markdown"] as const;
export type Mode = (typeof MODES)[number];

export type Piece = string | Uint8Array;
export type ResultRow = readonly QueryValue[];

/** Colours a finished, padded piece of a cell. */
export type Paint = (text: string, role: CellKind | "header" | "frame" | "error") => string;

export interface RenderOptions {
  /** Style of columns named `key`, and of all others. */
  readonly keyStyle: RenderStyle;
  readonly valueStyle: RenderStyle;
  /** Column names in csv and tsv. */
  readonly headers: boolean;
  /** Counts the rows under a table. */
  readonly footer: boolean;
  /** Set when the pieces go to a terminal: `raw` refuses what a terminal would act on. */
  readonly terminal: boolean;
  readonly paint: Paint;
  readonly quoteBytes: (bytes: Uint8Array) => string;
}

export interface Renderer {
  /** Before the first row. */
  begin(): Piece;
  rows(batch: readonly ResultRow[]): Piece;
  /** Lets go of rows held back, because more may be long in coming. */
  flush(): Piece;
  /** After the last row; `hidden` names what was left out, e.g. `… 12 more rows`. */
  end(hidden?: string): Piece;
}

export type RendererFactory = (columns: readonly string[], options: RenderOptions) => Renderer;

export const PLAIN: Paint = (text) => text;

/** Turns the values of one column into cells. */
export type CellReader = (value: QueryValue) => Cell;

/** One reader per column: keys may be shown in another style than values. */
export function cellReaders(
  columns: readonly string[],
  options: RenderOptions,
  nullText: string,
): CellReader[] {
  return columns.map((name) => {
    const style = name === "key" ? options.keyStyle : options.valueStyle;
    const cellOptions = { style, nullText, quoteBytes: options.quoteBytes };
    return (value) => cellOf(value, cellOptions);
  });
}

/** The cells of one row; a short row is filled with nulls. */
export function readCells(row: ResultRow, readers: readonly CellReader[]): Cell[] {
  return readers.map((read, i) => read(row[i] ?? null));
}

/** "1 row", "2 rows". */
export function countRows(count: number): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? "row" : "rows"}`;
}
