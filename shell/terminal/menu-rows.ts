/** The completion menu and the search line as rows under the text. Pure. */

import { visibleText } from "../renderers/cell.ts";
import type { Menu, Search } from "./editor-state.ts";
import type { Row } from "./layout.ts";

const MENU_ROWS_MAX = 6;
const GAP_CELLS = 2;
const LABEL_CELLS_MAX = 40;

/** Columns of equal width, the page with the selected item. */
export function menuRows({ items, selected }: Menu, columns: number): Row[] {
  const labels = items.map(({ label }) => shorten(visibleText(label)));
  const widest = Math.max(...labels.map((label) => Bun.stringWidth(label)));
  const cell = widest + GAP_CELLS;
  const perRow = Math.max(1, Math.floor((columns - 1) / cell));
  const perPage = perRow * MENU_ROWS_MAX;
  const page = Math.max(0, Math.floor(selected / perPage));
  const rows: Row[] = [];
  const end = Math.min(labels.length, (page + 1) * perPage);
  for (let start = page * perPage; start < end; start += perRow) {
    const row: Row = { pieces: [], width: 0 };
    for (let i = start; i < Math.min(start + perRow, end); i++) {
      const label = labels[i] as string;
      row.pieces.push({ text: label, role: i === selected ? "selected" : "hint" });
      row.pieces.push({ text: " ".repeat(cell - Bun.stringWidth(label)), role: "" });
      row.width += cell;
    }
    rows.push(row);
  }
  if (labels.length > perPage) {
    const text = `${page * perPage + 1} to ${end} of ${labels.length}`;
    rows.push({ pieces: [{ text, role: "hint" }], width: text.length });
  }
  return rows;
}

function shorten(label: string): string {
  return Bun.stringWidth(label) <= LABEL_CELLS_MAX
    ? label
    : `${Bun.sliceAnsi(label, 0, LABEL_CELLS_MAX - 1)}…`;
}

export function searchRow({ query, failed }: Search, columns: number): Row {
  const text = `${failed ? "nothing older has" : "search"}: ${visibleText(query)}`.slice(
    0,
    columns - 1,
  );
  return { pieces: [{ text, role: failed ? "error" : "hint" }], width: Bun.stringWidth(text) };
}
