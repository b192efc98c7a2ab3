/**
 * `bun run bench [NAME…] [--size small|full] [--repeat N]`: measures Meles and its peers, side by side
 * in one run. Without names a default set, with `all` everything. Tables and ratios go to stdout, what
 * was wanted comes last, the samples go to `dist/bench/` as JSON.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Context, Family, Section, Size } from "./bench/family.ts";
import { durable } from "./bench/families/durable.ts";
import { fill } from "./bench/families/fill.ts";
import { get } from "./bench/families/get.ts";
import { put } from "./bench/families/put.ts";
import { scan } from "./bench/families/scan.ts";
import { values } from "./bench/families/values.ts";
import { findPeers, WORKSHOP } from "./bench/peers.ts";
import { printJudged, printSection, record } from "./bench/report.ts";
import { judge } from "./bench/targets.ts";
import { ensureInstalled, root } from "./project.ts";

const families: readonly Family[] = [fill, get, scan, put, durable, values];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "full" },
    repeat: { type: "string", default: "3" },
    peers: { type: "string" },
  },
});
const names = families.map(({ name }) => name);
const unknown = positionals.filter((name) => name !== "all" && !names.includes(name));
if (unknown.length > 0 || (flags.size !== "small" && flags.size !== "full")) {
  process.stderr.write(`usage: bun run bench [all | ${names.join(" | ")}]… [--size small|full]\n`);
  process.exit(2);
}

await ensureInstalled("all");
const found = await findPeers();
const only = flags.peers?.split(",");
const peers = {
  ...found,
  stores: found.stores.filter((store) => store === "meles" || (only?.includes(store) ?? true)),
};
for (const remark of peers.remarks) process.stdout.write(`${remark}\n`);
mkdirSync(WORKSHOP, { recursive: true });
const context: Context = {
  peers,
  size: flags.size as Size,
  scratch: mkdtempSync(join(WORKSHOP, "run-")),
  repetitions: Number(flags.repeat),
};

const sections: Section[] = [];
try {
  for (const family of families.filter(isWanted)) await runFamily(family);
} finally {
  rmSync(context.scratch, { recursive: true, force: true });
}
process.stdout.write(`\n${printJudged(judge(sections.map(({ series }) => series)))}\n`);

function isWanted(family: Family): boolean {
  if (positionals.length === 0) return family.isDefault;
  return positionals.includes("all") || positionals.includes(family.name);
}

async function runFamily(family: Family): Promise<void> {
  process.stderr.write(`== ${family.name}\n`);
  const started = performance.now();
  const measured = await family.run(context);
  sections.push(...measured);
  for (const section of measured) process.stdout.write(`\n${printSection(section)}`);
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  const folder = join(root, "dist", "bench");
  mkdirSync(folder, { recursive: true });
  const text = {
    family: family.name,
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, ${process.platform}`,
    size: context.size,
    versions: peers.versions,
    sections: measured.map(record),
  };
  writeFileSync(join(folder, `${family.name}.json`), `${JSON.stringify(text, null, 1)}\n`);
}
