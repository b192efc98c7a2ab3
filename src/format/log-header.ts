/**
 * Header of a log file (`.mem` and `.vlog`).
 *
 *     | data key id u64 BE | base IV, 12 random bytes |
 *
 * Key id 0 means not encrypted; the IV is written all the same. Records start at offset 20. Frozen.
 */

import { assert } from "../base/assert.ts";
import { damaged } from "./damage.ts";
import { readU64BE, writeU64BE } from "./integers.ts";

/** Bytes of the header; the offset of the first record. Frozen. */
export const LOG_HEADER_SIZE = 20;
/** Bytes of the base IV. Frozen. */
export const LOG_BASE_IV_SIZE = 12;

export interface LogHeader {
  /** Data key the records are encrypted with, 0 = none. */
  readonly keyId: number;
  readonly baseIv: Uint8Array;
}

/** A new header; `baseIv` has 12 bytes. */
export function encodeLogHeader(keyId: number, baseIv: Uint8Array): Uint8Array {
  assert(baseIv.length === LOG_BASE_IV_SIZE, "the base IV of a log file has 12 bytes");
  const header = new Uint8Array(LOG_HEADER_SIZE);
  writeU64BE(header, 0, keyId);
  header.set(baseIv, 8);
  return header;
}

/** Reads the header at the start of a log file; `CorruptionError` when it is cut short. */
export function decodeLogHeader(bytes: Uint8Array): LogHeader {
  if (bytes.length < LOG_HEADER_SIZE) {
    throw damaged(bytes.length, "a log header of 20 bytes", `${bytes.length} bytes`);
  }
  const keyId = readU64BE(bytes, 0);
  if (keyId === undefined) throw damaged(0, "a data key id below 2^53", "a larger number");
  return { keyId, baseIv: bytes.slice(8, LOG_HEADER_SIZE) };
}
