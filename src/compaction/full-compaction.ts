/**
 * Full compaction: the steps of `db.compact()`, one plan at a time. Everything ends up in the last
 * level, and what no snapshot needs is gone. Pure: call again with the tree that came out.
 *
 * Level by level from the top, in chunks, so that a step needs a bounded amount of free space. Tables
 * that were written by this pass are not written twice in the last level, so it always ends.
 */

import { assert, at } from "../base/assert.ts";
import type { FileNumber } from "../base/ids.ts";
import type { TableMeta, TreeVersion } from "../manifest/version.ts";
import { totalBytes } from "./compaction-plan.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { hullOf, overlapping } from "./key-span.ts";
import { levelTargets } from "./level-targets.ts";
import type { CompactionState } from "./leveled-policy.ts";
import { mayHoldGarbage } from "./table-garbage.ts";

/** Sources of one step, at least one table. */
const CHUNK_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The next step, or `undefined` when all is done. No other compaction may be running.
 *
 * @param beforeFileNumber the next table number when the pass began: level-0 tables from this number
 *   on arrived later and are left alone, last-level tables are this pass's own work.
 */
export function fullCompactionPlan(
  version: TreeVersion,
  state: CompactionState,
  beforeFileNumber: FileNumber,
): CompactionPlan | undefined {
  assert(state.running.length === 0, "a full compaction has the tree to itself");
  return (
    mergeDown(version, state, beforeFileNumber) ?? rewriteLast(version, state, beforeFileNumber)
  );
}

function mergeDown(
  version: TreeVersion,
  state: CompactionState,
  beforeFileNumber: FileNumber,
): CompactionPlan | undefined {
  const last = version.levels.length - 1;
  for (let level = 0; level < last; level++) {
    const tables = at(version.levels, level);
    const sources =
      level === 0
        ? tables.filter((table) => table.fileNumber < beforeFileNumber)
        : firstChunk(tables);
    if (sources.length === 0) continue;
    let targetLevel = level + 1;
    while (targetLevel < last && at(version.levels, targetLevel).length === 0) targetLevel++;
    return makePlan(version, state, level, targetLevel, sources);
  }
  return undefined;
}

function rewriteLast(
  version: TreeVersion,
  state: CompactionState,
  beforeFileNumber: FileNumber,
): CompactionPlan | undefined {
  const last = version.levels.length - 1;
  const table = at(version.levels, last).find(
    (one) => one.fileNumber < beforeFileNumber && mayHoldGarbage(one, state.nowSeconds),
  );
  return table === undefined ? undefined : makePlan(version, state, last, last, [table]);
}

function firstChunk(tables: readonly TableMeta[]): TableMeta[] {
  const chunk: TableMeta[] = [];
  let bytes = 0;
  for (const table of tables) {
    if (chunk.length > 0 && bytes + table.sizeBytes > CHUNK_BYTES_MAX) break;
    chunk.push(table);
    bytes += table.sizeBytes;
  }
  return chunk;
}

function makePlan(
  version: TreeVersion,
  state: CompactionState,
  sourceLevel: number,
  targetLevel: number,
  sources: readonly TableMeta[],
): CompactionPlan {
  const targets =
    sourceLevel === targetLevel
      ? []
      : overlapping(at(version.levels, targetLevel), hullOf(sources));
  const shape = levelTargets(version.levels.map(totalBytes), state.options);
  return {
    kind: "merge",
    reason: "full",
    sourceLevel,
    targetLevel,
    sources,
    targets,
    score: 0,
    tableSizeBytes: at(shape.tableSizeBytes, targetLevel),
  };
}
