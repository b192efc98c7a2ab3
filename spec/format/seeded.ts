/** Seeded random input for the specs of this folder. Put the seed into the spec's name. */

import { SeededRandom } from "../../src/env/seeded-random.ts";

/** `SEED=… bun test` repeats a run. */
export const SEED = Number(process.env["SEED"] ?? 20_260_101);

export class Seeded extends SeededRandom {
  u32(): number {
    return this.below(2 ** 32);
  }

  /** An integer of 0 to 53 bits, each width equally likely. */
  spread(): number {
    return Math.floor(this.next() * 2 ** this.below(54));
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.fill(bytes);
    return bytes;
  }

  /** Short keys over a tiny alphabet, so that prefixes and equal keys are common. */
  key(): Uint8Array {
    const key = new Uint8Array(1 + this.below(6));
    for (let i = 0; i < key.length; i++) key[i] = [0x00, 0x61, 0x62, 0xff][this.below(4)] as number;
    return key;
  }
}
