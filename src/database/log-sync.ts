/**
 * Making logs durable: at once for a commit that waits for it, in the background every interval, or on
 * demand. The value log always goes first: a log record must not point to a value that a power cut has
 * taken. A failure is final; the commit queue stops writing then.
 */

import type { Env, Timer } from "../env/env.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { SyncLevel } from "./contract.ts";
import type { Memtables } from "./memtables.ts";

export interface LogSyncParts {
  readonly env: Env;
  readonly directory: string;
  readonly memtables: Memtables;
  readonly valueLog: ValueLogWriter;
  readonly sync: SyncLevel;
  readonly syncIntervalMs: number;
  readonly isEncrypted: boolean;
}

export class LogSync {
  readonly #parts: LogSyncParts;
  readonly #onInterval: () => Promise<void>;
  #timer: Timer | undefined;
  /** Log files that have appeared so far. */
  #newNames = 0;
  /** So many of the names that came and went are durable, as `#nameChanges` counts them. */
  #durableNameChanges = 0;
  #failed = false;

  /** @param onInterval runs the background sync when the interval is over; reports its own failure */
  constructor(parts: LogSyncParts, onInterval: () => Promise<void>) {
    this.#parts = parts;
    this.#onInterval = onInterval;
  }

  /** What is on disk is unknown from now on. */
  get hasFailed(): boolean {
    const { memtables, valueLog } = this.#parts;
    return this.#failed || valueLog.hasFailed || (memtables.active.log?.hasFailed ?? false);
  }

  /**
   * A log file is about to appear in the directory. At the level "interval" what it will hold counts only
   * behind all that came before, of which a power cut may take bytes, or the name. A link tells recovery of
   * missing bytes (format/log-link.ts); an encrypted log has no room for one.
   */
  beforeNewLog(): void {
    const { sync, isEncrypted } = this.#parts;
    if (sync === "interval") {
      if (isEncrypted) this.now();
      else this.#syncNamesNow();
    }
    this.#newNames++;
  }

  /** It is there: its name goes down early, so that the next log need not wait for it. */
  afterNewLog(): void {
    const { env, directory, sync } = this.#parts;
    if (sync !== "interval") return;
    const changes = this.#nameChanges;
    env.fileSystem.syncDirectoryInBackground(directory).then(
      () => {
        this.#durableNameChanges = Math.max(this.#durableNameChanges, changes);
      },
      () => {
        // Whoever needs it asks again, and is told.
      },
    );
  }

  /**
   * Log files that have appeared or gone so far. Nothing is promised of a log before those in front of it are
   * gone for good: one that a power cut brings back, without its bytes, looks like a gap.
   */
  get #nameChanges(): number {
    return this.#newNames + this.#parts.memtables.removedLogCount;
  }

  #syncNamesNow(): void {
    try {
      this.#syncNames();
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** Everything written is durable when this returns. Blocks. */
  now(): void {
    const { memtables, valueLog } = this.#parts;
    try {
      valueLog.sync();
      for (const log of memtables.dirtyLogs()) log.sync();
      this.#syncNames();
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** The same without blocking, for what is written now. */
  async inBackground(): Promise<void> {
    const { memtables, valueLog } = this.#parts;
    try {
      await valueLog.syncInBackground();
      // Looked up only now: a flush may meanwhile have closed and removed the oldest.
      await Promise.all(memtables.dirtyLogs().map((log) => log.syncInBackground()));
      this.#syncNames();
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  #syncNames(): void {
    const { env, directory } = this.#parts;
    const changes = this.#nameChanges;
    if (this.#durableNameChanges === changes) return;
    env.fileSystem.syncDirectory(directory);
    this.#durableNameChanges = changes;
  }

  /** Something was written: a background sync follows within the interval. */
  schedule(): void {
    if (this.#timer !== undefined) return;
    const { env, syncIntervalMs } = this.#parts;
    this.#timer = env.clock.after(syncIntervalMs, () => {
      this.#timer = undefined;
      this.#onInterval().catch(() => {
        // Already reported.
      });
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
