/**
 * Engines that are wrong on purpose, each in one way, for the checker to find out:
 *
 *     dirty writes       writes are in the store at once, also those of others under way     G0, G1
 *     dirty reads        reads see the buffered writes of all transactions under way         G1a, G1b, G1c
 *     no snapshot        reads see what is committed at that moment                          G-single
 *     no conflicts       snapshots, but every commit succeeds                                G-single, G2
 *     lost updates only  of two who write the same key the second fails, nothing else does   G2
 *     no ranges          reads of single keys are checked, ranges are not                    G2
 *     none               serializable: a commit fails when anything it read has changed
 */

import type { Value } from "./history.ts";
import type { Store, StoreTransaction } from "./store.ts";

export type Weakness =
  | "dirty writes"
  | "dirty reads"
  | "no snapshot"
  | "no conflicts"
  | "lost updates only"
  | "no ranges"
  | "none";

interface Stored {
  readonly version: number;
  readonly value: Value | undefined;
}

export class WeakStore implements Store {
  readonly weakness: Weakness;
  version = 0;
  /** Versions of each key, oldest first. */
  readonly stored = new Map<string, Stored[]>();
  readonly active = new Set<WeakTransaction>();

  constructor(weakness: Weakness) {
    this.weakness = weakness;
  }

  begin(): StoreTransaction {
    const transaction = new WeakTransaction(this);
    this.active.add(transaction);
    return transaction;
  }

  async maintain(): Promise<void> {}

  at(key: string, version: number): Value | undefined {
    return this.stored.get(key)?.findLast((stored) => stored.version <= version)?.value;
  }

  set(key: string, value: Value | undefined): void {
    const versions = this.stored.get(key) ?? [];
    versions.push({ version: this.version, value });
    this.stored.set(key, versions);
  }

  changedSince(key: string, version: number): boolean {
    return (this.stored.get(key)?.at(-1)?.version ?? 0) > version;
  }
}

class WeakTransaction implements StoreTransaction {
  readonly #store: WeakStore;
  readonly #snapshot: number;
  readonly #reads = new Set<string>();
  readonly #ranges: (readonly [from: string, to: string])[] = [];
  readonly writes = new Map<string, Value | undefined>();

  constructor(store: WeakStore) {
    this.#store = store;
    this.#snapshot = store.version;
  }

  get(key: string): Value | undefined {
    if (!this.writes.has(key)) this.#reads.add(key);
    return this.#see(key);
  }

  #see(key: string): Value | undefined {
    const { weakness, version, active } = this.#store;
    if (weakness === "dirty writes") return this.#store.at(key, version);
    if (this.writes.has(key)) return this.writes.get(key);
    if (weakness === "dirty reads") {
      for (const other of [...active].reverse())
        if (other.writes.has(key)) return other.writes.get(key);
      return this.#store.at(key, version);
    }
    return this.#store.at(key, weakness === "no snapshot" ? version : this.#snapshot);
  }

  put(key: string, value: Value): void {
    this.#write(key, value);
  }

  delete(key: string): void {
    this.#write(key, undefined);
  }

  #write(key: string, value: Value | undefined): void {
    this.writes.set(key, value);
    if (this.#store.weakness === "dirty writes") this.#store.set(key, value);
  }

  scan(from: string, to: string): Map<string, Value> {
    this.#ranges.push([from, to]);
    const keys = new Set([...this.#store.stored.keys(), ...this.writes.keys()]);
    if (this.#store.weakness === "dirty reads") {
      for (const other of this.#store.active) for (const key of other.writes.keys()) keys.add(key);
    }
    const found = new Map<string, Value>();
    for (const key of [...keys].sort()) {
      const value = key >= from && key < to ? this.#see(key) : undefined;
      if (value !== undefined) found.set(key, value);
    }
    return found;
  }

  async commit(): Promise<number | undefined> {
    const store = this.#store;
    store.active.delete(this);
    if (this.writes.size === 0) return this.#snapshot;
    if (this.#loses()) return undefined;
    store.version++;
    if (store.weakness !== "dirty writes") {
      for (const [key, value] of this.writes) store.set(key, value);
    }
    return store.version;
  }

  #loses(): boolean {
    const { weakness, stored } = this.#store;
    const changed = (key: string): boolean => this.#store.changedSince(key, this.#snapshot);
    if (weakness === "lost updates only") return [...this.writes.keys()].some(changed);
    if (weakness !== "none" && weakness !== "no ranges") return false;
    if ([...this.#reads].some(changed)) return true;
    if (weakness === "no ranges") return false;
    return this.#ranges.some(([from, to]) =>
      [...stored.keys()].some((key) => key >= from && key < to && changed(key)),
    );
  }

  abort(): void {
    this.#store.active.delete(this);
    // What a dirty write has overwritten is gone: aborting leaves its traces.
    if (this.#store.weakness !== "dirty writes") this.writes.clear();
  }
}
