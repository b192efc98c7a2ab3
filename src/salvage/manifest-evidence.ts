/**
 * What a manifest, sound or not, still says of the tables.
 *
 * A sound manifest is believed as the engine believes it. Of a damaged one every whole record is
 * taken: a table that one of them deletes is dead for good, because numbers are not used twice; the
 * others may live, whether a record names them or not.
 */

import { MelesError } from "../base/errors.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import type { StoredCut } from "../format/cut.ts";
import { MANIFEST } from "../format/file-names.ts";
import { readU16BE } from "../format/integers.ts";
import {
  decodeManifestChangeSet,
  type ManifestChangeSet,
  type ManifestCreate,
} from "../format/manifest-change.ts";
import {
  decodeManifestHeader,
  MANIFEST_HEADER_SIZE,
  replayManifest,
} from "../format/manifest-replay.ts";
import { complaintOf } from "./attempt.ts";
import { readFramedRecords } from "./framed-records.ts";
import type { Findings } from "./report.ts";

export interface ManifestEvidence {
  /** Every change is known: what is not in `tables` is not part of the tree. */
  readonly isWhole: boolean;
  /** Created and, as far as is known, not deleted. */
  readonly tables: ReadonlyMap<FileNumber, ManifestCreate>;
  /** Known to be deleted. */
  readonly deleted: ReadonlySet<FileNumber>;
  /** Largest table number that any record names. */
  readonly largestTable: FileNumber;
  readonly newestVersion: Version;
  /** Prefixes that were dropped, and may still be in files (format/cut.ts). */
  readonly cuts: readonly StoredCut[];
  /** The application's mark in the header; 0 when the header is not to be believed. */
  readonly externalMagic: number;
}

/** Reads `bytes`, the manifest's content, or `undefined` when there is none. */
export function readManifestEvidence(
  bytes: Uint8Array | undefined,
  findings: Findings,
): ManifestEvidence {
  if (bytes === undefined) {
    const reason =
      "missing; every table in the directory is taken, its level and compression guessed";
    findings.add({ file: MANIFEST, offset: 0, reason, lost: false });
    return evidenceOf([], false, 0);
  }
  const header = headerProblem(bytes);
  if (header !== undefined) {
    findings.add({ file: MANIFEST, offset: 0, reason: header, lost: false });
  }
  const externalMagic = header === undefined ? readU16BE(bytes, 4) : 0;
  if (header === undefined && isSound(bytes)) {
    return evidenceOf(replayManifest(bytes).changeSets, true, externalMagic);
  }
  const { records, gaps } = readFramedRecords(bytes, MANIFEST_HEADER_SIZE);
  const sets: ManifestChangeSet[] = [];
  let unreadable = 0;
  for (const { offset, start, end } of records) {
    try {
      sets.push(decodeManifestChangeSet(bytes, start, end));
    } catch (error) {
      if (!(error instanceof MelesError)) throw error;
      unreadable++;
      const reason = `a change that cannot be read: ${complaintOf(error)}`;
      findings.add({ file: MANIFEST, offset, reason, lost: false });
    }
  }
  const holes = gaps.filter(({ start, end }) => !isZero(bytes, start, end));
  for (const { start, end } of holes) {
    const reason = `${end - start} bytes are no change; tables that it may have named are taken as they are found`;
    findings.add({ file: MANIFEST, offset: start, reason, lost: false });
  }
  const isWhole = holes.length === 0 && unreadable === 0 && sets.length > 0;
  return evidenceOf(sets, isWhole, externalMagic);
}

/** Whether the engine would take it, to the last byte: a torn tail may have named tables. */
function isSound(bytes: Uint8Array): boolean {
  try {
    return replayManifest(bytes).validEnd === bytes.length;
  } catch (error) {
    if (error instanceof MelesError) return false;
    throw error;
  }
}

function headerProblem(bytes: Uint8Array): string | undefined {
  try {
    decodeManifestHeader(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof MelesError) return error.message;
    throw error;
  }
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

function evidenceOf(
  sets: readonly ManifestChangeSet[],
  isWhole: boolean,
  externalMagic: number,
): ManifestEvidence {
  const tables = new Map<FileNumber, ManifestCreate>();
  const deleted = new Set<FileNumber>();
  let largestTable = 0;
  const cuts = new Map<Version, StoredCut>();
  let newestVersion = 0;
  for (const set of sets) {
    for (const cut of set.cuts ?? []) cuts.set(cut.version, cut);
    for (const version of set.endedCuts ?? []) cuts.delete(version);
    newestVersion = Math.max(newestVersion, set.newestVersion ?? 0);
    for (const change of set.changes) {
      largestTable = Math.max(largestTable, change.fileNumber);
      if (change.op === "create") {
        tables.set(change.fileNumber, change);
        deleted.delete(change.fileNumber);
      } else {
        tables.delete(change.fileNumber);
        deleted.add(change.fileNumber);
      }
    }
  }
  return {
    isWhole,
    tables,
    deleted,
    largestTable,
    newestVersion,
    cuts: [...cuts.values()],
    externalMagic,
  };
}
