/**
 * Data keys as the logs see them. `undefined` everywhere stands for "not encrypted".
 */

import { MelesError } from "../base/errors.ts";
import { damaged } from "../format/damage.ts";
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

/** The cipher of a log with this header; `CorruptionError` when the registry has no such key. */
export function cipherOf({ keyId, baseIv }: LogHeader, keys: LogKeys): LogCipher | undefined {
  if (keyId === 0) return undefined;
  try {
    return new LogCipher(keys.keyOf(keyId), baseIv);
  } catch (error) {
    // The master key was right, or the directory would not be open: the number is wrong, or its key lost.
    if (!(error instanceof MelesError) || error.code !== "ERR_ENCRYPTION_KEY") throw error;
    throw damaged(0, "the number of a data key in the registry", `number ${keyId}`, error);
  }
}
