/**
 * Manifest record: one atomic change of the set of tables.
 *
 *     | payload length u32 BE | CRC-32C of the payload u32 BE | payload, a ManifestChangeSet |
 *
 *     ManifestChangeSet  1 changes, repeated ManifestChange
 *                        1000 thinned version u64   1001 value-log discards, repeated
 *                        1002 newest version u64   1003 dropped end version u64
 *                        1004 cuts, repeated Cut (cut.ts)   1005 ended cuts, repeated u64 (all Meles)
 *     ManifestChange     1 id u64   2 op 0 create, 1 delete   3 level u32   4 key id u64
 *                        5 encryption 0 = AES   6 compression u32
 *     ValueLogDiscard    1 file u64   2 bytes u64
 *
 * Zeros are left out, so creating table 1 uncompressed at level 0 is `08 01`. A delete has only id
 * and op. Creates come before deletes. Frozen. Badger ignores our fields from 1000 on; they are
 * hints that are gone once it has rewritten the manifest.
 */

import type { FileNumber, Version } from "../base/ids.ts";
import { toCompressionCode } from "./compression.ts";
import type { CompressionCode } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { cutLength, decodeCut, type StoredCut, writeCut } from "./cut.ts";
import { damaged } from "./damage.ts";
import { writeU32BE } from "./integers.ts";
import {
  bytesFieldLength,
  ProtobufReader,
  varintFieldLength,
  writeBytesFieldHeader,
  writeVarintField,
} from "./protobuf.ts";

/** Bytes before a record's payload: length and checksum. Frozen. */
export const MANIFEST_RECORD_HEADER_SIZE = 8;

const FIELD_CHANGES = 1;
const FIELD_THINNED_VERSION = 1000;
const FIELD_VALUE_LOG_DISCARDS = 1001;
const FIELD_NEWEST_VERSION = 1002;
const FIELD_DROPPED_END_VERSION = 1003;
const FIELD_CUTS = 1004;
const FIELD_ENDED_CUTS = 1005;
const CHANGE_ID = 1;
const CHANGE_OP = 2;
const CHANGE_LEVEL = 3;
const CHANGE_KEY_ID = 4;
const CHANGE_COMPRESSION = 6;
const DISCARD_FILE = 1;
const DISCARD_BYTES = 2;
const OP_DELETE = 1;

/** A table comes into being. Compression and data key are recorded nowhere else. */
export interface ManifestCreate {
  readonly op: "create";
  readonly fileNumber: FileNumber;
  readonly level: number;
  /** Data key of the table, 0 = not encrypted. */
  readonly keyId: number;
  readonly compression: CompressionCode;
}

export interface ManifestDelete {
  readonly op: "delete";
  readonly fileNumber: FileNumber;
}

export type ManifestChange = ManifestCreate | ManifestDelete;

/** Garbage that one change added to a value-log file. */
export interface ValueLogDiscard {
  readonly file: FileNumber;
  readonly bytes: number;
}

export interface ManifestChangeSet {
  readonly changes: readonly ManifestChange[];
  /** Compaction may have dropped versions below this one (0 = not recorded). */
  readonly thinnedVersion?: Version;
  readonly valueLogDiscards?: readonly ValueLogDiscard[];
  /**
   * The newest version committed so far (0 = not recorded). Tables alone do not tell: compaction may
   * have dropped the newest delete markers, and versions must never be given out twice.
   */
  readonly newestVersion?: Version;
  /**
   * Delete markers and expired entries up to this version may be gone without a trace (0 = not
   * recorded): an incremental backup from an older version would miss deletions.
   */
  readonly droppedEndVersion?: Version;
  /** Cuts that begin to count. */
  readonly cuts?: readonly StoredCut[];
  /** Versions of cuts that hide nothing any more. */
  readonly endedCuts?: readonly Version[];
}

function changeLength(change: ManifestChange): number {
  const id = varintFieldLength(CHANGE_ID, change.fileNumber);
  if (change.op === "delete") return id + varintFieldLength(CHANGE_OP, OP_DELETE);
  return (
    id +
    varintFieldLength(CHANGE_LEVEL, change.level) +
    varintFieldLength(CHANGE_KEY_ID, change.keyId) +
    varintFieldLength(CHANGE_COMPRESSION, change.compression)
  );
}

function writeChange(target: Uint8Array, offset: number, change: ManifestChange): number {
  const position = writeVarintField(target, offset, CHANGE_ID, change.fileNumber);
  if (change.op === "delete") return writeVarintField(target, position, CHANGE_OP, OP_DELETE);
  const level = writeVarintField(target, position, CHANGE_LEVEL, change.level);
  const keyId = writeVarintField(target, level, CHANGE_KEY_ID, change.keyId);
  return writeVarintField(target, keyId, CHANGE_COMPRESSION, change.compression);
}

function discardLength(discard: ValueLogDiscard): number {
  return (
    varintFieldLength(DISCARD_FILE, discard.file) + varintFieldLength(DISCARD_BYTES, discard.bytes)
  );
}

function changeSetLength(set: ManifestChangeSet): number {
  let length =
    varintFieldLength(FIELD_THINNED_VERSION, set.thinnedVersion ?? 0) +
    varintFieldLength(FIELD_NEWEST_VERSION, set.newestVersion ?? 0) +
    varintFieldLength(FIELD_DROPPED_END_VERSION, set.droppedEndVersion ?? 0);
  for (const change of set.changes) {
    length += bytesFieldLength(FIELD_CHANGES, changeLength(change));
  }
  for (const discard of set.valueLogDiscards ?? []) {
    length += bytesFieldLength(FIELD_VALUE_LOG_DISCARDS, discardLength(discard));
  }
  for (const cut of set.cuts ?? []) length += bytesFieldLength(FIELD_CUTS, cutLength(cut));
  for (const version of set.endedCuts ?? []) length += varintFieldLength(FIELD_ENDED_CUTS, version);
  return length;
}

function writeChangeSet(target: Uint8Array, offset: number, set: ManifestChangeSet): void {
  let position = offset;
  for (const change of set.changes) {
    position = writeBytesFieldHeader(target, position, FIELD_CHANGES, changeLength(change));
    position = writeChange(target, position, change);
  }
  position = writeVarintField(target, position, FIELD_THINNED_VERSION, set.thinnedVersion ?? 0);
  for (const discard of set.valueLogDiscards ?? []) {
    const length = discardLength(discard);
    position = writeBytesFieldHeader(target, position, FIELD_VALUE_LOG_DISCARDS, length);
    position = writeVarintField(target, position, DISCARD_FILE, discard.file);
    position = writeVarintField(target, position, DISCARD_BYTES, discard.bytes);
  }
  position = writeVarintField(target, position, FIELD_NEWEST_VERSION, set.newestVersion ?? 0);
  const { droppedEndVersion = 0, cuts = [], endedCuts = [] } = set;
  position = writeVarintField(target, position, FIELD_DROPPED_END_VERSION, droppedEndVersion);
  for (const cut of cuts) {
    position = writeBytesFieldHeader(target, position, FIELD_CUTS, cutLength(cut));
    position = writeCut(target, position, cut);
  }
  for (const version of endedCuts) {
    position = writeVarintField(target, position, FIELD_ENDED_CUTS, version);
  }
}

/** A whole record, ready to be appended with a single write. */
export function encodeManifestRecord(set: ManifestChangeSet): Uint8Array {
  const length = changeSetLength(set);
  const record = new Uint8Array(MANIFEST_RECORD_HEADER_SIZE + length);
  writeChangeSet(record, MANIFEST_RECORD_HEADER_SIZE, set);
  writeU32BE(record, 0, length);
  writeU32BE(record, 4, crc32c(record, MANIFEST_RECORD_HEADER_SIZE, record.length));
  return record;
}

/** Decodes a record's payload `bytes[start, end)`; the checksum has been verified. */
export function decodeManifestChangeSet(
  bytes: Uint8Array,
  start: number,
  end: number,
): ManifestChangeSet {
  const changes: ManifestChange[] = [];
  const valueLogDiscards: ValueLogDiscard[] = [];
  let thinnedVersion = 0;
  let newestVersion = 0;
  let droppedEndVersion = 0;
  const cuts: StoredCut[] = [];
  const endedCuts: Version[] = [];
  const reader = new ProtobufReader(bytes, start, end);
  const nested = new ProtobufReader(bytes, start, end);
  while (reader.next()) {
    nested.open(reader.payloadStart, reader.payloadEnd);
    if (reader.isBytes(FIELD_CHANGES)) changes.push(decodeChange(nested));
    else if (reader.isVarint(FIELD_THINNED_VERSION)) thinnedVersion = reader.u64();
    else if (reader.isVarint(FIELD_NEWEST_VERSION)) newestVersion = reader.u64();
    else if (reader.isVarint(FIELD_DROPPED_END_VERSION)) droppedEndVersion = reader.u64();
    else if (reader.isBytes(FIELD_CUTS)) cuts.push(decodeCut(nested));
    else if (reader.isVarint(FIELD_ENDED_CUTS)) endedCuts.push(reader.u64());
    else if (reader.isBytes(FIELD_VALUE_LOG_DISCARDS)) {
      valueLogDiscards.push(decodeDiscard(nested));
    }
  }
  return {
    changes,
    ...(thinnedVersion === 0 ? {} : { thinnedVersion }),
    ...(newestVersion === 0 ? {} : { newestVersion }),
    ...(droppedEndVersion === 0 ? {} : { droppedEndVersion }),
    ...(valueLogDiscards.length === 0 ? {} : { valueLogDiscards }),
    ...(cuts.length === 0 ? {} : { cuts }),
    ...(endedCuts.length === 0 ? {} : { endedCuts }),
  };
}

function decodeChange(reader: ProtobufReader): ManifestChange {
  const { start } = reader;
  let fileNumber = 0;
  let op = 0;
  let level = 0;
  let keyId = 0;
  let compression = 0;
  while (reader.next()) {
    if (reader.isVarint(CHANGE_ID)) fileNumber = reader.u64();
    else if (reader.isVarint(CHANGE_OP)) op = reader.u64();
    else if (reader.isVarint(CHANGE_LEVEL)) level = reader.u64();
    else if (reader.isVarint(CHANGE_KEY_ID)) keyId = reader.u64();
    else if (reader.isVarint(CHANGE_COMPRESSION)) compression = reader.u64();
  }
  if (op === OP_DELETE) return { op: "delete", fileNumber };
  if (op !== 0) throw damaged(start, "a manifest operation 0 or 1", `${op}`);
  return {
    op: "create",
    fileNumber,
    level,
    keyId,
    compression: toCompressionCode(compression),
  };
}

function decodeDiscard(reader: ProtobufReader): ValueLogDiscard {
  let file = 0;
  let bytes = 0;
  while (reader.next()) {
    if (reader.isVarint(DISCARD_FILE)) file = reader.u64();
    else if (reader.isVarint(DISCARD_BYTES)) bytes = reader.u64();
  }
  return { file, bytes };
}
