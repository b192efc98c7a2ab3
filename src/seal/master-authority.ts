/** Answers for the register itself, which lies under the master key. */

import { MelesError } from "../base/errors.ts";
import type { Random } from "../env/env.ts";
import { located } from "../format/damage.ts";
import { SEAL } from "../format/file-names.ts";
import {
  decodeSealedHeader,
  encodeSealedHeader,
  type FrameCipher,
  openSealedHeader,
  SALT_SIZE,
} from "../format/sealed-file.ts";
import { type SealAuthority, wrongFile } from "./authority.ts";

export class MasterAuthority implements SealAuthority {
  readonly random: Random;
  readonly #masterKey: Uint8Array;

  constructor(masterKey: Uint8Array, random: Random) {
    this.#masterKey = masterKey;
    this.random = random;
  }

  create(): ReturnType<SealAuthority["create"]> {
    const salt = new Uint8Array(SALT_SIZE);
    this.random.fill(salt);
    const header = { keyId: 0, session: 0, registerFrames: 0, salt };
    return encodeSealedHeader(header, SEAL, this.#masterKey);
  }

  admit(name: string, header: Uint8Array): FrameCipher {
    let keyId: number;
    try {
      ({ keyId } = decodeSealedHeader(header));
    } catch (error) {
      throw located(error, name, 0);
    }
    if (keyId !== 0) throw wrongFile(name, "a file of another kind");
    const cipher = openSealedHeader(header, SEAL, this.#masterKey);
    if (cipher !== undefined) return cipher;
    throw new MelesError(
      "ERR_ENCRYPTION_KEY",
      "the encryption key is not the one this directory was written with",
    );
  }

  markOf(): undefined {
    return undefined;
  }
}
