/**
 * Describes one file of a database directory, or a backup, without opening the database: what the file
 * itself says, and for what it does not say, its neighbours.
 */

import { openOrigin } from "../backup/origin.ts";
import { CorruptionError, IoError, MelesError } from "../base/errors.ts";
import { toText } from "../base/bytes.ts";
import { baseName } from "../base/paths.ts";
import type { File, FileSystem } from "../env/file-system.ts";
import {
  DISCARD,
  KEYREGISTRY,
  KEYREGISTRY_REWRITE,
  LOCK,
  MANIFEST,
  MANIFEST_REWRITE,
  MEM_SUFFIX,
  PAIR,
  PAIR_REWRITE,
  TABLE_SUFFIX,
  VALUE_LOG_SUFFIX,
} from "../format/file-names.ts";
import { KEY_REGISTRY_HEADER_SIZE } from "../format/key-registry.ts";
import { decodePairFile } from "../format/pair-file.ts";
import { inspectBackup } from "./inspect-backup.ts";
import { inspectLog } from "./inspect-log.ts";
import { inspectManifest } from "./inspect-manifest.ts";
import { inspectDiscard, inspectKeyRegistry } from "./inspect-small.ts";
import { inspectTable } from "./inspect-table.ts";
import { JsonPrinter } from "./json-printer.ts";
import { facts, finding, type Part } from "./part.ts";
import { Surroundings } from "./surroundings.ts";
import { type Quote, TextPrinter } from "./text-printer.ts";

export type FileKind =
  | "table"
  | "write-ahead log"
  | "value log"
  | "manifest"
  | "key registry"
  | "discard table"
  | "lock file"
  | "directory pair"
  | "backup";

export interface InspectRequest {
  readonly path: string;
  /** The database's, where `MANIFEST` and `KEYREGISTRY` are. */
  readonly directory: string;
  readonly format: "text" | "json";
  /** Master key, for encrypted files. */
  readonly encryptionKey: Uint8Array | undefined;
  readonly quote: Quote;
  /** Gets the description in pieces; awaited, so a slow reader holds the inspection up. */
  readonly write: (text: string) => void | Promise<void>;
}

/** Pieces are passed on when they have grown to this. */
const PIECE_LENGTH = 1 << 14;

/**
 * Writes the description of a file. Resolves with the number of damaged places; `ERR_IO` when the file
 * cannot be read.
 */
export async function inspectFile(
  fileSystem: FileSystem,
  request: InspectRequest,
): Promise<{ kind: FileKind; findings: number }> {
  const { path, format, write } = request;
  const info = fileSystem.info(path);
  if (info?.kind === "directory") {
    throw new MelesError("ERR_INVALID_ARGUMENT", `${path} is a directory; name one file in it`);
  }
  const name = baseName(path);
  const file = fileSystem.open(path, { write: false, create: "never" });
  const kind = kindOf(name, file);
  const parts = partsOf(kind, fileSystem, request, file, name);
  const printer = format === "json" ? new JsonPrinter() : new TextPrinter(request.quote);
  let findings = 0;
  let text = printer.begin(name, kind, file.size());
  try {
    for await (const part of guarded(parts)) {
      if (part.part === "finding") findings++;
      text += printer.print(part);
      if (text.length < PIECE_LENGTH) continue;
      await write(text);
      text = "";
    }
  } finally {
    file.close();
  }
  await write(text + printer.end());
  return { kind, findings };
}

/** What an inspector cannot go on after is a finding, and the last part. */
async function* guarded(parts: Iterable<Part> | AsyncIterable<Part>): AsyncGenerator<Part> {
  try {
    yield* parts;
  } catch (error) {
    if (!(error instanceof MelesError) || error instanceof IoError) throw error;
    if (!(error instanceof CorruptionError)) yield finding(0, error.message);
    else yield finding(error.offset, `expected ${error.expected}, found ${error.actual}`);
  }
}

function kindOf(name: string, file: File): FileKind {
  if (name.endsWith(TABLE_SUFFIX)) return "table";
  if (name.endsWith(MEM_SUFFIX)) return "write-ahead log";
  if (name.endsWith(VALUE_LOG_SUFFIX)) return "value log";
  if (name === MANIFEST || name === MANIFEST_REWRITE) return "manifest";
  if (name === KEYREGISTRY || name === KEYREGISTRY_REWRITE) return "key registry";
  if (name === DISCARD) return "discard table";
  if (name === LOCK) return "lock file";
  if (name === PAIR || name === PAIR_REWRITE) return "directory pair";
  const start = new Uint8Array(KEY_REGISTRY_HEADER_SIZE);
  const text = toText(start.subarray(0, file.read(start, 0, start.length, 0)));
  if (text.startsWith("Bdgr")) return "manifest";
  return text.endsWith("Hello Badger") ? "key registry" : "backup";
}

function partsOf(
  kind: FileKind,
  fileSystem: FileSystem,
  { path, directory, encryptionKey }: InspectRequest,
  file: File,
  name: string,
): Iterable<Part> | AsyncIterable<Part> {
  const surroundings = new Surroundings(fileSystem, directory, encryptionKey);
  const whole = (): Uint8Array => fileSystem.readFile(path) ?? new Uint8Array(0);
  switch (kind) {
    case "table":
      return inspectTable(file, name, surroundings);
    case "write-ahead log":
    case "value log":
      return inspectLog(file, surroundings);
    case "manifest":
      return inspectManifest(whole());
    case "key registry":
      return inspectKeyRegistry(whole(), encryptionKey);
    case "discard table":
      return inspectDiscard(whole());
    case "lock file":
      return [facts({ process: toText(whole()).trim().slice(0, 20) })];
    case "directory pair": {
      const { id, directory: home, valueDirectory } = decodePairFile(whole());
      return [facts({ id, directory: home, valueDirectory })];
    }
    case "backup":
      return inspectBackup(openOrigin(path, fileSystem));
  }
}
