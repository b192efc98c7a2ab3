/**
 * Which files of a directory are sealed, and how. `DISCARD` is not among them: it holds hints for Badger, which
 * cannot read such a directory, so it is neither written nor read.
 */

import {
  KEYREGISTRY,
  KEYREGISTRY_REWRITE,
  MANIFEST,
  MANIFEST_REWRITE,
  parseMemFileName,
  parseTableFileName,
  parseValueLogFileName,
} from "../format/file-names.ts";

/** `log` is read to its end at once, `values` by position; `image` is written once. */
export type SealedKind = "log" | "values" | "image";

export interface SealedName {
  /** The name the file is made for: a draft is put in place later. */
  readonly name: string;
  readonly kind: SealedKind;
  readonly isDraft: boolean;
}

/** The suffix of files that are not yet what their name says (log/log-file.ts). */
const DRAFT_SUFFIX = ".tmp";
const DRAFTS: ReadonlyMap<string, string> = new Map([
  [MANIFEST_REWRITE, MANIFEST],
  [KEYREGISTRY_REWRITE, KEYREGISTRY],
]);

/** `undefined` for a file that is not sealed. */
export function sealedName(fileName: string): SealedName | undefined {
  const name = fileName.endsWith(DRAFT_SUFFIX)
    ? fileName.slice(0, -DRAFT_SUFFIX.length)
    : (DRAFTS.get(fileName) ?? fileName);
  const kind = kindOf(name);
  return kind === undefined ? undefined : { name, kind, isDraft: name !== fileName };
}

export function isLog(name: string): boolean {
  return parseMemFileName(name).kind === "numbered";
}

/** Whether a newer file takes the place of one with this name. */
export function isReplaced(name: string): boolean {
  return name === MANIFEST || name === KEYREGISTRY;
}

function kindOf(name: string): SealedKind | undefined {
  if (name === MANIFEST || isLog(name)) return "log";
  if (parseValueLogFileName(name).kind === "numbered") return "values";
  if (name === KEYREGISTRY || parseTableFileName(name).kind === "numbered") return "image";
  return undefined;
}
