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

import { at } from "../base/assert.ts";
import { MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { type CompactionPlan, totalBytes } from "../compaction/compaction-plan.ts";
import { fullCompactionPlan } from "../compaction/full-compaction.ts";
import type { KeySpan } from "../compaction/key-span.ts";
import { levelScores, type LevelScore } from "../compaction/level-scores.ts";
import { levelTargets } from "../compaction/level-targets.ts";
import {
  type CompactionOptions,
  type CompactionState,
  MARKERS_WORTH_MIN,
  pickLevelZero,
  pickRewrite,
} from "../compaction/leveled-policy.ts";
import type { Env, Timer } from "../env/env.ts";
import type { Executor } from "../env/executor.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import type { ManifestLog } from "../manifest/manifest-log.ts";
import { COMPRESSION_CODES } from "../manifest/version.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { ValueLogReader } from "../value-log/value-log-reader.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { Job, JobResult } from "../worker/jobs.ts";
import type { Collection } from "./collection.ts";
import { CompactionWork } from "./compaction-work.ts";
import { CutWork } from "./cut-work.ts";
import type { Cuts } from "./cuts.ts";
import type { DataKeys } from "./data-keys.ts";
import type { EventHub } from "./event-hub.ts";
import { FlushWork } from "./flush-work.ts";
import { IdleWork } from "./idle-work.ts";
import type { Memtables } from "./memtables.ts";
import type { Policies } from "./policies.ts";
import type { Pressure } from "./pressure.ts";
import { compressionOfLevel, type Settings } from "./settings.ts";
import { TreeChanges } from "./tree-changes.ts";
import type { TreeState } from "./tree-state.ts";
import { WastedSpans } from "./wasted-spans.ts";
import { WorkBudget } from "./work-budget.ts";

export interface MaintenanceParts {
  readonly env: Env;
  readonly pair: DirectoryPair;
  readonly settings: Settings;
  readonly oracle: Oracle;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly manifest: ManifestLog;
  readonly keys: DataKeys;
  readonly valueLog: ValueLogWriter;
  readonly values: ValueLogReader;
  readonly executor: Executor<Job, JobResult>;
  /** Runs a small job on this thread. */
  readonly runInline: (job: Job) => JobResult;
  readonly events: EventHub;
  readonly collection: Collection;
  readonly policies: Policies;
  readonly pressure: Pressure;
  readonly cuts: Cuts;
  readonly discards: Map<FileNumber, number>;
  readonly firstTable: FileNumber;
  /** Writers that wait may go on, or will learn of the obstacle. */
  readonly onProgress: () => void;
  /** Writes the commits that are staged in the active memtable: it is about to be frozen. */
  readonly writeStaged: () => void;
  /** Makes what is in the logs now durable, off this thread. */
  readonly syncLogs: () => Promise<void>;
}

const RETRY_DELAY_MS = 1000;
const RETRY_DELAY_MAX_MS = 30_000;
const BASE_TABLE_BYTES = 8 << 20;
const TABLE_SIZE_MULTIPLIER = 2;

type Work = "flush" | "compaction";

export class Maintenance {
  readonly #parts: MaintenanceParts;
  readonly shape: CompactionOptions;
  readonly #changes: TreeChanges;
  readonly #flushes: FlushWork;
  readonly #compactions: CompactionWork;
  readonly #cuts: CutWork;
  readonly #wasted = new WastedSpans();
  readonly #budget: WorkBudget;
  #flushing: Promise<void> | undefined;
  readonly #running = new Map<CompactionPlan, Promise<void>>();
  #retry: Timer | undefined;
  #failures = 0;
  #failedMs = 0;
  #finishing = false;
  /** What the last flush and the last compaction failed with, until one succeeds. */
  readonly #obstacles = new Map<Work, MelesError>();
  /** The last work that needs the tree to itself. */
  #exclusive: Promise<void> | undefined;
  readonly #idle: IdleWork;
  #examining: Promise<void> | undefined;
  #recordingCuts: Promise<void> | undefined;
  /** Set while `compactAll` drives the tree by itself. */
  #manual = false;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
    const { settings } = parts;
    this.#changes = new TreeChanges(parts);
    this.#flushes = new FlushWork(parts, this.#changes);
    this.#compactions = new CompactionWork(
      { ...parts, onWritten: (bytes) => this.#budget.charge(bytes) },
      this.#changes,
    );
    this.#cuts = new CutWork(parts, this.#changes);
    this.#budget = new WorkBudget(parts.env.clock, settings.compactionBytesPerSecond);
    this.#idle = new IdleWork({
      ...parts,
      freeze: () => this.#freeze(),
      sweep: () => this.#changes.sweep(),
      schedule: () => this.schedule(),
    });
    parts.trees.onTreeEnd(() => parts.values.releaseRetired(parts.trees.oldestSerial));
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

  /** Why background work is not going on, while it fails and waits for its next attempt. */
  get obstacle(): MelesError | undefined {
    return this.#obstacles.get("flush") ?? this.#obstacles.get("compaction");
  }

  levelScores(): LevelScore[] {
    const { version } = this.#parts.trees.tree;
    const targets = levelTargets(version.levels.map(totalBytes), this.shape);
    return levelScores(version, targets, [...this.#running.keys()], this.shape);
  }

  /** What was done since open. */
  get counters(): FlushWork["counters"] & CompactionWork["counters"] {
    return { ...this.#flushes.counters, ...this.#compactions.counters };
  }

  /** Freezes the active memtable although it has room left, if it can be frozen now. */
  #freeze(): void {
    const { memtables, writeStaged, pressure } = this.#parts;
    writeStaged();
    if (!memtables.active.memtable.isEmpty && pressure.canRotate()) memtables.rotate();
  }

  // ------------------------------------------------------------------------ scheduling

  /** Takes up what the last stop left over. */
  start(): void {
    this.#changes.sweep();
    this.schedule();
    this.#idle.lookAgain();
  }

  /** Looks for work and starts what can run. */
  schedule(): void {
    if (this.#retry !== undefined) return;
    if (!this.#finishing) this.#stepCuts();
    this.#scheduleFlush();
    if (!this.#manual && !this.#finishing) this.#scheduleCompactions();
    if (this.#flushing === undefined && this.#running.size === 0) this.#idle.settle();
  }

  #scheduleFlush(): void {
    const oldest = this.#parts.memtables.frozen[0];
    if (this.#flushing !== undefined || oldest === undefined) return;
    this.#flushing = this.#flushes
      .flush(oldest, this.#mayBlock)
      .then(
        () => this.#succeeded("flush"),
        (error: unknown) => this.#failed("flush", error),
      )
      .finally(() => {
        this.#flushing = undefined;
        this.#parts.onProgress();
        this.schedule();
      });
  }

  #stepCuts(): void {
    if (this.#parts.cuts.isEmpty) return;
    this.#recordCuts();
    try {
      if (this.#cuts.wantsFlush) this.#freeze();
      this.#cuts.step([...this.#running.keys()]);
    } catch (error) {
      this.#failed("compaction", error);
    }
  }

  #recordCuts(): void {
    if (this.#recordingCuts !== undefined || !this.#cuts.wantsRecord) return;
    this.#recordingCuts = this.#cuts
      .record()
      .then(
        () => this.#succeeded("compaction"),
        (error: unknown) => this.#failed("compaction", error),
      )
      .finally(() => {
        this.#recordingCuts = undefined;
        this.schedule();
      });
  }

  #scheduleCompactions(): void {
    const { executor, pressure } = this.#parts;
    while (this.#running.size < executor.parallelism) {
      if (!pressure.isUrgent && !this.#budget.allows(() => this.schedule())) break;
      const plan = this.#pick();
      if (plan === undefined) break;
      void this.#start(plan);
    }
    this.#examine();
  }

  /** The levels first, then what the value log asks for. */
  #pick(): CompactionPlan | undefined {
    const { trees, policies } = this.#parts;
    const state = this.#state();
    const forCut = this.#cuts.pick(state);
    if (forCut !== undefined) return forCut;
    return policies.compaction(trees.tree.version, state) ?? this.#pickForValueLog(state);
  }

  #pickForValueLog(state: CompactionState): CompactionPlan | undefined {
    const { trees, collection } = this.#parts;
    const { version } = trees.tree;
    if (collection.isLevelZeroDue()) {
      const plan = pickLevelZero(version, state);
      if (plan !== undefined) return plan;
    }
    for (const table of collection.tablesToRewrite()) {
      const plan = pickRewrite(version, table, state);
      if (plan !== undefined) return plan;
    }
    return undefined;
  }

  /** Learns where a table written by Badger points to, one table at a time. */
  #examine(): void {
    const { collection, executor, pair, settings, keys } = this.#parts;
    const { directory } = pair;
    if (this.#examining !== undefined) return;
    const table = collection.unknownTable();
    if (table === undefined) return;
    const key = table.keyId === 0 ? {} : { key: keys.keyOf(table.keyId) };
    const { verifyChecksums } = settings;
    this.#examining = executor
      .run({ kind: "examine", examine: { directory, table, verifyChecksums, ...key } })
      .then(
        (result) => {
          if (result.kind === "examine") collection.learn(table.fileNumber, result.pointers);
          this.#succeeded("compaction");
        },
        (error: unknown) => {
          // A compaction may have replaced the table before the job came to it.
          if (this.#isInTree(table.fileNumber)) this.#failed("compaction", error);
        },
      )
      .finally(() => {
        this.#examining = undefined;
        this.#changes.sweep();
        this.schedule();
      });
  }

  #isInTree(fileNumber: FileNumber): boolean {
    const { levels } = this.#parts.trees.tree.version;
    return levels.some((level) => level.some((table) => table.fileNumber === fileNumber));
  }

  /** A group was written. */
  noteWrite(): void {
    this.#idle.noteWrite();
  }

  /** A scan has passed over many deleted keys. It does not wait for what follows from that. */
  noteWaste(span: KeySpan): void {
    const { memtables, env } = this.#parts;
    this.#wasted.add(span);
    env.clock.after(0, () => {
      if (this.#finishing) return;
      if (memtables.active.memtable.tombstones >= MARKERS_WORTH_MIN) this.#freeze();
      this.schedule();
    });
  }

  /** A snapshot of an older state was closed. */
  noteRelease(): void {
    this.#idle.lookAgain();
  }

  #state(): CompactionState {
    const { oracle, env, memtables } = this.#parts;
    return {
      options: this.shape,
      running: [...this.#running.keys()],
      discardVersion: oracle.discardVersion,
      nowSeconds: Math.floor(env.clock.nowMs() / 1000),
      isFlushing: this.#flushing !== undefined,
      memtablesMayHoldOlder: memtables.mayHoldOlder,
      wastedSpans: this.#wasted.in(memtables.newestFirst, this.#parts.trees.tree.version),
    };
  }

  #start(plan: CompactionPlan): Promise<void> {
    const threads = Math.max(1, this.#parts.executor.parallelism - this.#running.size);
    const done = this.#compactions
      .run(plan, threads)
      .then(
        () => this.#succeeded("compaction"),
        (error: unknown) => this.#failed("compaction", error),
      )
      .finally(() => {
        this.#untrack(plan);
        this.#parts.onProgress();
        this.schedule();
      });
    this.#track(plan, done);
    return done;
  }

  #track(plan: CompactionPlan, done: Promise<void>): void {
    this.#running.set(plan, done);
    this.#parts.pressure.noteCompacting(true);
  }

  #untrack(plan: CompactionPlan): void {
    this.#running.delete(plan);
    this.#parts.pressure.noteCompacting(this.#running.size > 0);
  }

  /** Somebody waits for the work that has failed: tries again unless it was tried just now. */
  retrySoon(): void {
    const { clock } = this.#parts.env;
    if (this.#retry === undefined || clock.monotonicMs() - this.#failedMs < RETRY_DELAY_MS) return;
    this.#retry.cancel();
    this.#retry = undefined;
    this.schedule();
  }

  #succeeded(work: Work): void {
    this.#failures = 0;
    this.#obstacles.delete(work);
  }

  /** Reports, and tries again later: the data is safe where it is. */
  #failed(work: Work, error: unknown): void {
    const { events, env } = this.#parts;
    if (this.#finishing && error instanceof MelesError && error.code === "ERR_CLOSED") return;
    this.#obstacles.set(
      work,
      error instanceof MelesError
        ? error
        : new MelesError("ERR_IO", `a background ${work} failed`, { cause: error }),
    );
    env.log("error", `a background ${work} failed`, { error: String(error) });
    events.emit("error", error);
    this.#failedMs = env.clock.monotonicMs();
    const delayMs = Math.min(RETRY_DELAY_MAX_MS, RETRY_DELAY_MS * 2 ** this.#failures);
    this.#failures++;
    this.#retry ??= env.clock.after(delayMs, () => {
      this.#retry = undefined;
      this.schedule();
    });
  }

  // ----------------------------------------------------------------------------- flush

  /** Flushes everything that is in memory now. */
  async flushAll(): Promise<void> {
    const { memtables } = this.#parts;
    while (!memtables.active.memtable.isEmpty && this.#parts.pressure.areMemtablesFull) {
      await this.#flushOne();
    }
    // Other callers may have staged commits while this one waited.
    this.#parts.writeStaged();
    if (!memtables.active.memtable.isEmpty) memtables.rotate();
    const wanted = new Set(memtables.frozen);
    while (memtables.frozen.some((one) => wanted.has(one))) await this.#flushOne();
  }

  get #mayBlock(): boolean {
    return this.#finishing || this.#idle.isPaused;
  }

  /** One flush to its end; throws its failure instead of leaving it to the retry timer. */
  async #flushOne(): Promise<void> {
    if (this.#flushing !== undefined) {
      await this.#flushing;
      return;
    }
    const oldest = at(this.#parts.memtables.frozen, 0);
    const done = this.#flushes.flush(oldest, this.#mayBlock);
    this.#flushing = done.catch(() => undefined);
    try {
      await done;
      this.#succeeded("flush");
    } finally {
      this.#flushing = undefined;
      this.#parts.onProgress();
      this.schedule();
    }
  }

  // ------------------------------------------------------------------------ compaction

  /** Work that has the tree to itself: one after the other, in the order of the calls. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const before = this.#exclusive?.catch(() => undefined);
    const done = before === undefined ? work() : before.then(work);
    this.#exclusive = done;
    await done;
  }

  /** Merges everything into the last level, dropping what no snapshot needs. */
  async compactAll(): Promise<void> {
    await this.#alone(() => this.#compactAll());
  }

  async #compactAll(): Promise<void> {
    this.#manual = true;
    try {
      const beforeFileNumber = this.#changes.nextTable;
      await Promise.all(this.#running.values());
      for (;;) {
        if (this.#finishing) {
          throw new MelesError("ERR_CLOSED", "the database was closed during its compaction");
        }
        const plan = fullCompactionPlan(
          this.#parts.trees.tree.version,
          this.#state(),
          beforeFileNumber,
        );
        if (plan === undefined) return;
        await this.#runAlone(plan);
      }
    } finally {
      this.#manual = false;
      this.#parts.onProgress();
      this.schedule();
    }
  }

  /**
   * Empties every value-log file with at least this share of garbage, one table after the other, and
   * removes it. Garbage must be known: flush and compact before.
   */
  async collectAll(garbageShareMin: number): Promise<void> {
    await this.#alone(() => this.#collectAll(garbageShareMin));
  }

  async #collectAll(garbageShareMin: number): Promise<void> {
    const { collection, valueLog } = this.#parts;
    this.#manual = true;
    collection.force(garbageShareMin);
    try {
      await Promise.all(this.#running.values());
      await this.#examineAll();
      valueLog.seal();
      for (;;) {
        const plan = this.#pickForValueLog(this.#state());
        if (plan === undefined || this.#finishing) break;
        await this.#runAlone(plan);
      }
    } finally {
      collection.force(undefined);
      this.#manual = false;
      this.#changes.sweep();
      this.schedule();
    }
  }

  /** Carries out all cuts as far as open snapshots allow. */
  async carryOutCuts(): Promise<void> {
    if (!this.#parts.cuts.isEmpty) await this.#alone(() => this.#carryOutCuts());
  }

  /** Runs a plan of a manual compaction: no other plan is running, so it may take all threads. */
  async #runAlone(plan: CompactionPlan): Promise<void> {
    this.#track(plan, Promise.resolve());
    try {
      await this.#compactions.run(plan, this.#parts.executor.parallelism);
    } finally {
      this.#untrack(plan);
    }
  }

  async #carryOutCuts(): Promise<void> {
    this.#manual = true;
    try {
      await Promise.all(this.#running.values());
      await this.#cuts.record();
      if (this.#cuts.wantsFlush || this.#parts.memtables.frozen.length > 0) await this.flushAll();
      for (;;) {
        this.#cuts.step([]);
        const plan = this.#cuts.pick(this.#state());
        if (plan === undefined) return;
        await this.#runAlone(plan);
      }
    } finally {
      this.#manual = false;
      this.schedule();
    }
  }

  async #examineAll(): Promise<void> {
    for (;;) {
      this.#examine();
      if (this.#examining === undefined) return;
      await this.#examining;
      if (this.#obstacles.has("compaction")) return;
    }
  }

  // ------------------------------------------------------------------------------- end

  /** Ends all background work; with `flush`, memory goes to tables first. */
  async finish(flush: boolean): Promise<void> {
    this.#finishing = true;
    this.#idle.stop();
    this.#budget.stop();
    await this.#examining;
    await this.#recordingCuts;
    this.#retry?.cancel();
    this.#retry = undefined;
    await this.#exclusive?.catch(() => undefined);
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
      return;
    }
    try {
      await this.carryOutCuts();
    } catch (error) {
      this.#parts.env.log("warn", "a dropped prefix could not be removed; the next open goes on", {
        error: String(error),
      });
    }
  }
}
