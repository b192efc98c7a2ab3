/**
 * `SEAL`: the register of an authenticated directory, itself a sealed journal (sealed-file.ts) under the master
 * key. It holds the data keys, and what must be there: which file belongs to a name, and how far a journal
 * at least reaches. Rewritten at every opening for writing, then appended to:
 *
 *     | length u32 BE | change | length u32 BE | change | …
 *
 *     change:  1 data key, repeated   2 session u64          3 mark, repeated
 *              4 removed name, rep.   5 mark of what is about to replace the file of its name
 *     key:     1 id u64   2 key, 32 bytes   3 created at, unix seconds
 *     mark:    1 name     2 salt            3 frames u64     4 tag of the last of them
 *
 * A later change wins. Frozen. What the file system lists but no mark names was made after the last opening,
 * and says so in its header.
 */

import { MelesError } from "../base/errors.ts";
import { toBytes, toText } from "../base/bytes.ts";
import { damaged } from "./damage.ts";
import { readU32BE, writeU32BE } from "./integers.ts";
import {
  bytesFieldLength,
  ProtobufReader,
  varintFieldLength,
  writeBytesField,
  writeVarintField,
} from "./protobuf.ts";
import { SALT_SIZE, SEAL_KEY_SIZE, SEAL_TAG_SIZE } from "./sealed-file.ts";

/** What the register knows of a file. */
export interface SealMark {
  readonly name: string;
  readonly salt: Uint8Array;
  /** A journal has at least so many frames; 0 = nothing is known. */
  readonly frames: number;
  /** Tag of the last of those frames; empty without. */
  readonly tag: Uint8Array;
}

export interface SealDataKey {
  readonly keyId: number;
  readonly key: Uint8Array;
  /** Unix seconds. */
  readonly createdAt: number;
}

export interface RegisterChange {
  readonly keys?: readonly SealDataKey[];
  readonly session?: number;
  readonly marks?: readonly SealMark[];
  /** Names of files that are no longer part of the database, whether they are still there or not. */
  readonly removed?: readonly string[];
  readonly successor?: SealMark;
}

export interface RegisterState {
  readonly keys: ReadonlyMap<number, SealDataKey>;
  readonly session: number;
  readonly marks: ReadonlyMap<string, SealMark>;
  readonly removed: ReadonlySet<string>;
  readonly successor: SealMark | undefined;
}

const LENGTH_SIZE = 4;
const FIELD_KEY = 1;
const FIELD_SESSION = 2;
const FIELD_MARK = 3;
const FIELD_REMOVED = 4;
const FIELD_SUCCESSOR = 5;

export function encodeRegisterChange(change: RegisterChange): Uint8Array {
  const parts = [
    ...(change.keys ?? []).map((key) => ({ field: FIELD_KEY, bytes: encodeKey(key) })),
    ...(change.marks ?? []).map((mark) => ({ field: FIELD_MARK, bytes: encodeMark(mark) })),
    ...(change.removed ?? []).map((name) => ({ field: FIELD_REMOVED, bytes: toBytes(name) })),
  ];
  if (change.successor !== undefined) {
    parts.push({ field: FIELD_SUCCESSOR, bytes: encodeMark(change.successor) });
  }
  const session = change.session ?? 0;
  let length = varintFieldLength(FIELD_SESSION, session);
  for (const { field, bytes } of parts) length += bytesFieldLength(field, bytes.length);
  const target = new Uint8Array(LENGTH_SIZE + length);
  writeU32BE(target, 0, length);
  let position = writeVarintField(target, LENGTH_SIZE, FIELD_SESSION, session);
  for (const { field, bytes } of parts) position = writeBytesField(target, position, field, bytes);
  return target;
}

/** What a whole register says in the end; `CorruptionError` when it cannot be one. */
export function replayRegister(bytes: Uint8Array): RegisterState {
  const keys = new Map<number, SealDataKey>();
  const marks = new Map<string, SealMark>();
  const removed = new Set<string>();
  let session = 0;
  let successor: SealMark | undefined;
  for (let offset = 0; offset < bytes.length;) {
    const start = offset + LENGTH_SIZE;
    const end = start > bytes.length ? Number.NaN : start + readU32BE(bytes, offset);
    if (!(end <= bytes.length)) throw damaged(offset, "a change of the register", "less");
    const reader = new ProtobufReader(bytes, start, end);
    while (reader.next()) {
      if (reader.isVarint(FIELD_SESSION)) session = reader.u64();
      else if (reader.isBytes(FIELD_REMOVED)) {
        const name = toText(reader.view());
        removed.add(name);
        marks.delete(name);
      } else if (reader.isBytes(FIELD_KEY)) {
        const key = decodeKey(reader);
        keys.set(key.keyId, key);
      } else if (reader.isBytes(FIELD_SUCCESSOR)) successor = decodeMark(reader);
      else if (reader.isBytes(FIELD_MARK)) {
        const mark = decodeMark(reader);
        marks.set(mark.name, mark);
        if (successor?.name === mark.name) successor = undefined;
      }
    }
    offset = end;
  }
  if (session === 0) throw damaged(0, "a register with a session", "none");
  return { keys, session, marks, removed, successor };
}

function encodeKey({ keyId, key, createdAt }: SealDataKey): Uint8Array {
  const length =
    varintFieldLength(1, keyId) + bytesFieldLength(2, key.length) + varintFieldLength(3, createdAt);
  const target = new Uint8Array(length);
  const position = writeBytesField(target, writeVarintField(target, 0, 1, keyId), 2, key);
  writeVarintField(target, position, 3, createdAt);
  return target;
}

function decodeKey(outer: ProtobufReader): SealDataKey {
  let keyId = 0;
  let createdAt = 0;
  let key = new Uint8Array(0);
  const reader = new ProtobufReader(outer.bytes, outer.payloadStart, outer.payloadEnd);
  while (reader.next()) {
    if (reader.isVarint(1)) keyId = reader.u64();
    else if (reader.isBytes(2)) key = reader.view().slice();
    else if (reader.isVarint(3)) createdAt = reader.u64Clamped();
  }
  if (keyId === 0 || key.length !== SEAL_KEY_SIZE) {
    throw damaged(outer.payloadStart, "a data key of 32 bytes", `${key.length} bytes`);
  }
  return { keyId, key, createdAt };
}

function encodeMark({ name, salt, frames, tag }: SealMark): Uint8Array {
  const text = toBytes(name);
  const target = new Uint8Array(
    bytesFieldLength(1, text.length) +
      bytesFieldLength(2, salt.length) +
      varintFieldLength(3, frames) +
      bytesFieldLength(4, tag.length),
  );
  let position = writeBytesField(target, 0, 1, text);
  position = writeBytesField(target, position, 2, salt);
  position = writeVarintField(target, position, 3, frames);
  writeBytesField(target, position, 4, tag);
  return target;
}

function decodeMark(outer: ProtobufReader): SealMark {
  let name = "";
  let frames = 0;
  let salt = new Uint8Array(0);
  let tag = new Uint8Array(0);
  const reader = new ProtobufReader(outer.bytes, outer.payloadStart, outer.payloadEnd);
  while (reader.next()) {
    if (reader.isBytes(1)) name = toText(reader.view());
    else if (reader.isBytes(2)) salt = reader.view().slice();
    else if (reader.isVarint(3)) frames = reader.u64();
    else if (reader.isBytes(4)) tag = reader.view().slice();
  }
  if (salt.length !== SALT_SIZE || tag.length !== (frames === 0 ? 0 : SEAL_TAG_SIZE)) {
    throw damaged(outer.payloadStart, "the mark of a file", "one that is cut short");
  }
  return { name, salt, frames, tag };
}

/** When a directory is authenticated and no key, or no AES-256 key, was given. */
export function keyNeeded(): MelesError {
  return new MelesError(
    "ERR_ENCRYPTION_KEY",
    "the directory is encrypted and authenticated; open it with its encryption key of 32 bytes",
  );
}
