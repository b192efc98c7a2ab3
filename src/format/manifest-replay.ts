/**
 * The manifest file as a whole: header and replay.
 *
 *     | "Bdgr" | external magic u16 BE | format version u16 BE = 8 | records (manifest-change.ts) … |
 *
 * Replay applies records in order until the end. A tail is forgiven (a torn append) when it is too short
 * for the record it begins, or when sectors of its last record never reached the disk: it is to be cut
 * at `validEnd` before anything is appended. Anything else that does not fit is an error, also in the
 * last record. A tail of zeros is not torn: each 8 zero bytes are an empty record. Badger forgives short
 * tails only, and Meles cuts them all at its next open.
 */

import { CorruptionError, MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { crc32c } from "./crc32c.ts";
import { damaged } from "./damage.ts";
import { readU16BE, readU32BE, writeU16BE } from "./integers.ts";
import { decodeManifestChangeSet, MANIFEST_RECORD_HEADER_SIZE } from "./manifest-change.ts";
import type { ManifestChangeSet, ManifestCreate } from "./manifest-change.ts";
import { SEAL } from "./file-names.ts";
import { SEALED_FORMAT_VERSION } from "./sealed-file.ts";
import { hasZeroSector, SECTOR_BYTES } from "./zero-sector.ts";

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
  if (version === SEALED_FORMAT_VERSION) {
    const expected = "the register of an authenticated directory, with its keys";
    throw new CorruptionError({ file: SEAL, offset: 0, expected, actual: "no such file" });
  }
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
  /** Where the zeros begin that end at `offset`. */
  let zerosStart = offset;
  while (offset + MANIFEST_RECORD_HEADER_SIZE <= bytes.length) {
    const length = readU32BE(bytes, offset);
    if (length > RECORD_BYTES_MAX) {
      if (isTornAppend(bytes, zerosStart, zerosStart + 1)) break;
      throw damaged(offset, "the length of a manifest record", `${length}`);
    }
    const start = offset + MANIFEST_RECORD_HEADER_SIZE;
    const end = start + length;
    if (end > bytes.length) {
      if (!recordFollows(bytes, offset)) break;
      throw damaged(
        offset,
        "the length of the last manifest record",
        `${length}, and records behind it`,
      );
    }
    const expected = readU32BE(bytes, offset + 4);
    const actual = crc32c(bytes, start, end);
    if (actual !== expected) {
      if (isTornAppend(bytes, zerosStart, bytes.length)) break;
      throw damaged(offset, `checksum ${hex(expected)}`, hex(actual));
    }
    if (length > 0) {
      const set = decodeManifestChangeSet(bytes, start, end);
      applyChanges(set, tables, unknownDeletions, offset);
      changeSets.push(set);
      zerosStart = end;
    }
    offset = end;
  }
  return { headerExternalMagic, changeSets, tables, unknownDeletions, validEnd: offset };
}

/** No record that somebody has written is longer. */
const RECORD_BYTES_MAX = 1 << 24;

/**
 * Whether `bytes[start…]`, which is wrong, can be one append that a power cut has torn: a sector of it
 * that overlaps `[start, lostEnd)` is zeros, and no whole record follows, as every append is synced
 * before the next.
 */
function isTornAppend(bytes: Uint8Array, start: number, lostEnd: number): boolean {
  const boundary = Math.ceil(lostEnd / SECTOR_BYTES) * SECTOR_BYTES;
  const end = Math.min(boundary, bytes.length);
  return hasZeroSector(bytes, start, end) && !recordFollows(bytes, start);
}

/** How far behind damage a record is looked for. */
const SEARCH_BYTES = 64 * 1024;

/** Whether a whole record begins behind `start`, soon. */
function recordFollows(bytes: Uint8Array, start: number): boolean {
  const limit = Math.min(start + SEARCH_BYTES, bytes.length - MANIFEST_RECORD_HEADER_SIZE);
  for (let at = start + 1; at < limit; at++) {
    const from = at + MANIFEST_RECORD_HEADER_SIZE;
    const end = from + readU32BE(bytes, at);
    if (end === from || end > bytes.length) continue;
    if (crc32c(bytes, from, end) === readU32BE(bytes, at + 4)) return true;
  }
  return false;
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
