/**
 * Randomness that repeats: the same seed gives the same numbers, so a failing random spec can print its
 * seed and be run again. Never for keys or IVs: its output can be predicted.
 */

import type { Random } from "./env.ts";

/** Mulberry32: 32 bits of state, each output a mixed counter. Good enough to vary tests, and tiny. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    return this.#next32() / 2 ** 32;
  }

  /** A whole number in 0 … limit − 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#next32() >>> 24;
  }

  #next32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
