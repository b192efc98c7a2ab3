/**
 * Draws the editor's frame (prompt, text, menu) in place. Every repaint draws the whole frame from its
 * first row, in one write; a frame taller than the screen is shown around the cursor. Returns escape
 * codes as text and writes nothing itself.
 */

import type { Layout, Row } from "./layout.ts";
import { reflowedHeight } from "./layout.ts";

/** Holds the screen until all is drawn, where the terminal knows how. */
const BEGIN_UPDATE = "\x1b[?2026h";
const END_UPDATE = "\x1b[?2026l";
const CLEAR_TO_END_OF_SCREEN = "\x1b[J";
export const CLEAR_SCREEN = "\x1b[H\x1b[2J\x1b[3J";

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

export class Repainter {
  readonly #paint: (text: string, role: string) => string;
  /** What is on the screen, and the cursor's place in it as it was drawn. */
  #drawn: readonly Row[] = [];
  #cursorRow = 0;
  #cursorColumn = 0;
  /** Rows from the cursor up to the first row of the frame, as the terminal shows it now. */
  #rowsAbove = 0;

  constructor(paint: (text: string, role: string) => string) {
    this.#paint = paint;
  }

  /** The frame is no longer on the screen: the next one starts where the cursor is. */
  forget(): void {
    this.#drawn = [];
    this.#cursorRow = 0;
    this.#cursorColumn = 0;
    this.#rowsAbove = 0;
  }

  /** The terminal has wrapped the frame anew: find its first row again. */
  resized(columns: number): void {
    const above = reflowedHeight(this.#drawn.slice(0, this.#cursorRow), columns);
    this.#rowsAbove = above + Math.floor(this.#cursorColumn / Math.max(1, columns));
  }

  /** `below` are rows under the text, such as the menu; they give way when room is short. */
  draw({ rows, cursorRow, cursorColumn }: Layout, below: readonly Row[], screen: Screen): string {
    const height = Math.max(1, screen.rows);
    const first = Math.min(Math.max(0, cursorRow - height + 1), Math.max(0, rows.length - height));
    const visible = rows.slice(first, first + height);
    const shown = [...visible, ...below.slice(0, height - visible.length)];
    // Cleared first, not behind: clearing behind a full row would take its last character along.
    let text = BEGIN_UPDATE + this.#toTop() + CLEAR_TO_END_OF_SCREEN;
    shown.forEach((row, i) => {
      if (i > 0) text += "\r\n";
      for (const piece of row.pieces) text += this.#paint(piece.text, piece.role);
    });
    const row = cursorRow - first;
    text += up(shown.length - 1 - row) + column(cursorColumn) + END_UPDATE;
    this.#drawn = shown;
    this.#cursorRow = row;
    this.#cursorColumn = cursorColumn;
    this.#rowsAbove = row;
    return text;
  }

  /** Leaves the frame behind: the cursor goes to the start of the line under it. */
  leave(): string {
    const text = `${down(this.#drawn.length - 1 - this.#cursorRow)}\r\n`;
    this.forget();
    return text;
  }

  #toTop(): string {
    return `${up(this.#rowsAbove)}\r`;
  }
}

function up(count: number): string {
  return count > 0 ? `\x1b[${count}A` : "";
}

function down(count: number): string {
  return count > 0 ? `\x1b[${count}B` : "";
}

function column(index: number): string {
  return index > 0 ? `\r\x1b[${index}C` : "\r";
}
