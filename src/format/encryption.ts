/**
 * AES in counter mode, the cipher of directories that Badger reads, too (the others: sealed-file.ts).
 * Encrypting and decrypting are the same operation. The key has 16, 24 or 32 bytes; the counter is the
 * whole 16-byte block, big endian.
 * Where the first counter block comes from (frozen):
 *
 *     log record            base IV of the file (12 bytes) | offset of the record u32 BE
 *     table block or index  16 random bytes, stored behind the cipher text
 *     registry              16 random bytes, see key-registry.ts
 *
 * There is no authentication: damage shows in the checksums around or inside, or not at all.
 */

import { createCipheriv } from "node:crypto";
import { assert } from "../base/assert.ts";
import { crc32c } from "./crc32c.ts";
import { damaged } from "./damage.ts";
import { writeU32BE } from "./integers.ts";
import { LOG_BASE_IV_SIZE } from "./log-header.ts";

/** Bytes of a counter block, and of the IV behind an encrypted block or index. Frozen. */
export const IV_SIZE = 16;

/** Whether a key has a length AES takes: 16, 24 or 32 bytes. */
export function isAesKeyLength(length: number): boolean {
  return length === 16 || length === 24 || length === 32;
}

/** `bytes` XORed with the key stream that starts at counter block `iv`. A new array. */
export function ctr(key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Uint8Array {
  assert(isAesKeyLength(key.length), "an AES key has 16, 24 or 32 bytes");
  assert(iv.length === IV_SIZE, "an AES counter block has 16 bytes");
  const cipher = createCipheriv(`aes-${key.length * 8}-ctr`, key, iv);
  // In counter mode nothing is held back: `final` adds no bytes.
  return cipher.update(bytes);
}

/** Encrypts a table block or index: cipher text, then `iv` (16 random bytes). */
export function encryptBlock(key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Uint8Array {
  const stored = new Uint8Array(bytes.length + IV_SIZE);
  stored.set(ctr(key, iv, bytes));
  stored.set(iv, bytes.length);
  return stored;
}

/** Undoes `encryptBlock`; `CorruptionError` when there is no room for the IV. */
export function decryptBlock(key: Uint8Array, stored: Uint8Array): Uint8Array {
  const length = stored.length - IV_SIZE;
  if (length < 0) throw damaged(0, "cipher text and an IV of 16 bytes", `${stored.length} bytes`);
  return ctr(key, stored.subarray(length), stored.subarray(0, length));
}

/** The cipher of one log file: each record has its own key stream, chosen by its offset. */
export class LogCipher {
  readonly #key: Uint8Array;
  readonly #iv = new Uint8Array(IV_SIZE);

  constructor(key: Uint8Array, baseIv: Uint8Array) {
    assert(baseIv.length === LOG_BASE_IV_SIZE, "the base IV of a log file has 12 bytes");
    this.#key = key;
    this.#iv.set(baseIv);
  }

  /**
   * Encrypts or decrypts, in place, the key and value `bytes[start, end)` of the record that starts
   * at `recordOffset` of the file.
   */
  applyTo(bytes: Uint8Array, start: number, end: number, recordOffset: number): void {
    writeU32BE(this.#iv, LOG_BASE_IV_SIZE, recordOffset);
    bytes.set(ctr(this.#key, this.#iv, bytes.subarray(start, end)), start);
  }

  /**
   * Encrypts, in place, a complete plain record `bytes[start, end)` whose key begins at `keyOffset`,
   * and renews its checksum. `recordOffset` is its final offset in the file.
   */
  sealRecord(
    bytes: Uint8Array,
    start: number,
    keyOffset: number,
    end: number,
    recordOffset: number,
  ): void {
    this.applyTo(bytes, keyOffset, end - 4, recordOffset);
    writeU32BE(bytes, end - 4, crc32c(bytes, start, end - 4));
  }
}
