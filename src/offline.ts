/**
 * What is done to a directory that is not open: salvage, verification, a new master key. Like `open.ts` it brings
 * options, environment and the layers below together.
 */

import { resolve } from "node:path";

import { CorruptionError, MelesError } from "./base/errors.ts";
import {
  type DirectoryReport,
  type DirectoryVerifyOptions,
  verifyDirectory as verify,
} from "./database/verify-directory.ts";
import { rotateMasterKey } from "./database/key-rotation.ts";
import { checkPair, directoryPair } from "./database/value-directory.ts";
import type { Env } from "./env/env.ts";
import type { FileSystem } from "./env/file-system.ts";
import { systemEnv } from "./env/system-env.ts";
import type { SalvageProgress, SalvageReport } from "./salvage/report.ts";
import { salvageDirectory } from "./salvage/salvage.ts";
import {
  type DirectoryPair,
  directoriesOf,
  isSeparate,
  onePlace,
} from "./format/directory-pair.ts";
import { SEAL_KEY_SIZE } from "./format/sealed-file.ts";
import { sealedDirectory } from "./seal/sealed-environment.ts";

export interface SalvageOptions {
  /** Where the damaged directory's value log lies, if not in it. The new directory has everything in one place. */
  readonly valueDirectory?: string;
  /** Master key of the damaged directory; the new one is encrypted under the same. */
  readonly encryptionKey?: Uint8Array;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: SalvageProgress) => void;
  /** For specs: clock, disk and randomness. */
  readonly env?: Env;
}

/** Values of at least so many bytes go to the new directory's value log: the default of `open`. */
const VALUE_THRESHOLD = 1024;

/**
 * Builds a database in `newDirectory`, which must not exist or be empty, from everything that can be
 * read of the damaged one in `directory`: all versions, user bytes, expiry times and deletions. The
 * damaged directory is only read, under a shared lock where the file system has locks. What cannot be
 * read is in the report, with file, offset, reason and, where it is known, the range of keys.
 *
 * @throws MelesError `ERR_NOT_A_DATABASE`, `ERR_LOCKED`, `ERR_ENCRYPTION_KEY`, `ERR_INVALID_ARGUMENT`
 *   when `newDirectory` is not empty, `ERR_ABORTED`, `ERR_DISK_FULL`, `ERR_IO`. Then nothing is left in
 *   `newDirectory`. Cost: every table is read twice; memory for the logs and 8 bytes a block.
 */
export async function salvage(
  directory: string,
  newDirectory: string,
  options: SalvageOptions = {},
): Promise<SalvageReport> {
  const base = options.env ?? systemEnv();
  const source = locatePair(base.fileSystem, directory, options.valueDirectory);
  const target = locate(newDirectory);
  if (directoriesOf(source).some((path) => target === path || target.startsWith(`${path}/`))) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      `${newDirectory} lies in the directory to be salvaged, which is not touched; name one outside`,
    );
  }
  const sealed = sealedDirectory(
    base,
    source,
    { ...SEALS, masterKey: options.encryptionKey },
    true,
  );
  // What comes out of an authenticated directory goes into one.
  const env =
    sealed === undefined
      ? base
      : sealedDirectory(sealed.env, onePlace(target), {
          masterKey: options.encryptionKey,
          wanted: true,
          rotationMs: Number.MAX_SAFE_INTEGER,
        })?.env;
  const report = await salvageDirectory(env ?? base, {
    source,
    target,
    encryptionKey: sealed === undefined ? options.encryptionKey : undefined,
    valueThreshold: VALUE_THRESHOLD,
    signal: options.signal,
    onProgress: options.onProgress,
  });
  const tampered = (sealed?.findings ?? []).map(({ file, offset, message }) => {
    return { file, offset, reason: message, lost: true };
  });
  const { findings, lost } = report;
  return { ...report, findings: [...tampered, ...findings], lost: lost || tampered.length > 0 };
}

/** The directories that the caller means; refused when they say themselves that they do not belong together. */
function locatePair(
  fileSystem: FileSystem,
  directory: string,
  valueDirectory: string | undefined,
): DirectoryPair {
  const values = valueDirectory === undefined ? undefined : locate(valueDirectory);
  const pair = directoryPair(fileSystem, locate(directory), values);
  checkPair(fileSystem, pair);
  return pair;
}

/** No directory becomes an authenticated one here, and no data key is made. */
const SEALS = { wanted: false, rotationMs: Number.MAX_SAFE_INTEGER } as const;

function locate(path: string): string {
  if (typeof path !== "string" || path === "") {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      "the path of a directory is a text that is not empty",
    );
  }
  return resolve(path);
}

export interface VerifyDirectoryOptions extends DirectoryVerifyOptions {
  /** Where the value log lies, if not in the directory. */
  readonly valueDirectory?: string;
  /** For specs: clock, disk and randomness. */
  readonly env?: Env;
}

/**
 * Reads and checks every byte of a directory that is not open: what the manifest lists, tables, logs,
 * value logs, and that they fit together. Works on directories that cannot be opened. Changes nothing;
 * a shared lock is held. `findings` is damage, `notes` what an interrupted process has left.
 *
 * @throws MelesError `ERR_NOT_A_DATABASE`, `ERR_LOCKED` when it is open for writing,
 *   `ERR_ENCRYPTION_KEY`, `ERR_ABORTED`. Damage is never thrown.
 */
export async function verifyDirectory(
  directory: string,
  options: VerifyDirectoryOptions = {},
): Promise<DirectoryReport> {
  const env = options.env ?? systemEnv();
  const { encryptionKey, valueDirectory, ...others } = options;
  const pair = locatePair(env.fileSystem, directory, valueDirectory);
  const sealed = sealedDirectory(env, pair, { ...SEALS, masterKey: encryptionKey }, true);
  if (sealed === undefined) return verify(env, pair, options);
  try {
    const report = await verify(sealed.env, pair, others);
    return { ...report, findings: [...sealed.findings.map(findingOf), ...report.findings] };
  } catch (error) {
    // Without the register nothing in the directory can be read.
    if (!(error instanceof CorruptionError)) throw error;
    return { files: 1, bytes: 0, entries: 0, findings: [findingOf(error)], notes: [] };
  }
}

function findingOf({ file, offset, expected, actual }: CorruptionError): {
  readonly file: string;
  readonly offset: number;
  readonly message: string;
} {
  return { file, offset, message: `expected ${expected}, found ${actual}` };
}

export interface RotateKeyOptions {
  /** The master key so far; absent when the directory is not encrypted yet. */
  readonly oldKey?: Uint8Array;
  /** 16, 24 or 32 bytes. */
  readonly newKey: Uint8Array;
  /** Where the value log lies, if not in the directory. */
  readonly valueDirectory?: string;
  /** For specs: clock, disk and randomness. */
  readonly env?: Env;
}

/**
 * Encrypts the data keys of a directory that is not open under another master key, or turns encryption
 * on. Only `KEYREGISTRY` (`SEAL` in an authenticated directory) changes; the data keys, and with them all other files, stay as they are. It
 * cannot be turned off: the data keys of encrypted files would lie beside them in clear.
 *
 * @throws MelesError `ERR_ENCRYPTION_KEY` when `oldKey` is not the directory's, `ERR_LOCKED`,
 *   `ERR_NOT_A_DATABASE`, `ERR_INVALID_ARGUMENT`, `ERR_CORRUPTION`. The old registry then stays.
 */
export async function rotateKey(
  directory: string,
  options: RotateKeyOptions,
): Promise<{ readonly dataKeys: number; readonly wasEncrypted: boolean }> {
  const { oldKey, newKey } = options;
  if (!(newKey instanceof Uint8Array) || ![16, 24, 32].includes(newKey.length)) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      "newKey must be a Uint8Array of 16, 24 or 32 bytes",
    );
  }
  const env = options.env ?? systemEnv();
  const pair = locatePair(env.fileSystem, directory, options.valueDirectory);
  const sealed = sealedDirectory(env, pair, { ...SEALS, masterKey: oldKey });
  if (sealed === undefined) return rotateMasterKey(env, pair.directory, { oldKey, newKey });
  if (isSeparate(pair) && !checkPair(env.fileSystem, pair)) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      `option valueDirectory: ${pair.valueDirectory} is not the value directory of ${pair.directory}`,
    );
  }
  if (newKey.length !== SEAL_KEY_SIZE) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      "newKey must have 32 bytes: the directory is authenticated",
    );
  }
  return { dataKeys: sealed.changeMasterKey(newKey), wasEncrypted: true };
}
