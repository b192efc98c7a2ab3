/**
 * The zipfian distribution of YCSB (Gray et al., "Quickly generating billion-record synthetic
 * databases"): item 0 is the most popular. `badger/data.go` has the same in Go.
 */

import { mix, type Xorshift } from "./data.ts";

const THETA = 0.99;

export class Zipf {
  readonly #items: number;
  readonly #zeta: number;
  readonly #alpha: number;
  readonly #eta: number;
  readonly #random: Xorshift;

  constructor(items: number, random: Xorshift) {
    this.#items = items;
    this.#random = random;
    this.#zeta = zeta(items);
    this.#alpha = 1 / (1 - THETA);
    this.#eta = (1 - (2 / items) ** (1 - THETA)) / (1 - zeta(2) / this.#zeta);
  }

  /** 0 … items − 1, small numbers far more often. */
  rank(): number {
    const u = this.#random.fraction();
    const uz = u * this.#zeta;
    if (uz < 1) return 0;
    if (uz < 1 + 0.5 ** THETA) return 1;
    return Math.floor(this.#items * (this.#eta * u - this.#eta + 1) ** this.#alpha);
  }

  /** The same popularity, spread over the whole range so that popular items are no neighbours. */
  scattered(): number {
    return mix(this.rank()) % this.#items;
  }
}

function zeta(items: number): number {
  let sum = 0;
  for (let i = 1; i <= items; i++) sum += 1 / i ** THETA;
  return sum;
}
