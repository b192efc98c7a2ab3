/**
 * The commit queue: the only writer. Commits are staged in memory at the call, in version order, and
 * written as a group: all commits of one turn of the event loop share one value-log write, one log
 * write and, where asked for, one sync. Then the group becomes readable and its promises resolve.
 *
 *     stage: conflict check → version → value-log record → log record in the memtable's arena
 *     write: value log → log → sync as the level says → index → publish → resolve
 *
 * A group is always in one memtable. When a commit does not fit, the group before it is written and
 * the memtable rotated; when flushes cannot keep up, commits wait in a backlog, in order.
 *
 * Failure (I1): a failed write or sync fails every commit of the group. A full disk leaves the queue
 * usable: the tail is cut off and the next commit tries again. After anything else the queue is
 * poisoned: nothing retries a failed sync, and the database takes no more writes until reopened.
 */

import { assert } from "../base/assert.ts";
import { ConflictError, MelesError } from "../base/errors.ts";
import { VERSION_MAX, type Version } from "../base/ids.ts";
import type { Env } from "../env/env.ts";
import {
  logRecordLength,
  transactionEndLength,
  writeLogRecord,
  writeTransactionEnd,
} from "../format/log-record.ts";
import { META_IN_TRANSACTION, META_POINTER } from "../format/stored-value.ts";
import { VALUE_POINTER_SIZE } from "../format/value-pointer.ts";
import type { ConflictTable } from "../transaction/conflict-table.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { ReadSet } from "../transaction/read-set.ts";
import type { WriteEntry } from "../transaction/write-set.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { SyncLevel } from "./contract.ts";
import type { Memtables } from "./memtables.ts";

/** A bulk write is written out when so much of it is staged. */
const BULK_GROUP_BYTES = 1 << 19;

const TRANSACTION_END_BYTES_MAX = transactionEndLength(VERSION_MAX);

export interface CommitQueueParts {
  readonly env: Env;
  readonly directory: string;
  readonly oracle: Oracle;
  readonly conflicts: ConflictTable;
  readonly memtables: Memtables;
  readonly valueLog: ValueLogWriter;
  readonly valueThreshold: number;
  readonly sync: SyncLevel;
  readonly syncIntervalMs: number;
  /** May the active memtable be frozen now, or are too many waiting for their flush? */
  readonly canRotate: () => boolean;
  /** A memtable was frozen. */
  readonly onRotate: () => void;
  /** How long to hold back acknowledgements, so that background work keeps up; 0 = not at all. */
  readonly delayMs: () => number;
  readonly onStall: (waitedMs: number) => void;
  readonly onFailure: (error: MelesError) => void;
}

interface Waiter {
  readonly version: Version;
  readonly resolve: (version: Version) => void;
  readonly reject: (error: unknown) => void;
}

/** What a transaction brings to its commit. */
export interface TransactionCommit {
  readonly readVersion: Version;
  /** Absent when conflicts are not detected. */
  readonly reads: ReadSet | undefined;
  readonly writes: readonly WriteEntry[];
  /** Log bytes of the writes. */
  readonly bytes: number;
  readonly sync: boolean | undefined;
  /** Called once the check is done: its own keys need not be remembered for itself. Idempotent. */
  readonly endUpdate: () => void;
}

export interface CommitCounters {
  commits: number;
  conflicts: number;
  entries: number;
  userBytes: number;
  logBytes: number;
  stallMs: number;
}

export class CommitQueue {
  readonly #parts: CommitQueueParts;
  #waiters: Waiter[] = [];
  /** First version of the group being staged, 0 = empty group. */
  #groupFirst: Version = 0;
  #groupLast: Version = 0;
  #groupSync = false;
  /** Keys of the group are missing in the conflict table, because no transaction was active. */
  #groupUnrecorded = false;
  #writeScheduled = false;
  /** Version shared by bulk writes staged in a row; 0 = none. */
  #bulkVersion: Version = 0;
  /** The bulk writer that alone owns the tail from `#bulkFrom` on. */
  #bulkOwner: object | undefined;
  #bulkFrom = 0;
  #backlog: (() => void)[] = [];
  #stalledSinceMs = 0;
  #poison: MelesError | undefined;
  #closed = false;
  #syncTimer: { cancel(): void } | undefined;
  #namesAreDurable = true;
  readonly #pointer = new Uint8Array(VALUE_POINTER_SIZE);
  readonly counters: CommitCounters = {
    commits: 0,
    conflicts: 0,
    entries: 0,
    userBytes: 0,
    logBytes: 0,
    stallMs: 0,
  };

  constructor(parts: CommitQueueParts) {
    this.#parts = parts;
  }

  /** Why writes are refused, if they are. */
  get failure(): MelesError | undefined {
    return this.#poison;
  }

  get isStalled(): boolean {
    return this.#backlog.length > 0;
  }

  /** One write that is a commit of its own. Key and value are encoded before this returns. */
  put(
    key: Uint8Array,
    value: Uint8Array,
    meta: number,
    userMeta: number,
    expiresAt: number,
  ): Promise<Version> {
    this.#requireWritable();
    const bytes = this.#recordBytes(key, value, expiresAt);
    this.#requireFits(bytes, 1);
    if (this.#backlog.length > 0 || !this.#makeRoom(bytes)) {
      const ownKey = key.slice();
      const ownValue = value.slice();
      return this.#wait(() => this.put(ownKey, ownValue, meta, userMeta, expiresAt));
    }
    const version = this.#begin();
    this.#stageRecord(bytes, meta, userMeta, expiresAt, key, version, value);
    this.#record(version, key);
    this.#endBulkRun();
    this.counters.commits++;
    return this.#enqueue(version, undefined);
  }

  /** A transaction's commit: checked now, staged now, acknowledged with its group. */
  commit(commit: TransactionCommit): Promise<Version> {
    this.#requireWritable();
    const { reads, writes } = commit;
    const isSingle = writes.length === 1;
    const bytes = commit.bytes + (isSingle ? 0 : TRANSACTION_END_BYTES_MAX);
    this.#requireFits(bytes, writes.length);
    if (this.#backlog.length > 0 || !this.#makeRoom(bytes)) {
      return this.#wait(() => this.commit(commit));
    }
    if (reads !== undefined) {
      const key = this.#parts.conflicts.findConflict(reads, commit.readVersion);
      if (key !== undefined) {
        this.counters.conflicts++;
        return Promise.reject(new ConflictError(key));
      }
    }
    commit.endUpdate();
    const version = this.#begin();
    // One record is atomic by itself; more need the transaction bit and an end marker.
    const bit = isSingle ? 0 : META_IN_TRANSACTION;
    for (const { key, value, meta, userMeta, expiresAt } of writes) {
      const length = this.#recordBytes(key, value, expiresAt);
      this.#stageRecord(length, meta | bit, userMeta, expiresAt, key, version, value);
    }
    if (!isSingle) {
      const { memtable } = this.#parts.memtables.active;
      const length = transactionEndLength(version);
      writeTransactionEnd(memtable.arena, memtable.reserve(length), version);
    }
    if (this.#parts.conflicts.activeUpdates > 0) {
      this.#parts.conflicts.recordCommit(
        version,
        writes.map((entry) => entry.key),
      );
    } else {
      this.#groupUnrecorded = true;
    }
    this.#endBulkRun();
    this.counters.commits++;
    return this.#enqueue(version, commit.sync);
  }

  /**
   * Stages one write of a bulk writer. Returns `undefined` when the caller may go on at once, else a
   * promise: of back-pressure, or of the failure. Bulk writes share a version while nothing else is
   * staged between them, and become readable when their group is written.
   */
  bulk(
    owner: object,
    key: Uint8Array,
    value: Uint8Array,
    meta: number,
    userMeta: number,
    expiresAt: number,
    groupBytes: number,
  ): Promise<void> | undefined {
    this.#requireWritable();
    const bytes = this.#recordBytes(key, value, expiresAt);
    this.#requireFits(bytes, 1);
    if (this.#backlog.length > 0 || !this.#makeRoom(bytes)) {
      const ownKey = key.slice();
      const ownValue = value.slice();
      return this.#wait(async () => {
        await this.bulk(owner, ownKey, ownValue, meta, userMeta, expiresAt, groupBytes);
      });
    }
    const { memtable } = this.#parts.memtables.active;
    if (this.#bulkVersion === 0) {
      this.#bulkVersion = this.#begin();
      this.#bulkOwner = owner;
      this.#bulkFrom = memtable.usedBytes;
    } else if (this.#bulkOwner !== owner) {
      this.#bulkOwner = undefined;
    }
    const version = this.#bulkVersion;
    this.#stageRecord(bytes, meta, userMeta, expiresAt, key, version, value);
    this.#record(version, key);
    if (memtable.usedBytes - memtable.indexedBytes < Math.min(groupBytes, BULK_GROUP_BYTES)) {
      return undefined;
    }
    this.writeGroup();
    if (this.#poison !== undefined) return Promise.reject(this.#poison);
    const delayMs = this.#parts.delayMs();
    return delayMs === 0 ? undefined : this.#sleep(delayMs);
  }

  /** Forgets what a bulk writer has staged, as far as nothing was staged behind it. */
  cancelBulk(owner: object): void {
    if (this.#bulkVersion === 0 || this.#bulkOwner !== owner) return;
    const { memtable } = this.#parts.memtables.active;
    memtable.rollBack(this.#bulkFrom);
    this.#parts.conflicts.retractFrom(this.#bulkVersion);
    this.#groupLast = this.#bulkVersion - 1;
    if (this.#groupLast < this.#groupFirst) this.#groupFirst = 0;
    this.#endBulkRun();
  }

  /** Writes what is staged and waits until nothing is waiting any more. */
  async drain(sync: boolean): Promise<void> {
    this.#requireWritable();
    const hadGroup = this.#groupFirst !== 0;
    const done = hadGroup ? this.#enqueue(this.#groupLast, sync) : undefined;
    this.writeGroup();
    await done;
    while (this.#backlog.length > 0) {
      await new Promise<void>((resolve) => this.#backlog.push(resolve));
    }
    if (this.#groupFirst !== 0) this.writeGroup();
    if (this.#poison !== undefined) throw this.#poison;
    if (sync && !hadGroup) this.#syncNow();
  }

  /** Before a new update transaction reads: staged keys that it could conflict with must be known. */
  beforeUpdate(): void {
    if (this.#groupUnrecorded && this.#groupFirst !== 0) this.writeGroup();
  }

  /** Background work has made room: lets waiting commits through, in order. */
  resume(): void {
    if (this.#backlog.length === 0 || !this.#canProceed()) return;
    const backlog = this.#backlog;
    this.#backlog = [];
    if (this.#stalledSinceMs > 0) {
      const waited = this.#parts.env.clock.monotonicMs() - this.#stalledSinceMs;
      this.#stalledSinceMs = 0;
      this.counters.stallMs += waited;
      this.#parts.onStall(waited);
    }
    for (let i = 0; i < backlog.length; i++) {
      (backlog[i] as () => void)();
      if (this.#backlog.length > 0) {
        // Stalled again: the rest keeps its place behind the one that did not fit.
        this.#backlog.push(...backlog.slice(i + 1));
        return;
      }
    }
  }

  /** No more commits; those waiting fail. */
  close(): void {
    this.#closed = true;
    this.#syncTimer?.cancel();
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const action of backlog) action();
  }

  // ------------------------------------------------------------------ staging

  #requireWritable(): void {
    if (this.#closed) throw new MelesError("ERR_CLOSED", "the database is closed");
    if (this.#poison !== undefined) {
      throw new MelesError(
        "ERR_READ_ONLY",
        "an earlier write failed, so nothing is written until the database is reopened",
        { cause: this.#poison },
      );
    }
  }

  #requireFits(bytes: number, writes: number): void {
    const allowed = this.#parts.memtables.commitBytesMax;
    if (bytes <= allowed) return;
    throw new MelesError(
      "ERR_TRANSACTION_TOO_LARGE",
      `a commit of ${writes} writes takes ${bytes} bytes of log, ${allowed} are allowed; ` +
        "split it, write through batch(), or open with a larger memtableSize",
    );
  }

  #recordBytes(key: Uint8Array, value: Uint8Array, expiresAt: number): number {
    const inline = value.length < this.#parts.valueThreshold || value.length === 0;
    return logRecordLength(key.length, inline ? value.length : VALUE_POINTER_SIZE, expiresAt);
  }

  /** Room for a commit in the active memtable, rotating if need be. False: flushes must catch up first. */
  #makeRoom(bytes: number): boolean {
    const { memtables } = this.#parts;
    if (memtables.hasRoom(bytes)) return true;
    if (this.#groupFirst !== 0) this.writeGroup();
    if (memtables.active.memtable.isEmpty) return memtables.hasRoom(bytes);
    if (!this.#parts.canRotate()) return false;
    memtables.rotate();
    this.#parts.onRotate();
    return true;
  }

  #canProceed(): boolean {
    return this.#parts.memtables.hasRoom(1) || this.#parts.canRotate();
  }

  #begin(): Version {
    const version = this.#parts.oracle.nextVersion();
    if (this.#groupFirst === 0) this.#groupFirst = version;
    this.#groupLast = version;
    return version;
  }

  #stageRecord(
    bytes: number,
    meta: number,
    userMeta: number,
    expiresAt: number,
    key: Uint8Array,
    version: Version,
    value: Uint8Array,
  ): void {
    const { memtable } = this.#parts.memtables.active;
    const offset = memtable.reserve(bytes);
    this.counters.entries++;
    this.counters.userBytes += key.length + value.length;
    if (value.length < this.#parts.valueThreshold || value.length === 0) {
      writeLogRecord(memtable.arena, offset, meta, userMeta, expiresAt, key, version, value);
      return;
    }
    const logged = meta & ~META_IN_TRANSACTION;
    const pointer = this.#pointer;
    try {
      this.#parts.valueLog.stage(userMeta, logged, expiresAt, key, version, value, pointer, 0);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    const pointed = meta | META_POINTER;
    writeLogRecord(memtable.arena, offset, pointed, userMeta, expiresAt, key, version, pointer);
  }

  #record(version: Version, key: Uint8Array): void {
    if (this.#parts.conflicts.activeUpdates > 0) {
      this.#parts.conflicts.recordCommit(version, [key.slice()]);
    } else {
      this.#groupUnrecorded = true;
    }
  }

  #endBulkRun(): void {
    this.#bulkVersion = 0;
    this.#bulkOwner = undefined;
  }

  #enqueue(version: Version, sync: boolean | undefined): Promise<Version> {
    if (sync ?? this.#parts.sync === "commit") this.#groupSync = true;
    const { promise, resolve, reject } = Promise.withResolvers<Version>();
    this.#waiters.push({ version, resolve, reject });
    if (!this.#writeScheduled) {
      this.#writeScheduled = true;
      queueMicrotask(this.#writeLater);
    }
    return promise;
  }

  readonly #writeLater = (): void => {
    this.#writeScheduled = false;
    this.writeGroup();
  };

  #wait<T>(action: () => Promise<T>): Promise<T> {
    if (this.#backlog.length === 0) {
      this.#stalledSinceMs = this.#parts.env.clock.monotonicMs();
    }
    return new Promise<T>((resolve, reject) => {
      this.#backlog.push(() => {
        try {
          action().then(resolve, reject);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.env.clock.after(delayMs, resolve, true);
    });
  }

  // ------------------------------------------------------------------ writing

  /** Writes the staged group, if any. Never throws: failures reach the group's promises. */
  writeGroup(): void {
    if (this.#groupFirst === 0) return;
    const { memtables, valueLog, oracle } = this.#parts;
    const { memtable } = memtables.active;
    const from = memtable.indexedBytes;
    const length = memtable.usedBytes - from;
    try {
      valueLog.flush();
      if (memtables.writeLog(from, from + length)) this.#namesAreDurable = false;
      if (this.#groupSync) this.#syncFiles();
      else if (this.#parts.sync === "interval") this.#scheduleSync();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.counters.logBytes += length;
    memtable.index();
    oracle.publish(this.#groupLast);
    this.#settle((waiter) => waiter.resolve(waiter.version));
  }

  #settle(action: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#groupFirst = 0;
    this.#groupSync = false;
    this.#groupUnrecorded = false;
    this.#endBulkRun();
    const delayMs = this.#poison === undefined ? this.#parts.delayMs() : 0;
    if (delayMs === 0 || waiters.length === 0) {
      for (const waiter of waiters) action(waiter);
    } else {
      this.#parts.env.clock.after(delayMs, () => waiters.forEach(action), true);
    }
  }

  /** The group is lost: cut its bytes off, or, if its fate on disk is unknown, stop writing for good. */
  #fail(error: unknown): void {
    const { memtables, valueLog, conflicts } = this.#parts;
    const { memtable, log } = memtables.active;
    const from = memtable.indexedBytes;
    memtable.rollBack(from);
    valueLog.discardStaged();
    if (this.#groupFirst !== 0) conflicts.retractFrom(this.#groupFirst);
    let fatal =
      !(error instanceof MelesError && error.code === "ERR_DISK_FULL") || this.#syncFailed;
    try {
      if (!fatal && log !== undefined) log.truncate(from);
    } catch {
      fatal = true;
    }
    if (fatal && this.#poison === undefined) {
      this.#poison =
        error instanceof MelesError
          ? error
          : new MelesError("ERR_IO", "writing the log failed", { cause: error });
      this.#parts.onFailure(this.#poison);
    }
    this.#settle((waiter) => waiter.reject(error));
  }

  // ------------------------------------------------------------------ syncing

  #syncFailed = false;

  /** Value log first: a log record must never point to a value that a power cut has taken. */
  #syncFiles(): void {
    const { memtables, valueLog, env, directory } = this.#parts;
    try {
      valueLog.sync();
      for (const log of memtables.dirtyLogs()) log.sync();
      if (!this.#namesAreDurable) {
        env.fileSystem.syncDirectory(directory);
        this.#namesAreDurable = true;
      }
    } catch (error) {
      this.#syncFailed = true;
      throw error;
    }
  }

  #syncNow(): void {
    try {
      this.#syncFiles();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #scheduleSync(): void {
    if (this.#syncTimer !== undefined) return;
    this.#syncTimer = this.#parts.env.clock.after(this.#parts.syncIntervalMs, () => {
      this.#syncTimer = undefined;
      this.syncInBackground().catch(() => {
        // Already poisoned and reported.
      });
    });
  }

  /** Makes everything acknowledged so far durable, off this thread. */
  async syncInBackground(): Promise<void> {
    const { memtables, valueLog, env, directory } = this.#parts;
    assert(!this.#closed || memtables.dirtyLogs().length === 0, "a closed queue is synced already");
    const logs = memtables.dirtyLogs();
    try {
      await valueLog.syncInBackground();
      await Promise.all(logs.map((log) => log.syncInBackground()));
      if (!this.#namesAreDurable) {
        this.#namesAreDurable = true;
        env.fileSystem.syncDirectory(directory);
      }
    } catch (error) {
      this.#syncFailed = true;
      this.#fail(error);
      throw error;
    }
  }
}
