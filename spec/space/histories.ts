/** Runs histories by seed; a failing one is shortened and thrown as a script that can be run again. */

import { SeededRandom } from "../../src/env/seeded-random.ts";
import { shrink } from "./shrink.ts";
import { type Sabotage, SpaceRun } from "./space-run.ts";
import { randomSteps, type SpaceStep, stepText } from "./space-steps.ts";

export const STEPS = 20;

/** Throws the first failure among the seeds, shortened. `wanted`: failures of another kind do not count. */
export async function runHistories(
  seeds: Iterable<number>,
  sabotage: Sabotage = {},
  stepCount = STEPS,
  wanted = /./,
): Promise<void> {
  for (const seed of seeds) {
    const steps = randomSteps(new SeededRandom(seed), stepCount);
    const fails = async (shorter: readonly SpaceStep[]): Promise<boolean> => {
      const failure = await failureOf(seed, shorter, sabotage);
      return failure !== undefined && wanted.test(String(failure));
    };
    if (!(await fails(steps))) continue;
    const shortest = await shrink(steps, fails);
    const last = await failureOf(seed, shortest, sabotage);
    const script = shortest.map((step) => `  ${stepText(step)},`).join("\n");
    throw new Error(`${String(last)}\nseed ${seed}, ${shortest.length} steps:\n${script}`, {
      cause: last,
    });
  }
}

async function failureOf(
  seed: number,
  steps: readonly SpaceStep[],
  sabotage: Sabotage,
): Promise<Error | undefined> {
  try {
    await new SpaceRun(seed, sabotage).run(steps);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

export function* seedsFrom(first: number, count: number): Iterable<number> {
  for (let seed = first; seed < first + count; seed++) yield seed;
}
