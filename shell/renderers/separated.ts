/**
 * Modes `csv`, `tsv` and `markdown`: one line per row. Cells never hold a raw newline or tab (such
 * text is a byte string by then), so tsv needs no escapes; its null is `\N`. In csv null is an empty
 * field and an empty text is `""`.
 */

import type { Cell } from "./cell.ts";
import { visibleText } from "./cell.ts";
import type { Renderer, RendererFactory } from "./renderer.ts";
import { cellReaders, readCells } from "./renderer.ts";

export const csvRenderer: RendererFactory = (columns, options): Renderer => {
  const readers = cellReaders(columns, options, "");
  const line = (cells: readonly Cell[]): string => `${cells.map(csvField).join(",")}\n`;
  const header = line(columns.map((name) => ({ kind: "text", text: visibleText(name) })));
  return {
    begin: () => (options.headers ? header : ""),
    rows: (batch) => batch.map((row) => line(readCells(row, readers))).join(""),
    flush: () => "",
    end: () => "",
  };
};

function csvField(cell: Cell): string {
  if (cell.kind === "null") return "";
  return cell.text === "" || /[",]|^\s|\s$/.test(cell.text)
    ? `"${cell.text.replaceAll('"', '""')}"`
    : cell.text;
}

export const tsvRenderer: RendererFactory = (columns, options): Renderer => {
  const readers = cellReaders(columns, options, "\\N");
  const header = `${columns.map(visibleText).join("\t")}\n`;
  return {
    begin: () => (options.headers ? header : ""),
    rows: (batch) =>
      batch
        .map(
          (row) =>
            `${readCells(row, readers)
              .map((cell) => cell.text)
              .join("\t")}\n`,
        )
        .join(""),
    flush: () => "",
    end: () => "",
  };
};

export const markdownRenderer: RendererFactory = (columns, options): Renderer => {
  const readers = cellReaders(columns, options, "NULL");
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return {
    begin: () => line(columns.map(visibleText)) + `|${columns.map(() => " --- |").join("")}\n`,
    rows: (batch) =>
      batch.map((row) => line(readCells(row, readers).map((cell) => cell.text))).join(""),
    flush: () => "",
    end: (hidden) => (hidden === undefined ? "" : `\n${hidden}\n`),
  };
};
