/**
 * Lets the event loop have its turn while commits follow each other without a pause. Acknowledgements
 * are microtasks, so a loop that awaits one commit after the other would keep timers, sockets and
 * messages of threads waiting for as long as it runs, and with them the interval sync and compaction.
 */

import type { Clock } from "../env/env.ts";

/** Work at most about this long between two turns. */
const WORK_MS = 10;

export class LoopTurn {
  readonly #clock: Clock;
  #sinceMs: number;
  /** What is to be done once the loop has had its turn; absent while none is awaited. */
  #late: (() => void)[] | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }

  /** Runs `action` now, or after a turn of the event loop if one is due. Keeps the order of calls. */
  run(action: () => void): void {
    if (this.#late !== undefined) this.#late.push(action);
    else if (this.#clock.monotonicMs() - this.#sinceMs < WORK_MS) action();
    else this.#await(action);
  }

  /** A promise to await when a turn is due. */
  whenDue(): Promise<void> | undefined {
    if (this.#late === undefined && this.#clock.monotonicMs() - this.#sinceMs < WORK_MS) {
      return undefined;
    }
    return new Promise((resolve) => this.run(resolve));
  }

  #await(action: () => void): void {
    this.#late = [action];
    setImmediate(() => {
      const late = this.#late ?? [];
      this.#late = undefined;
      this.#sinceMs = this.#clock.monotonicMs();
      for (const one of late) one();
    });
  }
}
