/**
 * A clock that stands still until it is told to move: timers run inside `advance`, in the order of their
 * due times, so a spec about time needs no sleeping and always takes the same course.
 */

import { assert } from "../base/assert.ts";
import type { Clock, Timer } from "./env.ts";

interface Pending {
  readonly dueMs: number;
  readonly action: () => void;
}

export class ManualClock implements Clock {
  #monotonicMs = 0;
  #offsetMs: number;
  /** In creation order, which breaks ties. */
  readonly #pending = new Set<Pending>();

  /** `startMs`: the wall clock's first reading, in Unix milliseconds. */
  constructor(startMs = Date.UTC(2030, 0, 1)) {
    this.#offsetMs = startMs;
  }

  nowMs(): number {
    return this.#offsetMs + this.#monotonicMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), action };
    this.#pending.add(timer);
    return { cancel: () => void this.#pending.delete(timer) };
  }

  /** Lets time pass and runs every timer that falls due, those included that timers start. */
  advance(durationMs: number): void {
    assert(durationMs >= 0, "time does not go back; jump() moves the wall clock");
    const endMs = this.#monotonicMs + durationMs;
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.dueMs > endMs) break;
      this.#pending.delete(next);
      this.#monotonicMs = Math.max(this.#monotonicMs, next.dueMs);
      next.action();
    }
    this.#monotonicMs = Math.max(this.#monotonicMs, endMs);
  }

  /** Moves the wall clock alone, as a corrected system clock does; may go back. */
  jump(differenceMs: number): void {
    this.#offsetMs += differenceMs;
  }

  /** Timers that have not run and were not cancelled. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  #earliest(): Pending | undefined {
    let earliest: Pending | undefined;
    for (const timer of this.#pending) {
      if (earliest === undefined || timer.dueMs < earliest.dueMs) earliest = timer;
    }
    return earliest;
  }
}
