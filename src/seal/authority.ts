/**
 * What a sealed file needs to know from outside: keys, and which file is the right one of its name. The
 * register of the directory answers on the main thread, a grant (plain data) in the others.
 */

import { CorruptionError, MelesError } from "../base/errors.ts";
import type { Random } from "../env/env.ts";
import {
  decodeSealedHeader,
  encodeSealedHeader,
  type FrameCipher,
  openSealedHeader,
  SALT_SIZE,
} from "../format/sealed-file.ts";
import { located } from "../format/damage.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import type { SealMark } from "../format/seal-register.ts";

export interface SealAuthority {
  readonly random: Random;
  /** Header and cipher of a file that is about to be made. */
  create(name: string): { readonly bytes: Uint8Array; readonly cipher: FrameCipher };
  /**
   * The cipher of a file that begins with `header`. `CorruptionError` when it is damaged, or an authentic
   * file that is not the one that belongs here.
   */
  admit(name: string, header: Uint8Array): FrameCipher;
  /** What the file must at least hold. */
  markOf(name: string): SealMark | undefined;
}

/** What another thread needs to read and write sealed files. Plain data. */
export interface SealGrant {
  readonly pair: DirectoryPair;
  readonly session: number;
  readonly registerFrames: number;
  /** Key of new files. */
  readonly keyId: number;
  readonly keys: ReadonlyMap<number, Uint8Array>;
}

/** A header and cipher for a new file, under the newest key of a grant. */
export function createUnder(
  grant: SealGrant,
  name: string,
  random: Random,
): ReturnType<SealAuthority["create"]> {
  const salt = new Uint8Array(SALT_SIZE);
  random.fill(salt);
  const { keyId, session, registerFrames } = grant;
  const header = { keyId, session, registerFrames, salt };
  return encodeSealedHeader(header, name, keyOf(grant, keyId, name));
}

/** The cipher of a header that its key, and the file's name, have made. */
export function authenticate(grant: SealGrant, name: string, header: Uint8Array): FrameCipher {
  let keyId: number;
  try {
    ({ keyId } = decodeSealedHeader(header));
  } catch (error) {
    throw located(error, name, 0);
  }
  const cipher = openSealedHeader(header, name, keyOf(grant, keyId, name));
  if (cipher === undefined) throw wrongFile(name, "a header that does not authenticate");
  return cipher;
}

export function wrongFile(name: string, actual: string): CorruptionError {
  return new CorruptionError({
    file: name,
    offset: 0,
    expected: "the sealed file that was made under this name",
    actual,
  });
}

function keyOf(grant: SealGrant, keyId: number, name: string): Uint8Array {
  const key = grant.keys.get(keyId);
  if (key !== undefined) return key;
  if (keyId === grant.keyId) {
    throw new MelesError("ERR_ENCRYPTION_KEY", "the directory has no data key; reopen it");
  }
  throw wrongFile(name, `a file under data key ${keyId}, which the register does not hold`);
}

/** For threads: makes and reads files, and leaves the judgement about their identity to the owner. */
export class GrantedAuthority implements SealAuthority {
  readonly random: Random;
  readonly #grant: SealGrant;

  constructor(grant: SealGrant, random: Random) {
    this.#grant = grant;
    this.random = random;
  }

  create(name: string): ReturnType<SealAuthority["create"]> {
    return createUnder(this.#grant, name, this.random);
  }

  admit(name: string, header: Uint8Array): FrameCipher {
    return authenticate(this.#grant, name, header);
  }

  markOf(): undefined {
    return undefined;
  }
}
