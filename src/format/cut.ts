/**
 * Cut: every key under some prefixes is gone as of a version, with all versions up to it.
 *
 *     Cut   1 version u64   2 prefix, repeated bytes   3 data key id u64
 *
 * It is committed by a record of the log: a delete marker of the engine's key `!badger!cut` with the cut
 * as its value, which Badger takes for a delete marker like any other. Before that log goes the manifest
 * takes the cut, and keeps it until nothing that it hides is left in any file. The record counts among
 * what the cut hides, so it is gone by then: a cut must never count again once older versions were
 * restored. Only a log that Badger has flushed leaves one in a table that counts.
 *
 * In the manifest of an encrypted directory (data key id above 0) each prefix is stored like a table
 * block: cipher text, then its IV; prefixes are parts of keys. In a log the whole value is encrypted. An
 * empty prefix stands for all keys. Other keys of the engine (`!badger!…`) are never cut.
 */

import {
  compareBytes,
  compareRange,
  concatBytes,
  prefixEnd,
  startsWith,
  toBytes,
} from "../base/bytes.ts";
import { RESERVED_KEY_PREFIX, type Version } from "../base/ids.ts";
import { decryptBlock, encryptBlock, IV_SIZE } from "./encryption.ts";
import {
  bytesFieldLength,
  ProtobufReader,
  varintFieldLength,
  writeBytesField,
  writeVarintField,
} from "./protobuf.ts";

const FIELD_VERSION = 1;
const FIELD_PREFIX = 2;
const FIELD_KEY_ID = 3;

/** Key of the log record that commits a cut. Frozen. */
export const CUT_KEY: Uint8Array = concatBytes(RESERVED_KEY_PREFIX, toBytes("cut"));

export interface Cut {
  readonly version: Version;
  /** None is the beginning of another. */
  readonly prefixes: readonly Uint8Array[];
}

/** A cut as the manifest holds it. */
export interface StoredCut extends Cut {
  /** Data key that the prefixes are encrypted with, 0 = none. */
  readonly keyId: number;
}

/** For the manifest; `dataKey` in an encrypted directory. */
export function storeCut(
  { version, prefixes }: Cut,
  dataKey: { readonly keyId: number; readonly key: Uint8Array } | undefined,
  random: { fill(bytes: Uint8Array): void },
): StoredCut {
  if (dataKey === undefined) return { version, prefixes, keyId: 0 };
  const sealed = prefixes.map((prefix) => {
    const iv = new Uint8Array(IV_SIZE);
    random.fill(iv);
    return encryptBlock(dataKey.key, iv, prefix);
  });
  return { version, prefixes: sealed, keyId: dataKey.keyId };
}

/** From the manifest. */
export function readCut(
  { version, prefixes, keyId }: StoredCut,
  keyOf: (keyId: number) => Uint8Array,
): Cut {
  if (keyId === 0) return { version, prefixes };
  const key = keyOf(keyId);
  // Plain arrays: a Buffer's slices share its bytes.
  const opened = prefixes.map((prefix) => new Uint8Array(decryptBlock(key, prefix)));
  return { version, prefixes: opened };
}

/** Whether a version of a key is gone for a reader that knows the cut. */
export function hides(
  cut: Cut,
  bytes: Uint8Array,
  offset: number,
  length: number,
  version: Version,
): boolean {
  if (version > cut.version) return false;
  if (beginsWith(bytes, offset, length, RESERVED_KEY_PREFIX)) {
    return length === CUT_KEY.length && beginsWith(bytes, offset, length, CUT_KEY);
  }
  const { prefixes } = cut;
  for (let i = 0; i < prefixes.length; i++) {
    if (beginsWith(bytes, offset, length, prefixes[i] as Uint8Array)) return true;
  }
  return false;
}

/** Whether a key from `smallest` to `largest` can be one that the cut hides. */
export function meets({ prefixes }: Cut, smallest: Uint8Array, largest: Uint8Array): boolean {
  return (
    prefixes.some((prefix) => meetsPrefix(prefix, smallest, largest)) ||
    (compareBytes(smallest, CUT_KEY) <= 0 && compareBytes(largest, CUT_KEY) >= 0)
  );
}

/** Whether every key from `smallest` to `largest` is under one prefix of the cut. */
export function covers({ prefixes }: Cut, smallest: Uint8Array, largest: Uint8Array): boolean {
  if (meetsPrefix(RESERVED_KEY_PREFIX, smallest, largest)) return false;
  return prefixes.some((prefix) => startsWith(smallest, prefix) && startsWith(largest, prefix));
}

function meetsPrefix(prefix: Uint8Array, smallest: Uint8Array, largest: Uint8Array): boolean {
  if (compareBytes(largest, prefix) < 0) return false;
  const end = prefixEnd(prefix);
  return end === undefined || compareBytes(smallest, end) < 0;
}

function beginsWith(
  bytes: Uint8Array,
  offset: number,
  length: number,
  prefix: Uint8Array,
): boolean {
  if (length < prefix.length) return false;
  return compareRange(bytes, offset, prefix.length, prefix, 0, prefix.length) === 0;
}

export function cutLength(cut: StoredCut): number {
  let length =
    varintFieldLength(FIELD_VERSION, cut.version) + varintFieldLength(FIELD_KEY_ID, cut.keyId);
  for (const prefix of cut.prefixes) length += bytesFieldLength(FIELD_PREFIX, prefix.length);
  return length;
}

/** Writes `cutLength` bytes and returns the offset behind them. */
export function writeCut(target: Uint8Array, offset: number, cut: StoredCut): number {
  let position = writeVarintField(target, offset, FIELD_VERSION, cut.version);
  for (const prefix of cut.prefixes) {
    position = writeBytesField(target, position, FIELD_PREFIX, prefix);
  }
  return writeVarintField(target, position, FIELD_KEY_ID, cut.keyId);
}

export function decodeCut(reader: ProtobufReader): StoredCut {
  let version = 0;
  let keyId = 0;
  const prefixes: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.isVarint(FIELD_VERSION)) version = reader.u64();
    else if (reader.isBytes(FIELD_PREFIX)) prefixes.push(reader.view().slice());
    else if (reader.isVarint(FIELD_KEY_ID)) keyId = reader.u64();
  }
  return { version, prefixes, keyId };
}

/** The value of the log record that commits a cut. */
export function encodeLoggedCut(prefixes: readonly Uint8Array[]): Uint8Array {
  const cut = { version: 0, prefixes, keyId: 0 };
  const value = new Uint8Array(cutLength(cut));
  writeCut(value, 0, cut);
  return value;
}

/** The cut of a log record with this value, a copy; `undefined` for one that only the manifest holds. */
export function decodeLoggedCut(
  version: Version,
  bytes: Uint8Array,
  offset: number,
  length: number,
): Cut | undefined {
  const { prefixes } = decodeCut(new ProtobufReader(bytes, offset, offset + length));
  return prefixes.length === 0 ? undefined : { version, prefixes };
}
