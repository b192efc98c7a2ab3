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

import { ConflictError, MelesError } from "../base/errors.ts";
import { VERSION_MAX, type Version } from "../base/ids.ts";
import { transactionEndLength } from "../format/log-record.ts";
import { META_DELETE, META_IN_TRANSACTION } from "../format/stored-value.ts";
import type { VersionedEntry } from "../backup/restore.ts";
import type { KeyRange } from "../transaction/key-range.ts";
import type {
  BulkOwner,
  CommitCounters,
  CommitQueueParts,
  TransactionCommit,
  Waiter,
} from "./commit-parts.ts";
import { LogSync } from "./log-sync.ts";
import { LoopTurn } from "./loop-turn.ts";
import { RecordStage } from "./record-stage.ts";
import { WritePace } from "./write-pace.ts";

/** A bulk write is written out when so much of it is staged. */
const BULK_GROUP_BYTES = 1 << 19;

const TRANSACTION_END_BYTES_MAX = transactionEndLength(VERSION_MAX);

export class CommitQueue {
  readonly #parts: CommitQueueParts;
  readonly #sync: LogSync;
  readonly #turn: LoopTurn;
  readonly #stage: RecordStage;
  readonly #pace: WritePace;
  #waiters: Waiter[] = [];
  /** First version of the group being staged, 0 = empty group. */
  #groupFirst: Version = 0;
  #groupLast: Version = 0;
  #groupSync = false;
  /** Keys of the group are missing in the conflict table, because no transaction was active. */
  #groupUnrecorded = false;
  #writeScheduled = false;
  /** First version of the bulk writes staged in a row; 0 = none. */
  #bulkFirst: Version = 0;
  /** The bulk writer that alone owns the tail from `#bulkFrom` on. */
  #bulkOwner: BulkOwner | undefined;
  #bulkFrom = 0;
  /** Everybody with bulk writes in the group. */
  readonly #bulkOwners = new Set<BulkOwner>();
  #backlog: (() => void)[] = [];
  #stalledSinceMs = 0;
  /** A restore has the queue to itself; the newest version it has brought; who waits for room. */
  #isHeld = false;
  #heldVersion: Version = 0;
  #onRoom: (() => void) | undefined;
  #poison: MelesError | undefined;
  #closed = false;
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
    this.#sync = new LogSync(parts, () => this.syncInBackground());
    this.#turn = new LoopTurn(parts.env.clock);
    this.#stage = new RecordStage(parts, this.counters);
    this.#pace = new WritePace(parts.pressure);
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
    const bytes = this.#stage.recordBytes(key, value, expiresAt);
    this.#requireFits(bytes, 1);
    if (this.#mustWait || !this.#makeRoom(bytes)) {
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
    this.#requireVersion(commit.version);
    const isSingle = writes.length === 1;
    const bytes = commit.bytes + (isSingle ? 0 : TRANSACTION_END_BYTES_MAX);
    this.#requireFits(bytes, writes.length);
    if (this.#mustWait || !this.#makeRoom(bytes, writes.length)) {
      return this.#wait(() => this.commit(commit));
    }
    if (reads !== undefined) {
      const { conflicts, managed } = this.#parts;
      const key =
        conflicts.findConflict(reads, commit.readVersion) ??
        managed?.findNewer(reads, commit.readVersion);
      if (key !== undefined) {
        this.counters.conflicts++;
        return Promise.reject(new ConflictError(key));
      }
    }
    commit.endUpdate();
    const version = this.#begin(commit.version);
    // One record is atomic by itself; more need the transaction bit and an end marker.
    const bit = isSingle ? 0 : META_IN_TRANSACTION;
    for (const { key, value, meta, userMeta, expiresAt } of writes) {
      const length = this.#stage.recordBytes(key, value, expiresAt);
      this.#stageRecord(length, meta | bit, userMeta, expiresAt, key, version, value);
    }
    if (!isSingle) this.#stage.writeEnd(version);
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

  /** The record of a cut (format/cut.ts), at whose version `ranges` end. `begin` learns it before any reader. */
  cut(
    key: Uint8Array,
    value: Uint8Array,
    ranges: readonly KeyRange[],
    begin: (at: Version) => void,
  ): Promise<Version> {
    this.#requireWritable();
    const bytes = this.#stage.inlineBytes(key, value);
    this.#requireFits(bytes, 1);
    if (this.#mustWait || !this.#makeRoom(bytes)) {
      return this.#wait(() => this.cut(key, value, ranges, begin));
    }
    const version = this.#begin();
    // Never in the value log: recovery and salvage need no more than the log to know of it.
    this.#stage.writeInline(bytes, META_DELETE, key, version, value);
    // Also without an active transaction: one may begin before this is published.
    for (const range of ranges) this.#parts.conflicts.recordRange(version, range);
    this.#endBulkRun();
    this.counters.commits++;
    begin(version);
    return this.#enqueue(version, undefined);
  }

  /**
   * Stages one write of a bulk writer. Returns `undefined` when the caller may go on at once, else a
   * promise: of back-pressure, or of the failure. Bulk writes have a version each (one key must never
   * have two values under one version), and become readable when their group is written.
   */
  bulk(
    owner: BulkOwner,
    key: Uint8Array,
    value: Uint8Array,
    meta: number,
    userMeta: number,
    expiresAt: number,
    groupBytes: number,
  ): Promise<void> | undefined {
    this.#requireWritable();
    this.#requireVersion(owner.version);
    const bytes = this.#stage.recordBytes(key, value, expiresAt);
    this.#requireFits(bytes, 1);
    if (this.#mustWait || !this.#makeRoom(bytes)) {
      const ownKey = key.slice();
      const ownValue = value.slice();
      return this.#wait(async () => {
        await this.bulk(owner, ownKey, ownValue, meta, userMeta, expiresAt, groupBytes);
      });
    }
    // The group before, written on the way or while this one waited, may be lost, and with it the batch.
    owner.requireWhole();
    const { memtable } = this.#parts.memtables.active;
    const version = this.#begin(owner.version);
    if (owner.version !== undefined) {
      // Versions that may come in any order cannot be taken back from the end.
      this.#bulkOwners.add(owner);
    } else if (this.#bulkFirst === 0) {
      this.#bulkFirst = version;
      this.#bulkOwner = owner;
      this.#bulkOwners.add(owner);
      this.#bulkFrom = memtable.usedBytes;
    } else if (this.#bulkOwner !== owner) {
      this.#bulkOwner = undefined;
      this.#bulkOwners.add(owner);
    }
    this.#stageRecord(bytes, meta, userMeta, expiresAt, key, version, value);
    this.#record(version, key);
    if (memtable.usedBytes - memtable.indexedBytes < Math.min(groupBytes, BULK_GROUP_BYTES)) {
      return undefined;
    }
    // A failure reaches the owner.
    this.writeGroup();
    const delayMs = this.#pace.holdMs(this.counters.userBytes);
    if (delayMs === 0) return this.#turn.whenDue();
    return new Promise((resolve) => this.#parts.env.clock.after(delayMs, resolve, true));
  }

  /** Forgets what a bulk writer has staged, as far as nothing was staged behind it. */
  cancelBulk(owner: BulkOwner): void {
    if (this.#bulkFirst === 0 || this.#bulkOwner !== owner) return;
    const { memtable } = this.#parts.memtables.active;
    memtable.rollBack(this.#bulkFrom);
    this.#parts.conflicts.retractFrom(this.#bulkFirst);
    this.#groupLast = this.#bulkFirst - 1;
    if (this.#groupLast < this.#groupFirst) this.#groupFirst = 0;
    this.#endBulkRun();
  }

  /**
   * Keeps all other writers waiting until `release`: a restore brings versions along that new commits
   * must not meet. Resolves when it is the caller's turn.
   */
  async hold(): Promise<void> {
    this.#requireWritable();
    if (this.#mustWait) return this.#wait(() => this.hold());
    this.writeGroup();
    this.#isHeld = true;
    this.#heldVersion = this.#parts.oracle.lastIssued;
  }

  /**
   * While held: writes entries with the versions they bring, in groups of their own. They become visible
   * like any others, so readers see the newer ones only after `release`.
   */
  async writeHeld(entries: readonly VersionedEntry[]): Promise<void> {
    for (let next = 0; next < entries.length;) {
      this.#requireWritable();
      const { key, value, expiresAt } = entries[next] as VersionedEntry;
      const bytes = this.#stage.recordBytes(key, value, expiresAt);
      this.#requireFits(bytes, 1);
      if (this.#makeRoom(bytes)) next = await this.#writeHeldGroup(entries, next);
      else await new Promise<void>((resume) => (this.#onRoom = resume));
    }
  }

  /** Ends `hold`: everything written is visible, and whatever was read before counts as changed. */
  release(): void {
    const { oracle, conflicts, sync } = this.#parts;
    this.#isHeld = false;
    oracle.advanceTo(this.#heldVersion);
    if (conflicts.activeUpdates > 0) {
      const changed = oracle.nextVersion();
      conflicts.recordDropAll(changed);
      oracle.publish(changed);
    }
    if (sync === "commit" && this.#poison === undefined && !this.#closed) this.#syncNow();
    this.resume();
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

  /** Background work has made room, or has met an obstacle: lets waiting commits through, in order. */
  resume(): void {
    if (this.#isHeld) {
      this.#onRoom?.();
      return;
    }
    if (this.#backlog.length === 0) return;
    if (!this.#canProceed() && this.#parts.obstacle() === undefined) return;
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
    this.#sync.stop();
    this.#onRoom?.();
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
    if (this.#parts.memtables.fitsAlone(bytes, writes)) return;
    throw new MelesError(
      "ERR_TRANSACTION_TOO_LARGE",
      `a commit of ${writes} writes takes ${bytes} bytes of log, ${allowed} are allowed; ` +
        "split it, write through batch(), or open with a larger memtableSize",
    );
  }

  /** Room for a commit in the active memtable, rotating if need be. False: flushes must catch up first. */
  #makeRoom(bytes: number, entries = 1): boolean {
    const { memtables } = this.#parts;
    if (memtables.hasRoom(bytes, entries)) return true;
    this.writeGroup();
    // Nothing is written behind what could not be.
    this.#requireWritable();
    if (memtables.active.memtable.isEmpty) return memtables.hasRoom(bytes, entries);
    if (!this.#parts.pressure.canRotate()) {
      const obstacle = this.#parts.obstacle();
      if (obstacle === undefined) return false;
      this.#parts.onRefused();
      throw obstacle;
    }
    memtables.rotate();
    this.#parts.onRotate();
    return true;
  }

  get #mustWait(): boolean {
    return this.#backlog.length > 0 || this.#isHeld;
  }

  #canProceed(): boolean {
    return this.#parts.memtables.hasRoom(1, 1) || this.#parts.pressure.canRotate();
  }

  /** The version of the next commit, which joins the group: the one that was chosen, or the next. */
  #begin(chosen?: Version): Version {
    const { oracle } = this.#parts;
    if (chosen === undefined) {
      const version = oracle.nextVersion();
      if (this.#groupFirst === 0) this.#groupFirst = version;
      this.#groupLast = version;
      return version;
    }
    oracle.issue(chosen);
    this.#groupFirst = this.#groupFirst === 0 ? chosen : Math.min(this.#groupFirst, chosen);
    this.#groupLast = Math.max(this.#groupLast, chosen, oracle.lastCommitted);
    return chosen;
  }

  #requireVersion(chosen: Version | undefined): void {
    if (chosen !== undefined) this.#parts.managed?.requireCommittable(chosen);
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
    try {
      this.#stage.write(bytes, meta, userMeta, expiresAt, key, version, value);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Stages and writes as many entries as make a group; returns where the next one begins. */
  async #writeHeldGroup(entries: readonly VersionedEntry[], from: number): Promise<number> {
    const { memtables, oracle } = this.#parts;
    const { memtable } = memtables.active;
    // Nothing is published: the versions are visible already, or will be with `release`.
    this.#groupFirst = oracle.lastIssued + 1;
    this.#groupLast = oracle.lastCommitted;
    let next = from;
    for (; next < entries.length; next++) {
      const { key, value, version, meta, userMeta, expiresAt } = entries[next] as VersionedEntry;
      const bytes = this.#stage.recordBytes(key, value, expiresAt);
      const staged = memtable.usedBytes - memtable.indexedBytes;
      if (staged > 0 && (staged >= BULK_GROUP_BYTES || !memtables.hasRoom(bytes, 1))) break;
      this.#stageRecord(bytes, meta, userMeta, expiresAt, key, version, value);
      if (version > this.#heldVersion) this.#heldVersion = version;
    }
    const { promise, resolve, reject } = Promise.withResolvers<Version>();
    this.#waiters.push({ version: this.#groupLast, resolve, reject });
    this.writeGroup();
    await promise;
    return next;
  }

  #record(version: Version, key: Uint8Array): void {
    if (this.#parts.conflicts.activeUpdates > 0) {
      this.#parts.conflicts.recordCommit(version, [key.slice()]);
    } else {
      this.#groupUnrecorded = true;
    }
  }

  #endBulkRun(): void {
    this.#bulkFirst = 0;
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
      // Also if the write fails: the file may be there, and later groups go into it.
      const isNewLog = memtables.active.log === undefined;
      if (isNewLog) this.#sync.beforeNewLog();
      memtables.writeLog(from, from + length);
      if (isNewLog) this.#sync.afterNewLog();
      if (this.#groupSync) this.#sync.now();
      else if (this.#parts.sync === "interval") this.#sync.schedule();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.counters.logBytes += length;
    memtable.index();
    oracle.publish(this.#groupLast);
    this.#parts.onWrite();
    this.#settle((waiter) => waiter.resolve(waiter.version));
  }

  #settle(action: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#groupFirst = 0;
    this.#parts.valueLog.endGroup();
    this.#groupSync = false;
    this.#groupUnrecorded = false;
    this.#bulkOwners.clear();
    this.#endBulkRun();
    if (waiters.length === 0) return;
    const delayMs = this.#poison === undefined ? this.#pace.holdMs(this.counters.userBytes) : 0;
    const acknowledge = (): void => waiters.forEach(action);
    if (delayMs === 0) this.#turn.run(acknowledge);
    else this.#parts.env.clock.after(delayMs, acknowledge, true);
  }

  /** Nobody knows what is on disk any more: nothing is written until the database is reopened. */
  poison(error: unknown): void {
    if (this.#poison !== undefined) return;
    const isKnown = error instanceof MelesError;
    this.#poison = isKnown ? error : new MelesError("ERR_IO", "a write failed", { cause: error });
    this.#parts.onFailure(this.#poison);
  }

  /** The group is lost: cut its bytes off, or, if its fate on disk is unknown, stop writing for good. */
  #fail(error: unknown): void {
    const { memtables, valueLog, conflicts, cuts } = this.#parts;
    const { memtable, log } = memtables.active;
    const from = memtable.indexedBytes;
    memtable.rollBack(from);
    valueLog.discardStaged();
    if (this.#groupFirst !== 0) {
      conflicts.retractFrom(this.#groupFirst);
      cuts.retractFrom(this.#groupFirst);
    }
    let fatal =
      !(error instanceof MelesError && error.code === "ERR_DISK_FULL") || this.#sync.hasFailed;
    try {
      if (!fatal && log !== undefined) {
        log.cutBack(from);
        memtables.leaveLog();
      }
    } catch {
      fatal = true;
    }
    if (fatal) this.poison(error);
    for (const owner of this.#bulkOwners) owner.groupFailed(error);
    this.#settle((waiter) => waiter.reject(error));
  }

  /** Makes everything acknowledged so far durable, off this thread. */
  async syncInBackground(): Promise<void> {
    try {
      await this.#sync.inBackground();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #syncNow(): void {
    try {
      this.#sync.now();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }
}
