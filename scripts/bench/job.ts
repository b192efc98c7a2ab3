/**
 * What one process of a benchmark is told to do, and what it answers. A job is JSON, so that programs
 * in other languages can do the very same work: `badger/` reads it too, `rocksdb.ts` translates it.
 */

/** Names as printed, in the order of printing. */
export const STORES = [
  "meles",
  "lmdb",
  "classic-level",
  "bun:sqlite",
  "badger",
  "badger-defaults",
  "rocksdb",
] as const;

export type StoreName = (typeof STORES)[number];

/** `random`: hashed numbers, so a rising index is a random walk. `sequential`: big-endian numbers. */
export type KeyOrder = "random" | "sequential";

/** What an acknowledged write survives: a crash of the process, or a loss of power. */
export type Durability = "process" | "power";

export interface Job {
  readonly store: StoreName;
  readonly directory: string;
  readonly keyOrder: KeyOrder;
  /** Entries in the database once it is loaded; reads draw their keys from 0 … count − 1. */
  readonly count: number;
  readonly valueBytes: number;
  readonly durability: Durability;
  /** Block cache of every store that has one. */
  readonly cacheBytes: number;
  /** Memtable (write buffer) of every store that has one. */
  readonly memtableBytes: number;
  /** Values of at least so many bytes go to the value log, where a store has one. */
  readonly valueThreshold: number;
  /** Where a store has one: a log of values is closed beyond this. */
  readonly valueLogFileBytes: number;
  /** Samples the space that the directory takes while the job runs. */
  readonly watchesSpace?: boolean;
  readonly steps: readonly Step[];
}

/** `name` is that of the measure. Keys in `get`, `puts` … are drawn at random, the same in every store. */
export type Step =
  | {
      readonly kind: "load";
      readonly name: string;
      readonly batch: number;
      /** Stops early: the rate so far counts. For peers that are far slower than the rest. */
      readonly limitMs?: number;
    }
  /** The opening that every process begins with: reports what it took. Only as the first step. */
  | { readonly kind: "open"; readonly name: string }
  /** Overwrites, deletions, expiring values, mixed sizes, hot and cold keys: see churn.ts. */
  | { readonly kind: "churn"; readonly name: string; readonly times: number }
  /** Waits until the directory stays as large as it is. */
  | { readonly kind: "quiet"; readonly name: string; readonly limitMs: number }
  /** Deletes every key. */
  | { readonly kind: "clear"; readonly name: string }
  /** Ends the process as kill -9 would; nothing after it is done. */
  | { readonly kind: "crash"; readonly name: string }
  | { readonly kind: "settle"; readonly name: string }
  | { readonly kind: "reopen"; readonly name: string }
  | { readonly kind: "get"; readonly name: string; readonly ops: number; readonly miss?: boolean }
  | { readonly kind: "scan"; readonly name: string; readonly how: ScanWay }
  | {
      readonly kind: "ranges";
      readonly name: string;
      readonly ops: number;
      readonly length: number;
    }
  | { readonly kind: "puts"; readonly name: string; readonly ops: number }
  | { readonly kind: "updates"; readonly name: string; readonly ops: number }
  | {
      readonly kind: "commits";
      readonly name: string;
      readonly ops: number;
      readonly writers: number;
    }
  | {
      readonly kind: "ycsb";
      readonly name: string;
      readonly ops: number;
      readonly workload: Workload;
    };

/**
 * `views`: the fastest way a store has to show keys and values; `entries`: objects the caller keeps;
 * `prefetch`: Badger's iterator as it comes, which fetches values ahead.
 */
export type ScanWay = "views" | "entries" | "prefetch" | "reverse" | "keys";

export type Workload = "A" | "B" | "C" | "D" | "E" | "F";

/** What a step took. Numbers only; a step that a store cannot do gives no measure. */
export interface Measure {
  readonly name: string;
  readonly ops: number;
  readonly ms: number;
  /** Waiting time of one write call (of one batch in `load`). */
  readonly p99Ms?: number;
  readonly p999Ms?: number;
  readonly maxMs?: number;
  /** Other figures of the step: of commits, operations per second of a raw loop beside them. */
  readonly rawRate?: number;
  /** Of churn: bytes of keys and values written, and those alive in the end. */
  readonly userBytes?: number;
  readonly liveBytes?: number;
  /** Seen from outside when the measure was reported. */
  readonly diskBytes?: number;
  readonly writtenBytes?: number | undefined;
  /** Since the process was started. */
  readonly endMs?: number;
}

export interface SpaceSample {
  readonly ms: number;
  readonly bytes: number;
}

/** What the whole process took, as the system counts it. Undefined where the system does not say. */
export interface ProcessCost {
  readonly maxResidentBytes: number | undefined;
  /** Bytes of pages made dirty: writes and mapped files alike. */
  readonly writtenBytes: number | undefined;
  /** What the directory takes on disk in the end. */
  readonly diskBytes: number;
  /** Space over time, of jobs that watch it. */
  readonly space: readonly SpaceSample[];
  readonly wallMs: number;
}

export interface Outcome extends ProcessCost {
  readonly measures: readonly Measure[];
}

export const KEY_BYTES = 16;
