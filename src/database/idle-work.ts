/**
 * What is worth doing when writes have paused, and when something has expired: bringing delete markers,
 * pointers to values and expired entries out of memory, so that the space behind them comes back
 * without a call. Event-driven: a timer runs only after writes and while something is due to expire.
 */

import { EXPIRED_STAY_MAX_SECONDS } from "../compaction/table-garbage.ts";
import type { Env, Timer } from "../env/env.ts";
import type { TableMeta } from "../manifest/version.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import { garbageShare } from "../value-log/collection-policy.ts";
import type { Collection } from "./collection.ts";
import type { Memtables } from "./memtables.ts";
import type { TreeState } from "./tree-state.ts";

export interface IdleWorkParts {
  readonly env: Env;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly valueLog: ValueLogWriter;
  readonly collection: Collection;
  /** Writes what is staged and freezes the active memtable. */
  readonly freeze: () => void;
  /** Removes value-log files that nobody points to. */
  readonly sweep: () => void;
  /** Looks for background work. */
  readonly schedule: () => void;
}

/** Writes have paused when there were none for so long. */
const PAUSE_MS = 1000;
/** Delete markers in memory are brought to the tree when they are this share of its entries. */
const MARKER_SHARE_MIN = 0.01;
/** … and pointers when they are this share of the live bytes. */
const POINTER_SHARE_MIN = 1 / 64;
const ACTIVE_FILE_BYTES_MIN = 1 << 15;
const ACTIVE_FILE_GARBAGE_MIN = 0.15;
/** Expiry timers look at most this far ahead: timers of weeks overflow. */
const AHEAD_MAX_MS = 86_400_000;

export class IdleWork {
  readonly #parts: IdleWorkParts;
  #writes = 0;
  #timer: Timer | undefined;
  #expiryTimer: Timer | undefined;
  #isPaused = false;
  #stopped = false;

  constructor(parts: IdleWorkParts) {
    this.#parts = parts;
  }

  /** No write for a while: small garbage is worth merging too. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** A group was written. Cheap: called for each. */
  noteWrite(): void {
    this.#writes++;
    this.#isPaused = false;
    this.#parts.collection.notePause(false);
    if (this.#timer === undefined && !this.#stopped) this.#arm(this.#writes);
  }

  /** Something else than a write has changed what is worth doing: takes a look soon. Cheap. */
  lookAgain(): void {
    if (this.#timer === undefined && !this.#stopped) this.#arm(this.#writes);
  }

  #arm(writes: number): void {
    this.#timer = this.#parts.env.clock.after(PAUSE_MS, () => {
      this.#timer = undefined;
      if (this.#stopped) return;
      if (this.#writes !== writes) this.#arm(this.#writes);
      else this.#pause();
    });
  }

  #pause(): void {
    this.#isPaused = true;
    this.#parts.collection.notePause(true);
    this.#tidy();
  }

  #tidy(): void {
    const { memtables, valueLog, freeze, sweep, schedule } = this.#parts;
    const { memtable } = memtables.active;
    if (!memtable.isEmpty && this.#isFlushDue(memtable)) freeze();
    else if (this.#isActiveFileDue()) valueLog.seal();
    sweep();
    schedule();
  }

  #isFlushDue(memtable: Memtable): boolean {
    const { trees, collection, env } = this.#parts;
    if (hasExpired(memtable, env.clock.nowMs() / 1000)) return true;
    const entries = trees.tree.version.levels
      .flat()
      .reduce((sum, table) => sum + table.entryCount, 0);
    if (memtable.tombstones > entries * MARKER_SHARE_MIN) return true;
    return (
      memtable.pointedBytes > 0 &&
      memtable.pointedBytes >= collection.liveBytes() * POINTER_SHARE_MIN
    );
  }

  /** The file being written holds garbage worth collecting, and nothing is being written. */
  #isActiveFileDue(): boolean {
    const { valueLog, collection } = this.#parts;
    const active = collection.states().find(({ file }) => file === valueLog.activeFile);
    return (
      active !== undefined &&
      active.sizeBytes >= ACTIVE_FILE_BYTES_MIN &&
      garbageShare(active) >= ACTIVE_FILE_GARBAGE_MIN
    );
  }

  /** Called when background work has come to rest: the file being written may be due, or something will expire. */
  settle(): void {
    if (this.#stopped) return;
    if (
      this.#isPaused &&
      this.#parts.memtables.active.memtable.isEmpty &&
      this.#isActiveFileDue()
    ) {
      this.#parts.valueLog.seal();
      this.#parts.sweep();
      this.#parts.schedule();
      return;
    }
    this.#armExpiry();
  }

  /**
   * Wakes when a table has half and when it has wholly expired, when the memtable has, and when something
   * has been expired for as long as it may stay.
   */
  #armExpiry(): void {
    const { env, trees, memtables } = this.#parts;
    const nowMs = env.clock.nowMs();
    let next = Number.POSITIVE_INFINITY;
    const consider = (seconds: number): void => {
      const atMs = (seconds + 1) * 1000;
      if (seconds > 0 && atMs > nowMs && atMs < next) next = atMs;
    };
    const { earliestExpiry, latestExpiry } = memtables.active.memtable;
    consider(latestExpiry);
    if (earliestExpiry > 0) consider(earliestExpiry + EXPIRED_STAY_MAX_SECONDS);
    for (const level of trees.tree.version.levels) {
      for (const table of level) for (const seconds of expiryMarks(table)) consider(seconds);
    }
    this.#expiryTimer?.cancel();
    this.#expiryTimer = undefined;
    if (next === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(AHEAD_MAX_MS, next - nowMs);
    this.#expiryTimer = env.clock.after(delayMs, () => {
      this.#expiryTimer = undefined;
      if (!this.#stopped) this.#tidy();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#expiryTimer?.cancel();
  }
}

function expiryMarks({ minExpiresAt, maxExpiresAt }: TableMeta): readonly number[] {
  if (maxExpiresAt === 0) return [];
  const half = Math.ceil((minExpiresAt + maxExpiresAt) / 2);
  if (minExpiresAt === 0) return [half, maxExpiresAt];
  return [half, maxExpiresAt, minExpiresAt + EXPIRED_STAY_MAX_SECONDS];
}

/** All of a memtable's expiring entries have expired, or the first has long ago. */
function hasExpired({ earliestExpiry, latestExpiry }: Memtable, nowSeconds: number): boolean {
  if (latestExpiry === 0) return false;
  return latestExpiry <= nowSeconds || earliestExpiry + EXPIRED_STAY_MAX_SECONDS <= nowSeconds;
}
