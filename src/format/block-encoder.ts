/**
 * Finishing a plain block (layout in block.ts): the table builder has written the entries, this
 * appends what follows them.
 */

import { CHECKSUM_MESSAGE_SIZE_MAX, writeChecksum } from "./checksum.ts";
import type { ChecksumKind } from "./checksum.ts";
import { writeU16LE, writeU32BE, writeU32LE } from "./integers.ts";

/** Writes an entry's header and returns the offset at which the key remainder goes. */
export function writeBlockEntryHeader(
  target: Uint8Array,
  offset: number,
  overlap: number,
  diff: number,
): number {
  writeU16LE(target, offset, overlap);
  writeU16LE(target, offset + 2, diff);
  return offset + 4;
}

/** Most bytes that `finishBlock` appends behind the entries. */
export function blockTrailerSizeMax(entryCount: number): number {
  return 4 * entryCount + 4 + CHECKSUM_MESSAGE_SIZE_MAX + 4;
}

/**
 * Appends entry offsets, count, checksum and its length to the block whose entries are
 * `target[blockStart, entriesEnd)`. `entryOffsets` holds the starts of the first `entryCount`
 * entries counted from the block's start. Returns the offset behind the block.
 */
export function finishBlock(
  target: Uint8Array,
  blockStart: number,
  entriesEnd: number,
  entryOffsets: Uint32Array,
  entryCount: number,
  kind: ChecksumKind,
): number {
  let position = entriesEnd;
  for (let i = 0; i < entryCount; i++) {
    writeU32LE(target, position, entryOffsets[i] as number);
    position += 4;
  }
  writeU32BE(target, position, entryCount);
  const checksumStart = position + 4;
  const checksumEnd = writeChecksum(target, checksumStart, kind, target, blockStart, checksumStart);
  writeU32BE(target, checksumEnd, checksumEnd - checksumStart);
  return checksumEnd + 4;
}

/**
 * Whether an entry must go to a new block, by Badger's estimate (its fixed allowances of 6 for the
 * entry header and 8 for the checksum included, so that blocks are cut at the same places).
 */
export function blockIsFull(
  blockBytes: number,
  entryCount: number,
  keyLength: number,
  storedValueLength: number,
  blockSize: number,
  encrypted: boolean,
): boolean {
  if (entryCount === 0) return false;
  const trailer = 4 * (entryCount + 1) + 4 + 8 + 4 + (encrypted ? 16 : 0);
  return blockBytes + 6 + keyLength + storedValueLength + trailer > blockSize;
}
