/** Prints what was measured: a table of rates per section, the ratios, and what was wanted of them. */

import type { Section } from "./family.ts";
import type { StoreName } from "./job.ts";
import type { Judged } from "./targets.ts";

export function printSection({ title, setting, series, unit = "ops/s" }: Section): string {
  const stores = series.stores;
  const rows = [[`${title} (${unit})`, ...stores.map(String)]];
  const ratios: string[][] = [];
  for (const measure of series.measures) {
    const rates = stores.map((store) => series.rate(store, measure));
    rows.push([measure, ...rates.map((rate) => (rate === undefined ? "–" : compact(rate)))]);
    const ours = series.rate("meles", measure);
    if (ours !== undefined) ratios.push([measure, ...rates.map((rate) => ratio(ours, rate))]);
  }
  const heading = ["meles /", ...stores.map(String)];
  return `${table(rows)}\n${table([heading, ...ratios])}\n${setting}\n`;
}

export function printJudged(judged: readonly Judged[]): string {
  const rows = judged.map(({ target, wanted, measured, ok }) => [
    target,
    wanted,
    measured,
    ok ? "ok" : "NOT YET",
  ]);
  return table([["target", "wanted", "measured", ""], ...rows]);
}

function ratio(ours: number, theirs: number | undefined): string {
  return theirs === undefined ? "–" : `${(ours / theirs).toFixed(2)} ×`;
}

/** `812 k`, `3.2 M`. */
export function compact(rate: number): string {
  if (rate >= 1e6) return `${(rate / 1e6).toFixed(2)} M`;
  if (rate >= 10_000) return `${(rate / 1e3).toFixed(0)} k`;
  if (rate >= 1_000) return `${(rate / 1e3).toFixed(1)} k`;
  return rate.toFixed(rate >= 10 ? 0 : 2);
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

/** The samples behind the medians, for the JSON. */
export function record(section: Section): Record<string, unknown> {
  const { title, setting, series, unit = "ops/s" } = section;
  const stores = Object.fromEntries(
    series.stores.map((store: StoreName) => [store, series.outcomes(store)]),
  );
  const medians = Object.fromEntries(
    series.measures.map((measure) => [
      measure,
      Object.fromEntries(series.stores.map((store) => [store, series.rate(store, measure)])),
    ]),
  );
  return { title, setting, unit, medians, stores };
}
