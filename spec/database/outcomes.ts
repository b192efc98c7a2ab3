/** How calls end, as plain values to compare. */

import { MelesError } from "../../src/base/errors.ts";

/** The error code that a call or promise fails with; `undefined` when it succeeds. Anything but a `MelesError` is passed on. */
export async function codeOf(
  attempt: Promise<unknown> | (() => unknown),
): Promise<string | undefined> {
  const error = await errorOf(attempt);
  return error?.code;
}

export async function errorOf(
  attempt: Promise<unknown> | (() => unknown),
): Promise<MelesError | undefined> {
  try {
    await (typeof attempt === "function" ? attempt() : attempt);
    return undefined;
  } catch (error) {
    if (error instanceof MelesError) return error;
    throw error;
  }
}

/** Fails instead of waiting for ever: resolves with the promise's outcome, or throws after a few turns. */
export async function soon<T>(promise: Promise<T>, turns = 2000): Promise<T> {
  let waiting = true;
  const ended = promise.finally(() => {
    waiting = false;
  });
  ended.catch(() => undefined);
  for (let turn = 0; waiting && turn < turns; turn++) {
    await new Promise<void>((resume) => setImmediate(resume));
  }
  if (waiting) throw new Error(`nothing happened within ${turns} turns of the event loop`);
  return ended;
}
