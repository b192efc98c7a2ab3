/**
 * Policies that decide at random, within what correctness allows: level 0 from its oldest table on,
 * targets always complete, no level with overlapping data jumped over. What is worth doing plays no
 * part, so histories reach trees that the real policy would never make.
 */

import { at } from "../../src/base/assert.ts";
import { compareBytes } from "../../src/base/bytes.ts";
import type { KeyBounds } from "../../src/compaction/compaction-job.ts";
import { collides, planInputs, type CompactionPlan } from "../../src/compaction/compaction-plan.ts";
import { anyOverlaps, hullOf, overlapping } from "../../src/compaction/key-span.ts";
import type { CompactionState } from "../../src/compaction/leveled-policy.ts";
import { POLICIES, type Policies } from "../../src/database/policies.ts";
import type { SeededRandom } from "../../src/env/seeded-random.ts";
import type { TableMeta, TreeVersion } from "../../src/manifest/version.ts";

/** Of all decisions, how many the real policy makes. */
const REAL_SHARE = 0.4;
/** … and of the others, how many are to do nothing. */
const REST_SHARE = 0.4;

export function randomPolicies(random: SeededRandom, tableSizeBytes: number): Policies {
  return {
    compaction: (version, state) => {
      if (random.next() < REAL_SHARE) return POLICIES.compaction(version, state);
      if (random.next() < REST_SHARE) return undefined;
      return randomPlan(version, state, random, tableSizeBytes);
    },
    parts: (plan) => randomParts(plan, random),
    collection: (files, goal) => {
      if (random.next() < REAL_SHARE) return POLICIES.collection(files, goal);
      return files.filter((file) => !file.isBusy && random.below(4) === 0).map(({ file }) => file);
    },
  };
}

/** Cut before first keys of tables, wherever luck wants. */
function randomParts(plan: CompactionPlan, random: SeededRandom): KeyBounds[] {
  const keys = planInputs(plan)
    .filter(() => random.below(4) === 0)
    .map(({ smallestKey }) => smallestKey)
    .sort(compareBytes);
  const bounds: KeyBounds[] = [];
  let lower: Uint8Array | undefined;
  for (const upper of keys) {
    if (lower !== undefined && compareBytes(lower, upper) === 0) continue;
    bounds.push({ lower, upper });
    lower = upper;
  }
  return [...bounds, { lower, upper: undefined }];
}

function randomPlan(
  version: TreeVersion,
  state: CompactionState,
  random: SeededRandom,
  tableSizeBytes: number,
): CompactionPlan | undefined {
  const tables = version.levels.flat();
  if (tables.length === 0) return undefined;
  const table = at(tables, random.below(tables.length));
  if (table.level === 0 && random.below(4) === 0) {
    const within = withinLevelZero(version, state, random);
    if (within !== undefined) return within;
  }
  const sources = table.level === 0 ? oldestRun(version, random) : [table];
  const targetLevel = randomTarget(version, sources, random);
  if (targetLevel === undefined) return undefined;
  const { level } = at(sources, 0);
  const targets =
    targetLevel === level ? [] : overlapping(at(version.levels, targetLevel), hullOf(sources));
  const plan: CompactionPlan = {
    kind: isMovable(level, targetLevel, sources, targets, random) ? "move" : "merge",
    reason: "garbage",
    sourceLevel: level,
    targetLevel,
    sources,
    targets,
    score: 0,
    tableSizeBytes,
  };
  return collides(plan, state.running) ? undefined : plan;
}

/** The newest tables of level 0 into one or more of level 0, as many as luck wants. */
function withinLevelZero(
  version: TreeVersion,
  state: CompactionState,
  random: SeededRandom,
): CompactionPlan | undefined {
  const levelZero = at(version.levels, 0);
  const sources = levelZero.slice(0, 1 + random.below(levelZero.length));
  if (state.isFlushing === true || !sources.every(({ knownOrdered }) => knownOrdered)) {
    return undefined;
  }
  const plan: CompactionPlan = {
    kind: "merge",
    reason: "level-zero",
    sourceLevel: 0,
    targetLevel: 0,
    sources,
    targets: [],
    score: 0,
    tableSizeBytes: 300 + random.below(3000),
  };
  return collides(plan, state.running) ? undefined : plan;
}

/** Level 0 from the oldest table up, as many as luck wants. */
function oldestRun(version: TreeVersion, random: SeededRandom): TableMeta[] {
  const levelZero = at(version.levels, 0);
  return levelZero.slice(-1 - random.below(levelZero.length));
}

/** The level itself, or a deeper one that no overlapping data lies above. */
function randomTarget(
  version: TreeVersion,
  sources: readonly TableMeta[],
  random: SeededRandom,
): number | undefined {
  const { level } = at(sources, 0);
  const last = version.levels.length - 1;
  const possible = level > 0 ? [level] : [];
  for (let target = level + 1; target <= last; target++) {
    possible.push(target);
    // All of a level-0 run goes by its hull: what lies in between must not be passed by.
    const hull = hullOf([...sources, ...overlapping(at(version.levels, target), hullOf(sources))]);
    if (anyOverlaps(at(version.levels, target), target, hull)) break;
  }
  return possible[random.below(possible.length)];
}

function isMovable(
  level: number,
  targetLevel: number,
  sources: readonly TableMeta[],
  targets: readonly TableMeta[],
  random: SeededRandom,
): boolean {
  return (
    targetLevel !== level && sources.length === 1 && targets.length === 0 && random.below(2) === 0
  );
}
