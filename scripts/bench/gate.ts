/**
 * `bun run bench gate`: fails when a ratio to `bun:sqlite` or to a bare loop, measured in this very run,
 * has fallen by more than a quarter from `baseline.json`. `bun run bench baseline` records that file.
 *
 * Ratios only, for machines differ; medians of alternating turns, for moments differ. When a ratio looks
 * too low, more rounds are run before that is believed.
 */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../child.ts";
import {
  type Baseline,
  baselineOf,
  decide,
  FLOOR,
  isGreen,
  ratioOf,
  type Ratios,
  type Turns,
  type Verdict,
} from "./gate-decision.ts";
import { describeMachine } from "./output.ts";
import { snapshot } from "./peers.ts";
import { table } from "./report.ts";
import { temporaryFolder } from "./scratch.ts";

const ROUNDS = 5;
/** In all, before a failure is believed. */
const ROUNDS_MAX = 11;
/** No further round is begun after that; CI waits three minutes at most. */
const LIMIT_MS = 140_000;
const BASELINE_ROUNDS = 24;
const BASELINE_FILE = join(import.meta.dir, "baseline.json");

export async function runGate(): Promise<boolean> {
  const baseline: Baseline = JSON.parse(readFileSync(BASELINE_FILE, "utf8"));
  const code = snapshot();
  const started = performance.now();
  const rounds: Ratios[] = [];
  let verdicts: Verdict[] = [];
  for (const goal of [ROUNDS, ROUNDS_MAX]) {
    while (rounds.length < goal) {
      if (rounds.length > 0 && performance.now() - started > LIMIT_MS) break;
      rounds.push(await round(code));
    }
    verdicts = decide(baseline.ratios, rounds);
    if (isGreen(verdicts)) break;
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const green = isGreen(verdicts);
  const what = green ? "no ratio has fallen" : "slower than recorded";
  process.stdout.write(`${printVerdicts(verdicts)}\n`);
  process.stdout.write(`gate: ${what} (${rounds.length} rounds, ${seconds} s)\n`);
  return green;
}

export async function runBaseline(): Promise<void> {
  const code = snapshot();
  const rounds: Ratios[] = [];
  while (rounds.length < BASELINE_ROUNDS) {
    rounds.push(await round(code));
    process.stderr.write(".");
  }
  const recorded = new Date().toISOString().slice(0, 10);
  const baseline = baselineOf(rounds, recorded, describeMachine());
  const text = `${JSON.stringify(baseline, undefined, 2)}\n`;
  writeFileSync(BASELINE_FILE, text);
  process.stdout.write(`\n${text}`);
}

/** All ratios once, in a process of its own: the median of its turns. */
async function round(code: string): Promise<Ratios> {
  const folder = temporaryFolder("gate");
  try {
    const program = join(code, "scripts/bench/run-gate.ts");
    const { exitCode, stdout, stderr } = await capture([process.execPath, program, folder]);
    if (exitCode !== 0) throw new Error(`a round of the gate failed: ${stderr}`);
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => {
          const turns: Turns = JSON.parse(line);
          return [turns.name, ratioOf(turns)];
        }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function printVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ name, baseline, measured, part, ok }) => [
    name,
    baseline.toPrecision(3),
    (baseline * FLOOR).toPrecision(3),
    measured.toPrecision(3),
    `${Math.round(part * 100)} %`,
    ok ? "ok" : "FALLEN",
  ]);
  return table([["ratio", "baseline", "floor", "measured", "", ""], ...rows]);
}
