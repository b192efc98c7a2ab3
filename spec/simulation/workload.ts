/** What simulated clients write: few keys, so that versions pile up, and values that tell which commit they are of. */

import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { Write } from "./expected-commits.ts";

const SIZES = [0, 8, 20, 100, 199, 200, 201, 300, 700, 1500, 5000];
const PREFIXES = ["a", "b", "b/", "c/long/prefix/", "\u00ff"];

export class Workload {
  readonly keys: readonly string[];
  readonly #nowSeconds: () => number;

  constructor(seed: number, nowSeconds: () => number) {
    const random = new SeededRandom(seed);
    const keys = new Set<string>(["\u0000", "\u00ff\u00ff"]);
    const count = [6, 20, 60][random.below(3)] as number;
    while (keys.size < count) {
      keys.add(`${PREFIXES[random.below(PREFIXES.length)]}${random.below(count * 2)}`);
    }
    this.keys = [...keys];
    this.#nowSeconds = nowSeconds;
  }

  key(random: SeededRandom): string {
    return this.keys[random.below(this.keys.length)] as string;
  }

  /** A write with a value that tells its number: no other write may have it, or nobody could tell whose it is. */
  write(random: SeededRandom, number: number): Write {
    const key = this.key(random);
    if (random.below(4) === 0) return { key, value: undefined, userMeta: 0, expiresAt: 0 };
    const size = SIZES[random.below(SIZES.length)] as number;
    const tag = `${number}:`;
    const value =
      random.below(3) === 0
        ? tag + noise(random, size)
        : tag.padEnd(size, String.fromCharCode(97 + (number % 26)));
    const expiresAt = random.below(8) === 0 ? this.#nowSeconds() + 1 + random.below(20) : 0;
    return { key, value, userMeta: random.below(5) === 0 ? random.below(256) : 0, expiresAt };
  }

  /** Writes of one commit, each key once. */
  writes(random: SeededRandom, number: number): Write[] {
    const writes = new Map<string, Write>();
    for (let left = 1 + random.below(6); left > 0; left--) {
      const write = this.write(random, number);
      writes.set(write.key, write);
    }
    return [...writes.values()];
  }
}

/** Bytes that do not compress. */
function noise(random: SeededRandom, size: number): string {
  const bytes = Buffer.alloc(size);
  random.fill(bytes);
  return bytes.toString("latin1");
}
