/**
 * What the files beside an inspected one say about it: the manifest knows a table's compression and data
 * key, the key registry holds the keys. Missing or damaged neighbours are no reason to give up: they
 * are reported as what could not be learnt.
 */

import { MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { FileSystem } from "../env/file-system.ts";
import { located } from "../format/damage.ts";
import { KEYREGISTRY, MANIFEST } from "../format/file-names.ts";
import { type DataKey, decodeKeyRegistry } from "../format/key-registry.ts";
import type { ManifestCreate } from "../format/manifest-change.ts";
import { replayManifest } from "../format/manifest-replay.ts";

/** A neighbour's answer, or why there is none. */
export type Answer<T> =
  | { readonly known: true; readonly value: T }
  | { readonly known: false; readonly reason: string };

export class Surroundings {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #masterKey: Uint8Array | undefined;

  constructor(fileSystem: FileSystem, directory: string, masterKey: Uint8Array | undefined) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#masterKey = masterKey;
  }

  /** What the manifest has on record for a table. */
  table(fileNumber: FileNumber): Answer<ManifestCreate> {
    return this.#ask(MANIFEST, (bytes) => {
      const found = replayManifest(bytes).tables.get(fileNumber);
      if (found === undefined) {
        throw new MelesError("ERR_NOT_A_DATABASE", `the ${MANIFEST} beside it does not list it`);
      }
      return found;
    });
  }

  /** The data key with this id, in clear. */
  dataKey(keyId: number): Answer<Uint8Array> {
    if (this.#masterKey === undefined) {
      return { known: false, reason: "the encryption key was not given" };
    }
    return this.#ask(KEYREGISTRY, (bytes) => {
      const { keys } = decodeKeyRegistry(bytes, this.#masterKey);
      const found = keys.find((key: DataKey) => key.keyId === keyId);
      if (found === undefined) {
        throw new MelesError("ERR_ENCRYPTION_KEY", `the ${KEYREGISTRY} beside it has no such key`);
      }
      return found.data;
    });
  }

  #ask<T>(name: string, read: (bytes: Uint8Array) => T): Answer<T> {
    const bytes = this.#fileSystem.readFile(join(this.#directory, name));
    if (bytes === undefined) return { known: false, reason: `there is no ${name} beside it` };
    try {
      return { known: true, value: read(bytes) };
    } catch (thrown) {
      const error = located(thrown, name, 0);
      if (error instanceof MelesError) return { known: false, reason: error.message };
      throw error;
    }
  }
}
