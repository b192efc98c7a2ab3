/**
 * Lets the event loop have its turn during long statements, so that Ctrl-C arrives, commits of others
 * are acknowledged and timers run. Checked per row, so the check is a counter.
 */

import { MelesError } from "../base/errors.ts";
import type { Clock } from "../env/env.ts";

/** Rows between two looks at the clock and the signal. */
const ROWS_PER_LOOK = 256;
/** A statement works at most about this long before it yields. */
const WORK_MS = 10;

export class Pace {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #rows = ROWS_PER_LOOK;
  #sinceMs: number;

  constructor(clock: Clock, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#signal = signal;
    this.#sinceMs = clock.monotonicMs();
  }

  /** To be called for every row; when true, await `pause()`. Throws `ERR_ABORTED`. */
  due(): boolean {
    if (--this.#rows > 0) return false;
    this.#rows = ROWS_PER_LOOK;
    this.check();
    return this.#clock.monotonicMs() - this.#sinceMs >= WORK_MS;
  }

  /** One turn of the event loop. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.check();
    this.#sinceMs = this.#clock.monotonicMs();
  }

  /** Throws `ERR_ABORTED` if the statement was stopped. */
  check(): void {
    if (this.#signal?.aborted === true) {
      throw new MelesError("ERR_ABORTED", "the statement was stopped", {
        cause: this.#signal.reason,
      });
    }
  }
}
