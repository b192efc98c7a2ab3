/**
 * Text, prompt and cursor → rows of a terminal of a given width, wrapped by display width. Pure; all
 * that the repaint module knows about where things are comes from here.
 */

import type { Run } from "./highlight.ts";

/** A piece of a row in one colour, safe to show. */
export interface Piece {
  readonly text: string;
  readonly role: string;
}

export interface Row {
  pieces: Piece[];
  /** Display cells used. */
  width: number;
}

export interface Layout {
  readonly rows: readonly Row[];
  readonly cursorRow: number;
  readonly cursorColumn: number;
}

export interface Prompts {
  readonly first: readonly Piece[];
  readonly continuation: readonly Piece[];
}

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const TAB_CELLS = 4;

export function layOut(
  runs: readonly Run[],
  cursor: number,
  prompts: Prompts,
  columns: number,
): Layout {
  const writer = new RowWriter(Math.max(2, columns));
  for (const { text, role } of prompts.first) writer.add(text, role);
  let offset = 0;
  let place: { row: number; column: number } | undefined;
  for (const { text, role } of runs) {
    for (const grapheme of graphemes(text)) {
      if (offset >= cursor) place ??= writer.place(grapheme);
      if (grapheme === "\n") {
        writer.newRow();
        for (const piece of prompts.continuation) writer.add(piece.text, piece.role);
      } else {
        writer.put(shown(grapheme), role);
      }
      offset += grapheme.length;
    }
  }
  place ??= writer.place("");
  return { rows: writer.rows, cursorRow: place.row, cursorColumn: place.column };
}

class RowWriter {
  readonly rows: Row[] = [{ pieces: [], width: 0 }];
  readonly #columns: number;

  constructor(columns: number) {
    this.#columns = columns;
  }

  get #row(): Row {
    return this.rows[this.rows.length - 1] as Row;
  }

  add(text: string, role: string): void {
    for (const grapheme of graphemes(text)) this.put(shown(grapheme), role);
  }

  put(text: string, role: string): void {
    const width = cells(text);
    if (this.#row.width + width > this.#columns) this.newRow();
    const row = this.#row;
    const last = row.pieces.at(-1);
    if (last !== undefined && last.role === role) {
      row.pieces[row.pieces.length - 1] = { text: last.text + text, role };
    } else {
      row.pieces.push({ text, role });
    }
    row.width += width;
  }

  newRow(): void {
    this.rows.push({ pieces: [], width: 0 });
  }

  /** Where a cursor before `next` stands: where `next` will be put. */
  place(next: string): { row: number; column: number } {
    const row = this.rows.length - 1;
    const { width } = this.#row;
    const newline = next === "\n";
    const needed = next === "" || newline ? 1 : Math.max(1, cells(shown(next)));
    if (width + needed <= this.#columns) return { row, column: width };
    // Before a newline a full row keeps the cursor on its last cell: there is nothing behind it.
    if (newline) return { row, column: this.#columns - 1 };
    if (next === "") this.newRow();
    return { row: row + 1, column: 0 };
  }
}

/** Characters a terminal would act on are shown as something else. */
function shown(grapheme: string): string {
  if (grapheme === "\t") return " ".repeat(TAB_CELLS);
  // oxlint-disable-next-line no-control-regex
  return /^[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/.test(
    grapheme,
  )
    ? "\ufffd"
    : grapheme;
}

function cells(text: string): number {
  return text.length === 1 && text.charCodeAt(0) < 0x7f ? 1 : Bun.stringWidth(text);
}

/** ASCII needs no segmenter. */
function graphemes(text: string): Iterable<string> {
  // oxlint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(text) ? text : segments(text);
}

function* segments(text: string): Generator<string> {
  for (const { segment } of segmenter.segment(text)) yield segment;
}

/** How many rows the first `rows` take after the terminal was made `columns` wide. */
export function reflowedHeight(rows: readonly Row[], columns: number): number {
  let height = 0;
  for (const { width } of rows) height += Math.max(1, Math.ceil(width / Math.max(1, columns)));
  return height;
}
