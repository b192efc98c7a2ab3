/** What a family of benchmarks is, and what it is given to run with. */

import { join } from "node:path";
import type { Job, KeyOrder, StoreName } from "./job.ts";
import type { Peers } from "./peers.ts";
import type { Panel } from "./plot/lines.ts";
import { WORKSHOP } from "./scratch.ts";
import type { Section } from "./section.ts";

export type Size = "small" | "full";

export interface Context {
  readonly peers: Peers;
  readonly size: Size;
  /** Databases of this run; emptied at its end. */
  readonly scratch: string;
  readonly repetitions: number;
}

export interface FamilyResult {
  readonly sections: readonly Section[];
  /** Curves, for families that have more to show than bars. */
  readonly curves?: readonly Panel[];
  /** Lines to print after the tables. */
  readonly remarks?: readonly string[];
}

export interface Family {
  readonly name: string;
  readonly title: string;
  /** Whether `bun run bench` without names runs it. */
  readonly isDefault: boolean;
  /** Stores that cannot do it are left out of the tables, with a reason in the setting. */
  run(context: Context): Promise<FamilyResult>;
}

/** The same for all stores: block cache and memtable as Meles has them by default on 2 GiB and more. */
export const CACHE_BYTES = 128 << 20;
export const MEMTABLE_BYTES = 32 << 20;
export const VALUE_THRESHOLD = 1024;
/** Badger's own defaults: nearly all values stay in the tree, and the memtable has to be this large for that. */
const BADGER_DEFAULTS = { valueThreshold: 1 << 20, memtableBytes: 64 << 20 };
export const VALUE_LOG_FILE_BYTES = 256 << 20;
/** Entries per batch, fewer when values are large: a batch holds about a MiB at most. */
export const BATCH = 1000;
const BATCH_BYTES = 1 << 20;

export function batchOf(valueBytes: number): number {
  return Math.max(1, Math.min(BATCH, Math.floor(BATCH_BYTES / valueBytes)));
}

export interface Shape {
  readonly keyOrder?: KeyOrder;
  readonly count: number;
  readonly valueBytes: number;
  readonly durability?: Job["durability"];
  readonly memtableBytes?: number;
}

export function job(store: StoreName, directory: string, shape: Shape, steps: Job["steps"]): Job {
  return {
    store,
    directory,
    keyOrder: shape.keyOrder ?? "random",
    count: shape.count,
    valueBytes: shape.valueBytes,
    durability: shape.durability ?? "process",
    cacheBytes: CACHE_BYTES,
    memtableBytes: shape.memtableBytes ?? MEMTABLE_BYTES,
    valueThreshold: VALUE_THRESHOLD,
    valueLogFileBytes: VALUE_LOG_FILE_BYTES,
    ...(store === "badger-defaults" ? BADGER_DEFAULTS : {}),
    steps,
  };
}

/** A folder of a store in this run. */
export function place(context: Context, name: string, store: StoreName): string {
  return join(context.scratch, name, fileName(store));
}

/** Databases that peers only read are kept between runs: the peers do not change. */
export function kept(name: string, store: StoreName): string {
  return join(WORKSHOP, "prepared", name, fileName(store));
}

export function fileName(store: StoreName): string {
  return store.replace(":", "-");
}

/** A full count, or a tenth of it. */
export function scaled(context: Context, full: number): number {
  return context.size === "full" ? full : Math.ceil(full / 10);
}
