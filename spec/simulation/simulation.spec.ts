/**
 * Simulated histories: some in this process, thousands in processes of their own, one per core. Their seeds
 * are fixed: what turns red here was changed since. `bun run fuzz simulate` tries new ones, as long as you
 * like, and `bun run fuzz simulate --seed N` repeats one.
 */

import { describe, expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { failureOf, report } from "./shrink.ts";
import { Simulation } from "./simulation.ts";

const FIXED = 120;
/** Fewer on a busy machine; CI runs them all. */
const MORE = Number(process.env["MELES_HISTORIES"] ?? 5000);
const PER_TEST = 30;
const FIRST_SEED = Number(process.env["MELES_SEED"] ?? 1_000_000);

const FUZZ = join(import.meta.dir, "../../scripts/fuzz.ts");

async function runHere(first: number): Promise<void> {
  for (let seed = first; seed < first + PER_TEST; seed++) {
    const failure = await failureOf(seed);
    if (failure !== undefined) throw new Error(await report(failure), { cause: failure.cause });
  }
}

/** Runs histories in a process of its own; returns what it says about them. */
async function runElsewhere(seed: number, count: number): Promise<string> {
  const command = [process.execPath, FUZZ, "simulate", "--seed", `${seed}`, "--count", `${count}`];
  const child = Bun.spawn([...command, "--minutes", "Infinity"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(err + out);
  return out;
}

describe("a simulated database loses nothing and shows nothing wrong", () => {
  for (let seed = 1; seed <= FIXED; seed += PER_TEST) {
    test(`seeds ${seed} to ${seed + PER_TEST - 1}`, () => runHere(seed), 60_000);
  }

  test(`${MORE} more, from seed ${FIRST_SEED}`, async () => {
    const processes = Math.min(4, availableParallelism());
    const each = Math.ceil(MORE / processes);
    const told = await Promise.all(
      Array.from({ length: processes }, (_, index) =>
        runElsewhere(FIRST_SEED + index * each, each),
      ),
    );
    for (const line of told) expect(line).toContain(`simulate: ${each} cases from seed`);
  }, 900_000);
});

describe("a simulation", () => {
  test("does the same in the same order for the same seed", async () => {
    for (const seed of [3, 4, 5, 6]) {
      const [one, other] = [new Simulation(seed), new Simulation(seed)];
      await one.run();
      await other.run();
      expect(one.world.trace.count).toBeGreaterThan(100);
      expect(other.world.trace.count).toBe(one.world.trace.count);
      expect(other.world.trace.fingerprint).toBe(one.world.trace.fingerprint);
    }
  });

  test("takes every kind of step, and dies in every way", async () => {
    const taken = new Set<string>();
    for (let seed = 200; seed < 215; seed++) {
      const simulation = new Simulation(seed);
      await simulation.run();
      for (const step of simulation.taken.keys()) taken.add(step);
    }
    const steps = (await import("./steps.ts")).STEPS.map(({ name }) => name);
    for (const name of [...steps, "look", "recovery after kill", "recovery after power loss"]) {
      expect(taken).toContain(name);
    }
  });
});
