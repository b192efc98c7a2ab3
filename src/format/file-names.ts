/**
 * Names of the files of a directory. Frozen: Badger opens files by these canonical names.
 *
 * Tables and value-log files have at least six digits, write-ahead logs at least five. A name with
 * the right suffix that is not canonical (`1.vlog`, `old.mem`) makes Badger refuse the directory, so
 * the parsers tell it apart from a foreign file.
 */

import { MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";

/** The log of table changes. */
export const MANIFEST = "MANIFEST";
/** Temporary file of a manifest rewrite; a leftover is ignored. */
export const MANIFEST_REWRITE = "MANIFEST-REWRITE";
/** Data keys, encrypted under the master key. */
export const KEYREGISTRY = "KEYREGISTRY";
/** Temporary file of a registry rewrite; a leftover is ignored. */
export const KEYREGISTRY_REWRITE = "REWRITE-KEYREGISTRY";
/** Garbage statistics of the value log. */
export const DISCARD = "DISCARD";
/** Keys and marks of an authenticated directory (seal-register.ts). */
export const SEAL = "SEAL";
/** Temporary file of a register rewrite; a leftover is ignored. */
export const SEAL_REWRITE = "SEAL-REWRITE";
/** Which two directories belong together (pair-file.ts). */
export const PAIR = "PAIR";
/** Temporary file of a change of it; a leftover is ignored. */
export const PAIR_REWRITE = "PAIR-REWRITE";
/** Process id of the holder; advisory only. */
export const LOCK = "LOCK";

export const TABLE_SUFFIX = ".sst";
export const MEM_SUFFIX = ".mem";
export const VALUE_LOG_SUFFIX = ".vlog";

/** Largest file number any structure can refer to. */
export const FILE_NUMBER_MAX = 0xffff_fffe;

/** The number of a file that is about to be made. `ERR_OVERFLOW` behind the last one, whose file nobody would open again. */
export function requireFileNumber(fileNumber: FileNumber): FileNumber {
  if (fileNumber <= FILE_NUMBER_MAX) return fileNumber;
  throw new MelesError(
    "ERR_OVERFLOW",
    `all file numbers up to ${FILE_NUMBER_MAX} are used up; dump the database and load it into a new directory`,
  );
}

export function tableFileName(fileNumber: FileNumber): string {
  return `${String(fileNumber).padStart(6, "0")}${TABLE_SUFFIX}`;
}

export function memFileName(fileNumber: FileNumber): string {
  return `${String(fileNumber).padStart(5, "0")}${MEM_SUFFIX}`;
}

export function valueLogFileName(fileNumber: FileNumber): string {
  return `${String(fileNumber).padStart(6, "0")}${VALUE_LOG_SUFFIX}`;
}

/**
 * What a directory entry's name says about it. `misnamed`: has the suffix but is not the canonical
 * name of any number (the caller decides: Badger refuses logs, and ignores tables without a number).
 */
export type ParsedName =
  | { readonly kind: "numbered"; readonly fileNumber: FileNumber }
  | { readonly kind: "misnamed" }
  | { readonly kind: "other" };

export function parseTableFileName(name: string): ParsedName {
  return parse(name, TABLE_SUFFIX, tableFileName);
}

export function parseMemFileName(name: string): ParsedName {
  return parse(name, MEM_SUFFIX, memFileName);
}

export function parseValueLogFileName(name: string): ParsedName {
  return parse(name, VALUE_LOG_SUFFIX, valueLogFileName);
}

function parse(
  name: string,
  suffix: string,
  canonical: (fileNumber: FileNumber) => string,
): ParsedName {
  if (!name.endsWith(suffix)) return { kind: "other" };
  const stem = name.slice(0, -suffix.length);
  const fileNumber = /^[0-9]{1,16}$/.test(stem) ? Number(stem) : -1;
  if (fileNumber < 0 || fileNumber > FILE_NUMBER_MAX) return { kind: "misnamed" };
  return canonical(fileNumber) === name ? { kind: "numbered", fileNumber } : { kind: "misnamed" };
}
