/**
 * The manifest file as a whole: header and replay.
 *
 *     | "Bdgr" | external magic u16 BE | format version u16 BE = 8 | records (manifest-change.ts) … |
 *
 * Replay applies records in order until the end. Only a tail that is too short for the record it
 * begins is forgiven (a torn append): it is to be cut at `validEnd` before anything is appended.
 * Anything else that does not fit is an error, also in the last record. A tail of zeros is not torn:
 * each 8 zero bytes are an empty record. Frozen: both engines must draw the line at the same byte.
 */

import { MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { crc32c } from "./crc32c.ts";
import { damaged } from "./damage.ts";
import { readU16BE, readU32BE, writeU16BE } from "./integers.ts";
import { decodeManifestChangeSet, MANIFEST_RECORD_HEADER_SIZE } from "./manifest-change.ts";
import type { ManifestChangeSet, ManifestCreate } from "./manifest-change.ts";

/** Bytes of the file header. Frozen. */
export const MANIFEST_HEADER_SIZE = 8;
/** 8: Badger v3 and v4. */
export const MANIFEST_FORMAT_VERSION = 8;
const MAGIC = 0x42646772;

/** The header of a manifest. `externalMagic` (u16) lets an application mark its directories; default 0. */
export function encodeManifestHeader(externalMagic: number): Uint8Array {
  const header = new Uint8Array([0x42, 0x64, 0x67, 0x72, 0, 0, 0, 0]);
  writeU16BE(header, 4, externalMagic);
  writeU16BE(header, 6, MANIFEST_FORMAT_VERSION);
  return header;
}

/**
 * The external magic in a manifest's header. `ERR_NOT_A_DATABASE` when it is no manifest,
 * `ERR_UNSUPPORTED_FORMAT` for another format version.
 */
export function decodeManifestHeader(bytes: Uint8Array): number {
  if (bytes.length < MANIFEST_HEADER_SIZE || readU32BE(bytes, 0) !== MAGIC) {
    throw new MelesError(
      "ERR_NOT_A_DATABASE",
      "MANIFEST does not start with a manifest header; check that the directory is a database",
    );
  }
  const version = readU16BE(bytes, 6);
  if (version !== MANIFEST_FORMAT_VERSION) {
    throw new MelesError(
      "ERR_UNSUPPORTED_FORMAT",
      `the directory has format version ${version}, only ${MANIFEST_FORMAT_VERSION} (Badger v4) is supported`,
    );
  }
  return readU16BE(bytes, 4);
}

export interface ManifestReplay {
  readonly headerExternalMagic: number;
  /** All change sets in order, except empty ones. */
  readonly changeSets: readonly ManifestChangeSet[];
  /** The tables that exist in the end. */
  readonly tables: ReadonlyMap<FileNumber, ManifestCreate>;
  /** Deletions of tables that did not exist: a warning, since Badger can write them. */
  readonly unknownDeletions: readonly FileNumber[];
  /** Offset behind the last whole record; shorter than the file after a torn append. */
  readonly validEnd: number;
}

/**
 * Reads a whole manifest. Throws as `decodeManifestHeader` does, and `CorruptionError` for a record
 * that no torn append explains.
 */
export function replayManifest(bytes: Uint8Array): ManifestReplay {
  const headerExternalMagic = decodeManifestHeader(bytes);
  const changeSets: ManifestChangeSet[] = [];
  const tables = new Map<FileNumber, ManifestCreate>();
  const unknownDeletions: FileNumber[] = [];
  let offset = MANIFEST_HEADER_SIZE;
  while (offset + MANIFEST_RECORD_HEADER_SIZE <= bytes.length) {
    const length = readU32BE(bytes, offset);
    if (length > bytes.length) {
      throw damaged(offset, "the length of a manifest record", `${length}`);
    }
    const start = offset + MANIFEST_RECORD_HEADER_SIZE;
    const end = start + length;
    if (end > bytes.length) break;
    const expected = readU32BE(bytes, offset + 4);
    const actual = crc32c(bytes, start, end);
    if (actual !== expected) {
      if (end === bytes.length && hasZeroSector(bytes, offset, end)) break;
      throw damaged(offset, `checksum ${hex(expected)}`, hex(actual));
    }
    if (length > 0) {
      const set = decodeManifestChangeSet(bytes, start, end);
      applyChanges(set, tables, unknownDeletions, offset);
      changeSets.push(set);
    }
    offset = end;
  }
  return { headerExternalMagic, changeSets, tables, unknownDeletions, validEnd: offset };
}

function applyChanges(
  set: ManifestChangeSet,
  tables: Map<FileNumber, ManifestCreate>,
  unknownDeletions: FileNumber[],
  offset: number,
): void {
  for (const change of set.changes) {
    if (change.op === "create") {
      if (tables.has(change.fileNumber)) {
        throw damaged(offset, `table ${change.fileNumber} to be new`, "that it exists already");
      }
      tables.set(change.fileNumber, change);
    } else if (!tables.delete(change.fileNumber)) {
      unknownDeletions.push(change.fileNumber);
    }
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
