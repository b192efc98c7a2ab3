/**
 * Making logs durable: at once for a commit that waits for it, in the background every interval, or on
 * demand. The value log always goes first: a log record must not point to a value that a power cut has
 * taken. A failure is final; the commit queue stops writing then.
 */

import type { Env, Timer } from "../env/env.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { Memtables } from "./memtables.ts";

export interface LogSyncParts {
  readonly env: Env;
  readonly directory: string;
  readonly memtables: Memtables;
  readonly valueLog: ValueLogWriter;
  readonly syncIntervalMs: number;
}

export class LogSync {
  readonly #parts: LogSyncParts;
  readonly #onInterval: () => Promise<void>;
  #timer: Timer | undefined;
  #namesAreDurable = true;
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

  /** A log file is about to appear in the directory. */
  noteNewName(): void {
    this.#namesAreDurable = false;
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
    if (this.#namesAreDurable) return;
    const { env, directory } = this.#parts;
    env.fileSystem.syncDirectory(directory);
    this.#namesAreDurable = true;
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
