/**
 * `bun run fuzz [TARGET…] [--seconds N] [--seed N]`: random specs for as long as asked (default 60 s,
 * shared by the targets), from a random seed or the given one. Without targets: all. A failure ends the
 * run with exit code 1 and prints a seed that repeats it.
 */

import { parseArgs } from "node:util";

import { ensureInstalled } from "./project.ts";

const USAGE = "usage: bun run fuzz [TARGET…] [--seconds N] [--seed N]\n";

await ensureInstalled("all");
const { targets } = await import("./fuzz/targets.ts");

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: "string" }, seed: { type: "string" } },
    allowPositionals: true,
  });
  const chosen = positionals.length === 0 ? Object.keys(targets) : positionals;
  const seconds = Number(values.seconds ?? 60);
  const firstSeed = Number(values.seed ?? Date.now() % 1_000_000_000);
  if (!(seconds > 0) || !Number.isSafeInteger(firstSeed)) throw new Error(USAGE);
  for (const name of chosen) {
    const target = targets[name];
    if (target === undefined) {
      throw new Error(`there is no target ${name}; there are ${Object.keys(targets).join(", ")}`);
    }
    const endMs = performance.now() + (seconds * 1000) / chosen.length;
    let count = 0;
    for (let seed = firstSeed; count === 0 || performance.now() < endMs; seed++, count++) {
      await target.run(seed);
    }
    process.stdout.write(`${name}: ${count} ${target.unit} from seed ${firstSeed}, no failure\n`);
  }
}
