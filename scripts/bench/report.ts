/** Text out of figures: tables, ratios, what was wanted, and the record for the JSON. Pure. */

import { type StoreName, STORES } from "./job.ts";
import { advantage, isMoreBetter, type Row, value } from "./row.ts";
import type { Section } from "./section.ts";
import type { Judged } from "./targets.ts";

/** The figures of a section, and how many times better Meles is. */
export function printSection({ title, setting, rows }: Section): string {
  const stores = storesOf(rows);
  const figures = rows.map((row) => [
    row.name,
    row.unit,
    ...stores.map((store) => compact(value(row, store))),
  ]);
  const ratios = rows
    .filter((row) => value(row, "meles") !== undefined && stores.length > 1)
    .map((row) => [
      row.name,
      "",
      ...stores.map((store) => times(advantage(row, value(row, "meles"), value(row, store)))),
    ]);
  const lines = [
    title,
    setting,
    table([["", "", ...stores], ...figures]),
    ...(ratios.length === 0
      ? []
      : [table([["how many times better Meles is", "", ...stores], ...ratios])]),
  ];
  return `${lines.join("\n")}\n`;
}

export function printJudged(judged: readonly Judged[]): string {
  const rows = judged.map(({ target, wanted, measured, ok }) => [
    target,
    wanted,
    measured,
    ok ? "ok" : "NO",
  ]);
  return table([["target", "wanted", "measured", ""], ...rows]);
}

/** Those that any row has, always in the same order. */
export function storesOf(rows: readonly Row[]): StoreName[] {
  return STORES.filter((store) => rows.some((row) => row.samples.has(store)));
}

export function describe(row: Row): string {
  return `${row.unit}, ${isMoreBetter(row) ? "more" : "less"} is better`;
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "–" : `${ratio.toFixed(2)} ×`;
}

/** `812 k`, `3.20 M`, `0.51`. */
export function compact(figure: number | undefined): string {
  if (figure === undefined) return "–";
  if (figure >= 1e6) return `${(figure / 1e6).toFixed(2)} M`;
  if (figure >= 10_000) return `${(figure / 1e3).toFixed(0)} k`;
  if (figure >= 1_000) return `${(figure / 1e3).toFixed(1)} k`;
  return figure.toFixed(figure >= 100 ? 0 : figure >= 10 ? 1 : 2);
}

/** The first column to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] as number;
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Medians, and every sample behind them. */
export function record({ title, setting, rows }: Section): Record<string, unknown> {
  return {
    title,
    setting,
    figures: rows.map((row) => ({
      name: row.name,
      unit: row.unit,
      medians: Object.fromEntries(
        storesOf(rows).flatMap((store) => {
          const figure = value(row, store);
          return figure === undefined ? [] : [[store, figure]];
        }),
      ),
      samples: Object.fromEntries(row.samples),
    })),
  };
}
