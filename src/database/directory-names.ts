/**
 * The files of a directory by kind, whatever is wrong with it: for those who must not refuse one.
 * (`directory.ts` is for opening, and does.)
 */

import { MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import type { FileSystem } from "../env/file-system.ts";
import { type DirectoryPair, namesOf } from "../format/directory-pair.ts";
import {
  KEYREGISTRY_REWRITE,
  MANIFEST,
  MANIFEST_REWRITE,
  type ParsedName,
  parseMemFileName,
  parseTableFileName,
  parseValueLogFileName,
} from "../format/file-names.ts";
import { TEMPORARY_SUFFIX } from "../log/log-file.ts";

export interface DirectoryNames {
  /** Ascending. */
  readonly tables: readonly FileNumber[];
  readonly logs: readonly FileNumber[];
  readonly valueLogs: readonly FileNumber[];
  /** Look like logs, but are not named as one: the engine refuses such a directory. */
  readonly misnamed: readonly string[];
  /** Unfinished files. */
  readonly leftovers: readonly string[];
}

/** `ERR_NOT_A_DATABASE` when nothing in the directory is of a database. */
export function listNames(fileSystem: FileSystem, pair: DirectoryPair): DirectoryNames {
  const tables: FileNumber[] = [];
  const logs: FileNumber[] = [];
  const valueLogs: FileNumber[] = [];
  const misnamed: string[] = [];
  const leftovers: string[] = [];
  let isDatabase = false;
  const collect = (parsed: ParsedName, numbers: FileNumber[]): boolean => {
    if (parsed.kind === "numbered") numbers.push(parsed.fileNumber);
    return parsed.kind === "numbered";
  };
  for (const name of namesOf(pair, (directory) => fileSystem.list(directory))) {
    const isKnown =
      collect(parseTableFileName(name), tables) ||
      collect(parseMemFileName(name), logs) ||
      collect(parseValueLogFileName(name), valueLogs);
    isDatabase ||= isKnown || name === MANIFEST;
    if (isKnown) continue;
    const isLog = [parseMemFileName(name), parseValueLogFileName(name)].some(
      ({ kind }) => kind === "misnamed",
    );
    if (isLog) misnamed.push(name);
    const isDraft = name === MANIFEST_REWRITE || name === KEYREGISTRY_REWRITE;
    if (isDraft || name.endsWith(TEMPORARY_SUFFIX)) leftovers.push(name);
  }
  if (!isDatabase) {
    throw new MelesError(
      "ERR_NOT_A_DATABASE",
      `${pair.directory} holds no file of a database; check the path`,
    );
  }
  for (const numbers of [tables, logs, valueLogs]) numbers.sort((a, b) => a - b);
  return { tables, logs, valueLogs, misnamed, leftovers };
}
