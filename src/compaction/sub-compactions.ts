/**
 * Splitting a plan into parts that run at the same time, and putting together what they bring. Parts meet
 * at user keys, so all versions of a key are in one part. Pure.
 */

import { compareBytes } from "../base/bytes.ts";
import type { FileNumber } from "../base/ids.ts";
import type { TableMeta } from "../manifest/version.ts";
import { totalBytes } from "./compaction-plan.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { NO_BOUNDS } from "./compaction-job.ts";
import type { CompactionResult, KeyBounds } from "./compaction-job.ts";

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

/** The results of all parts, in the order of their bounds, as that of one job. */
export function joinResults(parts: readonly CompactionResult[]): CompactionResult {
  const sum = (pick: (part: CompactionResult) => number): number =>
    parts.reduce((total, part) => total + pick(part), 0);
  const newest = (pick: (part: CompactionResult) => number): number => Math.max(...parts.map(pick));
  const discardedBytes = new Map<FileNumber, number>();
  for (const part of parts) {
    for (const [file, bytes] of part.discardedBytes) {
      discardedBytes.set(file, (discardedBytes.get(file) ?? 0) + bytes);
    }
  }
  return {
    outputs: parts.flatMap(({ outputs }) => outputs),
    discardedBytes,
    thinnedVersion: newest(({ thinnedVersion }) => thinnedVersion),
    droppedEndVersion: newest(({ droppedEndVersion }) => droppedEndVersion),
    relocatedFiles: parts.flatMap(({ relocatedFiles }) => relocatedFiles),
    relocatedBytes: sum(({ relocatedBytes }) => relocatedBytes),
    damagedFiles: [...new Set(parts.flatMap(({ damagedFiles }) => damagedFiles))],
    bytesRead: sum(({ bytesRead }) => bytesRead),
    bytesWritten: sum(({ bytesWritten }) => bytesWritten),
    entriesIn: sum(({ entriesIn }) => entriesIn),
    entriesOut: sum(({ entriesOut }) => entriesOut),
  };
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
