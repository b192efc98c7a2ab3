/**
 * Cut: every key under some prefixes is gone as of a version, with all versions up to it. A record of
 * the manifest, kept until nothing that it hides is left in any file.
 *
 *     Cut   1 version u64   2 prefix, repeated bytes   3 data key id u64
 *
 * In an encrypted directory (data key id above 0) each prefix is stored like a table block: cipher text,
 * then its IV; prefixes are parts of keys. An empty prefix stands for all keys. Keys of the engine
 * (`!badger!…`) are never cut.
 */

import { compareBytes, compareRange, prefixEnd, startsWith } from "../base/bytes.ts";
import { RESERVED_KEY_PREFIX, type Version } from "../base/ids.ts";
import { decryptBlock, encryptBlock, IV_SIZE } from "./encryption.ts";
import {
  bytesFieldLength,
  type ProtobufReader,
  varintFieldLength,
  writeBytesField,
  writeVarintField,
} from "./protobuf.ts";

const FIELD_VERSION = 1;
const FIELD_PREFIX = 2;
const FIELD_KEY_ID = 3;

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
  const { prefixes } = cut;
  for (let i = 0; i < prefixes.length; i++) {
    const prefix = prefixes[i] as Uint8Array;
    if (beginsWith(bytes, offset, length, prefix)) {
      return !beginsWith(bytes, offset, length, RESERVED_KEY_PREFIX);
    }
  }
  return false;
}

/** Whether a key from `smallest` to `largest` can be under a prefix of the cut. */
export function meets({ prefixes }: Cut, smallest: Uint8Array, largest: Uint8Array): boolean {
  return prefixes.some((prefix) => meetsPrefix(prefix, smallest, largest));
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
