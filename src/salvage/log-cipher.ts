/**
 * Finding the cipher of a log whose header may be damaged. The header names a data key; when there is
 * no such key, or what it decrypts makes no sense, all others are tried, and none.
 */

import { LogCipher } from "../format/encryption.ts";
import { LOG_BASE_IV_SIZE, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { readU64BE } from "../format/integers.ts";
import type { KeyEvidence } from "./key-evidence.ts";

/** Ways to read a log with these first bytes, the declared one first; `undefined` = in clear. */
export function logCiphers(header: Uint8Array, keys: KeyEvidence): (LogCipher | undefined)[] {
  const ivStart = LOG_HEADER_SIZE - LOG_BASE_IV_SIZE;
  const baseIv = header.slice(ivStart, LOG_HEADER_SIZE);
  const declared = header.length < LOG_HEADER_SIZE ? 0 : readU64BE(header, 0);
  const ids = [0, ...keys.keys.map(({ keyId }) => keyId)];
  ids.sort((a, b) => Number(b === declared) - Number(a === declared));
  const ciphers: (LogCipher | undefined)[] = [];
  for (const id of ids) {
    const key = keys.keyOf(id);
    if (id === 0) ciphers.push(undefined);
    else if (key !== undefined && baseIv.length === LOG_BASE_IV_SIZE) {
      ciphers.push(new LogCipher(key, baseIv));
    }
  }
  return ciphers;
}
