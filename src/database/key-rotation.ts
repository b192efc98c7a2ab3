/**
 * Changing the master key of a directory that is not open: `KEYREGISTRY` is written anew, with the same
 * data keys encrypted under the new master key. No other file changes. A directory that was not
 * encrypted gets a master key: what is written from then on is encrypted.
 */

import { MelesError } from "../base/errors.ts";
import { join } from "../base/paths.ts";
import { replaceFile } from "../env/replace-file.ts";
import type { Env } from "../env/env.ts";
import { IV_SIZE } from "../format/encryption.ts";
import { KEYREGISTRY, KEYREGISTRY_REWRITE, MANIFEST } from "../format/file-names.ts";
import {
  type DataKey,
  decodeKeyRegistry,
  encodeDataKeyRecord,
  encodeKeyRegistryHeader,
} from "../format/key-registry.ts";

export interface KeyRotation {
  /** `undefined` when the directory is not encrypted. */
  readonly oldKey: Uint8Array | undefined;
  readonly newKey: Uint8Array;
}

/** `ERR_NOT_A_DATABASE`, `ERR_LOCKED`, `ERR_ENCRYPTION_KEY` when `oldKey` is wrong, missing or superfluous. */
export function rotateMasterKey(
  env: Env,
  directory: string,
  { oldKey, newKey }: KeyRotation,
): { dataKeys: number; wasEncrypted: boolean } {
  const { fileSystem } = env;
  if (fileSystem.info(join(directory, MANIFEST)) === undefined) {
    throw new MelesError("ERR_NOT_A_DATABASE", `${directory} is no database: it holds no MANIFEST`);
  }
  const lock = fileSystem.lockDirectory(directory, "exclusive");
  try {
    const bytes = fileSystem.readFile(join(directory, KEYREGISTRY));
    if (bytes === undefined && oldKey !== undefined) {
      const message = `${directory} holds no ${KEYREGISTRY}, so no key to it can be changed`;
      throw new MelesError("ERR_ENCRYPTION_KEY", message);
    }
    const keys = bytes === undefined ? [] : decodeKeyRegistry(bytes, oldKey).keys;
    writeRegistry(env, directory, keys, newKey);
    return { dataKeys: keys.length, wasEncrypted: oldKey !== undefined };
  } finally {
    lock.release();
  }
}

/** A new file with fresh vectors, put in place when it is whole: a crash leaves the one or the other. */
function writeRegistry(
  env: Env,
  directory: string,
  keys: readonly DataKey[],
  masterKey: Uint8Array,
): void {
  const { fileSystem, random } = env;
  const freshIv = (): Uint8Array => {
    const iv = new Uint8Array(IV_SIZE);
    random.fill(iv);
    return iv;
  };
  const parts = [
    encodeKeyRegistryHeader(freshIv(), masterKey),
    // Under another key the old vector would do; under the same key a stream must not be used twice.
    ...keys.map((key) => encodeDataKeyRecord({ ...key, iv: freshIv() }, masterKey)),
  ];
  replaceFile(fileSystem, directory, KEYREGISTRY_REWRITE, KEYREGISTRY, parts);
}
