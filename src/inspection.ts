/** `inspectFile`: the inspectors on the real file system. */

import { toTextStrict } from "./base/bytes.ts";
import { systemEnv } from "./env/system-env.ts";
import { type FileKind, inspectFile as inspect } from "./inspect/inspect-file.ts";

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
export function inspectFile(path: string, options: InspectOptions): Promise<Inspection> {
  const { format = "text", encryptionKey, quote = quoteAsJson, write } = options;
  return inspect(systemEnv().fileSystem, { path, format, encryptionKey, quote, write });
}

function quoteAsJson(bytes: Uint8Array): string {
  const text = toTextStrict(bytes);
  return text === undefined ? `x'${bytes.toHex()}'` : JSON.stringify(text);
}
