/**
 * The jobs that background threads can do. A job is plain data (it is cloned into the thread; a
 * SharedArrayBuffer in it is shared), and so is its result; neither ever refers to the database.
 */

import { unreachable } from "../base/assert.ts";
import type { FileNumber } from "../base/ids.ts";
import {
  type CompactionJob,
  type CompactionResult,
  runCompaction,
} from "../compaction/compaction-job.ts";
import { examineTable, type TableExamination } from "../compaction/examine-job.ts";
import { type FlushJob, type FlushResult, runFlush } from "../compaction/flush-job.ts";
import type { Env } from "../env/env.ts";
import { sortEntries } from "../memtable/entry-sort.ts";
import type { EntryTable } from "../memtable/entry-table.ts";
import { SortedEntriesCursor } from "../memtable/memtable-cursor.ts";
import type { SealGrant } from "../seal/authority.ts";
import { grantedEnvironment } from "../seal/sealed-environment.ts";

/** Asks for a sign of life. */
interface PingJob {
  readonly kind: "ping";
}

interface PingResult {
  readonly kind: "ping";
  /** Where the job ran. */
  readonly thread: "main" | "background";
  readonly nowMs: number;
}

/** Writes a frozen memtable, read in place through its shared buffers, as a level-0 table. */
export interface FlushMemtableJob {
  readonly kind: "flush";
  readonly flush: FlushJob;
  readonly entries: EntryTable;
}

interface FlushMemtableResult {
  readonly kind: "flush";
  readonly flush: FlushResult;
}

interface CompactTablesJob {
  readonly kind: "compaction";
  readonly compaction: CompactionJob;
}

interface CompactTablesResult {
  readonly kind: "compaction";
  readonly compaction: CompactionResult;
}

/** Finds out where a table without statistics points to. */
interface ExamineTableJob {
  readonly kind: "examine";
  readonly examine: TableExamination;
}

interface ExamineTableResult {
  readonly kind: "examine";
  /** Value-log record bytes pointed to, by file. */
  readonly pointers: ReadonlyMap<FileNumber, number>;
}

/** A job on the files of an authenticated directory. */
interface SealedJob {
  readonly kind: "sealed";
  readonly grant: SealGrant;
  readonly job: Job;
}

export type Job = PingJob | ExamineTableJob | FlushMemtableJob | CompactTablesJob | SealedJob;
export type JobResult = PingResult | ExamineTableResult | FlushMemtableResult | CompactTablesResult;

/** Runs one job to completion on the calling thread. */
export function runJob(job: Job, env: Env): JobResult {
  switch (job.kind) {
    case "ping":
      return {
        kind: "ping",
        thread: Bun.isMainThread ? "main" : "background",
        nowMs: env.clock.nowMs(),
      };
    case "flush": {
      const order = sortEntries(job.entries, 0, job.entries.count);
      const cursor = new SortedEntriesCursor(job.entries, order);
      return { kind: "flush", flush: runFlush(job.flush, cursor, env) };
    }
    case "examine":
      return { kind: "examine", pointers: examineTable(job.examine, env) };
    case "compaction":
      return { kind: "compaction", compaction: runCompaction(job.compaction, env) };
    case "sealed":
      return runJob(job.job, grantedEnvironment(env, job.grant));
    default:
      return unreachable(job);
  }
}
