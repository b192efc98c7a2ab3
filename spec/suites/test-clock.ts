/**
 * The clock of database specs: wall time stands still until told to move, timers that somebody waits for
 * (back-off, slowed acknowledgements) run on the next turn of the event loop, so nothing ever sleeps.
 */

import type { Clock, Timer } from "../../src/env/env.ts";
import { ManualClock } from "../../src/env/manual-clock.ts";

export class TestClock implements Clock {
  readonly #manual: ManualClock;

  /** `startMs`: Unix milliseconds. */
  constructor(startMs?: number) {
    this.#manual = new ManualClock(startMs);
  }

  nowMs(): number {
    return this.#manual.nowMs();
  }

  monotonicMs(): number {
    return this.#manual.monotonicMs();
  }

  after(delayMs: number, action: () => void, holdsProcess = false): Timer {
    if (!holdsProcess) return this.#manual.after(delayMs, action);
    const timer = setImmediate(action);
    return { cancel: () => clearImmediate(timer) };
  }

  /** Housekeeping timers that have not run and were not cancelled. */
  get pendingTimers(): number {
    return this.#manual.pendingTimers;
  }

  /** Lets time pass and runs the housekeeping timers that fall due. */
  advance(durationMs: number): void {
    this.#manual.advance(durationMs);
  }
}

/** Lets promises settle and immediate callbacks run, a few turns of the event loop. */
export async function settle(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise<void>((resume) => setImmediate(resume));
  }
}
