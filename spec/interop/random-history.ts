/** Random histories: transactions over few keys, with everything that an entry can carry. */

import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { BadgerWrite } from "./badger-process.ts";
import type { LedgerWrite } from "./ledger.ts";

/** `SEED=… bun test` repeats a run. */
export const SEED = Number(process.env["SEED"] ?? 20_260_101);

/** Far ahead: 2100. */
const FUTURE_SECONDS = 4_102_444_800;
/** Long ago: 2001. */
const PAST_SECONDS = 1_000_000_000;
const EMPTY = new Uint8Array(0);

export interface HistoryShape {
  readonly keyCount: number;
  /** Values of this length and around it are made more often. */
  readonly valueThreshold: number;
  readonly valueLengthMax: number;
}

export class RandomHistory {
  readonly #random: SeededRandom;
  readonly #shape: HistoryShape;
  readonly #keys: Uint8Array[];

  constructor(seed: number, shape: HistoryShape) {
    this.#random = new SeededRandom(seed);
    this.#shape = shape;
    this.#keys = Array.from({ length: shape.keyCount }, (_, index) => this.#key(index));
  }

  /** So many transactions of 1 to 8 writes. */
  transactions(count: number): LedgerWrite[][] {
    return Array.from({ length: count }, () =>
      Array.from({ length: 1 + this.#random.below(this.#random.below(8) + 1) }, () =>
        this.#write(),
      ),
    );
  }

  /** A whole number in 0 … limit − 1. */
  below(limit: number): number {
    return this.#random.below(limit);
  }

  /** Prefixes of each other, zeros, 0xff, text, and now and then a long one. */
  #key(index: number): Uint8Array {
    const alphabet = [0x00, 0x61, 0x62, 0xff];
    if (index % 3 === 0) return new TextEncoder().encode(`key/${index}`);
    const length = index % 17 === 16 ? 300 + this.#random.below(700) : 1 + this.#random.below(5);
    return Uint8Array.from({ length }, () => alphabet[this.#random.below(4)] as number);
  }

  #write(): LedgerWrite {
    const random = this.#random;
    const key = this.#keys[random.below(this.#keys.length)] as Uint8Array;
    const kind = random.below(20);
    if (kind < 4) {
      return { key, value: EMPTY, userMeta: 0, expiresAt: 0, deleted: true, discard: false };
    }
    return {
      key,
      value: this.#value(),
      userMeta: random.below(2) * random.below(256),
      expiresAt: kind === 4 ? PAST_SECONDS : kind < 8 ? FUTURE_SECONDS : 0,
      deleted: false,
      discard: kind === 8,
    };
  }

  #value(): Uint8Array {
    const random = this.#random;
    const { valueThreshold, valueLengthMax } = this.#shape;
    const kind = random.below(6);
    const length =
      kind === 0
        ? random.below(3)
        : kind < 3
          ? Math.max(0, valueThreshold - 1 + random.below(3))
          : random.below(kind === 3 ? valueLengthMax : 60);
    const value = new Uint8Array(length);
    // Half of them compress well.
    if (random.below(2) === 0) random.fill(value);
    else value.fill(random.below(256));
    return value;
  }
}

/** The same write for Badger. */
export function forBadger(write: LedgerWrite): BadgerWrite {
  const { deleted, ...rest } = write;
  return { ...rest, delete: deleted };
}
