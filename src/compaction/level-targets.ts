/**
 * Level targets: how large each level should be and which level takes level 0's tables (the base).
 * A pure function of the level sizes.
 *
 * The last level is as large as the data; every level above should be smaller by the multiplier, but
 * never smaller than `baseLevelSizeBytes`. The base is the deepest level whose share fits into that
 * minimum; from there on empty levels are skipped as long as the next one is small, so a small
 * database has two levels and none is passed through for nothing.
 *
 * Invariant I5: the base is never deeper than the first non-empty level ≥ 1. Badger did not check
 * that, data of level 0 jumped over older data, and deleted keys came back. Where data is left above
 * the level that the sizes ask for, that level is the base until it has been drained; it has target 0.
 */

import { assert } from "../base/assert.ts";

export interface LevelShape {
  /** Levels, level 0 included; at least 2. */
  readonly maxLevels: number;
  /** Least target of a level, and the most the base may be asked to hold. */
  readonly baseLevelSizeBytes: number;
  /** How many times larger each level is than the one above. */
  readonly levelSizeMultiplier: number;
  /** Size of a table at the base level and above. */
  readonly baseTableSizeBytes: number;
  /** How many times larger tables get with each level below the base. */
  readonly tableSizeMultiplier: number;
}

export interface LevelTargets {
  /** Where tables of level 0 go, 1 … maxLevels − 1. */
  readonly baseLevel: number;
  /** The base that the sizes ask for; levels 1 … `wantedBaseLevel` − 1 are to be drained. */
  readonly wantedBaseLevel: number;
  /** By level; 0 for level 0 and for levels to be drained. */
  readonly sizeBytes: readonly number[];
  /** Size at which a new table of a level is closed, by level. Level 0: that of the base. */
  readonly tableSizeBytes: readonly number[];
}

/** `levelSizes`: bytes by level, level 0 first. */
export function levelTargets(levelSizes: readonly number[], shape: LevelShape): LevelTargets {
  const { maxLevels, baseLevelSizeBytes, levelSizeMultiplier } = shape;
  assert(maxLevels >= 2 && levelSizeMultiplier > 1, "there is a level to compact into");
  const last = maxLevels - 1;
  const sizeOf = (level: number): number => levelSizes[level] ?? 0;
  const shares = new Array<number>(maxLevels).fill(0);
  let share = sizeOf(last);
  let wanted = 0;
  for (let level = last; level >= 1; level--) {
    const target = Math.max(share, baseLevelSizeBytes);
    shares[level] = target;
    if (wanted === 0 && target <= baseLevelSizeBytes) wanted = level;
    share = Math.floor(share / levelSizeMultiplier);
  }
  // Data that outgrew all levels at this ratio: the top level takes more than its share.
  wanted = Math.max(wanted, 1);
  // An empty level is skipped as long as level 0 is cheaper merged straight into the next one, which
  // saves a pass over the data. The limit does not depend on how full that level happens to be of its
  // target: Badger's did, and the base stuck to a level of many gigabytes.
  const mergedDirectlyMax = levelSizeMultiplier * baseLevelSizeBytes;
  while (wanted < last && sizeOf(wanted) === 0 && sizeOf(wanted + 1) <= mergedDirectlyMax) wanted++;
  const baseLevel = Math.min(wanted, firstNonEmptyLevel(levelSizes, last));
  return {
    baseLevel,
    wantedBaseLevel: wanted,
    sizeBytes: shares.map((target, level) => (level < wanted ? 0 : target)),
    tableSizeBytes: tableSizes(baseLevel, shape),
  };
}

/** The shallowest level ≥ 1 that holds data; the last level when none does. */
function firstNonEmptyLevel(levelSizes: readonly number[], last: number): number {
  for (let level = 1; level < last; level++) {
    if ((levelSizes[level] ?? 0) > 0) return level;
  }
  return last;
}

function tableSizes(baseLevel: number, shape: LevelShape): number[] {
  const sizes: number[] = [];
  let size = shape.baseTableSizeBytes;
  for (let level = 0; level < shape.maxLevels; level++) {
    if (level > baseLevel) size *= shape.tableSizeMultiplier;
    sizes.push(size);
  }
  return sizes;
}
