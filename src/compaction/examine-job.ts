/**
 * The examination job: reads a table that carries no statistics (Badger's) once and tells where it
 * points to. Plain data in and out; crosses threads.
 */

import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { tableFileName } from "../format/file-names.ts";
import { META_POINTER } from "../format/stored-value.ts";
import { pointerFile, pointerLength } from "../format/value-pointer.ts";
import type { TableMeta } from "../manifest/version.ts";
import { BlockCache } from "../table/block-cache.ts";
import { type ChecksumVerification, TableReader } from "../table/table-reader.ts";

export interface TableExamination {
  readonly directory: string;
  readonly table: TableMeta;
  /** Data key of the table, if it is encrypted. */
  readonly key?: Uint8Array;
  readonly verifyChecksums: ChecksumVerification;
}

/** Value-log record bytes that the table's entries point to, by file. */
export function examineTable(job: TableExamination, env: Env): Map<FileNumber, number> {
  const path = join(job.directory, tableFileName(job.table.fileNumber));
  const file = env.fileSystem.open(path, { write: false, create: "never" });
  const source = job.key === undefined ? job.table : { ...job.table, key: job.key };
  let reader: TableReader;
  try {
    reader = TableReader.open(file, source, new BlockCache(0), {
      verifyChecksums: job.verifyChecksums,
    });
  } catch (error) {
    file.close();
    throw error;
  }
  try {
    const pointers = new Map<FileNumber, number>();
    const cursor = reader.cursor();
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
      if ((cursor.meta & META_POINTER) === 0) continue;
      const target = pointerFile(cursor.valueBytes, cursor.valueOffset);
      const length = pointerLength(cursor.valueBytes, cursor.valueOffset);
      pointers.set(target, (pointers.get(target) ?? 0) + length);
    }
    cursor.close();
    return pointers;
  } finally {
    reader.close();
  }
}
