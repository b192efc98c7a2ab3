/**
 * How far background work is behind the writers (I9), 0 to 1: memtables that wait for their flush,
 * tables in level 0, and garbage in the value log. Writers slow down as it grows (write-pace.ts), and
 * wait only when no memtable can be frozen any more.
 */

import type { Collection } from "./collection.ts";
import type { Memtables } from "./memtables.ts";
import type { Settings } from "./settings.ts";
import type { TreeState } from "./tree-state.ts";

export interface PressureParts {
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly settings: Settings;
  readonly collection: Collection;
}

/** Frozen memtables beyond which writers wait, however large the budget. */
const FROZEN_MAX = 3;
/** Half the way to a wait nothing is felt. */
const FELT_FROM = 0.5;

/** How many memtables may be frozen beside the active one: what the budget leaves beside the cache, 1 … 3. */
export function frozenMax(
  settings: Pick<Settings, "memoryBudget" | "memtableSize" | "blockCacheSize">,
): number {
  const { memoryBudget, memtableSize, blockCacheSize } = settings;
  const memtables = Math.floor((memoryBudget - blockCacheSize) / memtableSize);
  return Math.max(1, Math.min(FROZEN_MAX, memtables - 1));
}

export class Pressure {
  readonly #parts: PressureParts;
  readonly #frozenMax: number;
  #isCompacting = false;

  constructor(parts: PressureParts) {
    this.#parts = parts;
    this.#frozenMax = frozenMax(parts.settings);
  }

  /** Whether no memtable may be frozen before one has been flushed. */
  get areMemtablesFull(): boolean {
    return this.#parts.memtables.frozen.length >= this.#frozenMax;
  }

  /** Whether a memtable may be frozen now. */
  canRotate(): boolean {
    const { trees, settings } = this.#parts;
    return !this.areMemtablesFull && trees.tree.levelZero.length < settings.levelZeroTablesStall;
  }

  /** Cheap: asked for every group of commits. */
  value(): number {
    const { trees, settings, collection } = this.#parts;
    const levelZero = trees.tree.levelZero.length / settings.levelZeroTablesStall;
    const fromLevels = (levelZero - FELT_FROM) / (1 - FELT_FROM);
    // Garbage that is left for the next pass is no reason to wait: only a pass under way ends the waiting.
    const fromGarbage = this.#isCompacting ? collection.debt : 0;
    return Math.min(1, Math.max(0, fromLevels, this.#fromMemtables(), fromGarbage));
  }

  /** Whether work must go on although its budget is used up. */
  get isUrgent(): boolean {
    return this.#parts.collection.debt > 0 || this.value() > 0;
  }

  /** Compactions are under way, or not any more. */
  noteCompacting(isCompacting: boolean): void {
    this.#isCompacting = isCompacting;
  }

  /** Felt as soon as the active memtable is the last one that takes writes, the more the fuller it is. */
  #fromMemtables(): number {
    if (!this.areMemtablesFull) return 0;
    const { memtables, settings } = this.#parts;
    return memtables.active.memtable.usedBytes / settings.memtableSize;
  }
}
