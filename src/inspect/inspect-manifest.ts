/** `MANIFEST`: every change on record, and the tables that exist in the end. */

import { CorruptionError, MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { crc32c } from "../format/crc32c.ts";
import { tableFileName, valueLogFileName } from "../format/file-names.ts";
import { readU32BE } from "../format/integers.ts";
import {
  decodeManifestChangeSet,
  MANIFEST_RECORD_HEADER_SIZE,
  type ManifestChange,
  type ManifestChangeSet,
  type ManifestCreate,
} from "../format/manifest-change.ts";
import {
  decodeManifestHeader,
  MANIFEST_FORMAT_VERSION,
  MANIFEST_HEADER_SIZE,
} from "../format/manifest-replay.ts";
import { facts, finding, nestedRow, type Part, type Row, rowOf } from "./part.ts";

const COMPRESSION_NAMES = ["none", "snappy", "zstd"] as const;

export function* inspectManifest(bytes: Uint8Array): Generator<Part> {
  try {
    const externalMagic = decodeManifestHeader(bytes);
    yield facts({ formatVersion: MANIFEST_FORMAT_VERSION, externalMagic });
  } catch (error) {
    if (!(error instanceof MelesError)) throw error;
    yield finding(0, error.message);
    return;
  }
  const tables = new Map<FileNumber, ManifestCreate>();
  const { end, problem } = yield* walkRecords(bytes, tables);
  yield facts({
    end,
    tornBytes: problem === undefined && end < bytes.length ? bytes.length - end : undefined,
  });
  if (problem !== undefined) yield finding(end, problem);
  const live = [...tables.values()].sort(
    (a, b) => a.level - b.level || a.fileNumber - b.fileNumber,
  );
  for (const table of live) yield rowOf("liveTables", tableRow(table));
}

/** The rows of all records; returns where the last good one ends, and what is wrong with the next, if anything. */
function* walkRecords(
  bytes: Uint8Array,
  tables: Map<FileNumber, ManifestCreate>,
): Generator<Part, { end: number; problem: string | undefined }> {
  let offset = MANIFEST_HEADER_SIZE;
  // Fewer bytes than a header or a payload needs are what a torn append leaves.
  while (offset + MANIFEST_RECORD_HEADER_SIZE <= bytes.length) {
    const length = readU32BE(bytes, offset);
    if (length > bytes.length) {
      return { end: offset, problem: `a record cannot be ${length} bytes long` };
    }
    const start = offset + MANIFEST_RECORD_HEADER_SIZE;
    const end = start + length;
    if (end > bytes.length) break;
    if (crc32c(bytes, start, end) !== readU32BE(bytes, offset + 4)) {
      return { end: offset, problem: "a record does not match its checksum" };
    }
    let set: ManifestChangeSet;
    try {
      set = decodeManifestChangeSet(bytes, start, end);
    } catch (error) {
      if (!(error instanceof MelesError)) throw error;
      const at = error instanceof CorruptionError ? `at ${error.offset} ` : "";
      return { end: offset, problem: `a record cannot be read: ${at}${error.message}` };
    }
    yield* describeRecord(offset, end, set, tables);
    offset = end;
  }
  return { end: offset, problem: undefined };
}

function* describeRecord(
  offset: number,
  end: number,
  set: ManifestChangeSet,
  tables: Map<FileNumber, ManifestCreate>,
): Generator<Part> {
  yield rowOf("records", {
    offset,
    recordBytes: end - offset,
    changeCount: set.changes.length,
    thinnedVersion: set.thinnedVersion,
    newestVersion: set.newestVersion,
  });
  for (const change of set.changes) {
    yield nestedRow("changes", changeRow(change));
    const { fileNumber } = change;
    if (change.op === "create") {
      if (tables.has(fileNumber)) {
        yield finding(offset, `${tableFileName(fileNumber)} is created although it exists`);
      }
      tables.set(fileNumber, change);
    } else tables.delete(fileNumber);
  }
  for (const { file, bytes } of set.valueLogDiscards ?? []) {
    yield nestedRow("discards", { discarded: valueLogFileName(file), discardedBytes: bytes });
  }
}

function changeRow(change: ManifestChange): Row {
  if (change.op === "delete") return { delete: tableFileName(change.fileNumber) };
  const { table, ...rest } = tableRow(change);
  return { create: table, ...rest };
}

function tableRow({ fileNumber, level, compression, keyId }: ManifestCreate): Row {
  return {
    table: tableFileName(fileNumber),
    level,
    compression: COMPRESSION_NAMES[compression],
    dataKey: keyId === 0 ? undefined : keyId,
  };
}
