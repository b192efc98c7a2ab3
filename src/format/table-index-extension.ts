/**
 * What Meles adds to a table index, in FlatBuffers slots from 16 on. Badger knows slots 0 to 6 and
 * ignores the others; 7 to 15 are left to it. Everything here can be derived again by reading the
 * table, and must be when it is absent (tables written by Badger). Frozen: a slot is never reused.
 *
 *     16 format version u32     17 known ordered u8        18 tombstones u32
 *     19 smallest expiry u64    20 largest expiry u64      21 largest key [ubyte]
 *     22 value-log files [u32]  23 value-log bytes [u64]   24 entries with an expiry u32
 *     25 entries that are deleted or have an expiry u32
 */

import type { Builder } from "flatbuffers";
import type { FileNumber } from "../base/ids.ts";
import { damaged } from "./damage.ts";
import type { FlatTable } from "./flat-table.ts";
import { readU32LE, readU64LE } from "./integers.ts";
import { VERSION_SUFFIX_SIZE } from "./internal-key.ts";

/** 1: the slots drawn above. A reader ignores an extension with a larger number. */
export const TABLE_INDEX_EXTENSION_VERSION = 1;

const SLOT_FORMAT_VERSION = 16;
const SLOT_KNOWN_ORDERED = 17;
const SLOT_TOMBSTONE_COUNT = 18;
const SLOT_MIN_EXPIRES_AT = 19;
const SLOT_MAX_EXPIRES_AT = 20;
const SLOT_LARGEST_KEY = 21;
const SLOT_VALUE_LOG_FILES = 22;
const SLOT_VALUE_LOG_BYTES = 23;
const SLOT_EXPIRING_COUNT = 24;
const SLOT_ENDING_COUNT = 25;
/** Slots of a table index with an extension. */
export const EXTENSION_SLOT_END = 26;

export interface TableIndexExtension {
  /** Every version in this table is newer than any version of the same key below it (I3). */
  readonly knownOrdered: boolean;
  /** Delete markers in the table. */
  readonly tombstoneCount: number;
  /** Entries with an expiry, and the smallest and largest of them in unix seconds (0 when none). */
  readonly expiringCount: number;
  readonly minExpiresAt: number;
  readonly maxExpiresAt: number;
  /** Entries that are delete markers or have an expiry; 0 also where it was not counted. */
  readonly endingCount: number;
  /** Internal key of the last entry. (The smallest key is the base key of block 0.) */
  readonly largestKey: Uint8Array;
  /** Bytes of value-log records that entries point to, by file. */
  readonly valueLogBytes: ReadonlyMap<FileNumber, number>;
}

/** Positions of the vectors in the builder; created before the table is started. */
export interface ExtensionVectors {
  readonly largestKey: number;
  readonly files: number;
  readonly bytes: number;
}

export function createExtensionVectors(
  builder: Builder,
  extension: TableIndexExtension,
): ExtensionVectors {
  const largestKey = builder.createByteVector(extension.largestKey);
  if (extension.valueLogBytes.size === 0) return { largestKey, files: 0, bytes: 0 };
  // A builder works back to front, so the largest file goes in first to come out last.
  const entries = [...extension.valueLogBytes].sort((a, b) => b[0] - a[0]);
  builder.startVector(4, entries.length, 4);
  for (const [file] of entries) builder.addInt32(file | 0);
  const files = builder.endVector();
  builder.startVector(8, entries.length, 8);
  for (const [, sizeBytes] of entries) builder.addInt64(BigInt(sizeBytes));
  return { largestKey, files, bytes: builder.endVector() };
}

export function addExtension(
  builder: Builder,
  extension: TableIndexExtension,
  vectors: ExtensionVectors,
): void {
  builder.addFieldInt32(SLOT_FORMAT_VERSION, TABLE_INDEX_EXTENSION_VERSION, 0);
  builder.addFieldInt8(SLOT_KNOWN_ORDERED, extension.knownOrdered ? 1 : 0, 0);
  builder.addFieldInt32(SLOT_TOMBSTONE_COUNT, extension.tombstoneCount | 0, 0);
  builder.addFieldInt64(SLOT_MIN_EXPIRES_AT, BigInt(extension.minExpiresAt), 0n);
  builder.addFieldInt64(SLOT_MAX_EXPIRES_AT, BigInt(extension.maxExpiresAt), 0n);
  builder.addFieldOffset(SLOT_LARGEST_KEY, vectors.largestKey, 0);
  builder.addFieldOffset(SLOT_VALUE_LOG_FILES, vectors.files, 0);
  builder.addFieldOffset(SLOT_VALUE_LOG_BYTES, vectors.bytes, 0);
  builder.addFieldInt32(SLOT_EXPIRING_COUNT, extension.expiringCount | 0, 0);
  builder.addFieldInt32(SLOT_ENDING_COUNT, extension.endingCount | 0, 0);
}

/** The extension of an index, or `undefined` when there is none this version understands. */
export function readExtension(bytes: Uint8Array, root: FlatTable): TableIndexExtension | undefined {
  const formatVersion = root.u32(SLOT_FORMAT_VERSION);
  if (formatVersion === 0 || formatVersion > TABLE_INDEX_EXTENSION_VERSION) return undefined;
  const keyPosition = root.vector(SLOT_LARGEST_KEY, 1);
  if (keyPosition === 0 || root.vectorLength < VERSION_SUFFIX_SIZE) {
    throw damaged(keyPosition, "the largest key of a table", "none");
  }
  const largestKey = bytes.slice(keyPosition, keyPosition + root.vectorLength);
  return {
    knownOrdered: root.u8(SLOT_KNOWN_ORDERED) === 1,
    tombstoneCount: root.u32(SLOT_TOMBSTONE_COUNT),
    expiringCount: root.u32(SLOT_EXPIRING_COUNT),
    endingCount: root.u32(SLOT_ENDING_COUNT),
    minExpiresAt: root.u64(SLOT_MIN_EXPIRES_AT) ?? Number.MAX_SAFE_INTEGER,
    maxExpiresAt: root.u64(SLOT_MAX_EXPIRES_AT) ?? Number.MAX_SAFE_INTEGER,
    largestKey,
    valueLogBytes: readValueLogBytes(bytes, root),
  };
}

function readValueLogBytes(bytes: Uint8Array, root: FlatTable): Map<FileNumber, number> {
  const result = new Map<FileNumber, number>();
  const files = root.vector(SLOT_VALUE_LOG_FILES, 4);
  const count = files === 0 ? 0 : root.vectorLength;
  const sizes = root.vector(SLOT_VALUE_LOG_BYTES, 8);
  if (count !== (sizes === 0 ? 0 : root.vectorLength)) {
    throw damaged(files, "as many value-log sizes as files", "another number");
  }
  for (let i = 0; i < count; i++) {
    const sizeBytes = readU64LE(bytes, sizes + 8 * i);
    if (sizeBytes === undefined) throw damaged(sizes + 8 * i, "a size below 2^53", "a larger one");
    result.set(readU32LE(bytes, files + 4 * i), sizeBytes);
  }
  return result;
}
