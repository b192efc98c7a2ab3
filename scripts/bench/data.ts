/**
 * Keys, values and the order of accesses: made from an index, so that every process in every language
 * makes the same without storing them. `badger/data.go` is the twin of this file.
 */

import { KEY_BYTES, type KeyOrder } from "./job.ts";

const POOL_BYTES = 4 << 20;
const POOL_SEED = 20_261_122;
/** Steps through the pool so that neighbours differ; odd, so that all offsets occur. */
const POOL_STRIDE = 61;

/** Finalizer of Murmur3: a bijection, so different indexes never give the same key. */
export function mix(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Marsaglia's 32-bit generator. */
export class Xorshift {
  #state: number;

  /** `seed` is not 0. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s;
    return s >>> 0;
  }

  below(bound: number): number {
    return this.next() % bound;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.next() / 0x1_0000_0000;
  }
}

/** Writes keys into memory of the caller's, 16 bytes each. */
export class Keys {
  readonly #order: KeyOrder;
  /** One key that is overwritten by every `at`: for calls that do not keep it. */
  readonly #probe = new Uint8Array(KEY_BYTES);
  readonly #probeView = new DataView(this.#probe.buffer);

  constructor(order: KeyOrder) {
    this.#order = order;
  }

  /** The key of an index; valid until the next call. */
  at(index: number): Uint8Array {
    this.#write(this.#probeView, 0, index);
    return this.#probe;
  }

  /** The keys `from … to − 1`, one after the other in fresh memory. */
  block(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array((to - from) * KEY_BYTES);
    const view = new DataView(bytes.buffer);
    for (let i = from; i < to; i++) this.#write(view, (i - from) * KEY_BYTES, i);
    return bytes;
  }

  #write(view: DataView, at: number, index: number): void {
    if (this.#order === "sequential") {
      view.setUint32(at + 12, index);
      return;
    }
    view.setUint32(at, mix(index), true);
    view.setUint32(at + 4, mix(index + 0x9e3779b9), true);
    view.setUint32(at + 8, mix(index + 0x3c6ef372), true);
    view.setUint32(at + 12, mix(index + 0xdaa66d2b), true);
  }
}

/** Bytes that do not compress, cut from a pool: views, nothing is copied. */
export class Values {
  readonly #pool: Uint8Array;
  readonly #length: number;

  constructor(length: number) {
    const random = new Xorshift(POOL_SEED);
    const words = new Uint32Array(POOL_BYTES / 4);
    for (let i = 0; i < words.length; i++) words[i] = random.next();
    this.#pool = new Uint8Array(words.buffer);
    this.#length = length;
  }

  at(index: number): Uint8Array {
    const start = (index * POOL_STRIDE) % (POOL_BYTES - this.#length);
    return this.#pool.subarray(start, start + this.#length);
  }

  /** Of another length, for mixed sizes. */
  sized(index: number, length: number): Uint8Array {
    const start = (index * POOL_STRIDE) % (POOL_BYTES - length);
    return this.#pool.subarray(start, start + length);
  }
}
