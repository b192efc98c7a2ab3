/**
 * Carrying cuts out: what they hide leaves memory and files. First the manifest takes them from the log
 * (`record`). Then tables that lie inside a cut go unread, in one manifest record; tables at its edges,
 * and level 0, are written again without it.
 *
 * Nothing goes while a snapshot older than the cut is open. When nothing is left the manifest forgets the
 * cut; logs that held something of it must be gone for good before that.
 */

import type { FileNumber } from "../base/ids.ts";
import { type CompactionPlan, planInputs } from "../compaction/compaction-plan.ts";
import { type CompactionState, pickRewrite } from "../compaction/leveled-policy.ts";
import { covers } from "../format/cut.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { Cuts, OpenCut } from "./cuts.ts";
import type { Memtables } from "./memtables.ts";
import { deletion, type TreeChanges } from "./tree-changes.ts";
import type { TreeState } from "./tree-state.ts";

export interface CutWorkParts {
  readonly cuts: Cuts;
  readonly oracle: Oracle;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  /** Makes what is in the logs now durable, off this thread. */
  readonly syncLogs: () => Promise<void>;
}

export class CutWork {
  readonly #parts: CutWorkParts;
  readonly #changes: TreeChanges;

  constructor(parts: CutWorkParts, changes: TreeChanges) {
    this.#parts = parts;
    this.#changes = changes;
  }

  /** Something hidden is in the active memtable and could leave it. */
  get wantsFlush(): boolean {
    const { memtable } = this.#parts.memtables.active;
    return this.#due().some(({ memtables }) => memtables.has(memtable));
  }

  /** The manifest lacks a cut that is committed. */
  get wantsRecord(): boolean {
    const { cuts, oracle } = this.#parts;
    return cuts.unrecorded(oracle.lastCommitted).length > 0;
  }

  /**
   * Brings committed cuts from the log to the manifest, so that they can be carried out. The log is
   * synced before: a power cut that takes earlier commits must take the cut too.
   */
  async record(): Promise<void> {
    const { cuts, oracle, syncLogs } = this.#parts;
    const committed = oracle.lastCommitted;
    if (cuts.unrecorded(committed).length === 0) return;
    await syncLogs();
    // A flush may have taken some of them along.
    const pending = cuts.unrecorded(committed);
    if (pending.length > 0) this.#changes.recordCuts(pending);
  }

  /** What takes no time: drops tables that are hidden as a whole, ends cuts that hide nothing any more. */
  step(running: readonly CompactionPlan[]): void {
    if (this.#parts.cuts.isEmpty) return;
    this.#dropWhole(running);
    this.#end();
  }

  /** A table to be written again without what is hidden. */
  pick(state: CompactionState): CompactionPlan | undefined {
    if (this.#parts.cuts.isEmpty) return undefined;
    const { version } = this.#parts.trees.tree;
    const wanted = new Set<FileNumber>();
    for (const { tables } of this.#due()) for (const fileNumber of tables) wanted.add(fileNumber);
    if (wanted.size === 0) return undefined;
    for (const level of version.levels) {
      for (const table of level) {
        if (!wanted.has(table.fileNumber)) continue;
        const plan = pickRewrite(version, table, state);
        if (plan !== undefined) return plan;
      }
    }
    return undefined;
  }

  /** Cuts that no snapshot stands in the way of. */
  #due(): readonly OpenCut[] {
    const { cuts, oracle } = this.#parts;
    return cuts.due(oracle.oldestRead);
  }

  #dropWhole(running: readonly CompactionPlan[]): void {
    const { trees, cuts } = this.#parts;
    const busy = new Set(running.flatMap(planInputs).map(({ fileNumber }) => fileNumber));
    const due = this.#due();
    const whole = trees.tree.version.levels
      .flat()
      .filter(
        ({ fileNumber, maxVersion, smallestKey, largestKey }) =>
          !busy.has(fileNumber) &&
          due.some(
            ({ cut, tables }) =>
              tables.has(fileNumber) &&
              maxVersion <= cut.version &&
              covers(cut, smallestKey, largestKey),
          ),
      );
    if (whole.length === 0) return;
    const removed = whole.map(({ fileNumber }) => fileNumber);
    this.#changes.syncNames();
    this.#changes.recordNow({ changes: removed.map(deletion) });
    trees.apply([], removed);
    cuts.replaced(removed, [], []);
    this.#changes.sweep();
    for (const table of whole) this.#changes.addDiscards(table.valueLogBytes);
  }

  #end(): void {
    const { cuts, memtables } = this.#parts;
    // The next open would replay such a log, and show what it holds.
    if (memtables.hasLeftLogs) return;
    const over = this.#due().filter(({ tables, memtables }) => tables.size + memtables.size === 0);
    if (over.length === 0) return;
    const endedCuts = over.map(({ cut }) => cut.version);
    this.#changes.syncNames();
    this.#changes.recordNow({ changes: [], endedCuts });
    for (const version of endedCuts) cuts.end(version);
  }
}
