/** Where results go: JSON and plots, by family, in `dist/bench/`, and in `results/` when they are to stay. */

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { root } from "../project.ts";
import type { Family, FamilyResult, Size } from "./family.ts";
import { barChart, type BarGroup } from "./plot/bars.ts";
import { lineChart } from "./plot/lines.ts";
import { compact, describe, record, storesOf } from "./report.ts";
import { type Row, value } from "./row.ts";
import type { Section } from "./section.ts";

export interface RunInfo {
  readonly date: string;
  readonly machine: string;
  readonly size: Size;
  readonly versions: Readonly<Record<string, string>>;
  /** Peers that were left out, and what else is to be known. */
  readonly remarks: readonly string[];
}

export function describeMachine(): string {
  const memory = Math.round(totalmem() / (1 << 30));
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, ${memory} GiB, ${process.platform}`;
}

/** Paths of what was written. */
export function writeResults(
  family: Family,
  result: FamilyResult,
  info: RunInfo,
  keeps: boolean,
): string[] {
  const text = JSON.stringify(
    { family: family.name, ...info, sections: result.sections.map(record), curves: result.curves },
    undefined,
    1,
  );
  const subtitle = `${info.date.slice(0, 10)}, ${info.machine}`;
  const plot =
    result.curves === undefined
      ? barChart(family.title, subtitle, result.sections.flatMap(groups))
      : lineChart(family.title, subtitle, result.curves);
  const folders = [join(root, "dist", "bench")];
  if (keeps) folders.push(join(import.meta.dir, "results"));
  return folders.flatMap((folder) => {
    mkdirSync(folder, { recursive: true });
    const files: [path: string, text: string][] = [
      [join(folder, `${family.name}.json`), `${text}\n`],
      [join(folder, `${family.name}.svg`), plot],
    ];
    for (const [path, content] of files) writeFileSync(path, content);
    return files.map(([path]) => path);
  });
}

function groups({ rows }: Section): BarGroup[] {
  return rows.map((row) => ({ name: row.name, caption: describe(row), bars: barsOf(row) }));
}

function barsOf(row: Row): BarGroup["bars"] {
  return storesOf([row]).flatMap((store) => {
    const figure = value(row, store);
    return figure === undefined ? [] : [{ store, value: figure, text: compact(figure) }];
  });
}
