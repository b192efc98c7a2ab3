/**
 * Where the files of a database lie. Badger's `Dir` and `ValueDir`: value logs and their statistics may have a
 * directory of their own, on another disk perhaps; mostly both are the same. The only place that knows which
 * kind of file lies where. Pure: whoever lists directories brings the listing.
 */

import { baseName, join } from "../base/paths.ts";
import { DISCARD, PAIR, parseValueLogFileName } from "./file-names.ts";

/** Absolute paths; equal when the value log has no directory of its own. Plain data. */
export interface DirectoryPair {
  readonly directory: string;
  readonly valueDirectory: string;
}

/** The pair of a database whose value log lies with everything else. */
export function onePlace(directory: string): DirectoryPair {
  return { directory, valueDirectory: directory };
}

export function isSeparate({ directory, valueDirectory }: DirectoryPair): boolean {
  return directory !== valueDirectory;
}

/** The one directory, or both. */
export function directoriesOf({ directory, valueDirectory }: DirectoryPair): readonly string[] {
  return directory === valueDirectory ? [directory] : [directory, valueDirectory];
}

/** The suffix of files that are not yet what their name says (log/log-file.ts). */
const DRAFT = /\.tmp$/;

/** Whether a file of this name belongs to the value log, also if it is misnamed or not finished. */
export function isOfValueLog(name: string): boolean {
  return name === DISCARD || parseValueLogFileName(name.replace(DRAFT, "")).kind !== "other";
}

/** The path of a file of the database. */
export function placeOf(pair: DirectoryPair, name: string): string {
  return join(isOfValueLog(name) ? pair.valueDirectory : pair.directory, name);
}

/** The name under which a path is a file of the database. */
export function nameIn(pair: DirectoryPair, path: string): string | undefined {
  const name = baseName(path);
  if (name === PAIR) return undefined;
  return placeOf(pair, name) === path ? name : undefined;
}

/** The names of what belongs to the database, or may; of the value directory only what is of the value log. */
export function namesOf(
  pair: DirectoryPair,
  list: (directory: string) => readonly string[],
): string[] {
  if (!isSeparate(pair)) return [...list(pair.directory)];
  return [
    ...list(pair.directory).filter(
      (name) => !isOfValueLog(name) && !leadsTo(pair.directory, name, pair.valueDirectory),
    ),
    ...list(pair.valueDirectory).filter(isOfValueLog),
  ];
}

/** Whether the other directory of a pair lies inside this one, behind this name. */
export function leadsTo(directory: string, name: string, other: string): boolean {
  const path = join(directory, name);
  return other === path || other.startsWith(`${path}/`);
}
