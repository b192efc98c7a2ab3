/** Carrying out one compaction plan: job, relocation of condemned values, installation. */

import { assert, at } from "../base/assert.ts";
import {
  compactionJob,
  type CompactionJobSettings,
  type CompactionResult,
  fileNumbersNeeded,
} from "../compaction/compaction-job.ts";
import { type CompactionPlan, planInputs } from "../compaction/compaction-plan.ts";
import type { Env } from "../env/env.ts";
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
import type { Settings } from "./settings.ts";
import { creation, deletion, type TreeChanges } from "./tree-changes.ts";
import type { TreeState } from "./tree-state.ts";

export interface CompactionWorkParts {
  readonly env: Env;
  readonly directory: string;
  readonly settings: Settings;
  readonly oracle: Oracle;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly manifest: ManifestLog;
  readonly keys: DataKeys;
  readonly executor: Executor<Job, JobResult>;
  readonly events: EventHub;
  readonly collection: Collection;
  readonly cuts: Cuts;
}

export class CompactionWork {
  readonly #parts: CompactionWorkParts;
  readonly #changes: TreeChanges;
  readonly counters = { compactions: 0, compactionBytes: 0, relocatedBytes: 0 };

  constructor(parts: CompactionWorkParts, changes: TreeChanges) {
    this.#parts = parts;
    this.#changes = changes;
  }

  /** Carries out a plan and installs what it brings. */
  async run(plan: CompactionPlan): Promise<void> {
    const { env } = this.#parts;
    const started = env.clock.monotonicMs();
    if (plan.kind === "merge") await this.#merge(plan);
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

  async #merge(plan: CompactionPlan): Promise<void> {
    const { env, directory, settings, oracle, trees, memtables, executor } = this.#parts;
    const { version } = trees.tree;
    const relocation = this.#relocation(plan);
    requireFreeSpace(env, directory, plan, this.#bytesToMove(plan, relocation.relocation));
    const firstFileNumber = this.#changes.takeNumbers(fileNumbersNeeded(version, plan));
    const cuts = this.#parts.cuts.due(oracle.oldestRead).map(({ cut }) => cut);
    const job = compactionJob(
      version,
      plan,
      {
        directory,
        discardVersion: oracle.discardVersion,
        versionsToKeep: settings.versionsToKeep,
        nowSeconds: Math.floor(env.clock.nowMs() / 1000),
        tableOptions: this.#changes.tableOptions(plan.targetLevel),
        verifyChecksums: settings.verifyChecksums,
        memtablesMayHoldOlder: memtables.mayHoldOlder,
        cuts,
        dataKeys: this.#parts.keys.all(),
        ...relocation,
      },
      firstFileNumber,
    );
    const result = await executor.run({ kind: "compaction", compaction: job });
    assert(result.kind === "compaction", "a compaction job brings a compaction result");
    const { compaction } = result;
    this.#parts.collection.exempt(compaction.damagedFiles);
    let isInstalled = false;
    try {
      isInstalled = await this.#install(plan, compaction, cuts);
    } finally {
      if (!isInstalled && this.#parts.manifest.isUsable) {
        this.#changes.removeValueLogs(compaction.relocatedFiles);
      }
    }
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
    this.#parts.collection.adopt(result.relocatedFiles);
    if (plan.sourceLevel === 0 && plan.targetLevel > 0) {
      const entries = plan.sources.reduce((sum, { entryCount }) => sum + entryCount, 0);
      this.#parts.collection.noteMerge(entries, result.entriesIn - result.entriesOut);
    }
    this.#changes.sweep();
    this.counters.compactionBytes += result.bytesWritten;
    this.counters.relocatedBytes += result.relocatedBytes;
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
    // Nothing but delete markers in them.
    const droppedEndVersion = Math.max(...plan.sources.map((table) => table.maxVersion));
    await this.#changes.record({ changes: removed.map(deletion), droppedEndVersion });
    trees.apply([], removed);
    this.#parts.cuts.replaced(removed, [], []);
    this.#changes.sweep();
    for (const table of plan.sources) this.#changes.addDiscards(table.valueLogBytes);
  }
}
