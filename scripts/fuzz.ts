/**
 * `bun run fuzz TARGET [--seed N] [--minutes M] [--count C] [--steps A,B,…]`: looks for failures with new
 * seeds, for so many minutes or cases, or repeats one seed. Prints how to repeat what it finds; exit
 * code 1 then.
 */

import { parseArgs } from "node:util";
import { ensureInstalled } from "./project.ts";

/** One way to look for failures; throws what it finds. */
export interface FuzzTarget {
  readonly summary: string;
  /** Runs the case that follows from `seed`; returns how many cases that were. */
  readonly run: (seed: number, options: FuzzOptions) => Promise<number>;
}

export interface FuzzOptions {
  /** Simulation: only these steps. */
  readonly steps: ReadonlySet<number> | undefined;
}

type Load = () => Promise<FuzzTarget>;

const TARGETS: Readonly<Record<string, Load>> = {
  simulate: async () => (await import("./fuzz/simulate.ts")).simulate,
  format: async () => (await import("./fuzz/format.ts")).format,
  space: async () => (await import("./fuzz/space.ts")).space,
  damage: async () => (await import("./fuzz/damage.ts")).damage,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string" },
    minutes: { type: "string" },
    count: { type: "string" },
    steps: { type: "string" },
  },
});
const [name = "", ...rest] = positionals;
const load = TARGETS[name];
if (load === undefined || rest.length > 0) {
  const names = Object.keys(TARGETS).join("|");
  process.stderr.write(
    `usage: bun run fuzz ${names} [--seed N] [--minutes M] [--count C] [--steps A,B,…]\n`,
  );
  process.exit(2);
}
await ensureInstalled("all");
process.exitCode = (await run(name, await load())) ? 0 : 1;

async function run(target: string, { run: runSeed }: FuzzTarget): Promise<boolean> {
  const isOne =
    values.seed !== undefined && values.minutes === undefined && values.count === undefined;
  const isTimed = !isOne && values.count === undefined;
  const first = values.seed === undefined ? Date.now() % 1_000_000_000 : numberOf(values.seed);
  const countMax = isOne ? 1 : numberOf(values.count ?? "Infinity");
  const untilMs =
    performance.now() + numberOf(values.minutes ?? (isTimed ? "1" : "Infinity")) * 60_000;
  const steps =
    values.steps === undefined ? undefined : new Set(values.steps.split(",").map(numberOf));
  const startedMs = performance.now();
  let cases = 0;
  let seed = first;
  let isClean = true;
  try {
    for (; cases < countMax && performance.now() < untilMs; seed++)
      cases += await runSeed(seed, { steps });
  } catch (error) {
    isClean = false;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write(`bun run fuzz ${target} --seed ${seed}\n`);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const rate = (cases / Math.max(seconds, 0.001)).toFixed(1);
  process.stdout.write(
    `${target}: ${cases} cases from seed ${first}, ${seconds.toFixed(1)} s, ${rate}/s: ${isClean ? "clean" : "FAILED"}\n`,
  );
  return isClean;
}

function numberOf(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new Error(`${text} is no number`);
  return value;
}
