/**
 * How far background work is behind the writers (I9), 0 to 1: frozen memtables that wait for their flush,
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

/** Frozen memtables beyond which writers wait. */
export const FROZEN_MAX = 3;
/** Half the way to a wait nothing is felt. */
const FELT_FROM = 0.5;
/** By count of frozen memtables the last one is felt, not the first two: flushes come in bursts. */
const FROZEN_PRESSURE = [0, 0, 0, 0.6];

export class Pressure {
  readonly #parts: PressureParts;

  constructor(parts: PressureParts) {
    this.#parts = parts;
  }

  /** Whether a memtable may be frozen now. */
  canRotate(): boolean {
    const { memtables, trees, settings } = this.#parts;
    return (
      memtables.frozen.length < FROZEN_MAX &&
      trees.tree.levelZero.length < settings.levelZeroTablesStall
    );
  }

  /** Cheap: asked for every group of commits. */
  value(): number {
    const { memtables, trees, settings, collection } = this.#parts;
    const levelZero = trees.tree.levelZero.length / settings.levelZeroTablesStall;
    const frozen = FROZEN_PRESSURE[memtables.frozen.length] ?? 1;
    const fromLevels = (levelZero - FELT_FROM) / (1 - FELT_FROM);
    return Math.min(1, Math.max(0, fromLevels, frozen, collection.debt));
  }
}
