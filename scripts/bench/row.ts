/** One line of a table: a figure of every store. Pure. */

import type { StoreName } from "./job.ts";
import type { Series } from "./series.ts";
import { median } from "./statistics.ts";

export type Unit =
  | "ops/s"
  | "entries/s"
  | "ranges/s"
  | "MB/s"
  | "ns"
  | "ms"
  | "s"
  | "MiB"
  | "×"
  | "× raw";

export interface Row {
  readonly name: string;
  readonly unit: Unit;
  /** Of every repetition; a store that was not measured is not there. */
  readonly samples: ReadonlyMap<StoreName, readonly number[]>;
}

/** More is better of rates, less of everything else. */
export function isMoreBetter({ unit }: Row): boolean {
  return unit.endsWith("/s") || unit === "× raw";
}

export function value(row: Row, store: StoreName): number | undefined {
  const samples = row.samples.get(store);
  return samples === undefined || samples.length === 0 ? undefined : median(samples);
}

/** How many times better the first is; above 1 it has won. */
export function advantage(
  row: Row,
  ours: number | undefined,
  theirs: number | undefined,
): number | undefined {
  if (ours === undefined || theirs === undefined) return undefined;
  return isMoreBetter(row) ? ours / theirs : theirs / ours;
}

/** Operations per second of every measure. */
export function rateRows(series: Series, unit: Unit = "ops/s"): Row[] {
  return series.measures.map((name) => ({
    name,
    unit,
    samples: series.collect(name, ({ ops, ms }) => (ops / ms) * 1000),
  }));
}
