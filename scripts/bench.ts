/**
 * `bun run bench [NAME…] [--size small|full] [--repeat N] [--peers A,B] [--keep]`: measures Meles and
 * its peers, side by side in one run. Without names a default set, with `all` everything. Tables go to
 * stdout, what was wanted comes last; `dist/bench/` gets the samples as JSON and a plot per family. With
 * `--keep`, tables and plots go to `scripts/bench/results/` too. `bun run bench gate` is the check for
 * regressions.
 */

import { availableParallelism, loadavg } from "node:os";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { runBaseline, runGate } from "./bench/gate.ts";
import type { Context, Family, Size } from "./bench/family.ts";
import { FAMILIES } from "./bench/families.ts";
import { describeMachine, type RunInfo, writeResults } from "./bench/output.ts";
import { findPeers, type Peers } from "./bench/peers.ts";
import { printJudged, printSection } from "./bench/report.ts";
import type { Row } from "./bench/row.ts";
import { exitOnSignals, temporaryFolder } from "./bench/scratch.ts";
import { judge } from "./bench/targets.ts";
import { ensureInstalled, root } from "./project.ts";

const names = FAMILIES.map(({ name }) => name);
const USAGE = `usage: bun run bench [NAME…] [--size small|full] [--repeat N] [--peers A,B] [--keep]
  no NAME: the families marked *; all: every family
  ${FAMILIES.map(({ name, isDefault }) => (isDefault ? `${name}*` : name)).join(" ")}
  gate: fail when Meles has become slower than scripts/bench/baseline.json allows
  baseline: measure that file anew
`;

const { values: flags, positionals } = parse();
await ensureInstalled("all");
exitOnSignals();
if (positionals[0] === "gate") process.exit((await runGate()) ? 0 : 1);
else if (positionals[0] === "baseline") await runBaseline();
else await runFamilies();

function parse() {
  try {
    const parsed = parseArgs({
      allowPositionals: true,
      options: {
        size: { type: "string", default: "full" },
        repeat: { type: "string", default: "3" },
        peers: { type: "string" },
        keep: { type: "boolean", default: false },
      },
    });
    const known = new Set([...names, "all", "gate", "baseline"]);
    if (!parsed.positionals.every((name) => known.has(name))) throw new Error("no such name");
    if (!["small", "full"].includes(parsed.values.size)) throw new Error("no such size");
    if (!(Number(parsed.values.repeat) >= 1)) throw new Error("no such number");
    return parsed;
  } catch {
    process.stderr.write(USAGE);
    process.exit(2);
  }
}

async function runFamilies(): Promise<void> {
  const peers = await choosePeers();
  const context: Context = {
    peers,
    size: flags.size as Size,
    scratch: temporaryFolder("run"),
    repetitions: Number(flags.repeat),
  };
  const info: RunInfo = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    size: context.size,
    versions: peers.versions,
    remarks: [...peers.remarks, ...busyRemark()],
  };
  for (const remark of info.remarks) process.stdout.write(`${remark}\n`);
  const rows: Row[] = [];
  for (const family of FAMILIES.filter(isWanted)) {
    rows.push(...(await runFamily(family, context, info)));
  }
  const judged = judge(rows);
  if (judged.length === 0) return;
  process.stdout.write(`\n${printJudged(judged)}\n`);
  if (context.size === "small") {
    process.stdout.write("(--size small shows that all works; the targets are meant for full)\n");
  }
}

async function choosePeers(): Promise<Peers> {
  const found = await findPeers();
  const only = flags.peers?.split(",");
  return {
    ...found,
    stores: found.stores.filter((store) => store === "meles" || (only?.includes(store) ?? true)),
  };
}

/** Figures of a machine that does other things as well are rough, ratios too. */
function busyRemark(): string[] {
  const [load = 0] = loadavg();
  const cores = availableParallelism();
  if (load < cores / 2) return [];
  return [`the machine was busy: load ${load.toFixed(1)} on ${cores} cores before the run began`];
}

function isWanted(family: Family): boolean {
  if (positionals.length === 0) return family.isDefault;
  return positionals.includes("all") || positionals.includes(family.name);
}

async function runFamily(family: Family, context: Context, info: RunInfo): Promise<Row[]> {
  process.stderr.write(`== ${family.name}\n`);
  const started = performance.now();
  const result = await family.run(context);
  for (const section of result.sections) process.stdout.write(`\n${printSection(section)}`);
  for (const remark of result.remarks ?? []) process.stdout.write(`${remark}\n`);
  const written = writeResults(family, result, info, flags.keep).map((path) =>
    relative(root, path),
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stdout.write(`(${seconds} s; ${written.join(", ")})\n`);
  return result.sections.flatMap((section) => section.rows);
}
