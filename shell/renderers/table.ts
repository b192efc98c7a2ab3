/**
 * Mode `table`: aligned columns. Widths come from the header and the first page of rows; later rows
 * keep them. Nothing is ever cut off: a cell wider than its column pushes the rest of its line to the
 * right, and one very wide cell does not widen its whole column (`COLUMN_WIDTH_MAX`).
 */

import type { Cell } from "./cell.ts";
import { visibleText } from "./cell.ts";
import type { Renderer, RendererFactory } from "./renderer.ts";
import { cellReaders, countRows, readCells } from "./renderer.ts";

const PAGE_ROWS = 200;
const COLUMN_WIDTH_MAX = 60;

interface Layout {
  readonly widths: readonly number[];
  readonly rightAligned: readonly boolean[];
}

export const tableRenderer: RendererFactory = (columns, options): Renderer => {
  const names = columns.map(visibleText);
  const readers = cellReaders(columns, options, "NULL");
  const { paint } = options;
  let page: Cell[][] = [];
  let layout: Layout | undefined;
  let rowCount = 0;

  const line = (cells: readonly Cell[], { widths, rightAligned }: Layout): string => {
    const parts = cells.map((cell, i) => {
      const last = i === cells.length - 1;
      const fill = Math.max(0, (widths[i] ?? 0) - Bun.stringWidth(cell.text));
      const painted = paint(cell.text, cell.kind);
      if (rightAligned[i] === true) return " ".repeat(fill) + painted;
      return last ? painted : painted + " ".repeat(fill);
    });
    return ` ${parts.join(paint(" │ ", "frame"))}\n`;
  };

  const drain = (): string => {
    let text = "";
    if (layout === undefined) {
      layout = measure(names, page);
      text = header(names, layout);
    }
    const { widths, rightAligned } = layout;
    for (const cells of page) text += line(cells, { widths, rightAligned });
    page = [];
    return text;
  };

  const header = (titles: readonly string[], { widths, rightAligned }: Layout): string => {
    const top = titles.map((title, i) => {
      const last = i === titles.length - 1;
      const fill = " ".repeat(Math.max(0, (widths[i] ?? 0) - Bun.stringWidth(title)));
      const painted = paint(title, "header");
      return rightAligned[i] === true ? fill + painted : painted + (last ? "" : fill);
    });
    const rule = widths.map((width) => "─".repeat(width + 2)).join("┼");
    return ` ${top.join(paint(" │ ", "frame"))}\n${paint(rule, "frame")}\n`;
  };

  return {
    begin: () => "",
    rows(batch) {
      for (const row of batch) page.push(readCells(row, readers));
      rowCount += batch.length;
      return page.length >= PAGE_ROWS || layout !== undefined ? drain() : "";
    },
    flush: () => (page.length > 0 ? drain() : ""),
    end(hidden) {
      const text = drain();
      if (hidden !== undefined) return `${text}${paint(hidden, "frame")}\n`;
      return options.footer ? `${text}${paint(`(${countRows(rowCount)})`, "frame")}\n` : text;
    },
  };
};

function measure(names: readonly string[], page: readonly (readonly Cell[])[]): Layout {
  const widths = names.map((name) => Bun.stringWidth(name));
  const rightAligned = names.map(() => page.length > 0);
  for (const cells of page) {
    cells.forEach((cell, i) => {
      const width = Math.min(COLUMN_WIDTH_MAX, Bun.stringWidth(cell.text));
      if (width > (widths[i] ?? 0)) widths[i] = width;
      if (cell.kind !== "number" && cell.kind !== "null") rightAligned[i] = false;
    });
  }
  // A column of nothing but nulls is no column of numbers.
  rightAligned.forEach((_, i) => {
    if (!page.some((cells) => cells[i]?.kind === "number")) rightAligned[i] = false;
  });
  return { widths, rightAligned };
}
