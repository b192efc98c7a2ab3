/**
 * The policies that decide what happens in the background, as one value. Specs put others in their
 * place, so that random and even wrong decisions meet the real engine.
 */

import type { FileNumber } from "../base/ids.ts";
import type { KeyBounds } from "../compaction/compaction-job.ts";
import type { CompactionPlan } from "../compaction/compaction-plan.ts";
import { type CompactionState, pickCompaction } from "../compaction/leveled-policy.ts";
import { splitPlan } from "../compaction/sub-compactions.ts";
import type { TreeVersion } from "../manifest/version.ts";
import {
  type CollectionGoal,
  pickCondemned,
  type ValueLogFileState,
} from "../value-log/collection-policy.ts";

export interface Policies {
  /** The next compaction, or `undefined` when nothing is worth it. */
  readonly compaction: (version: TreeVersion, state: CompactionState) => CompactionPlan | undefined;
  /** How a plan is split into parts that run at the same time, at most so many. */
  readonly parts: (plan: CompactionPlan, partsMax: number) => readonly KeyBounds[];
  /** Value-log files to empty, in order. */
  readonly collection: (
    files: readonly ValueLogFileState[],
    goal: CollectionGoal,
  ) => readonly FileNumber[];
}

export const POLICIES: Policies = {
  compaction: pickCompaction,
  parts: splitPlan,
  collection: pickCondemned,
};
