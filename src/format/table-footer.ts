/**
 * End of a table file.
 *
 *     | block 0 | block 1 | … | index | index length u32 BE | checksum message | its length u32 BE |
 *
 * The checksum covers the index as stored, that is with cipher text and IV if encrypted. Nothing is
 * aligned. Frozen. Reading starts at the end of the file.
 */

import { checksumMatches, CHECKSUM_MESSAGE_SIZE_MAX, writeChecksum } from "./checksum.ts";
import type { ChecksumKind } from "./checksum.ts";
import { damaged } from "./damage.ts";
import { readU32BE, writeU32BE } from "./integers.ts";

/** Reading this many bytes from the end of a file is enough for any footer. */
export const TABLE_FOOTER_SIZE_MAX = 64;

/** Where the index lies. */
export interface TableFooter {
  /** Offset of the index in the file, which is also where the last block ends. */
  readonly indexOffset: number;
  readonly indexLength: number;
  /** The checksum message over the stored index. */
  readonly checksum: Uint8Array;
}

/** The bytes that follow a stored index. */
export function encodeTableFooter(storedIndex: Uint8Array, kind: ChecksumKind): Uint8Array {
  const footer = new Uint8Array(8 + CHECKSUM_MESSAGE_SIZE_MAX);
  writeU32BE(footer, 0, storedIndex.length);
  const end = writeChecksum(footer, 4, kind, storedIndex, 0, storedIndex.length);
  writeU32BE(footer, end, end - 4);
  return footer.slice(0, end + 4);
}

/**
 * Reads the footer from the last bytes of a file of `fileSize` bytes: at least
 * `TABLE_FOOTER_SIZE_MAX` of them, or the whole file. Damage offsets count from the file's start.
 */
export function decodeTableFooter(tail: Uint8Array, fileSize: number): TableFooter {
  const base = fileSize - tail.length;
  const size = tail.length;
  if (size < 8) throw damaged(base, "a table footer", `${size} bytes`);
  const checksumLength = readU32BE(tail, size - 4);
  if (checksumLength > Math.min(size, TABLE_FOOTER_SIZE_MAX) - 8) {
    throw damaged(fileSize - 4, "the length of a checksum message", `${checksumLength}`);
  }
  const lengthOffset = size - 8 - checksumLength;
  const indexLength = readU32BE(tail, lengthOffset);
  const indexEnd = base + lengthOffset;
  if (indexLength === 0 || indexLength > indexEnd) {
    throw damaged(indexEnd, `an index length of 1 to ${indexEnd}`, `${indexLength}`);
  }
  return {
    indexOffset: indexEnd - indexLength,
    indexLength,
    checksum: tail.slice(lengthOffset + 4, size - 4),
  };
}

/** Throws `CorruptionError` (offset 0 = the index's first byte) unless the stored index is intact. */
export function verifyTableIndex(footer: TableFooter, storedIndex: Uint8Array): void {
  const { checksum } = footer;
  if (!checksumMatches(checksum, 0, checksum.length, storedIndex, 0, storedIndex.length)) {
    throw damaged(0, "a table index that matches its checksum", "another checksum");
  }
}
