/**
 * The flush job: writes a frozen memtable as one table of level 0. Superseded versions that no
 * snapshot needs are left out; delete markers always stay, because what they hide lies below.
 *
 * The table is complete and synced when this returns. Before the manifest names it the caller syncs the
 * value log up to the highest pointer, then the directory (I6).
 */

import type { FileNumber, Version } from "../base/ids.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import { CutCursor } from "../cursor/cut-cursor.ts";
import type { Env } from "../env/env.ts";
import type { Cut } from "../format/cut.ts";
import type { TableMeta } from "../manifest/version.ts";
import type { TableOptions } from "../table/table-options.ts";
import { DropCursor } from "./drop-rules.ts";
import { TableSequence } from "./table-sequence.ts";

export interface FlushJob {
  readonly directory: string;
  /** Larger than that of every table of level 0. */
  readonly fileNumber: FileNumber;
  /** No table holds a newer version of any key (I3): false for logs replayed from Badger's directories. */
  readonly knownOrdered: boolean;
  readonly discardVersion: Version;
  readonly versionsToKeep: number;
  readonly nowSeconds: number;
  readonly tableOptions: TableOptions;
  /** What these hide is left out: no reader can see it any more. */
  readonly cuts?: readonly Cut[];
}

export interface FlushResult {
  /** `undefined` when the memtable was empty, or holds nothing but what cuts hide. */
  readonly table: TableMeta | undefined;
  /** Value-log record bytes that dropped entries pointed to, by file. */
  readonly discardedBytes: ReadonlyMap<FileNumber, number>;
  /** Time-travel reads below this version are incomplete from now on; 0 = none. */
  readonly thinnedVersion: Version;
  readonly entriesIn: number;
  readonly entriesOut: number;
}

/** Writes everything `cursor` holds; closes the cursor. Runs on the calling thread. */
export function runFlush(job: FlushJob, cursor: EntryCursor, env: Env): FlushResult {
  const tables = new TableSequence(
    {
      directory: job.directory,
      level: 0,
      knownOrdered: job.knownOrdered,
      options: job.tableOptions,
      firstFileNumber: job.fileNumber,
      fileNumberCount: 1,
    },
    env,
  );
  const uncut = job.cuts === undefined ? undefined : new CutCursor(cursor, job.cuts);
  const entries = new DropCursor(uncut ?? cursor, {
    discardVersion: job.discardVersion,
    versionsToKeep: job.versionsToKeep,
    nowSeconds: job.nowSeconds,
    mayHaveOlder: () => true,
  });
  try {
    for (entries.seekToFirst(); entries.valid; entries.next()) tables.add(entries, entries.stale);
    const [table] = tables.finish();
    if (table !== undefined) env.fileSystem.syncDirectory(job.directory);
    uncut?.addDiscardsTo(entries.discardedBytes);
    return {
      table,
      discardedBytes: entries.discardedBytes,
      thinnedVersion: entries.thinnedVersion,
      entriesIn: entries.entriesIn,
      entriesOut: entries.entriesOut,
    };
  } catch (error) {
    tables.removeAll();
    throw error;
  } finally {
    entries.close();
  }
}
