/**
 * What every decoder promises about damaged input (I8): it returns, or throws an error of ours. A
 * TypeError or RangeError is a crash, an endless loop a hang.
 */

import { expect } from "bun:test";
import { MelesError } from "../../src/base/errors.ts";
import { Seeded, SEED } from "./seeded.ts";

/** Feeds every truncation, every byte flipped in three ways, and some random garbage to `decode`. */
export function expectDamageContained(
  good: Uint8Array,
  decode: (bytes: Uint8Array) => void,
  stride = 1,
): void {
  decode(good.slice());
  for (let length = 0; length < good.length; length += stride) {
    attempt(decode, good.slice(0, length), `cut to ${length} bytes`);
  }
  for (let i = 0; i < good.length; i += stride) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const bad = good.slice();
      bad[i] = (bad[i] as number) ^ mask;
      attempt(decode, bad, `byte ${i} xor ${mask}`);
    }
  }
  const random = new Seeded(SEED);
  for (let round = 0; round < 200; round++) {
    const bad = good.slice();
    for (let hits = 1 + random.below(8); hits > 0; hits--) {
      bad[random.below(bad.length)] = random.below(3) === 0 ? 0xff : random.u32();
    }
    attempt(decode, bad, `random damage ${round}, seed ${SEED}`);
  }
}

function attempt(decode: (bytes: Uint8Array) => void, bytes: Uint8Array, what: string): void {
  const before = Bun.nanoseconds();
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof MelesError))
      throw new Error(`${what}: not a typed error`, { cause: error });
  }
  // Generous: it is to catch loops that scale with a number in the input, not slow machines.
  expect(Bun.nanoseconds() - before, what).toBeLessThan(2e9);
}
