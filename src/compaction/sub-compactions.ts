/**
 * Splitting a plan into parts that run at the same time. Parts meet at user keys, so all versions of a
 * key are in one part. Pure.
 */

import { compareBytes } from "../base/bytes.ts";
import type { TableMeta } from "../manifest/version.ts";
import { totalBytes } from "./compaction-plan.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { NO_BOUNDS } from "./compaction-job.ts";
import type { KeyBounds } from "./compaction-job.ts";

/** A part is worth a thread from so many bytes on. */
const PART_BYTES_MIN = 8 * 1024 * 1024;

/**
 * Bounds of 1 … `partsMax` parts, ascending, together everything. Cut at the first keys of input
 * tables, so that parts are about equally large; a plan of few or small tables stays whole.
 */
export function splitPlan(plan: CompactionPlan, partsMax: number): KeyBounds[] {
  const tables = plan.sourceLevel === 0 ? [...plan.targets] : [...plan.sources, ...plan.targets];
  const bytes = totalBytes(tables);
  const parts = Math.min(partsMax, Math.floor(bytes / PART_BYTES_MIN));
  if (parts < 2) return [NO_BOUNDS];
  tables.sort((a, b) => compareBytes(a.smallestKey, b.smallestKey));
  const cuts = cutKeys(tables, bytes / parts);
  const bounds: KeyBounds[] = [];
  let lower: Uint8Array | undefined;
  for (const cut of cuts) {
    bounds.push({ lower, upper: cut });
    lower = cut;
  }
  bounds.push({ lower, upper: undefined });
  return bounds;
}

function cutKeys(tables: readonly TableMeta[], partBytes: number): Uint8Array[] {
  const cuts: Uint8Array[] = [];
  let bytes = 0;
  for (const table of tables) {
    const last = cuts.at(-1);
    const isNewKey = bytes > 0 && (last === undefined || compareBytes(table.smallestKey, last) > 0);
    if (bytes >= partBytes * (cuts.length + 1) && isNewKey) cuts.push(table.smallestKey);
    bytes += table.sizeBytes;
  }
  return cuts;
}
