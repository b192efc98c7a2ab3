/** Carrying out one compaction plan: job, relocation of condemned values, installation. */

import { assert, at } from "../base/assert.ts";
import {
  type CompactionJob,
  compactionJob,
  type CompactionJobSettings,
  type CompactionResult,
  fileNumbersNeeded,
  type KeyBounds,
} from "../compaction/compaction-job.ts";
import { type CompactionPlan, planInputs } from "../compaction/compaction-plan.ts";
import { joinResults } from "../compaction/sub-compactions.ts";
import type { Env } from "../env/env.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import type { Executor } from "../env/executor.ts";
import type { Cut } from "../format/cut.ts";
import type { ManifestLog } from "../manifest/manifest-log.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { Relocation } from "../value-log/relocator.ts";
import type { Job, JobResult } from "../worker/jobs.ts";
import type { Collection } from "./collection.ts";
import type { Cuts } from "./cuts.ts";
import type { DataKeys } from "./data-keys.ts";
import type { EventHub } from "./event-hub.ts";
import { requireFreeSpace } from "./free-space.ts";
import type { Memtables } from "./memtables.ts";
import type { Policies } from "./policies.ts";
import type { Settings } from "./settings.ts";
import { creation, deletion, type TreeChanges } from "./tree-changes.ts";
import type { TreeState } from "./tree-state.ts";

export interface CompactionWorkParts {
  readonly env: Env;
  readonly pair: DirectoryPair;
  readonly settings: Settings;
  readonly oracle: Oracle;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly manifest: ManifestLog;
  readonly keys: DataKeys;
  readonly executor: Executor<Job, JobResult>;
  readonly events: EventHub;
  readonly collection: Collection;
  readonly policies: Policies;
  readonly cuts: Cuts;
  /** A job has written so many bytes. */
  readonly onWritten: (bytes: number) => void;
}

export class CompactionWork {
  readonly #parts: CompactionWorkParts;
  readonly #changes: TreeChanges;
  readonly counters = { compactions: 0, compactionBytes: 0, relocatedBytes: 0 };

  constructor(parts: CompactionWorkParts, changes: TreeChanges) {
    this.#parts = parts;
    this.#changes = changes;
  }

  /**
   * Carries out a plan and installs what it brings.
   *
   * @param threads that are free for it, at least 1
   */
  async run(plan: CompactionPlan, threads = 1): Promise<void> {
    const { env } = this.#parts;
    const started = env.clock.monotonicMs();
    if (plan.kind === "merge") await this.#merge(plan, threads);
    else if (plan.kind === "move") await this.#move(plan);
    else await this.#drop(plan);
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

  async #merge(plan: CompactionPlan, threads: number): Promise<void> {
    const { oracle, policies, collection, manifest } = this.#parts;
    const cuts = this.#parts.cuts.due(oracle.oldestRead).map(({ cut }) => cut);
    const jobs = this.#jobsOf(plan, policies.parts(plan, threads), cuts);
    const result = joinResults(await this.#runAll(jobs));
    collection.exempt(result.damagedFiles);
    let isInstalled = false;
    try {
      isInstalled = await this.#install(plan, result, cuts);
    } finally {
      if (!isInstalled && manifest.isUsable) this.#changes.removeValueLogs(result.relocatedFiles);
    }
  }

  /** One job for each part, all on the same tree and with numbers of their own. */
  #jobsOf(
    plan: CompactionPlan,
    parts: readonly KeyBounds[],
    cuts: readonly Cut[],
  ): CompactionJob[] {
    const { env, pair, settings, oracle, trees, memtables, keys } = this.#parts;
    const { version } = trees.tree;
    const numbers = fileNumbersNeeded(version, plan);
    const relocations = parts.map(() => this.#relocation(plan));
    requireFreeSpace(env, pair, plan, this.#bytesToMove(plan, relocations[0]?.relocation));
    const common = {
      ...pair,
      discardVersion: oracle.discardVersion,
      versionsToKeep: settings.versionsToKeep,
      nowSeconds: Math.floor(env.clock.nowMs() / 1000),
      tableOptions: this.#changes.tableOptions(plan.targetLevel),
      verifyChecksums: settings.verifyChecksums,
      memtablesMayHoldOlder: memtables.mayHoldOlder,
      cuts,
      dataKeys: keys.all(),
    };
    return parts.map((bounds, part) =>
      compactionJob(
        version,
        plan,
        { ...common, ...relocations[part] },
        this.#changes.takeNumbers(numbers),
        bounds,
      ),
    );
  }

  /** When one fails, nothing is left of the others either. */
  async #runAll(jobs: readonly CompactionJob[]): Promise<CompactionResult[]> {
    const { executor } = this.#parts;
    const ended = await Promise.allSettled(
      jobs.map((compaction) => executor.run({ kind: "compaction", compaction })),
    );
    const results: CompactionResult[] = [];
    for (const one of ended) {
      if (one.status === "rejected") continue;
      assert(one.value.kind === "compaction", "a compaction job brings a compaction result");
      results.push(one.value.compaction);
    }
    const failed = ended.find((one) => one.status === "rejected");
    if (failed === undefined) return results;
    for (const { outputs, relocatedFiles } of results) {
      this.#changes.removeTables(outputs);
      this.#changes.removeValueLogs(relocatedFiles);
    }
    throw failed.reason;
  }

  /** What to move on the way, if the plan's tables point to condemned files at all. */
  #relocation(plan: CompactionPlan): Partial<CompactionJobSettings> {
    const { collection, keys } = this.#parts;
    const condemned = new Set(collection.condemned());
    if (condemned.size === 0) return {};
    const isTouched = planInputs(plan).some((table) =>
      [...collection.pointersOf(table).keys()].some((file) => condemned.has(file)),
    );
    const relocation = isTouched ? collection.relocation() : undefined;
    if (relocation === undefined) return {};
    const valueLogKey = keys.current();
    return valueLogKey === undefined ? { relocation } : { relocation, valueLogKey };
  }

  #bytesToMove(plan: CompactionPlan, relocation: Relocation | undefined): number {
    let bytes = 0;
    for (const file of relocation?.condemned ?? []) {
      for (const table of planInputs(plan)) {
        bytes += this.#parts.collection.pointersOf(table).get(file) ?? 0;
      }
    }
    return bytes;
  }

  async #install(
    plan: CompactionPlan,
    result: CompactionResult,
    cuts: readonly Cut[],
  ): Promise<boolean> {
    const removed = planInputs(plan).map((table) => table.fileNumber);
    if (!(await this.#changes.replace(removed, result.outputs, result))) return false;
    this.#parts.cuts.replaced(removed, result.outputs, cuts);
    this.#parts.collection.adopt(result.relocatedFiles, result.relocatedBytes);
    if (plan.sourceLevel === 0 && plan.targetLevel > 0) {
      const entries = plan.sources.reduce((sum, { entryCount }) => sum + entryCount, 0);
      this.#parts.collection.noteMerge(entries, result.entriesIn - result.entriesOut);
    }
    this.#changes.sweep();
    this.counters.compactionBytes += result.bytesWritten;
    this.counters.relocatedBytes += result.relocatedBytes;
    this.#parts.onWritten(result.bytesWritten + result.relocatedBytes);
    this.#changes.addDiscards(result.discardedBytes);
    return true;
  }

  /** The table changes its level; its bytes stay. The deletion comes first: a number exists once. */
  async #move(plan: CompactionPlan): Promise<void> {
    const { trees } = this.#parts;
    const table = at(plan.sources, 0);
    const moved = { ...table, level: plan.targetLevel };
    const prepared = trees.prepare([moved]);
    try {
      await this.#changes.record({ changes: [deletion(table.fileNumber), creation(moved)] });
    } catch (error) {
      trees.abandon(prepared);
      throw error;
    }
    trees.apply(prepared, [table.fileNumber]);
  }

  async #drop(plan: CompactionPlan): Promise<void> {
    const { trees } = this.#parts;
    const removed = plan.sources.map((table) => table.fileNumber);
    this.#changes.syncNames();
    // Nothing but delete markers and expired entries in them.
    const droppedEndVersion = Math.max(...plan.sources.map((table) => table.maxVersion));
    await this.#changes.record({ changes: removed.map(deletion), droppedEndVersion });
    trees.apply([], removed);
    this.#parts.cuts.replaced(removed, [], []);
    this.#changes.sweep();
    for (const table of plan.sources) this.#changes.addDiscards(table.valueLogBytes);
  }
}
