/**
 * Maintenance: turns policies into jobs and their results into the next state. Event-driven: it looks
 * for work after a rotation, a flush, a compaction or a closed snapshot, and sleeps otherwise.
 *
 *     flush:      frozen memtable → worker → table │ value log synced → directory → manifest → swap → log removed
 *     compaction: policy → plan → worker → tables  │ directory → manifest with discards → swap → old files removed
 *
 * What is left of the bar runs off this thread. Order on the right is I6: nothing is deleted before
 * what replaces it is named in a synced manifest. One flush runs at a time, oldest memtable first, so
 * level-0 tables appear in the order of their data.
 */

import { assert, at } from "../base/assert.ts";
import { MelesError } from "../base/errors.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import {
  compactionJob,
  type CompactionResult,
  fileNumbersNeeded,
} from "../compaction/compaction-job.ts";
import { type CompactionPlan, planInputs, totalBytes } from "../compaction/compaction-plan.ts";
import type { FlushResult } from "../compaction/flush-job.ts";
import { fullCompactionPlan } from "../compaction/full-compaction.ts";
import { levelScores, type LevelScore } from "../compaction/level-scores.ts";
import { levelTargets } from "../compaction/level-targets.ts";
import {
  type CompactionOptions,
  type CompactionState,
  pickCompaction,
} from "../compaction/leveled-policy.ts";
import type { Env, Timer } from "../env/env.ts";
import type { Executor } from "../env/executor.ts";
import { encodeDiscardTable } from "../format/discard-table.ts";
import { DISCARD, tableFileName } from "../format/file-names.ts";
import type { ManifestChange } from "../format/manifest-change.ts";
import type { ManifestLog } from "../manifest/manifest-log.ts";
import { COMPRESSION_CODES, type TableMeta } from "../manifest/version.ts";
import { TABLE_OPTIONS, type TableOptions } from "../table/table-options.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { Job, JobResult } from "../worker/jobs.ts";
import type { DataKeys } from "./data-keys.ts";
import type { EventHub } from "./event-hub.ts";
import type { LoggedMemtable, Memtables } from "./memtables.ts";
import { compressionOfLevel, type Settings } from "./settings.ts";
import type { TreeState } from "./tree-state.ts";

export interface MaintenanceParts {
  readonly env: Env;
  readonly directory: string;
  readonly settings: Settings;
  readonly oracle: Oracle;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly manifest: ManifestLog;
  readonly keys: DataKeys;
  readonly valueLog: ValueLogWriter;
  readonly executor: Executor<Job, JobResult>;
  /** Runs a small job on this thread. */
  readonly runInline: (job: Job) => JobResult;
  readonly events: EventHub;
  /** Value-log files found at open, with their garbage. */
  readonly valueLogFiles: readonly FileNumber[];
  readonly discards: Map<FileNumber, number>;
  /** Writers that wait may go on. */
  readonly onProgress: () => void;
}

/** Frozen memtables beyond which writers wait. */
const FROZEN_MAX = 3;
/** A memtable with less in it is flushed on this thread: a thread's start would cost more. */
const INLINE_FLUSH_BYTES = 1 << 20;
const RETRY_DELAY_MS = 1000;
const RETRY_DELAY_MAX_MS = 30_000;
/** Most a single acknowledgement is held back, just below the stall. */
const DELAY_MAX_MS = 8;
const BASE_TABLE_BYTES = 8 << 20;
const TABLE_SIZE_MULTIPLIER = 2;

export class Maintenance {
  readonly #parts: MaintenanceParts;
  readonly shape: CompactionOptions;
  readonly counters = { flushes: 0, flushBytes: 0, compactions: 0, compactionBytes: 0 };
  #nextTable: FileNumber;
  #flushing: Promise<void> | undefined;
  readonly #running = new Map<CompactionPlan, Promise<void>>();
  #retry: Timer | undefined;
  #failures = 0;
  #finishing = false;
  /** Set while `compactAll` drives the tree by itself. */
  #manual = false;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
    const { settings, manifest } = parts;
    this.#nextTable = manifest.largestTable + 1;
    this.shape = {
      maxLevels: settings.maxLevels,
      baseLevelSizeBytes: settings.baseLevelSize,
      levelSizeMultiplier: settings.levelSizeMultiplier,
      baseTableSizeBytes: Math.min(BASE_TABLE_BYTES, settings.baseLevelSize),
      tableSizeMultiplier: TABLE_SIZE_MULTIPLIER,
      levelZeroTables: settings.levelZeroTables,
      compression: Array.from(
        { length: settings.maxLevels },
        (_, level) => COMPRESSION_CODES[compressionOfLevel(settings, level)],
      ),
    };
  }

  // ------------------------------------------------------------------ asked by others

  /** Whether a memtable may be frozen now. */
  canRotate(): boolean {
    const { memtables, trees, settings } = this.#parts;
    return (
      memtables.frozen.length < FROZEN_MAX &&
      trees.tree.levelZero.length < settings.levelZeroTablesStall
    );
  }

  /**
   * How long to hold back an acknowledgement (I9): nothing up to half the way to a stall, then growing
   * with the square of what is left, so that writers slow down before they stop.
   */
  delayMs(): number {
    const { memtables, trees, settings } = this.#parts;
    const levelZero = trees.tree.levelZero.length / settings.levelZeroTablesStall;
    const frozen = memtables.frozen.length / FROZEN_MAX;
    const pressure = Math.max(levelZero, frozen > 0.7 ? frozen - 0.2 : 0);
    if (pressure <= 0.5) return 0;
    const excess = Math.min(1, (pressure - 0.5) * 2);
    return DELAY_MAX_MS * excess * excess;
  }

  levelScores(): LevelScore[] {
    const { version } = this.#parts.trees.tree;
    const targets = levelTargets(version.levels.map(totalBytes), this.shape);
    return levelScores(version, targets, [...this.#running.keys()], this.shape);
  }

  /** Value-log files that exist, ascending. */
  valueLogNumbers(): FileNumber[] {
    const { valueLogFiles, valueLog } = this.#parts;
    const numbers = new Set(valueLogFiles);
    for (const number of valueLog.createdFiles) numbers.add(number);
    return [...numbers].sort((a, b) => a - b);
  }

  discardBytes(file: FileNumber): number {
    return this.#parts.discards.get(file) ?? 0;
  }

  // ------------------------------------------------------------------------ scheduling

  /** Looks for work and starts what can run. */
  schedule(): void {
    if (this.#retry !== undefined) return;
    this.#scheduleFlush();
    if (!this.#manual && !this.#finishing) this.#scheduleCompactions();
  }

  #scheduleFlush(): void {
    const oldest = this.#parts.memtables.frozen[0];
    if (this.#flushing !== undefined || oldest === undefined) return;
    this.#flushing = this.#flush(oldest)
      .then(
        () => {
          this.#failures = 0;
        },
        (error: unknown) => this.#failed("flush", error),
      )
      .finally(() => {
        this.#flushing = undefined;
        this.#parts.onProgress();
        this.schedule();
      });
  }

  #scheduleCompactions(): void {
    while (this.#running.size < this.#parts.executor.parallelism) {
      const plan = pickCompaction(this.#parts.trees.tree.version, this.#state());
      if (plan === undefined) return;
      void this.#start(plan);
    }
  }

  #state(): CompactionState {
    const { oracle, env, memtables } = this.#parts;
    return {
      options: this.shape,
      running: [...this.#running.keys()],
      discardVersion: oracle.discardVersion,
      nowSeconds: Math.floor(env.clock.nowMs() / 1000),
      memtablesMayHoldOlder: memtables.mayHoldOlder,
    };
  }

  #start(plan: CompactionPlan): Promise<void> {
    const done = this.#compact(plan)
      .then(
        () => {
          this.#failures = 0;
        },
        (error: unknown) => this.#failed("compaction", error),
      )
      .finally(() => {
        this.#running.delete(plan);
        this.#parts.onProgress();
        this.schedule();
      });
    this.#running.set(plan, done);
    return done;
  }

  /** Reports, and tries again later: the data is safe where it is. */
  #failed(work: string, error: unknown): void {
    const { events, env } = this.#parts;
    if (this.#finishing && error instanceof MelesError && error.code === "ERR_CLOSED") return;
    env.log("error", `a background ${work} failed`, { error: String(error) });
    events.emit("error", error);
    const delayMs = Math.min(RETRY_DELAY_MAX_MS, RETRY_DELAY_MS * 2 ** this.#failures);
    this.#failures++;
    this.#retry ??= env.clock.after(delayMs, () => {
      this.#retry = undefined;
      this.schedule();
    });
  }

  // ----------------------------------------------------------------------------- flush

  async #flush(logged: LoggedMemtable): Promise<void> {
    const { env, memtables } = this.#parts;
    const { memtable } = logged;
    const started = env.clock.monotonicMs();
    let result = await this.#runFlush(logged);
    while (this.#dropsTooMuch(result.thinnedVersion)) {
      if (result.table !== undefined) this.#removeTables([result.table]);
      result = await this.#runFlush(logged);
    }
    const { table } = result;
    if (table !== undefined) this.#installFlush(table, result);
    memtables.remove(logged);
    this.counters.flushes++;
    this.#parts.events.emit("flush", {
      entries: memtable.count,
      bytes: table?.sizeBytes ?? 0,
      elapsedMs: env.clock.monotonicMs() - started,
    });
  }

  async #runFlush({ memtable }: LoggedMemtable): Promise<FlushResult> {
    const { env, directory, settings, oracle, valueLog, executor } = this.#parts;
    const job: Job = {
      kind: "flush",
      flush: {
        directory,
        fileNumber: this.#nextTable++,
        knownOrdered: memtable.isKnownOrdered,
        discardVersion: oracle.discardVersion,
        versionsToKeep: settings.versionsToKeep,
        nowSeconds: Math.floor(env.clock.nowMs() / 1000),
        tableOptions: this.#tableOptions(0),
      },
      entries: memtable.entries(),
    };
    const isSmall = memtable.usedBytes < INLINE_FLUSH_BYTES;
    // The table must not outlive a power cut that takes the values it points to.
    const [result] = await Promise.all([
      isSmall ? this.#parts.runInline(job) : executor.run(job, { priority: "flush" }),
      valueLog.syncInBackground(),
    ]);
    assert(result.kind === "flush", "a flush job brings a flush result");
    return result.flush;
  }

  #installFlush(table: TableMeta, result: FlushResult): void {
    const { env, directory, manifest, trees } = this.#parts;
    env.fileSystem.syncDirectory(directory);
    manifest.append({
      changes: [creation(table)],
      thinnedVersion: result.thinnedVersion,
      valueLogDiscards: [...result.discardedBytes].map(([file, bytes]) => ({ file, bytes })),
    });
    trees.apply({ added: [table], removed: [] });
    this.counters.flushBytes += table.sizeBytes;
    this.#addDiscards(result.discardedBytes);
  }

  /**
   * A reader may have begun at an older version while the job ran (`begin({at})`), one that needs what
   * the job has left out. Its result is thrown away then; the next one knows the reader.
   */
  #dropsTooMuch(thinnedVersion: Version): boolean {
    return this.#parts.oracle.discardVersion < thinnedVersion;
  }

  #removeTables(tables: readonly TableMeta[]): void {
    const { env, directory } = this.#parts;
    for (const { fileNumber } of tables) {
      env.fileSystem.remove(join(directory, tableFileName(fileNumber)));
    }
  }

  /** Flushes everything that is in memory now. */
  async flushAll(): Promise<void> {
    const { memtables } = this.#parts;
    while (!memtables.active.memtable.isEmpty && memtables.frozen.length >= FROZEN_MAX) {
      await this.#flushOne();
    }
    if (!memtables.active.memtable.isEmpty) memtables.rotate();
    const wanted = new Set(memtables.frozen);
    while (memtables.frozen.some((one) => wanted.has(one))) await this.#flushOne();
  }

  /** One flush to its end; throws its failure instead of leaving it to the retry timer. */
  async #flushOne(): Promise<void> {
    if (this.#flushing !== undefined) {
      await this.#flushing;
      return;
    }
    const oldest = at(this.#parts.memtables.frozen, 0);
    const done = this.#flush(oldest);
    this.#flushing = done.catch(() => undefined);
    try {
      await done;
    } finally {
      this.#flushing = undefined;
      this.#parts.onProgress();
    }
  }

  // ------------------------------------------------------------------------ compaction

  async #compact(plan: CompactionPlan): Promise<void> {
    const { env } = this.#parts;
    const started = env.clock.monotonicMs();
    if (plan.kind === "merge") await this.#merge(plan);
    else if (plan.kind === "move") this.#move(plan);
    else this.#drop(plan);
    this.counters.compactions++;
    this.#parts.events.emit("compaction", {
      reason: plan.reason,
      kind: plan.kind,
      sourceLevel: plan.sourceLevel,
      targetLevel: plan.targetLevel,
      tables: planInputs(plan).length,
      elapsedMs: env.clock.monotonicMs() - started,
    });
  }

  async #merge(plan: CompactionPlan): Promise<void> {
    const { env, directory, settings, oracle, trees, memtables, executor } = this.#parts;
    const { version } = trees.tree;
    const firstFileNumber = this.#nextTable;
    this.#nextTable += fileNumbersNeeded(version, plan);
    const job = compactionJob(
      version,
      plan,
      {
        directory,
        discardVersion: oracle.discardVersion,
        versionsToKeep: settings.versionsToKeep,
        nowSeconds: Math.floor(env.clock.nowMs() / 1000),
        tableOptions: this.#tableOptions(plan.targetLevel),
        verifyChecksums: settings.verifyChecksums,
        memtablesMayHoldOlder: memtables.mayHoldOlder,
        dataKeys: this.#parts.keys.all(),
      },
      firstFileNumber,
    );
    const result = await executor.run({ kind: "compaction", compaction: job });
    assert(result.kind === "compaction", "a compaction job brings a compaction result");
    const { compaction } = result;
    if (this.#dropsTooMuch(compaction.thinnedVersion)) this.#removeTables(compaction.outputs);
    else this.#install(plan, compaction);
  }

  #install(plan: CompactionPlan, result: CompactionResult): void {
    const { env, directory, manifest, trees } = this.#parts;
    const removed = planInputs(plan).map((table) => table.fileNumber);
    if (result.outputs.length > 0) env.fileSystem.syncDirectory(directory);
    manifest.append({
      changes: [
        ...result.outputs.map(creation),
        ...removed.map((fileNumber): ManifestChange => ({ op: "delete", fileNumber })),
      ],
      thinnedVersion: result.thinnedVersion,
      valueLogDiscards: [...result.discardedBytes].map(([file, bytes]) => ({ file, bytes })),
    });
    trees.apply({ added: result.outputs, removed });
    this.counters.compactionBytes += result.bytesWritten;
    this.#addDiscards(result.discardedBytes);
  }

  /** The table changes its level; its bytes stay. The deletion comes first: a number exists once. */
  #move(plan: CompactionPlan): void {
    const { manifest, trees } = this.#parts;
    const table = at(plan.sources, 0);
    const moved = { ...table, level: plan.targetLevel };
    manifest.append({
      changes: [{ op: "delete", fileNumber: table.fileNumber }, creation(moved)],
    });
    trees.apply({ added: [moved], removed: [table.fileNumber] });
  }

  #drop(plan: CompactionPlan): void {
    const { manifest, trees } = this.#parts;
    const removed = plan.sources.map((table) => table.fileNumber);
    manifest.append({
      changes: removed.map((fileNumber): ManifestChange => ({ op: "delete", fileNumber })),
    });
    trees.apply({ added: [], removed });
    for (const table of plan.sources) this.#addDiscards(table.valueLogBytes);
  }

  /** Merges everything into the last level, dropping what no snapshot needs. */
  async compactAll(): Promise<void> {
    this.#manual = true;
    try {
      const beforeFileNumber = this.#nextTable;
      await Promise.all(this.#running.values());
      for (;;) {
        const plan = fullCompactionPlan(
          this.#parts.trees.tree.version,
          this.#state(),
          beforeFileNumber,
        );
        if (plan === undefined) return;
        this.#running.set(plan, Promise.resolve());
        try {
          await this.#compact(plan);
        } finally {
          this.#running.delete(plan);
        }
      }
    } finally {
      this.#manual = false;
      this.#parts.onProgress();
      this.schedule();
    }
  }

  #tableOptions(level: number): TableOptions {
    const { settings, keys } = this.#parts;
    const dataKey = keys.current();
    return {
      ...TABLE_OPTIONS,
      blockSizeBytes: settings.blockSize,
      bloomFalsePositive: settings.bloomFalsePositive,
      compression: COMPRESSION_CODES[compressionOfLevel(settings, level)],
      compressionLevel: settings.compressionLevel,
      ...(dataKey === undefined ? {} : { encryption: dataKey }),
    };
  }

  // ------------------------------------------------------------------ discard statistics

  #addDiscards(discarded: ReadonlyMap<FileNumber, number>): void {
    const { discards } = this.#parts;
    if (discarded.size === 0) return;
    for (const [file, bytes] of discarded) discards.set(file, (discards.get(file) ?? 0) + bytes);
    this.#writeDiscards();
  }

  /** `DISCARD` holds hints without a checksum; losing an update costs nothing but knowledge. */
  #writeDiscards(): void {
    const { env, directory, discards } = this.#parts;
    try {
      const bytes = encodeDiscardTable(discards);
      const file = env.fileSystem.open(join(directory, DISCARD), {
        write: true,
        create: "ifMissing",
      });
      try {
        file.write(bytes, 0, bytes.length, 0);
      } finally {
        file.close();
      }
    } catch (error) {
      env.log("warn", "the discard statistics could not be written", { error: String(error) });
    }
  }

  // ------------------------------------------------------------------------------- end

  /** Ends all background work; with `flush`, memory goes to tables first. */
  async finish(flush: boolean): Promise<void> {
    this.#finishing = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    await Promise.all(this.#running.values());
    await this.#flushing;
    if (!flush) return;
    try {
      await this.flushAll();
    } catch (error) {
      // Everything is in the logs: the next open replays them.
      this.#parts.env.log("warn", "the last flush failed; the next open replays the log", {
        error: String(error),
      });
    }
  }
}

function creation(table: TableMeta): ManifestChange {
  const { fileNumber, level, keyId, compression } = table;
  return { op: "create", fileNumber, level, keyId, compression };
}
