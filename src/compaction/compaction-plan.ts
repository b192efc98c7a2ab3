/**
 * `CompactionPlan`: what a policy decided, as plain data. A plan names tables, never opens them. Plans
 * that run at the same time must not collide: no table in two of them, and no two of them may write
 * into one level where their key spans meet.
 */

import { assert, at } from "../base/assert.ts";
import { compareBytes } from "../base/bytes.ts";
import type { TableMeta, TreeVersion } from "../manifest/version.ts";
import { hullOf, spansOverlap } from "./key-span.ts";
import type { KeySpan } from "./key-span.ts";

export type CompactionReason =
  /** Level 0 has too many tables. */
  | "level-zero"
  /** The level is larger than its target. */
  | "level-size"
  /** The level lies above the base that the sizes ask for. */
  | "drain"
  /** Delete markers are on their way to what they delete. */
  | "tombstones"
  /** Entries have expired. */
  | "expired"
  /** The table holds entries that nothing needs any more. */
  | "garbage"
  /** Asked for: everything into the last level. */
  | "full"
  /** Values the table points to lie in value-log files that are to go. */
  | "relocation";

export interface CompactionPlan {
  /**
   * `merge`: sources and targets are merged into new tables of the target level. `move`: the only
   * source changes its level, no bytes are touched. `drop`: the sources hold nothing but what may go.
   */
  readonly kind: "merge" | "move" | "drop";
  readonly reason: CompactionReason;
  readonly sourceLevel: number;
  /** Equal to `sourceLevel` when tables are written again in place, or level 0 is merged within itself. */
  readonly targetLevel: number;
  /** Level 0: newest first. Deeper: by smallest key. At least one. */
  readonly sources: readonly TableMeta[];
  /** All tables of the target level that overlap the sources, by smallest key. */
  readonly targets: readonly TableMeta[];
  /** Why this before others; larger is more urgent. */
  readonly score: number;
  /** Size at which new tables are closed. */
  readonly tableSizeBytes: number;
}

export function planInputs(plan: CompactionPlan): TableMeta[] {
  return [...plan.sources, ...plan.targets];
}

/** Every key that the plan reads or writes lies in here. */
export function planSpan(plan: CompactionPlan): KeySpan {
  return hullOf(planInputs(plan));
}

export function totalBytes(tables: readonly TableMeta[]): number {
  let bytes = 0;
  for (const table of tables) bytes += table.sizeBytes;
  return bytes;
}

/** Tables of level 0 become one of level 0. */
export function isWithinLevelZero(plan: CompactionPlan): boolean {
  return plan.targetLevel === 0;
}

/** Whether two plans may not run at the same time. */
export function plansCollide(a: CompactionPlan, b: CompactionPlan): boolean {
  // Spans of level 0 meet anyway. What is merged in there stays in its place among the ages.
  if (isWithinLevelZero(a) || isWithinLevelZero(b)) {
    const taken = new Set(planInputs(a).map(({ fileNumber }) => fileNumber));
    return planInputs(b).some(({ fileNumber }) => taken.has(fileNumber));
  }
  const apart = a.targetLevel < b.sourceLevel || b.targetLevel < a.sourceLevel;
  return !apart && spansOverlap(planSpan(a), planSpan(b));
}

export function collides(plan: CompactionPlan, running: readonly CompactionPlan[]): boolean {
  return running.some((other) => plansCollide(plan, other));
}

/**
 * A plan to write neighbouring tables of one level ≥ 1 again in place: for a value-log file that has
 * to go, a changed key or compression. Not checked against plans that run.
 */
export function rewritePlan(
  version: TreeVersion,
  tables: readonly TableMeta[],
  tableSizeBytes: number,
): CompactionPlan {
  const level = at(tables, 0).level;
  assert(level >= 1, "tables of level 0 are compacted, not rewritten");
  const sources = [...tables].sort((a, b) => compareBytes(a.smallestKey, b.smallestKey));
  const span = hullOf(sources);
  const inSpan = at(version.levels, level).filter((table) => spansOverlap(table, span));
  assert(inSpan.length === sources.length, "tables rewritten together are neighbours");
  return {
    kind: "merge",
    reason: "relocation",
    sourceLevel: level,
    targetLevel: level,
    sources,
    targets: [],
    score: 0,
    tableSizeBytes,
  };
}

/** Levels after a plan: its inputs replaced by `outputs` (for a move: the source, one level or more down). */
export function applyPlan(
  version: TreeVersion,
  plan: CompactionPlan,
  outputs: readonly TableMeta[],
): TreeVersion {
  const gone = new Set(planInputs(plan).map((table) => table.fileNumber));
  const levels = version.levels.map((level) =>
    level.filter((table) => !gone.has(table.fileNumber)),
  );
  if (outputs.length > 0) {
    const target = [...at(levels, plan.targetLevel), ...outputs];
    levels[plan.targetLevel] = isWithinLevelZero(plan)
      ? target.sort((a, b) => b.fileNumber - a.fileNumber)
      : target.sort((a, b) => compareBytes(a.smallestKey, b.smallestKey));
  }
  return { levels };
}
