/** Mode `line`: one `column = value` per line, a blank line between rows. */

import { visibleText } from "./cell.ts";
import type { Renderer, RendererFactory } from "./renderer.ts";
import { cellReaders, readCells } from "./renderer.ts";

export const lineRenderer: RendererFactory = (columns, options): Renderer => {
  const names = columns.map(visibleText);
  const readers = cellReaders(columns, options, "NULL");
  const width = Math.max(0, ...names.map((name) => Bun.stringWidth(name)));
  const labels = names.map(
    (name) => " ".repeat(width - Bun.stringWidth(name)) + options.paint(name, "header"),
  );
  let first = true;

  return {
    begin: () => "",
    rows(batch) {
      let text = "";
      for (const row of batch) {
        if (!first) text += "\n";
        first = false;
        readCells(row, readers).forEach((cell, i) => {
          text += `${labels[i]} = ${options.paint(cell.text, cell.kind)}\n`;
        });
      }
      return text;
    },
    flush: () => "",
    end: (hidden) => (hidden === undefined ? "" : `\n${hidden}\n`),
  };
};
