/**
 * Is there room for what a compaction will write? Asked before it starts: a compaction that fills the disk
 * takes the room from the logs, and from everybody else, only to give up in the end.
 */

import { MelesError } from "../base/errors.ts";
import { type CompactionPlan, planInputs } from "../compaction/compaction-plan.ts";
import type { Env } from "../env/env.ts";
import { type DirectoryPair, isSeparate } from "../format/directory-pair.ts";

/** Of tables that are written again because much of them can go, so much is expected to stay. */
const RECLAIM_SHARE_LEFT = 0.5;

/** @throws MelesError `ERR_DISK_FULL` when the plan's outputs, and values moved on the way, may not fit */
export function requireFreeSpace(
  env: Env,
  pair: DirectoryPair,
  plan: CompactionPlan,
  relocatedBytes: number,
): void {
  const { directory, valueDirectory } = pair;
  const tableBytes = outputBytes(plan);
  if (!isSeparate(pair)) {
    requireFree(env, directory, tableBytes + relocatedBytes);
    return;
  }
  // The other directory may be on another disk, where the values go.
  requireFree(env, directory, tableBytes);
  if (relocatedBytes > 0) requireFree(env, valueDirectory, relocatedBytes);
}

function requireFree(env: Env, directory: string, neededBytes: number): void {
  const freeBytes = env.fileSystem.freeBytes(directory);
  if (freeBytes >= neededBytes) return;
  throw new MelesError(
    "ERR_DISK_FULL",
    `a compaction needs about ${neededBytes} bytes in ${directory}, ${freeBytes} are free; make room, it is tried again`,
  );
}

/** What a plan is expected to write. Its inputs go only afterwards. */
function outputBytes(plan: CompactionPlan): number {
  let bytes = 0;
  for (const { sizeBytes, staleBytes } of planInputs(plan)) {
    bytes += Math.max(0, sizeBytes - staleBytes);
  }
  const reclaims = ["tombstones", "expired", "garbage"].includes(plan.reason);
  return Math.ceil(reclaims ? bytes * RECLAIM_SHARE_LEFT : bytes);
}
