/**
 * Level scores: how much each level needs a compaction. Pure; the policy chooses by them, `levels()`
 * and the golden specs print them.
 *
 * The raw score is the level's size against its target (level 0: tables against their number). The
 * adjusted score divides by the score of the level below: an overfull level below should go first,
 * an empty one below makes the work cheap.
 */

import { at } from "../base/assert.ts";
import type { TreeVersion } from "../manifest/version.ts";
import { totalBytes } from "./compaction-plan.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import type { LevelTargets } from "./level-targets.ts";

export interface LevelScore {
  readonly level: number;
  /** Bytes now, with tables that a running compaction takes away. */
  readonly sizeBytes: number;
  readonly targetBytes: number;
  /** 1 or more: wants a compaction. The last level's is never a reason for one. */
  readonly score: number;
  /** Order among the levels that want one, highest first. */
  readonly adjusted: number;
}

export interface ScoreOptions {
  /** Level-0 tables that start a compaction. */
  readonly levelZeroTables: number;
  readonly baseLevelSizeBytes: number;
}

/** Least divisor of an adjustment, so that an empty level below does not make the score infinite. */
const SCORE_BELOW_MIN = 0.01;

/** By level, level 0 first. */
export function levelScores(
  version: TreeVersion,
  targets: LevelTargets,
  running: readonly CompactionPlan[],
  options: ScoreOptions,
): LevelScore[] {
  const sizes = version.levels.map(totalBytes);
  const raw = version.levels.map((tables, level) => {
    if (level === 0) {
      const taken = running
        .filter((plan) => plan.sourceLevel === 0)
        .reduce((sum, plan) => sum + plan.sources.length, 0);
      return (tables.length - taken) / options.levelZeroTables;
    }
    const taken = running
      .filter((plan) => plan.sourceLevel === level && plan.targetLevel !== level)
      .reduce((sum, plan) => sum + totalBytes(plan.sources), 0);
    const size = at(sizes, level) - taken;
    const target = at(targets.sizeBytes, level);
    if (target > 0) return size / target;
    // A level to be drained wants it as soon as it holds anything.
    return size > 0 ? 1 + size / options.baseLevelSizeBytes : 0;
  });
  const adjusted = adjust(raw, targets.baseLevel);
  return version.levels.map((_, level) => ({
    level,
    sizeBytes: at(sizes, level),
    targetBytes: at(targets.sizeBytes, level),
    score: at(raw, level),
    adjusted: at(adjusted, level),
  }));
}

/** From level 0 over the base to the last: a score ≥ 1 is divided by that of the next level on the way. */
function adjust(raw: readonly number[], baseLevel: number): number[] {
  const adjusted = [...raw];
  let above = 0;
  for (let level = baseLevel; level < adjusted.length; level++) {
    if (at(adjusted, above) >= 1) {
      adjusted[above] = at(adjusted, above) / Math.max(at(adjusted, level), SCORE_BELOW_MIN);
    }
    above = level;
  }
  return adjusted;
}
