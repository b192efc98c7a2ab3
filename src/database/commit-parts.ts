/** What the commit queue is given, and what its callers bring to it. */

import type { MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import type { Env } from "../env/env.ts";
import type { ConflictTable } from "../transaction/conflict-table.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { ReadSet } from "../transaction/read-set.ts";
import type { WriteEntry } from "../transaction/write-set.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { SyncLevel } from "./contract.ts";
import type { Cuts } from "./cuts.ts";
import type { ManagedVersions } from "./managed-versions.ts";
import type { Memtables } from "./memtables.ts";
import type { Pressure } from "./pressure.ts";

export interface CommitQueueParts {
  readonly env: Env;
  readonly directory: string;
  readonly oracle: Oracle;
  readonly conflicts: ConflictTable;
  readonly memtables: Memtables;
  readonly cuts: Cuts;
  readonly valueLog: ValueLogWriter;
  readonly valueThreshold: number;
  readonly sync: SyncLevel;
  readonly syncIntervalMs: number;
  readonly isEncrypted: boolean;
  /** Present when callers choose the versions of their commits. */
  readonly managed?: ManagedVersions;
  readonly pressure: Pressure;
  /** A group was written. */
  readonly onWrite: () => void;
  /** A memtable was frozen. */
  readonly onRotate: () => void;
  /** Why background work is not going on, if it is not: commits are refused then instead of waiting. */
  readonly obstacle: () => MelesError | undefined;
  /** A commit was refused for that reason: time to try again. */
  readonly onRefused: () => void;
  readonly onStall: (waitedMs: number) => void;
  readonly onFailure: (error: MelesError) => void;
}

/** Who stages bulk writes, which have no promise of their own. */
export interface BulkOwner {
  /** Managed databases: the version of all its writes. */
  readonly version: Version | undefined;
  /** Some of what it has staged is lost. */
  groupFailed(error: unknown): void;
  /** Throws what `groupFailed` was told. */
  requireWhole(): void;
}

/** What a transaction brings to its commit. */
export interface TransactionCommit {
  readonly readVersion: Version;
  /** Managed databases: the version to commit at. */
  readonly version: Version | undefined;
  /** Absent when conflicts are not detected. */
  readonly reads: ReadSet | undefined;
  readonly writes: readonly WriteEntry[];
  /** Log bytes of the writes. */
  readonly bytes: number;
  readonly sync: boolean | undefined;
  /** Called once the check is done: its own keys need not be remembered for itself. Idempotent. */
  readonly endUpdate: () => void;
}

/** Somebody who waits for a group to be written. */
export interface Waiter {
  readonly version: Version;
  readonly resolve: (version: Version) => void;
  readonly reject: (error: unknown) => void;
}

export interface CommitCounters {
  commits: number;
  conflicts: number;
  entries: number;
  userBytes: number;
  logBytes: number;
  stallMs: number;
}
