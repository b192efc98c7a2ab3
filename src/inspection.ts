/** `inspectFile`: the inspectors on the real file system. */

import { dirname, resolve } from "node:path";

import { toTextStrict } from "./base/bytes.ts";
import { MelesError } from "./base/errors.ts";
import { baseName, join } from "./base/paths.ts";
import { directoryPair, readPairFiles } from "./database/value-directory.ts";
import type { FileSystem } from "./env/file-system.ts";
import { systemEnv } from "./env/system-env.ts";
import { type DirectoryPair, isOfValueLog, onePlace } from "./format/directory-pair.ts";
import { MANIFEST, SEAL } from "./format/file-names.ts";
import { type FileKind, inspectFile as inspect } from "./inspect/inspect-file.ts";
import { sealedDirectory } from "./seal/sealed-environment.ts";

export interface InspectOptions {
  /** Default "text"; "json" makes one object. */
  readonly format?: "text" | "json";
  /** Master key, to see into encrypted files. */
  readonly encryptionKey?: Uint8Array;
  /**
   * The database's directory, when the file lies in a separate value directory: for its data keys. Where the
   * directories say so themselves (`PAIR`), it need not be given.
   */
  readonly directory?: string;
  /** How text shows keys and values; default: JSON strings, or hexadecimal digits. */
  readonly quote?: (bytes: Uint8Array) => string;
  /** Gets the description in pieces; awaited. */
  readonly write: (text: string) => void | Promise<void>;
}

export interface Inspection {
  readonly kind: FileKind;
  /** Damaged places. */
  readonly findings: number;
}

/**
 * Describes one file of a database directory (`.sst .vlog .mem MANIFEST KEYREGISTRY DISCARD`) or a
 * backup without opening the database. The file is only read, and only a part of it is in memory at a
 * time. Damage is described, not thrown; `ERR_IO` when the file cannot be read.
 */
export async function inspectFile(path: string, options: InspectOptions): Promise<Inspection> {
  const { format = "text", quote = quoteAsJson, write } = options;
  const env = systemEnv();
  const { encryptionKey } = options;
  const pair = pairOf(env.fileSystem, resolve(path), options.directory);
  const request = { path, format, quote, write, directory: pair.directory };
  const sealed = sealedDirectory(env, pair, { masterKey: encryptionKey, ...SEALS }, true);
  if (sealed === undefined) return inspect(env.fileSystem, { ...request, encryptionKey });
  if (baseName(path) === SEAL) {
    throw new MelesError("ERR_INVALID_ARGUMENT", `${path} holds keys; nothing of it is shown`);
  }
  // Without a lock, like any other inspection. What a sealed file holds is shown, not how it is sealed.
  sealed.lock("shared");
  try {
    const absolute = resolve(path);
    return await inspect(sealed.env.fileSystem, {
      ...request,
      path: absolute,
      encryptionKey: undefined,
    });
  } finally {
    sealed.unlock();
  }
}

/** The directories that a file is part of. */
function pairOf(
  fileSystem: FileSystem,
  path: string,
  directory: string | undefined,
): DirectoryPair {
  const own = dirname(path);
  if (directory !== undefined) return directoryPair(fileSystem, resolve(directory), own);
  const alone = onePlace(own);
  const isElsewhere =
    isOfValueLog(baseName(path)) && fileSystem.info(join(own, MANIFEST)) === undefined;
  if (!isElsewhere) return alone;
  try {
    const home = readPairFiles(fileSystem, alone).home?.directory;
    return home === undefined ? alone : { directory: home, valueDirectory: own };
  } catch (error) {
    // What cannot be learnt from the files around is reported as such.
    if (error instanceof MelesError) return alone;
    throw error;
  }
}

const SEALS = { wanted: false, rotationMs: Number.MAX_SAFE_INTEGER } as const;

function quoteAsJson(bytes: Uint8Array): string {
  const text = toTextStrict(bytes);
  return text === undefined ? `x'${bytes.toHex()}'` : JSON.stringify(text);
}
