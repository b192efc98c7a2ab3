/** `inspectFile`: the inspectors on the real file system. */

import { dirname, resolve } from "node:path";

import { toTextStrict } from "./base/bytes.ts";
import { MelesError } from "./base/errors.ts";
import { baseName } from "./base/paths.ts";
import { systemEnv } from "./env/system-env.ts";
import { SEAL } from "./format/file-names.ts";
import { type FileKind, inspectFile as inspect } from "./inspect/inspect-file.ts";
import { sealedDirectory } from "./seal/sealed-environment.ts";

export interface InspectOptions {
  /** Default "text"; "json" makes one object. */
  readonly format?: "text" | "json";
  /** Master key, to see into encrypted files. */
  readonly encryptionKey?: Uint8Array;
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
  const directory = dirname(resolve(path));
  const request = { path, format, quote, write };
  const sealed = sealedDirectory(env, directory, { masterKey: encryptionKey, ...SEALS }, true);
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

const SEALS = { wanted: false, rotationMs: Number.MAX_SAFE_INTEGER } as const;

function quoteAsJson(bytes: Uint8Array): string {
  const text = toTextStrict(bytes);
  return text === undefined ? `x'${bytes.toHex()}'` : JSON.stringify(text);
}
