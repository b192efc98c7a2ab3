/**
 * What a directory holds, by name, and whether it may be a database at all. Looks, changes nothing.
 *
 * Badger deletes every table when the manifest is missing; Meles refuses such a directory instead.
 */

import { CorruptionError, MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import { type FileSystem, listIfThere } from "../env/file-system.ts";
import { type DirectoryPair, isSeparate, namesOf } from "../format/directory-pair.ts";
import {
  MANIFEST,
  type ParsedName,
  parseMemFileName,
  parseTableFileName,
  parseValueLogFileName,
  valueLogFileName,
} from "../format/file-names.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { TEMPORARY_SUFFIX } from "../log/log-file.ts";

export interface DirectoryContent {
  readonly hasManifest: boolean;
  /** Ascending. */
  readonly tables: readonly FileNumber[];
  readonly logs: readonly FileNumber[];
  readonly valueLogs: readonly FileNumber[];
  /** Names of unfinished files. */
  readonly leftovers: readonly string[];
}

/** Names that may lie in a directory that is about to become a database. */
const HARMLESS =
  /^(\..*|LOCK|DISCARD|KEYREGISTRY|REWRITE-KEYREGISTRY|MANIFEST-REWRITE|PAIR|PAIR-REWRITE|lost\+found)$/;

/** Lists the directories; throws when something in them makes it no database, or an unreadable one. */
export function inspectDirectory(fileSystem: FileSystem, pair: DirectoryPair): DirectoryContent {
  const path = pair.directory;
  const tables: FileNumber[] = [];
  const logs: FileNumber[] = [];
  const valueLogs: FileNumber[] = [];
  const leftovers: string[] = [];
  const foreign: string[] = [];
  let hasManifest = false;
  for (const name of namesOf(pair, (directory) => listIfThere(fileSystem, directory))) {
    if (name === MANIFEST) hasManifest = true;
    else if (name.endsWith(TEMPORARY_SUFFIX)) leftovers.push(name);
    else if (collect(name, parseTableFileName(name), tables, false)) continue;
    else if (collect(name, parseMemFileName(name), logs, true)) continue;
    else if (collect(name, parseValueLogFileName(name), valueLogs, true)) continue;
    else if (!HARMLESS.test(name)) foreign.push(name);
  }
  if (!hasManifest && tables.length > 0) {
    throw new CorruptionError({
      file: MANIFEST,
      offset: 0,
      expected: `the list of the ${tables.length} tables in ${path}`,
      actual: "no such file; restore it, or the levels and compression of the tables are unknown",
    });
  }
  if (!hasManifest && foreign.length > 0) {
    throw new MelesError(
      "ERR_NOT_A_DATABASE",
      `${path} is no database and not empty: it holds ${foreign.slice(0, 3).join(", ")}` +
        `${foreign.length > 3 ? ", …" : ""}; name a new or empty directory`,
    );
  }
  if (!hasManifest && logs.length === 0 && !isSeparate(pair)) {
    const values = valueLogs.find((number) => holdsValues(fileSystem, path, number));
    if (values !== undefined) {
      throw new MelesError(
        "ERR_NOT_A_DATABASE",
        `${path} holds ${valueLogFileName(values)} and no ${MANIFEST}: it may be the value directory of a database elsewhere, or has lost its own; open that database with this as its valueDirectory, or restore the ${MANIFEST}`,
      );
    }
  }
  const ascending = (a: number, b: number): number => a - b;
  return {
    hasManifest,
    tables: tables.sort(ascending),
    logs: logs.sort(ascending),
    valueLogs: valueLogs.sort(ascending),
    leftovers,
  };
}

function holdsValues(fileSystem: FileSystem, path: string, number: FileNumber): boolean {
  const info = fileSystem.info(join(path, valueLogFileName(number)));
  return info !== undefined && info.size > LOG_HEADER_SIZE;
}

/** True when the name belongs to this kind of file. */
function collect(
  name: string,
  parsed: ParsedName,
  numbers: FileNumber[],
  mustBeNumbered: boolean,
): boolean {
  if (parsed.kind === "other") return false;
  if (parsed.kind === "numbered") {
    numbers.push(parsed.fileNumber);
  } else if (mustBeNumbered) {
    throw new MelesError(
      "ERR_NOT_A_DATABASE",
      `${name} looks like a log but is not named as one, and Badger refuses such a directory; move it away`,
    );
  }
  return true;
}

/** The directory itself: made if need be, refused if it is something else. */
export function prepareDirectory(fileSystem: FileSystem, path: string, readOnly: boolean): void {
  const info = fileSystem.info(path);
  if (info === undefined) {
    if (readOnly) {
      throw new MelesError("ERR_NOT_A_DATABASE", `${path} does not exist`);
    }
    fileSystem.makeDirectory(path);
    return;
  }
  if (info.kind !== "directory") {
    throw new MelesError("ERR_NOT_A_DATABASE", `${path} is not a directory`);
  }
  if (readOnly && fileSystem.info(join(path, MANIFEST)) === undefined) {
    throw new MelesError("ERR_NOT_A_DATABASE", `${path} is no database: it holds no MANIFEST`);
  }
}
