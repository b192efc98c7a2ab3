/**
 * `DISCARD`: garbage per value-log file, an array of slots.
 *
 *     | file number u64 BE | droppable bytes u64 BE | … sorted by file, up to the first file 0
 *
 * Frozen. Badger maps the file into memory, wants 1 MiB or more, and doubles it when the last slot is
 * used. It holds hints without a checksum: losing it costs nothing but knowledge, so nonsense in it
 * is ignored, never an error.
 */

import type { FileNumber } from "../base/ids.ts";
import { FILE_NUMBER_MAX } from "./file-names.ts";
import { readU64BE, writeU64BE } from "./integers.ts";

const SLOT_SIZE = 16;
/** Smallest file Badger is content with. Frozen. */
export const DISCARD_SIZE_MIN = 1 << 20;

/** The whole file, padded with empty slots to a power of two of at least 1 MiB. */
export function encodeDiscardTable(bytesByFile: ReadonlyMap<FileNumber, number>): Uint8Array {
  // One slot stays empty: it marks the end.
  let sizeBytes = DISCARD_SIZE_MIN;
  while (sizeBytes < (bytesByFile.size + 1) * SLOT_SIZE) sizeBytes *= 2;
  const table = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const [file, discarded] of [...bytesByFile].sort((a, b) => a[0] - b[0])) {
    writeU64BE(table, offset, file);
    writeU64BE(table, offset + 8, discarded);
    offset += SLOT_SIZE;
  }
  return table;
}

/** Droppable bytes by file. Slots that make no sense are left out. */
export function decodeDiscardTable(bytes: Uint8Array): Map<FileNumber, number> {
  const result = new Map<FileNumber, number>();
  for (let offset = 0; offset + SLOT_SIZE <= bytes.length; offset += SLOT_SIZE) {
    const file = readU64BE(bytes, offset);
    // Like Badger, take a file whose slots are all in use for a damaged one.
    if (file === 0) return result;
    const discarded = readU64BE(bytes, offset + 8);
    if (file !== undefined && file <= FILE_NUMBER_MAX && discarded !== undefined) {
      result.set(file, discarded);
    }
  }
  return new Map();
}
