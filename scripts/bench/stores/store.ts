/**
 * What every store in this process can be asked to do. One process uses one store, so that calls stay
 * monomorphic; a call that needs no waiting returns `undefined` instead of a promise.
 */

import type { Keys, Values } from "../data.ts";
import type { ScanWay } from "../job.ts";

export interface Store {
  /** Writes the entries `from … to − 1` as one batch (one transaction where there are any). */
  writeBatch(keys: Keys, values: Values, from: number, to: number): Promise<void> | undefined;
  /** After the last batch: everything is written as durably as asked. */
  endLoad(): Promise<void>;
  /** One acknowledged write. The store may not keep `key`. */
  put(key: Uint8Array, value: Uint8Array): Promise<unknown> | undefined;
  /** A write that expires; only where a store can do that by itself. */
  putFor?(key: Uint8Array, value: Uint8Array, ttlSeconds: number): Promise<unknown>;
  delete(key: Uint8Array): Promise<unknown> | undefined;
  /** A value the caller owns. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** A transaction that reads the key and writes it. `null`: the store has no transactions. */
  readonly update: ((key: Uint8Array, value: Uint8Array) => Promise<unknown> | undefined) | null;
  /** Walks everything; the number of entries, or `undefined` when the store has no such way. */
  scan(how: ScanWay): number | undefined | Promise<number | undefined>;
  /** Reads `length` keys and values from `start` on; how many there were. */
  range(start: Uint8Array, length: number): number | Promise<number>;
  /** Until nothing is left to do in the background. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Looks at both ends of a value, as somebody who wants it would: a mapped page is really read. */
export function touch(value: Uint8Array): number {
  return (value[0] as number) + (value[value.length - 1] as number) + 1;
}
