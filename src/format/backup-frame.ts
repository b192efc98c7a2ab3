/**
 * Backup stream: frames, one after the other, to the end of the stream.
 *
 *     | payload length u64 LE | payload, a KVList |
 *
 *     KVList  1 kv, repeated KV   10 alloc_ref (ignored)
 *     KV      1 key   2 value   3 user meta, 0 or 1 byte   4 version u64   5 expires at u64
 *             6 meta, 0 or 1 byte   10 stream id u32   11 stream done bool
 *
 * Frozen; interchangeable with Badger's. There is no header, checksum or trailer: the stream may end
 * between frames only. Keys are user keys and values are inline; meta may still carry the pointer
 * bit, which readers must clear together with the transaction bits.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import { damaged } from "./damage.ts";
import { readU64LE, writeU64LE } from "./integers.ts";
import {
  bytesFieldLength,
  ProtobufReader,
  varintFieldLength,
  writeBytesField,
  writeBytesFieldHeader,
  writeVarintField,
} from "./protobuf.ts";

/** Bytes of a frame's length. Frozen. */
export const BACKUP_FRAME_HEADER_SIZE = 8;
/**
 * Longest payload accepted. Badger joins batches up to about 100 MiB plus one oversized batch, and
 * one value may reach 2 GiB.
 */
export const BACKUP_FRAME_LENGTH_MAX = 0x8800_0000;

const LIST_KV = 1;
const KV_KEY = 1;
const KV_VALUE = 2;
const KV_USER_META = 3;
const KV_VERSION = 4;
const KV_EXPIRES_AT = 5;
const KV_META = 6;
const KV_STREAM_ID = 10;
const KV_STREAM_DONE = 11;

/** One version of one key. */
export interface BackupEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** `undefined` when the field is absent, as in the delete markers a backup adds; means 0. */
  readonly userMeta: number | undefined;
  readonly version: number;
  /** Unix seconds, 0 = never. */
  readonly expiresAt: number;
  readonly meta: number;
  /** Number of the producing stream, 1 or more; without meaning for a restore. */
  readonly streamId: number;
  /** Not data but the end of a stream; to be skipped by a restore. */
  readonly streamDone: boolean;
}

function entryLength(entry: BackupEntry): number {
  return (
    bytesFieldLength(KV_KEY, entry.key.length) +
    (entry.value.length === 0 ? 0 : bytesFieldLength(KV_VALUE, entry.value.length)) +
    (entry.userMeta === undefined ? 0 : 3) +
    varintFieldLength(KV_VERSION, entry.version) +
    varintFieldLength(KV_EXPIRES_AT, entry.expiresAt) +
    3 +
    varintFieldLength(KV_STREAM_ID, entry.streamId) +
    (entry.streamDone ? 2 : 0)
  );
}

/** Size that an entry adds to a frame. */
export function backupEntryLength(entry: BackupEntry): number {
  return bytesFieldLength(LIST_KV, entryLength(entry));
}

/** Writes an entry into a frame, `backupEntryLength` bytes, and returns the offset behind it. */
export function writeBackupEntry(target: Uint8Array, offset: number, entry: BackupEntry): number {
  let position = writeBytesFieldHeader(target, offset, LIST_KV, entryLength(entry));
  position = writeBytesField(target, position, KV_KEY, entry.key);
  if (entry.value.length > 0) position = writeBytesField(target, position, KV_VALUE, entry.value);
  if (entry.userMeta !== undefined) {
    position = writeByteField(target, position, KV_USER_META, entry.userMeta);
  }
  position = writeVarintField(target, position, KV_VERSION, entry.version);
  position = writeVarintField(target, position, KV_EXPIRES_AT, entry.expiresAt);
  position = writeByteField(target, position, KV_META, entry.meta);
  position = writeVarintField(target, position, KV_STREAM_ID, entry.streamId);
  return writeVarintField(target, position, KV_STREAM_DONE, entry.streamDone ? 1 : 0);
}

function writeByteField(target: Uint8Array, offset: number, field: number, byte: number): number {
  const position = writeBytesFieldHeader(target, offset, field, 1);
  target[position] = byte;
  return position + 1;
}

/** A whole frame, length included. */
export function encodeBackupFrame(entries: readonly BackupEntry[]): Uint8Array {
  let length = 0;
  for (const entry of entries) length += backupEntryLength(entry);
  const frame = new Uint8Array(BACKUP_FRAME_HEADER_SIZE + length);
  writeU64LE(frame, 0, length);
  let position = BACKUP_FRAME_HEADER_SIZE;
  for (const entry of entries) position = writeBackupEntry(frame, position, entry);
  return frame;
}

/**
 * The payload length at `offset`. `CorruptionError` beyond `lengthMax`: pass what is left of the
 * input where that is known, and let buffers grow with the data rather than with this number.
 */
export function decodeBackupFrameLength(
  bytes: Uint8Array,
  offset: number,
  lengthMax: number = BACKUP_FRAME_LENGTH_MAX,
): number {
  const length = readU64LE(bytes, offset);
  if (length === undefined || length > lengthMax) {
    throw damaged(offset, `a frame of at most ${lengthMax} bytes`, "a longer one");
  }
  return length;
}

/** The entries of the payload `bytes[start, end)`. Keys and values are views of `bytes`. */
export function decodeBackupFrame(bytes: Uint8Array, start: number, end: number): BackupEntry[] {
  const entries: BackupEntry[] = [];
  const list = new ProtobufReader(bytes, start, end);
  const entry = new ProtobufReader(bytes, start, end);
  while (list.next()) {
    if (!list.isBytes(LIST_KV)) continue;
    entry.open(list.payloadStart, list.payloadEnd);
    entries.push(decodeEntry(entry));
  }
  return entries;
}

function decodeEntry(reader: ProtobufReader): BackupEntry {
  let key = EMPTY_BYTES;
  let value = EMPTY_BYTES;
  let userMeta: number | undefined;
  let version = 0;
  let expiresAt = 0;
  let meta = 0;
  let streamId = 0;
  let streamDone = false;
  while (reader.next()) {
    if (reader.isBytes(KV_KEY)) key = reader.view();
    else if (reader.isBytes(KV_VALUE)) value = reader.view();
    else if (reader.isBytes(KV_USER_META)) userMeta = reader.firstByte();
    else if (reader.isVarint(KV_VERSION)) version = reader.u64();
    else if (reader.isVarint(KV_EXPIRES_AT)) expiresAt = reader.u64Clamped();
    else if (reader.isBytes(KV_META)) meta = reader.firstByte() ?? 0;
    else if (reader.isVarint(KV_STREAM_ID)) streamId = reader.u64();
    else if (reader.isVarint(KV_STREAM_DONE)) streamDone = reader.u64() !== 0;
  }
  return { key, value, userMeta, version, expiresAt, meta, streamId, streamDone };
}
