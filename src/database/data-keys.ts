/**
 * The data keys of a directory: read from `KEYREGISTRY` at open, a new one added when the newest is
 * older than the rotation period. Old keys stay for the files written with them.
 */

import { MelesError } from "../base/errors.ts";
import { join } from "../base/paths.ts";
import { replaceFile } from "../env/replace-file.ts";
import type { Env } from "../env/env.ts";
import { located } from "../format/damage.ts";
import { KEYREGISTRY, KEYREGISTRY_REWRITE } from "../format/file-names.ts";
import {
  type DataKey,
  decodeKeyRegistry,
  encodeDataKeyRecord,
  encodeKeyRegistryHeader,
} from "../format/key-registry.ts";
import type { DataKeyRef, LogKeys } from "../log/log-keys.ts";

const IV_BYTES = 16;

export class DataKeys implements LogKeys {
  readonly #env: Env;
  readonly #directory: string;
  readonly #masterKey: Uint8Array | undefined;
  readonly #rotationMs: number;
  readonly #keys: DataKey[];
  /** What lies in the directory is these keys, to its last byte. */
  readonly #isWhole: boolean;

  private constructor(
    env: Env,
    directory: string,
    masterKey: Uint8Array | undefined,
    rotationMs: number,
    keys: DataKey[],
    isWhole: boolean,
  ) {
    this.#env = env;
    this.#directory = directory;
    this.#masterKey = masterKey;
    this.#rotationMs = rotationMs;
    this.#keys = keys;
    this.#isWhole = isWhole;
  }

  /** Reads the registry, and changes nothing. */
  static open(
    env: Env,
    directory: string,
    masterKey: Uint8Array | undefined,
    rotationMs: number,
  ): DataKeys {
    const bytes = env.fileSystem.readFile(join(directory, KEYREGISTRY));
    if (bytes === undefined) return new DataKeys(env, directory, masterKey, rotationMs, [], false);
    const { keys, validEnd } = decodeNamed(bytes, masterKey);
    return new DataKeys(
      env,
      directory,
      masterKey,
      rotationMs,
      [...keys],
      validEnd === bytes.length,
    );
  }

  /**
   * Creates a registry that is missing (Badger wants one, also without encryption), and rewrites one with a
   * torn tail: nothing may ever be appended behind that.
   */
  settle(): void {
    if (!this.#isWhole) this.#write(this.#keys);
  }

  current(): DataKeyRef | undefined {
    if (this.#masterKey === undefined) return undefined;
    const nowMs = this.#env.clock.nowMs();
    let newest = this.#keys.reduce<DataKey | undefined>(
      (best, key) => (best === undefined || key.keyId > best.keyId ? key : best),
      undefined,
    );
    if (newest === undefined || nowMs - newest.createdAt * 1000 >= this.#rotationMs) {
      newest = this.#add(newest?.keyId ?? 0, this.#masterKey.length, nowMs);
    }
    return { keyId: newest.keyId, key: newest.data };
  }

  keyOf(keyId: number): Uint8Array {
    const found = this.#keys.find((key) => key.keyId === keyId);
    if (found === undefined) {
      throw new MelesError(
        "ERR_ENCRYPTION_KEY",
        `data key ${keyId} is not in the key registry; without it its files cannot be read`,
      );
    }
    return found.data;
  }

  /** All keys by id, for jobs that read encrypted files. */
  all(): Map<number, Uint8Array> {
    return new Map(this.#keys.map(({ keyId, data }) => [keyId, data]));
  }

  #add(lastId: number, length: number, nowMs: number): DataKey {
    const key: DataKey = {
      keyId: lastId + 1,
      data: this.#randomBytes(length),
      iv: this.#randomBytes(IV_BYTES),
      createdAt: Math.floor(nowMs / 1000),
    };
    // Only a key that is in the registry may be used: what it encrypts would be lost without it.
    this.#write([...this.#keys, key]);
    this.#keys.push(key);
    return key;
  }

  /**
   * Writes the whole registry to a new file and puts it in place. Badger appends; rewriting a few
   * hundred bytes every ten days leaves no torn tail to reason about.
   */
  #write(keys: readonly DataKey[]): void {
    const parts = [
      encodeKeyRegistryHeader(this.#randomBytes(IV_BYTES), this.#masterKey),
      ...keys.map((key) => encodeDataKeyRecord(key, this.#masterKey)),
    ];
    replaceFile(this.#env.fileSystem, this.#directory, KEYREGISTRY_REWRITE, KEYREGISTRY, parts);
  }

  #randomBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#env.random.fill(bytes);
    return bytes;
  }
}

function decodeNamed(
  bytes: Uint8Array,
  masterKey: Uint8Array | undefined,
): ReturnType<typeof decodeKeyRegistry> {
  try {
    return decodeKeyRegistry(bytes, masterKey);
  } catch (error) {
    throw located(error, KEYREGISTRY, 0);
  }
}
