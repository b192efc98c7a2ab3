/**
 * `TreeVersion`: the levels at one moment, immutable. Level 0 is ordered newest first (file number
 * descending) and may overlap; deeper levels are ordered by smallest key and are disjoint (I5).
 */

import type { FileNumber, Version } from "../base/ids.ts";

/** Compression of a table's blocks; the numbers are Badger's and frozen. */
export const COMPRESSION_CODES = { none: 0, snappy: 1, zstd: 2 } as const;
export type CompressionCode = 0 | 1 | 2;

/** What is known of a table without opening it. Plain data: it crosses threads. */
export interface TableMeta {
  readonly fileNumber: FileNumber;
  readonly level: number;
  readonly sizeBytes: number;
  /** Smallest and largest user key, without version suffix. */
  readonly smallestKey: Uint8Array;
  readonly largestKey: Uint8Array;
  readonly maxVersion: Version;
  /** Entries of every kind and version. */
  readonly entryCount: number;
  /** Delete markers among them. */
  readonly tombstoneCount: number;
  /** Entries that are delete markers or carry an expiry; 0 when unknown. */
  readonly endingCount: number;
  /** Bytes that compaction already knows to be droppable (Badger's stale_data_size). */
  readonly staleBytes: number;
  /** Smallest and largest non-zero expiry in unix seconds; both 0 when nothing expires. `minExpiresAt` is 0 when unknown. */
  readonly minExpiresAt: number;
  readonly maxExpiresAt: number;
  /** Bytes of value-log records that this table points to, by value-log file number. */
  readonly valueLogBytes: ReadonlyMap<FileNumber, number>;
  /** Delete markers, expiries and value-log bytes are known: false for tables written by Badger. */
  readonly hasStatistics: boolean;
  /**
   * Known to be ordered (I3): every version in this table is newer than any version of the same key
   * below it. False for tables without our index extension (written by Badger).
   */
  readonly knownOrdered: boolean;
  readonly compression: CompressionCode;
  /** Data key the table is encrypted with, 0 = none. */
  readonly keyId: number;
}

export interface TreeVersion {
  readonly levels: readonly (readonly TableMeta[])[];
}
