/**
 * The I/O budget of compaction and collection: what a job has written is paid off at the given rate before
 * the next one starts. Reading costs nothing here; what is read is about as much. Work that is asked for,
 * and work that writers wait for, goes ahead and is paid off later.
 */

import type { Clock, Timer } from "../env/env.ts";

export class WorkBudget {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  /** When everything so far is paid off. */
  #paidMs = 0;
  #timer: Timer | undefined;

  /** @param bytesPerSecond 0 = no limit */
  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  charge(bytes: number): void {
    if (this.#bytesPerSecond === 0) return;
    const costMs = (bytes / this.#bytesPerSecond) * 1000;
    this.#paidMs = Math.max(this.#paidMs, this.#clock.monotonicMs()) + costMs;
  }

  /** Whether a job may start now. If not, `again` is called, once, when one may. */
  allows(again: () => void): boolean {
    const waitMs = this.#paidMs - this.#clock.monotonicMs();
    if (waitMs <= 0) return true;
    this.#timer ??= this.#clock.after(waitMs, () => {
      this.#timer = undefined;
      again();
    });
    return false;
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
