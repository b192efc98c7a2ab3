/**
 * `KEYREGISTRY`: the data keys of a directory, encrypted under the master key.
 *
 *     | IV, 16 random bytes | "Hello Badger", encrypted if there is a master key | records … |
 *
 *     record:  | payload length u32 BE | CRC-32C of the payload u32 BE | payload, a DataKey |
 *     DataKey: 1 key id u64   2 data, encrypted   3 IV, 16 bytes   4 created at, unix seconds
 *
 * Frozen. The file exists without encryption too, with the text in clear; then it has 28 bytes. Data
 * keys have the length of the master key. Never append behind a torn tail: rewrite the file.
 */

import { equalBytes } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import { crc32c } from "./crc32c.ts";
import { damaged } from "./damage.ts";
import { ctr, isAesKeyLength, IV_SIZE } from "./encryption.ts";
import { readU32BE, writeU32BE } from "./integers.ts";
import {
  bytesFieldLength,
  ProtobufReader,
  varintFieldLength,
  writeBytesField,
  writeVarintField,
} from "./protobuf.ts";

/** Bytes before the first record. Frozen. */
export const KEY_REGISTRY_HEADER_SIZE = 28;
const RECORD_HEADER_SIZE = 8;
/** Generous: a record has 72 bytes at most. Bounds what a damaged length can claim. */
const RECORD_SIZE_MAX = 4096;
/** ASCII `Hello Badger`. Frozen. */
const SANITY_TEXT = new Uint8Array([
  0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x42, 0x61, 0x64, 0x67, 0x65, 0x72,
]);

const FIELD_KEY_ID = 1;
const FIELD_DATA = 2;
const FIELD_IV = 3;
const FIELD_CREATED_AT = 4;

/** A key that files are encrypted with. */
export interface DataKey {
  readonly keyId: number;
  /** The key in clear: 16, 24 or 32 bytes. */
  readonly data: Uint8Array;
  /** Counter block under which `data` is encrypted in the registry. */
  readonly iv: Uint8Array;
  /** Unix seconds. */
  readonly createdAt: number;
}

export interface KeyRegistry {
  readonly iv: Uint8Array;
  readonly keys: readonly DataKey[];
  /** Offset behind the last whole record; shorter than the file after a torn append. */
  readonly validEnd: number;
}

/** The start of a registry. `iv` are 16 random bytes; without a master key nothing is encrypted. */
export function encodeKeyRegistryHeader(
  iv: Uint8Array,
  masterKey: Uint8Array | undefined,
): Uint8Array {
  const header = new Uint8Array(KEY_REGISTRY_HEADER_SIZE);
  header.set(iv);
  header.set(masterKey === undefined ? SANITY_TEXT : ctr(masterKey, iv, SANITY_TEXT), IV_SIZE);
  return header;
}

/** One record, ready to be appended with a single write. */
export function encodeDataKeyRecord(key: DataKey, masterKey: Uint8Array | undefined): Uint8Array {
  const data = masterKey === undefined ? key.data : ctr(masterKey, key.iv, key.data);
  const length =
    varintFieldLength(FIELD_KEY_ID, key.keyId) +
    bytesFieldLength(FIELD_DATA, data.length) +
    bytesFieldLength(FIELD_IV, key.iv.length) +
    varintFieldLength(FIELD_CREATED_AT, key.createdAt);
  const record = new Uint8Array(RECORD_HEADER_SIZE + length);
  let position = writeVarintField(record, RECORD_HEADER_SIZE, FIELD_KEY_ID, key.keyId);
  position = writeBytesField(record, position, FIELD_DATA, data);
  position = writeBytesField(record, position, FIELD_IV, key.iv);
  writeVarintField(record, position, FIELD_CREATED_AT, key.createdAt);
  writeU32BE(record, 0, length);
  writeU32BE(record, 4, crc32c(record, RECORD_HEADER_SIZE, record.length));
  return record;
}

/**
 * Reads a registry and decrypts its keys. `ERR_ENCRYPTION_KEY` when the master key is not the one it
 * was written with (or one is missing, or superfluous); `CorruptionError` for damage. A record cut
 * short at the end is left out, see `validEnd`.
 */
export function decodeKeyRegistry(
  bytes: Uint8Array,
  masterKey: Uint8Array | undefined,
): KeyRegistry {
  if (masterKey !== undefined && !isAesKeyLength(masterKey.length)) {
    throw new MelesError(
      "ERR_ENCRYPTION_KEY",
      `an encryption key has 16, 24 or 32 bytes, this one has ${masterKey.length}`,
    );
  }
  if (bytes.length < KEY_REGISTRY_HEADER_SIZE) {
    throw damaged(bytes.length, "a key registry of 28 bytes or more", `${bytes.length} bytes`);
  }
  const iv = bytes.slice(0, IV_SIZE);
  checkSanityText(bytes.subarray(IV_SIZE, KEY_REGISTRY_HEADER_SIZE), iv, masterKey);
  const keys: DataKey[] = [];
  let offset = KEY_REGISTRY_HEADER_SIZE;
  while (offset + RECORD_HEADER_SIZE <= bytes.length) {
    const length = readU32BE(bytes, offset);
    if (length > RECORD_SIZE_MAX) throw damaged(offset, "the length of a data key", `${length}`);
    const start = offset + RECORD_HEADER_SIZE;
    const end = start + length;
    if (end > bytes.length) break;
    if (crc32c(bytes, start, end) !== readU32BE(bytes, offset + 4)) {
      throw damaged(offset, "a data key that matches its checksum", "another checksum");
    }
    keys.push(decodeDataKey(bytes, start, end, masterKey));
    offset = end;
  }
  return { iv, keys, validEnd: offset };
}

function checkSanityText(
  stored: Uint8Array,
  iv: Uint8Array,
  masterKey: Uint8Array | undefined,
): void {
  if (equalBytes(masterKey === undefined ? stored : ctr(masterKey, iv, stored), SANITY_TEXT)) {
    return;
  }
  const plain = equalBytes(stored, SANITY_TEXT);
  throw new MelesError(
    "ERR_ENCRYPTION_KEY",
    masterKey === undefined
      ? "the directory is encrypted; open it with its encryption key"
      : plain
        ? "the directory is not encrypted; open it without an encryption key"
        : "the encryption key is not the one this directory was written with",
  );
}

function decodeDataKey(
  bytes: Uint8Array,
  start: number,
  end: number,
  masterKey: Uint8Array | undefined,
): DataKey {
  let keyId = 0;
  let createdAt = 0;
  let data = new Uint8Array(0);
  let iv = new Uint8Array(0);
  const reader = new ProtobufReader(bytes, start, end);
  while (reader.next()) {
    if (reader.isVarint(FIELD_KEY_ID)) keyId = reader.u64();
    else if (reader.isVarint(FIELD_CREATED_AT)) createdAt = reader.u64Clamped();
    else if (reader.isBytes(FIELD_DATA)) data = reader.view().slice();
    else if (reader.isBytes(FIELD_IV)) iv = reader.view().slice();
  }
  if (!isAesKeyLength(data.length) || iv.length !== IV_SIZE) {
    throw damaged(start, "a data key of 16, 24 or 32 bytes and an IV of 16", `${data.length}`);
  }
  return { keyId, data: masterKey === undefined ? data : ctr(masterKey, iv, data), iv, createdAt };
}
