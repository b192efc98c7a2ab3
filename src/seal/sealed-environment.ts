/**
 * Which directories are authenticated, and the environment to use them in. Decided once, before anything is
 * opened: an environment of any other directory stays as it is.
 */

import { assert } from "../base/assert.ts";
import type { CorruptionError } from "../base/errors.ts";
import { IoError, MelesError } from "../base/errors.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import type { FileSystem } from "../env/file-system.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import { MANIFEST, SEAL } from "../format/file-names.ts";
import { keyNeeded } from "../format/seal-register.ts";
import { isSealed, SEAL_KEY_SIZE, SEALED_HEADER_SIZE } from "../format/sealed-file.ts";
import { GrantedAuthority, type SealGrant } from "./authority.ts";
import { createRegister, mountForReading, mountForWriting } from "./mount.ts";
import type { RegisterParts, SealRegister } from "./register.ts";
import { SealedFileSystem, type SealOwner } from "./sealed-file-system.ts";

export interface SealRequest {
  readonly masterKey: Uint8Array | undefined;
  /** Whether a directory without a database becomes an authenticated one; others must be. */
  readonly wanted: boolean;
  readonly rotationMs: number;
}

/** An authenticated directory: use it through `env`, from locking it to releasing the lock. */
export class SealedDirectory implements SealOwner {
  readonly env: Env;
  readonly #parts: RegisterParts;
  #register: SealRegister | undefined;
  #findings: readonly CorruptionError[] = [];
  readonly #isLenient: boolean;

  constructor(parts: RegisterParts, isLenient: boolean) {
    this.#parts = parts;
    this.#isLenient = isLenient;
    const fileSystem = new SealedFileSystem(
      parts.env.fileSystem,
      parts.pair,
      () => {
        assert(this.#register !== undefined, "an authenticated directory is used under its lock");
        return this.#register;
      },
      this,
    );
    this.env = { ...parts.env, fileSystem };
  }

  get register(): SealRegister | undefined {
    return this.#register;
  }

  /** What locking has noticed in a directory that is read leniently. */
  get findings(): readonly CorruptionError[] {
    return this.#findings;
  }

  /** For a job in another thread; the directory is open for writing. */
  grant(): SealGrant {
    assert(this.#register !== undefined, "an authenticated directory is used under its lock");
    return this.#register.grant();
  }

  lock(mode: "shared" | "exclusive"): void {
    const { env, pair } = this.#parts;
    if (mode === "shared") {
      const mounted = mountForReading(this.#parts, this.#isLenient);
      const [finding] = mounted.findings;
      if (finding !== undefined && !this.#isLenient) throw finding;
      this.#register = mounted.register;
      this.#findings = mounted.findings;
      return;
    }
    const exists = env.fileSystem.info(join(pair.directory, SEAL)) !== undefined;
    this.#register = exists ? mountForWriting(this.#parts) : createRegister(this.#parts);
  }

  unlock(): void {
    const register = this.#register;
    this.#register = undefined;
    register?.close();
    if (register?.isWritable === true) this.#closeSession();
  }

  /** Gives everything its mark and writes the register anew, in one piece: nothing of it can be cut off. Never throws. */
  #closeSession(): void {
    try {
      mountForWriting(this.#parts).close();
    } catch (error) {
      // All is durable; only what was done since the last log was begun could be set back unnoticed.
      const { log } = this.#parts.env;
      log("warn", "the register could not take note of the last changes", { error: String(error) });
    }
  }

  /** Puts the register under another master key; returns the number of data keys. Takes the lock itself. */
  changeMasterKey(masterKey: Uint8Array): number {
    const { env, pair } = this.#parts;
    const lock = env.fileSystem.lockDirectory(pair.directory, "exclusive");
    try {
      const register = mountForWriting(this.#parts, masterKey);
      register.close();
      return register.readingGrant().keys.size;
    } finally {
      lock.release();
    }
  }
}

/**
 * The authenticated directory of a pair, or `undefined` when it is none and none is wanted. Nothing is
 * read but names, and the head of the register if there is one. `ERR_ENCRYPTION_KEY` when a key is missing, `ERR_INVALID_ARGUMENT` when authentication is
 * wanted of a directory that was made without.
 *
 * @param isLenient findings of a shared lock are kept, not thrown: for those who describe damage
 */
export function sealedDirectory(
  env: Env,
  pair: DirectoryPair,
  { masterKey, wanted, rotationMs }: SealRequest,
  isLenient = false,
): SealedDirectory | undefined {
  const { fileSystem } = env;
  const { directory } = pair;
  const isSealed = hasRegister(fileSystem, directory);
  if (!isSealed && !wanted) return undefined;
  if (!isSealed && fileSystem.info(join(directory, MANIFEST)) !== undefined) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      `option authenticatedEncryption: ${directory} is not authenticated, and no directory becomes so later; back it up and restore it into a new one`,
    );
  }
  if (masterKey?.length !== SEAL_KEY_SIZE) throw keyNeeded();
  return new SealedDirectory({ env, pair, masterKey, rotationMs }, isLenient);
}

/** A file of the register's name may be anybody's; a damaged register is known by the manifest beside it. */
function hasRegister(fileSystem: FileSystem, directory: string): boolean {
  try {
    if (fileSystem.info(join(directory, SEAL))?.kind !== "file") return false;
    return [SEAL, MANIFEST].some((name) => beginsSealed(fileSystem, join(directory, name)));
  } catch (error) {
    // Not a directory: whoever opens it says so.
    if (error instanceof IoError && error.errno === "ENOTDIR") return false;
    throw error;
  }
}

function beginsSealed(fileSystem: FileSystem, path: string): boolean {
  if (fileSystem.info(path)?.kind !== "file") return false;
  const file = fileSystem.open(path, { write: false, create: "never" });
  try {
    const head = new Uint8Array(SEALED_HEADER_SIZE);
    return isSealed(head.subarray(0, file.read(head, 0, head.length, 0)));
  } finally {
    file.close();
  }
}

/** The environment of a thread that does a job for an authenticated directory. */
export function grantedEnvironment(env: Env, grant: SealGrant): Env {
  const authority = new GrantedAuthority(grant, env.random);
  return {
    ...env,
    fileSystem: new SealedFileSystem(env.fileSystem, grant.pair, () => authority),
  };
}
