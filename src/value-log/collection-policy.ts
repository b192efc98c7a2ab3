/**
 * Collection policy: which value-log files to empty. Pure.
 *
 * Greedy: the files with the largest share of garbage first, until what would be left is small enough
 * against what lives. Emptying a file that is `u` live costs `u` and frees `1 − u`; taking the emptiest
 * first is what keeps write amplification low at a given space amplification.
 */

import type { FileNumber } from "../base/ids.ts";

export interface ValueLogFileState {
  readonly file: FileNumber;
  readonly sizeBytes: number;
  /** Bytes that tables point to; never more than the size. */
  readonly liveBytes: number;
  /** Still being written, or pointed to from memory: has to wait. */
  readonly isBusy: boolean;
}

export interface CollectionGoal {
  /** Total size wanted, as a multiple of the live bytes. */
  readonly spaceAmplification: number;
  /** Garbage below this is left alone, whatever its share. */
  readonly slackBytes: number;
  /** Files with a smaller share of garbage are never worth it. */
  readonly garbageShareMin: number;
  /** Most live bytes to move in one go. */
  readonly moveBytesMax: number;
  /** Bytes counted as live that are expected to be replaced already, in what is not merged yet; default 0. */
  readonly hiddenBytes?: number;
}

/** Files to condemn, emptiest first; empty when the goal is met or nothing can be done now. */
export function pickCondemned(
  files: readonly ValueLogFileState[],
  goal: CollectionGoal,
): FileNumber[] {
  let total = 0;
  let live = -(goal.hiddenBytes ?? 0);
  for (const { sizeBytes, liveBytes } of files) {
    total += sizeBytes;
    live += liveBytes;
  }
  const candidates = files
    .filter((file) => !file.isBusy && garbageShare(file) >= goal.garbageShareMin)
    .sort((a, b) => garbageShare(b) - garbageShare(a));
  const condemned: FileNumber[] = [];
  let moved = 0;
  for (const file of candidates) {
    const garbage = total - live;
    if (garbage <= goal.slackBytes || total <= live * goal.spaceAmplification) break;
    if (condemned.length > 0 && moved + file.liveBytes > goal.moveBytesMax) break;
    condemned.push(file.file);
    moved += file.liveBytes;
    total -= file.sizeBytes - file.liveBytes;
  }
  return condemned;
}

export function garbageShare({ sizeBytes, liveBytes }: ValueLogFileState): number {
  return sizeBytes === 0 ? 0 : 1 - Math.min(1, liveBytes / sizeBytes);
}
