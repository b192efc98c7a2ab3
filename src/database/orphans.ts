/**
 * Tables in the directory that the manifest does not name.
 *
 * A crash leaves such tables: written, not yet named. What a compaction was writing is still in its
 * inputs, and what a flush was writing is still in its log, whose name was made durable before the table
 * was begun. So a whole table with versions newer than any the manifest knows, and no log at all, is no
 * crash's doing: the manifest has lost its end. Removing the table would be the end of its data.
 */

import { CorruptionError, MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { MANIFEST, tableFileName } from "../format/file-names.ts";
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
  if (content.logs.length > 0) return;
  const names = orphans(content, manifest);
  const lost = tableBeyond(env, directory, names, newest, [...keys.all().values()]);
  if (lost === undefined) return;
  throw new CorruptionError({
    file: MANIFEST,
    offset: env.fileSystem.info(join(directory, MANIFEST))?.size ?? 0,
    expected: `a change that names ${lost.name}, with versions up to ${lost.version}`,
    actual: `the end, with versions up to ${newest}; the manifest was cut`,
  });
}

/** A table among these that Meles has completed, with versions beyond `newest`. */
export function tableBeyond(
  env: Env,
  directory: string,
  names: readonly string[],
  newest: Version,
  dataKeys: readonly Uint8Array[],
): { readonly name: string; readonly version: Version } | undefined {
  for (const name of names) {
    const version = versionOf(env, join(directory, name), dataKeys);
    if (version !== undefined && version > newest) return { name, version };
  }
  return undefined;
}

/** Removes them, for good before any log goes, and unfinished files. */
export function removeOrphans(
  env: Env,
  directory: string,
  content: DirectoryContent,
  manifest: ManifestLog,
): void {
  const names = orphans(content, manifest);
  for (const name of [...names, ...content.leftovers]) {
    env.fileSystem.remove(join(directory, name));
  }
  if (names.length > 0) env.fileSystem.syncDirectory(directory);
}

function orphans({ tables }: DirectoryContent, manifest: ManifestLog): string[] {
  return tables
    .filter((fileNumber) => !manifest.tables.has(fileNumber))
    .map((fileNumber) => tableFileName(fileNumber));
}

/** The newest version in a table that Meles has completed; `undefined` for any other. */
function versionOf(env: Env, path: string, dataKeys: readonly Uint8Array[]): Version | undefined {
  const file = env.fileSystem.open(path, { write: false, create: "never" });
  try {
    for (const key of [undefined, ...dataKeys]) {
      try {
        return TableReader.newestVersion(file, key);
      } catch (error) {
        // Not complete, or the wrong key.
        if (!(error instanceof MelesError) || error.code === "ERR_IO") throw error;
      }
    }
    return undefined;
  } finally {
    file.close();
  }
}
