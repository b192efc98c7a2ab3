/** Flushing one memtable: job, installation, end of its log. */

import { assert } from "../base/assert.ts";
import type { FlushResult } from "../compaction/flush-job.ts";
import type { Env } from "../env/env.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import type { Executor } from "../env/executor.ts";
import type { Cut } from "../format/cut.ts";
import type { TableMeta } from "../manifest/version.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { Job, JobResult } from "../worker/jobs.ts";
import type { Cuts } from "./cuts.ts";
import type { EventHub } from "./event-hub.ts";
import type { LoggedMemtable, Memtables } from "./memtables.ts";
import type { Settings } from "./settings.ts";
import type { TreeChanges } from "./tree-changes.ts";

export interface FlushWorkParts {
  readonly env: Env;
  readonly pair: DirectoryPair;
  readonly settings: Settings;
  readonly oracle: Oracle;
  readonly memtables: Memtables;
  readonly valueLog: ValueLogWriter;
  readonly executor: Executor<Job, JobResult>;
  /** Runs a small job on this thread. */
  readonly runInline: (job: Job) => JobResult;
  readonly events: EventHub;
  readonly cuts: Cuts;
}

/** With less in it, a memtable is flushed on this thread while nobody writes: a thread would cost more. */
const INLINE_FLUSH_BYTES = 1 << 20;

export class FlushWork {
  readonly #parts: FlushWorkParts;
  readonly #changes: TreeChanges;
  readonly counters = { flushes: 0, flushBytes: 0 };

  constructor(parts: FlushWorkParts, changes: TreeChanges) {
    this.#parts = parts;
    this.#changes = changes;
  }

  /**
   * Writes a frozen memtable as a table of level 0 and forgets it. `mayBlock`: nobody is writing, or the
   * database is being closed.
   */
  async flush(logged: LoggedMemtable, mayBlock: boolean): Promise<void> {
    const { env, memtables } = this.#parts;
    const { memtable } = logged;
    const started = env.clock.monotonicMs();
    // The name of the log must outlast every trace of the table, until the manifest names that.
    await this.#syncNames();
    this.#changes.noteFlushed(memtable.maxVersion);
    let table: TableMeta | undefined;
    let cuts: readonly Cut[];
    for (;;) {
      cuts = this.#dueCuts();
      const result = await this.#runFlush(logged, cuts, mayBlock);
      table = result.table;
      if (await this.#install(memtable, result)) break;
    }
    this.#parts.cuts.flushed(memtable, table, cuts);
    memtables.remove(logged);
    this.#changes.sweep();
    // Otherwise the next flush does it.
    if (memtables.frozen.length === 0) await this.#sweepBehindLogs();
    this.counters.flushes++;
    this.#parts.events.emit("flush", {
      entries: memtable.count,
      bytes: table?.sizeBytes ?? 0,
      elapsedMs: env.clock.monotonicMs() - started,
    });
  }

  /** The directory, off this thread: what was made in it, and what was removed, is so for good. */
  async #syncNames(): Promise<void> {
    const { env, pair, memtables } = this.#parts;
    const files = memtables.pointedByRemoved;
    await env.fileSystem.syncDirectoryInBackground(pair.directory);
    memtables.noteNamesSynced(files);
  }

  /** Value-log files that only removed logs have pointed to go, too. */
  async #sweepBehindLogs(): Promise<void> {
    if (this.#parts.memtables.pointedByRemoved.size === 0) return;
    try {
      await this.#syncNames();
    } catch (error) {
      // The flush itself is done. They go after the next one.
      this.#parts.env.log("warn", "the removal of a flushed log could not be synced", {
        error: String(error),
      });
      return;
    }
    this.#changes.sweep();
  }

  #dueCuts(): readonly Cut[] {
    const { cuts, oracle } = this.#parts;
    return cuts.due(oracle.oldestRead).map(({ cut }) => cut);
  }

  async #runFlush(
    { memtable }: LoggedMemtable,
    cuts: readonly Cut[],
    mayBlock: boolean,
  ): Promise<FlushResult> {
    const { env, pair, settings, oracle, valueLog, executor } = this.#parts;
    const job: Job = {
      kind: "flush",
      flush: {
        directory: pair.directory,
        fileNumber: this.#changes.takeNumbers(1),
        knownOrdered: memtable.isKnownOrdered,
        discardVersion: oracle.discardVersion,
        versionsToKeep: settings.versionsToKeep,
        nowSeconds: Math.floor(env.clock.nowMs() / 1000),
        tableOptions: this.#changes.tableOptions(0),
        ...(cuts.length === 0 ? {} : { cuts }),
      },
      entries: memtable.entries(),
    };
    const isInline = mayBlock && memtable.usedBytes < INLINE_FLUSH_BYTES;
    // The table must not outlive a power cut that takes the values it points to.
    const [result] = await Promise.all([
      isInline ? this.#parts.runInline(job) : executor.run(job, { priority: "flush" }),
      valueLog.syncInBackground(),
    ]);
    assert(result.kind === "flush", "a flush job brings a flush result");
    return result.flush;
  }

  /** False when the job has to be done again. */
  async #install(memtable: Memtable, result: FlushResult): Promise<boolean> {
    const { table } = result;
    // Before the log goes that has committed them.
    const unrecorded = this.#parts.cuts.unrecorded(memtable.maxVersion);
    if (table === undefined) {
      if (this.#changes.dropsTooMuch(result)) return false;
      if (unrecorded.length > 0) this.#changes.recordCuts(unrecorded);
      return true;
    }
    if (!(await this.#changes.replace([], [table], result, unrecorded))) return false;
    this.counters.flushBytes += table.sizeBytes;
    this.#changes.addDiscards(result.discardedBytes);
    return true;
  }
}
