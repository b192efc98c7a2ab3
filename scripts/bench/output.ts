/** Where results go: samples and plots to `dist/bench/`, tables and plots to `results/` when they are to stay. */

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { root } from "../project.ts";
import type { Family, FamilyResult, Size } from "./family.ts";
import { barChart, type BarGroup } from "./plot/bars.ts";
import { lineChart } from "./plot/lines.ts";
import { compact, describe, printSection, record, storesOf } from "./report.ts";
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

/** Paths of what was written. Samples are kept in no repository: they are many, and of one day. */
export function writeResults(
  family: Family,
  result: FamilyResult,
  info: RunInfo,
  keeps: boolean,
): string[] {
  const subtitle = `${info.date.slice(0, 10)}, ${info.machine}`;
  const plot =
    result.curves === undefined
      ? barChart(family.title, subtitle, result.sections.flatMap(groups))
      : lineChart(family.title, subtitle, result.curves);
  const passing = join(root, "dist", "bench");
  const lasting = join(import.meta.dir, "results");
  const files: [path: string, text: string][] = [
    [join(passing, `${family.name}.json`), samplesOf(family, result, info)],
    [join(passing, `${family.name}.svg`), plot],
  ];
  if (keeps) {
    files.push([join(lasting, `${family.name}.svg`), plot]);
    files.push([join(lasting, `${family.name}.md`), pageOf(family, result, info)]);
  }
  for (const [path, text] of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return files.map(([path]) => path);
}

function samplesOf(family: Family, result: FamilyResult, info: RunInfo): string {
  const { sections, curves } = result;
  const all = { family: family.name, ...info, sections: sections.map(record), curves };
  return `${JSON.stringify(all, undefined, 1)}\n`;
}

/** The tables as they were printed, with what must be known to read them. */
function pageOf({ name, title }: Family, { sections }: FamilyResult, info: RunInfo): string {
  const versions = Object.entries(info.versions).map(([store, version]) => `${store} ${version}`);
  const lines = [
    `# ${title}`,
    "",
    `\`bun run bench ${name} --size ${info.size}\`, ${info.date.slice(0, 10)}, ${info.machine}. ${versions.join(", ")}.`,
    ...info.remarks.map((remark) => `\n${remark}.`),
    "",
    `![${title}](${name}.svg)`,
  ];
  const tables = sections.map((section) => `\n\`\`\`text\n${printSection(section)}\`\`\``);
  return `${[...lines, ...tables].join("\n")}\n`;
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
