/**
 * The compaction job: carries out a `merge` plan. Job and result are plain data and cross threads; the
 * job never sees the database. Inputs are opened one after the other per level, merged, thinned by the
 * drop rules and written as new tables of the target level.
 *
 * Order (I6): every output is complete and durable, its name too, when this returns; naming the outputs
 * in the manifest and removing the inputs is the caller's. The directory is synced last, and also without
 * an output: logs that were flushed into the inputs are gone for good then. A log that came back with a
 * power cut might hold a value without the delete marker behind it, and must find that marker in the tree.
 * When anything fails, the outputs made so far are removed and the first error is thrown.
 */

import { assert } from "../base/assert.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import { LevelCursor } from "../cursor/level-cursor.ts";
import { CutCursor } from "../cursor/cut-cursor.ts";
import { MergeCursor } from "../cursor/merge-cursor.ts";
import type { Env } from "../env/env.ts";
import { type Cut, meets } from "../format/cut.ts";
import { type DirectoryPair, directoriesOf } from "../format/directory-pair.ts";
import type { DataKeyRef, LogKeys } from "../log/log-keys.ts";
import type { TableMeta, TreeVersion } from "../manifest/version.ts";
import type { TableOptions } from "../table/table-options.ts";
import type { ChecksumVerification } from "../table/table-reader.ts";
import { type Relocation, Relocator } from "../value-log/relocator.ts";
import { planInputs, planSpan, totalBytes } from "./compaction-plan.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { BoundedCursor } from "./bounded-cursor.ts";
import { CompactionInputs } from "./compaction-inputs.ts";
import { DropCursor } from "./drop-rules.ts";
import { anyOverlaps, overlapping } from "./key-span.ts";
import type { KeySpan } from "./key-span.ts";
import { OVERLAP_TABLES_MAX } from "./leveled-policy.ts";
import { olderRanges, OlderRangeTracker } from "./older-ranges.ts";
import type { OlderRanges } from "./older-ranges.ts";
import { OverlapMeter } from "./overlap-meter.ts";
import { TableSequence } from "./table-sequence.ts";

/** A table one level below the target, for cutting outputs. */
export interface SizedSpan extends KeySpan {
  readonly sizeBytes: number;
}

/** Part of a plan's keys: `lower` included, `upper` excluded, `undefined` = open. */
export interface KeyBounds {
  readonly lower: Uint8Array | undefined;
  readonly upper: Uint8Array | undefined;
}

export const NO_BOUNDS: KeyBounds = { lower: undefined, upper: undefined };

export interface CompactionJob extends DirectoryPair {
  readonly sourceLevel: number;
  readonly targetLevel: number;
  /** As in the plan. */
  readonly sources: readonly TableMeta[];
  readonly targets: readonly TableMeta[];
  /** The keys to do; the rest of the plan is another job's. */
  readonly bounds: KeyBounds;
  readonly olderRanges: OlderRanges;
  /** Tables of the level below the target that the plan meets, by smallest key. */
  readonly tablesBelow: readonly SizedSpan[];
  /** An output is closed when merging it down would meet more than this. */
  readonly overlapBytesMax: number;
  /** Every output is known to be ordered (I3). */
  readonly knownOrdered: boolean;
  readonly discardVersion: Version;
  readonly versionsToKeep: number;
  readonly nowSeconds: number;
  /** What these hide is left out: no reader can see it any more. */
  readonly cuts?: readonly Cut[];
  readonly tableSizeBytes: number;
  readonly tableOptions: TableOptions;
  readonly verifyChecksums: ChecksumVerification;
  /** Values to move to other value-log files on the way. */
  readonly relocation?: Relocation;
  /** Data key for new value-log files. */
  readonly valueLogKey?: DataKeyRef;
  /** Data keys of encrypted inputs by key id. */
  readonly dataKeys: ReadonlyMap<number, Uint8Array>;
  /** Outputs are numbered from here; `fileNumberCount` numbers are reserved. */
  readonly firstFileNumber: FileNumber;
  readonly fileNumberCount: number;
}

export interface CompactionResult {
  /** By smallest key; empty when everything was dropped. */
  readonly outputs: readonly TableMeta[];
  /** Value-log record bytes that dropped entries pointed to, by file. */
  readonly discardedBytes: ReadonlyMap<FileNumber, number>;
  /** Time-travel reads below this version are incomplete from now on; 0 = none. */
  readonly thinnedVersion: Version;
  /** The newest delete marker or expired entry that is gone for good; 0 = none. */
  readonly droppedEndVersion: Version;
  /** Value-log files made by the relocation, and the bytes moved into them. */
  readonly relocatedFiles: readonly FileNumber[];
  readonly relocatedBytes: number;
  /** Condemned files that keep values which cannot be read. */
  readonly damagedFiles: readonly FileNumber[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly entriesIn: number;
  readonly entriesOut: number;
}

/** What a job needs beside its plan and the tree. */
export interface CompactionJobSettings extends DirectoryPair {
  readonly discardVersion: Version;
  readonly versionsToKeep: number;
  readonly nowSeconds: number;
  readonly tableOptions: TableOptions;
  readonly verifyChecksums: ChecksumVerification;
  readonly memtablesMayHoldOlder?: boolean;
  readonly cuts?: readonly Cut[];
  readonly dataKeys?: ReadonlyMap<number, Uint8Array>;
  readonly relocation?: Relocation;
  readonly valueLogKey?: DataKeyRef;
}

/**
 * The job of a `merge` plan on the tree it was made for. `firstFileNumber` starts a range of
 * `fileNumbersNeeded(plan)` numbers that nobody else uses.
 */
export function compactionJob(
  version: TreeVersion,
  plan: CompactionPlan,
  settings: CompactionJobSettings,
  firstFileNumber: FileNumber,
  bounds: KeyBounds = NO_BOUNDS,
): CompactionJob {
  assert(plan.kind === "merge", "moves and drops are edits, not jobs");
  const { discardVersion, versionsToKeep, nowSeconds, tableOptions, verifyChecksums } = settings;
  const span = planSpan(plan);
  const deeper = version.levels.slice(plan.targetLevel + 1);
  const cuts = (settings.cuts ?? []).filter((cut) => meets(cut, span.smallestKey, span.largestKey));
  const hasNothingBelow = !deeper.some((tables) => anyOverlaps(tables, 1, span));
  return {
    directory: settings.directory,
    valueDirectory: settings.valueDirectory,
    sourceLevel: plan.sourceLevel,
    targetLevel: plan.targetLevel,
    sources: plan.sources,
    targets: plan.targets,
    bounds,
    olderRanges: olderRanges(version, plan, settings.memtablesMayHoldOlder === true),
    tablesBelow: overlapping(deeper[0] ?? [], span).map(
      ({ smallestKey, largestKey, sizeBytes }) => ({ smallestKey, largestKey, sizeBytes }),
    ),
    overlapBytesMax: OVERLAP_TABLES_MAX * plan.tableSizeBytes,
    knownOrdered: hasNothingBelow || planInputs(plan).every((table) => table.knownOrdered),
    discardVersion,
    versionsToKeep,
    nowSeconds,
    tableSizeBytes: plan.tableSizeBytes,
    tableOptions,
    verifyChecksums,
    dataKeys: settings.dataKeys ?? new Map(),
    ...(cuts.length === 0 ? {} : { cuts }),
    ...(settings.relocation === undefined ? {} : { relocation: settings.relocation }),
    ...(settings.valueLogKey === undefined ? {} : { valueLogKey: settings.valueLogKey }),
    firstFileNumber,
    fileNumberCount: fileNumbersNeeded(version, plan),
  };
}

/** Compressed inputs may be written uncompressed; beyond this the last output just grows. */
const EXPANSION_MAX = 8;

/** How many table numbers to reserve for a plan's (or one part's) outputs; generous. */
export function fileNumbersNeeded(version: TreeVersion, plan: CompactionPlan): number {
  const bytes = totalBytes(plan.sources) + totalBytes(plan.targets);
  const isCompressed = planInputs(plan).some((table) => table.compression !== 0);
  const bySize = Math.ceil((bytes * (isCompressed ? EXPANSION_MAX : 2)) / plan.tableSizeBytes);
  const below = overlapping(version.levels[plan.targetLevel + 1] ?? [], planSpan(plan));
  const byOverlap = Math.ceil(totalBytes(below) / (OVERLAP_TABLES_MAX * plan.tableSizeBytes));
  return bySize + byOverlap + 1;
}

/** Runs the job on the calling thread. */
export function runCompaction(job: CompactionJob, env: Env): CompactionResult {
  const inputs = new CompactionInputs(job, env);
  const tables = new TableSequence(
    {
      directory: job.directory,
      level: job.targetLevel,
      knownOrdered: job.knownOrdered,
      options: job.tableOptions,
      firstFileNumber: job.firstFileNumber,
      fileNumberCount: job.fileNumberCount,
    },
    env,
  );
  const relocator =
    job.relocation === undefined
      ? undefined
      : new Relocator(job.relocation, env, job.valueDirectory, jobKeys(job));
  try {
    const older = new OlderRangeTracker(job.olderRanges);
    const merged = openMerged(job, inputs);
    const uncut = job.cuts === undefined ? undefined : new CutCursor(merged, job.cuts);
    const entries = new DropCursor(uncut ?? merged, {
      discardVersion: job.discardVersion,
      versionsToKeep: job.versionsToKeep,
      nowSeconds: job.nowSeconds,
      mayHaveOlder: (bytes, offset, length) => older.mayHaveOlder(bytes, offset, length),
    });
    writeTables(job, entries, tables, relocator);
    entries.close();
    // Values before the tables that point to them.
    relocator?.finish();
    const outputs = tables.finish();
    const isMoved = (relocator?.createdFiles.length ?? 0) > 0;
    for (const directory of isMoved ? directoriesOf(job) : [job.directory]) {
      env.fileSystem.syncDirectory(directory);
    }
    uncut?.addDiscardsTo(entries.discardedBytes);
    return {
      outputs,
      discardedBytes: entries.discardedBytes,
      thinnedVersion: entries.thinnedVersion,
      droppedEndVersion: entries.droppedEndVersion,
      relocatedFiles: relocator?.createdFiles ?? [],
      relocatedBytes: relocator?.bytes ?? 0,
      damagedFiles: relocator?.damagedFiles ?? [],
      bytesRead: inputs.bytesOpened,
      bytesWritten: totalBytes(outputs),
      entriesIn: entries.entriesIn,
      entriesOut: entries.entriesOut,
    };
  } catch (error) {
    tables.removeAll();
    relocator?.removeAll();
    throw error;
  } finally {
    inputs.close();
  }
}

/** Newest sources first, so that an internal key stored twice comes from the newer table. */
function openMerged(job: CompactionJob, inputs: CompactionInputs): EntryCursor {
  const cursors: EntryCursor[] = [];
  if (job.sourceLevel === 0) {
    for (const table of job.sources) cursors.push(new LevelCursor(inputs.level([table])));
  } else {
    cursors.push(new LevelCursor(inputs.level(job.sources)));
  }
  if (job.targets.length > 0) cursors.push(new LevelCursor(inputs.level(job.targets)));
  const merged = new MergeCursor(cursors);
  const { upper } = job.bounds;
  return upper === undefined ? merged : new BoundedCursor(merged, upper);
}

/** Closes a table before a user key when it is large enough or would meet too much below. */
function writeTables(
  job: CompactionJob,
  entries: DropCursor,
  tables: TableSequence,
  relocator: Relocator | undefined,
): void {
  const { lower } = job.bounds;
  const below = new OverlapMeter(job.tablesBelow);
  if (lower === undefined) entries.seekToFirst();
  else entries.seek(lower, Number.POSITIVE_INFINITY);
  for (; entries.valid; entries.next()) {
    if (entries.startsKey) {
      const met = below.advanceTo(entries.keyBytes, entries.keyOffset, entries.keyLength);
      const isFull = tables.currentSizeBytes >= job.tableSizeBytes || met > job.overlapBytesMax;
      if (isFull && tables.closeCurrent()) below.restart();
    }
    relocator?.apply(entries);
    tables.add(entries, entries.stale);
  }
}

function jobKeys({ dataKeys, valueLogKey }: CompactionJob): LogKeys {
  return {
    current: () => valueLogKey,
    keyOf(keyId) {
      const key = dataKeys.get(keyId);
      assert(key !== undefined, "a job gets all data keys there are");
      return key;
    },
  };
}
