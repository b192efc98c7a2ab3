/**
 * Tables in the directory that the manifest does not name.
 *
 * A crash leaves such tables: written, not yet named. What a compaction was writing is still in its
 * inputs, and what a flush was writing came from a log, whose name was made durable before the table was
 * begun. So a whole table with versions newer than any the manifest knows, and no log that it can have
 * come from, is no crash's doing: the manifest has lost its end. Removing the table would be the end of
 * its data.
 *
 * Of Badger's tables nobody knows which log they came from, but while Badger runs there is one: without any
 * log it had closed the directory, and left no table unnamed.
 */

import { CorruptionError, MelesError } from "../base/errors.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { type DirectoryPair, placeOf } from "../format/directory-pair.ts";
import { MANIFEST, memFileName, tableFileName } from "../format/file-names.ts";
import { decodeLogHeader, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LogRecordView } from "../format/log-record.ts";
import { cipherOf, type LogKeys } from "../log/log-keys.ts";
import type { ManifestLog } from "../manifest/manifest-log.ts";
import { TableReader } from "../table/table-reader.ts";
import type { DataKeys } from "./data-keys.ts";
import type { DirectoryContent } from "./directory.ts";

/**
 * Throws `CorruptionError` when the manifest must have named one of them.
 *
 * @param newest the newest version that the manifest or one of its tables knows
 */
export function checkOrphans(
  env: Env,
  directory: string,
  content: DirectoryContent,
  manifest: ManifestLog,
  newest: Version,
  keys: DataKeys,
): void {
  const unnamed = orphans(content, manifest);
  const lost = lostTable(env, directory, unnamed, content.logs, newest, keys, keys.all().values());
  if (lost === undefined) return;
  throw new CorruptionError({
    file: MANIFEST,
    offset: env.fileSystem.info(join(directory, MANIFEST))?.size ?? 0,
    expected: `a change that names ${lost.name}, with versions up to ${lost.version}`,
    actual: `the end, with versions up to ${newest}; the manifest was cut`,
  });
}

/**
 * One of these tables that the manifest must have named.
 *
 * @param logs all there are
 * @param dataKeys to try on tables
 */
export function lostTable(
  env: Env,
  directory: string,
  unnamed: readonly string[],
  logs: readonly FileNumber[],
  newest: Version,
  keys: LogKeys,
  dataKeys: Iterable<Uint8Array>,
): { readonly name: string; readonly version: Version } | undefined {
  if (unnamed.length === 0) return undefined;
  const tableKeys = [undefined, ...dataKeys];
  const firsts = logs.map((number) =>
    firstVersion(env, join(directory, memFileName(number)), keys),
  );
  for (const name of unnamed) {
    const table = newestIn(env, join(directory, name), tableKeys);
    if (table === undefined || table.version <= newest) continue;
    const { version, isBadgers } = table;
    if (isBadgers && logs.length > 0) continue;
    // The log of the table begins with a version that is in the table, or a power cut has emptied it.
    if (firsts.every((first) => first !== undefined && first > version)) return { name, version };
  }
  return undefined;
}

/** Removes them, for good before any log goes, and unfinished files. */
export function removeOrphans(
  env: Env,
  pair: DirectoryPair,
  content: DirectoryContent,
  manifest: ManifestLog,
): void {
  const names = orphans(content, manifest);
  // They may have been inputs of what the last record names. Should the sync that a kill interrupted have
  // failed, the kernel takes what it could not write for clean; another record makes it write that page again.
  if (names.length > 0) manifest.append({ changes: [] });
  for (const name of [...names, ...content.leftovers]) {
    env.fileSystem.remove(placeOf(pair, name));
  }
  if (names.length > 0) env.fileSystem.syncDirectory(pair.directory);
}

function orphans({ tables }: DirectoryContent, manifest: ManifestLog): string[] {
  return tables
    .filter((fileNumber) => !manifest.tables.has(fileNumber))
    .map((fileNumber) => tableFileName(fileNumber));
}

/** The newest version in a table; `undefined` for one that was not completed. */
function newestIn(
  env: Env,
  path: string,
  dataKeys: readonly (Uint8Array | undefined)[],
): ReturnType<typeof TableReader.newestVersion> | undefined {
  const file = env.fileSystem.open(path, { write: false, create: "never" });
  try {
    for (const key of dataKeys) {
      const found = readable(() => TableReader.newestVersion(file, key));
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    file.close();
  }
}

/** So much of a log is read first; its first record seldom takes more. */
const HEAD_BYTES = 64 * 1024;

/** The version of the first record of a log; `undefined` when there is no whole one. */
function firstVersion(env: Env, path: string, keys: LogKeys): Version | undefined {
  const file = env.fileSystem.open(path, { write: false, create: "never" });
  try {
    const size = file.size();
    for (const length of [Math.min(size, HEAD_BYTES), size]) {
      const bytes = new Uint8Array(length);
      file.read(bytes, 0, length, 0);
      const version = readable(() => {
        const cipher = cipherOf(decodeLogHeader(bytes), keys);
        const view = new LogRecordView();
        if (view.checkStored(bytes, LOG_HEADER_SIZE, length) !== "ok") return undefined;
        cipher?.applyTo(bytes, view.keyOffset, view.end - 4, LOG_HEADER_SIZE);
        return view.decode(bytes, LOG_HEADER_SIZE, length) ? view.version : undefined;
      });
      if (version !== undefined) return version;
    }
    return undefined;
  } finally {
    file.close();
  }
}

/** What `read` answers; `undefined` where there is nothing whole, or only with another key. */
function readable<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MelesError) || error.code === "ERR_IO") throw error;
    return undefined;
  }
}
