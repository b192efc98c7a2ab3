/**
 * Data keys as the logs see them. `undefined` everywhere stands for "not encrypted".
 */

import { LogCipher } from "../format/encryption.ts";
import type { LogHeader } from "../format/log-header.ts";

export interface DataKeyRef {
  /** Not 0. */
  readonly keyId: number;
  /** 16, 24 or 32 bytes. */
  readonly key: Uint8Array;
}

export interface LogKeys {
  /** The key for new files; may make a new one. */
  current(): DataKeyRef | undefined;
  /** The key with this id; `ERR_ENCRYPTION_KEY` if there is none. */
  keyOf(keyId: number): Uint8Array;
}

/** The cipher of a log with this header. */
export function cipherOf(header: LogHeader, keys: LogKeys): LogCipher | undefined {
  return header.keyId === 0 ? undefined : new LogCipher(keys.keyOf(header.keyId), header.baseIv);
}
