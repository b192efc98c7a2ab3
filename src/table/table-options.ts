/**
 * `TableOptions`: how new tables are written. Plain data, because it crosses threads. Nothing here
 * is needed to read a table: compression and key come from the manifest, the rest from the file.
 */

import type { BloomStyle } from "../format/bloom-filter.ts";
import type { CompressionCode } from "../manifest/version.ts";

/** The data key a table is encrypted with; `keyId` names it in the key registry and is not 0. */
export interface TableEncryption {
  readonly keyId: number;
  /** 16, 24 or 32 bytes. */
  readonly key: Uint8Array;
}

export interface TableOptions {
  /**
   * Blocks end before they outgrow this; one entry alone may. Smaller: less read per point read and a
   * larger index. Larger: better compression, faster scans.
   */
  readonly blockSizeBytes: number;
  /** Share of absent keys the bloom filter lets through, in (0, 1); 0 writes no filter. */
  readonly bloomFalsePositive: number;
  /** `badger` repeats Badger's sizing, which misses the rate, for byte-identical files. */
  readonly bloomStyle: BloomStyle;
  readonly compression: CompressionCode;
  /** Level of the Zstandard encoder, 1 … 22. */
  readonly compressionLevel: number;
  readonly checksum: "crc32c" | "xxhash64";
  readonly encryption?: TableEncryption;
  /**
   * Write the index slots that Badger ignores (largest key, value-log bytes, delete markers, expiries,
   * known order). Without them the table reads like one of Badger's. Default of the product: true.
   */
  readonly extension: boolean;
}

/** The defaults of the product. */
export const TABLE_OPTIONS: TableOptions = {
  blockSizeBytes: 4096,
  bloomFalsePositive: 0.01,
  bloomStyle: "optimal",
  compression: 0,
  compressionLevel: 1,
  checksum: "xxhash64",
  extension: true,
};

/** What Badger itself would write: for byte-identical files. */
export const BADGER_TABLE_OPTIONS: TableOptions = {
  ...TABLE_OPTIONS,
  bloomStyle: "badger",
  checksum: "crc32c",
  extension: false,
};
