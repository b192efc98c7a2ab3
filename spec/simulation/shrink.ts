/** Cuts a failing history down to the steps it takes, and says how to run it again. */

import {
  Simulation,
  SimulationError,
  type SimulationOptions,
  STEPS_DEFAULT,
} from "./simulation.ts";

const ATTEMPTS_MAX = 200;

/** Runs one history; the error it ends with, if any. */
export async function failureOf(
  seed: number,
  options: SimulationOptions = {},
): Promise<SimulationError | undefined> {
  try {
    await new Simulation(seed, options).run();
    return undefined;
  } catch (error) {
    if (error instanceof SimulationError) return error;
    throw error;
  }
}

/** The failure with as few steps as a few attempts can find. */
export async function shrink(
  first: SimulationError,
  options: SimulationOptions = {},
): Promise<{ failure: SimulationError; steps: number[] }> {
  const { seed } = first;
  let failure = first;
  const count = options.steps ?? STEPS_DEFAULT;
  let steps = Array.from({ length: count }, (_, step) => step).filter(
    (step) => (options.only?.has(step) ?? true) && (first.step < 0 || step <= first.step),
  );
  let attempts = 0;
  for (
    let size = Math.ceil(steps.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let start = steps.length - size; start > -size && attempts < ATTEMPTS_MAX; start -= size) {
      const fewer = steps.filter((_, index) => index < start || index >= start + size);
      attempts++;
      const again = await failureOf(seed, { ...options, only: new Set(fewer) });
      if (again === undefined) continue;
      failure = again;
      steps = fewer;
    }
  }
  return { failure, steps };
}

/** What a person is shown. */
export async function report(
  first: SimulationError,
  options: SimulationOptions = {},
): Promise<string> {
  const { failure, steps } = await shrink(first, options);
  return `${failure.message}\n\nrun it again:\n  bun run fuzz simulate --seed ${first.seed} --steps ${steps.join(",")}\n`;
}
