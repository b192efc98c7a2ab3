/** What a model run writes and asks for: keys from a small, nasty set, values around the thresholds, ranges of every shape. */

import type { Clock } from "../../src/env/env.ts";
import type { PutOptions, Range } from "../../src/database/contract.ts";
import type { SeededRandom } from "../../src/env/seeded-random.ts";

const VALUE_SIZES = [0, 1, 7, 30, 100, 199, 200, 201, 300, 1500, 6000];

export class ModelInput {
  readonly keys: readonly Uint8Array[];
  readonly #random: SeededRandom;
  readonly #clock: Clock;

  constructor(random: SeededRandom, clock: Clock) {
    this.#random = random;
    this.#clock = clock;
    this.keys = makeKeys(random);
  }

  key(): Uint8Array {
    return this.keys[this.#random.below(this.keys.length)] as Uint8Array;
  }

  prefix(): Uint8Array {
    const key = this.key();
    return key.subarray(0, 1 + this.#random.below(key.length));
  }

  write(): { key: Uint8Array; value: Uint8Array; options: PutOptions | undefined } {
    const size = VALUE_SIZES[this.#random.below(VALUE_SIZES.length)] as number;
    const value = new Uint8Array(size);
    if (this.#random.below(2) === 0) this.#random.fill(value);
    else value.fill(this.#random.below(256));
    return { key: this.key(), value, options: this.#putOptions() };
  }

  #putOptions(): PutOptions | undefined {
    const random = this.#random;
    const options: { -readonly [name in keyof PutOptions]: PutOptions[name] } = {};
    const expiry = random.below(6);
    const nowSeconds = Math.floor(this.#clock.nowMs() / 1000);
    if (expiry === 0) options.ttl = 1 + random.below(60);
    if (expiry === 1) options.expiresAt = nowSeconds - 5 + random.below(40);
    if (random.below(3) === 0) options.userMeta = random.below(256);
    if (random.below(10) === 0) options.discardEarlierVersions = true;
    return Object.keys(options).length === 0 ? undefined : options;
  }

  /** Bounds are keys of the set or something near one; most ranges hold something, some nothing. */
  range(): Range {
    const random = this.#random;
    const range: { -readonly [name in keyof Range]: Range[name] } = {};
    if (random.below(4) === 0) range.prefix = this.prefix();
    if (random.below(3) === 0) range[random.below(2) === 0 ? "gt" : "gte"] = this.#bound();
    if (random.below(3) === 0) range[random.below(2) === 0 ? "lt" : "lte"] = this.#bound();
    if (random.below(2) === 0) range.reverse = true;
    if (random.below(3) === 0) range.limit = random.below(12);
    if (random.below(5) === 0) range.keysOnly = true;
    return range;
  }

  #bound(): Uint8Array {
    const key = this.key();
    switch (this.#random.below(4)) {
      case 0:
        return new Uint8Array([...key, 0]);
      case 1:
        return key.subarray(0, Math.max(1, key.length - 1));
      default:
        return key;
    }
  }
}

function makeKeys(random: SeededRandom): Uint8Array[] {
  const keys = new Map<string, Uint8Array>();
  const add = (key: Uint8Array): void => void keys.set(key.toHex(), key);
  for (const byte of [0, 1, 0x21, 0x61, 0xfe, 0xff]) {
    for (let length = 1; length <= 3; length++) add(new Uint8Array(length).fill(byte));
  }
  const encoder = new TextEncoder();
  for (let i = 0; i < 40; i++)
    add(encoder.encode(`user:${String(random.below(1000)).padStart(6, "0")}`));
  for (let i = 0; i < 15; i++) {
    const key = new Uint8Array(1 + random.below(12));
    random.fill(key);
    add(key);
  }
  const shared = new Uint8Array(700).fill(0x6b);
  for (let i = 0; i < 6; i++) add(new Uint8Array([...shared, i]));
  add(shared.slice());
  return [...keys.values()];
}
