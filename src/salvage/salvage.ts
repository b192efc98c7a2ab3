/**
 * Salvage: builds a new directory from what can be read of a damaged one, and tells what cannot.
 *
 *     look    small files are read, every table is surveyed, every log is read (source-directory.ts)
 *     merge   all versions of all keys in order; of twins the one the engine would show, and if its
 *             value is lost, the next
 *     write   tables at the last level and a value log (new-directory.ts)
 *
 * The source is only ever opened for reading. Which version of a key is the newest is decided by the
 * versions alone, as the engine does for tables that are not known to be ordered, so it does not
 * matter whether levels are known.
 */

import { compareBytes, EMPTY_BYTES } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import type { Env } from "../env/env.ts";
import { type Cut, hides } from "../format/cut.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import { valueLogFileName } from "../format/file-names.ts";
import { isDeletedOrExpired, META_POINTER } from "../format/stored-value.ts";
import { pointerFile, pointerOffset } from "../format/value-pointer.ts";
import { EntryMerge, type EntrySource } from "./entry-merge.ts";
import { NewDirectory } from "./new-directory.ts";
import { Findings, type SalvageProgress, type SalvageReport } from "./report.ts";
import { type OnBytes, SourceDirectory } from "./source-directory.ts";
import { ValueFinder } from "./value-finder.ts";

export interface SalvageRequest {
  readonly source: DirectoryPair;
  readonly target: string;
  /** Master key of the source; the new directory is encrypted under the same. */
  readonly encryptionKey: Uint8Array | undefined;
  readonly valueThreshold: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((done: SalvageProgress) => void) | undefined;
}

/** Tables of the new directory. */
const TABLE_BYTES = 64 << 20;
/** Entries copied between two returns to the event loop. */
const CHUNK_ENTRIES = 4096;

export async function salvageDirectory(env: Env, request: SalvageRequest): Promise<SalvageReport> {
  const findings = new Findings();
  const { fileSystem } = env;
  const source = new SourceDirectory(fileSystem, request.source, request.encryptionKey, findings);
  try {
    const { tables, logs, files } = source.sizes();
    const onBytes = progressOf(request, 2 * tables + logs);
    const look = source.look(onBytes);
    while (look.next().done !== true) await breathe(request.signal);
    const copied = await copy(env, request, source, findings, onBytes);
    return { files, ...copied, findings: findings.list(), lost: findings.lost };
  } finally {
    source.close();
  }
}

type Copied = Pick<SalvageReport, "entries" | "keys" | "newestVersion" | "bytesWritten">;

async function copy(
  env: Env,
  { target, encryptionKey, valueThreshold, signal }: SalvageRequest,
  source: SourceDirectory,
  findings: Findings,
  onBytes: OnBytes,
): Promise<Copied> {
  const { fileSystem, clock } = env;
  const directory = NewDirectory.create(env, target, {
    masterKey: encryptionKey,
    compression: source.commonCompression(),
    externalMagic: source.manifest.externalMagic,
    valueThreshold,
    tableSizeBytes: TABLE_BYTES,
  });
  const values = new ValueFinder(fileSystem, source.pair, source.keys, source.valueLogs);
  const merge = new EntryMerge(source.sources(onBytes));
  try {
    const nowSeconds = clock.nowMs() / 1000;
    const writer = new Copy({ directory, values, findings, cuts: source.cuts(), nowSeconds });
    for (let done = 1; merge.next(); done++) {
      writer.take(merge.group);
      if (done % CHUNK_ENTRIES === 0) await breathe(signal);
    }
    const newest = Math.max(source.manifest.newestVersion, source.maxVersion, writer.maxVersion);
    // What history is missing nobody knows: older states cannot be read exactly.
    directory.finish(newest, newest);
    const { entries, keys } = writer;
    return { entries, keys, newestVersion: newest, bytesWritten: directory.bytesWritten };
  } catch (error) {
    directory.abandon();
    throw error;
  } finally {
    merge.close();
    values.close();
  }
}

/** Where there is no value log at all. */
const ELSEWHERE = "; the value log may lie in another directory, to be named as valueDirectory";

interface CopyParts {
  readonly directory: NewDirectory;
  readonly values: ValueFinder;
  readonly findings: Findings;
  readonly cuts: readonly Cut[];
  readonly nowSeconds: number;
}

/** Writes one entry per key and version. */
class Copy {
  readonly #parts: CopyParts;
  #key: Uint8Array = EMPTY_BYTES;
  entries = 0;
  keys = 0;
  maxVersion: Version = 0;

  constructor(parts: CopyParts) {
    this.#parts = parts;
  }

  /** Twins of one key and version, the most trusted first. */
  take(group: readonly EntrySource[]): void {
    const [first] = group;
    if (first === undefined) return;
    const { key, version } = first;
    const { values, findings, cuts, nowSeconds } = this.#parts;
    if (cuts.some((cut) => hides(cut, key, 0, key.length, version))) return;
    const isSuperseded = this.keys > 0 && compareBytes(key, this.#key) === 0;
    for (const entry of group) {
      const value = this.#valueOf(entry);
      if (value === undefined) continue;
      this.#write(entry, value, isSuperseded);
      return;
    }
    if (isDeletedOrExpired(first.meta, first.expiresAt, nowSeconds)) {
      // Nobody reads its value any more, but what is below it must stay hidden.
      this.#write(first, EMPTY_BYTES, isSuperseded);
      return;
    }
    // Badger's collection leaves pointers to removed files behind, in entries that newer ones shadow.
    if (isSuperseded && !group.some((entry) => values.hasFile(entry.value))) return;
    findings.add({
      file: valueLogFileName(pointerFile(first.value, 0)),
      offset: pointerOffset(first.value, 0),
      reason: values.hasFile(first.value)
        ? `the value of version ${version} is damaged`
        : `the value of version ${version} is lost with the file${values.isEmpty ? ELSEWHERE : ""}`,
      lost: true,
      smallestKey: key,
      largestKey: key,
    });
  }

  #valueOf({ meta, value, key, version }: EntrySource): Uint8Array | undefined {
    return (meta & META_POINTER) === 0 ? value : this.#parts.values.find(value, key, version);
  }

  #write(entry: EntrySource, value: Uint8Array, isKnownKey: boolean): void {
    const { key, version, meta, userMeta, expiresAt } = entry;
    this.#parts.directory.add(key, version, meta, userMeta, expiresAt, value);
    this.#key = key;
    this.entries++;
    if (!isKnownKey) this.keys++;
    if (version > this.maxVersion) this.maxVersion = version;
  }
}

function progressOf({ onProgress }: SalvageRequest, totalBytes: number): OnBytes {
  let bytes = 0;
  return (count, file) => {
    bytes += count;
    onProgress?.({ bytes: Math.min(bytes, totalBytes), totalBytes, file });
  };
}

/** Lets others run; throws when the work is to be stopped. */
async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resume) => setImmediate(resume));
  if (signal?.aborted !== true) return;
  throw new MelesError("ERR_ABORTED", "the salvage was stopped", { cause: signal.reason });
}
