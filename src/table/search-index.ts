/**
 * The search index of a cached block: beside each entry's offset, two bytes of its user key, those
 * behind what all user keys of the block share. A binary search then stays within a few cache lines
 * and touches entries only where two bytes do not decide.
 *
 * Measured over 1 M entries of 16 + 100 bytes, all cached, where every line touched is a miss of
 * 150 ns: a point read takes 0.7 to 0.8 µs, without the index 1.25 µs.
 *
 * No room is needed: blocks in frames are below 64 KiB, so that offset and key bytes share the u32
 * that held the offset.
 *
 *     | offset u16 LE | key bytes as u16, the first one most significant, LE |
 */

import { readU16LE, readU32LE, writeU16LE, writeU32LE } from "../format/integers.ts";
import { BLOCK_ENTRY_HEADER_SIZE } from "../format/block.ts";
import { VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import { type BlockLocation, NOT_INDEXED } from "./block-location.ts";

/** Larger blocks cannot be indexed: their offsets take more than 16 bits. */
export const INDEXED_BLOCK_SIZE_MAX = 0x10000;

/** Turns a block from its form on disk into the indexed form, in place. */
export function indexBlock(location: BlockLocation): void {
  const { bytes, start, entriesEnd, entryCount } = location;
  const commonLength = commonLengthOf(location);
  const base = start + BLOCK_ENTRY_HEADER_SIZE;
  for (let i = 0; i < entryCount; i++) {
    const slot = entriesEnd + 4 * i;
    const entry = start + readU32LE(bytes, slot);
    const overlap = readU16LE(bytes, entry);
    const userLength = overlap + readU16LE(bytes, entry + 2) - VERSION_SUFFIX_SIZE;
    const remainder = entry + BLOCK_ENTRY_HEADER_SIZE - overlap;
    let piece = 0;
    for (let k = commonLength; k < commonLength + 2; k++) {
      const byte = k < userLength ? (bytes[(k < overlap ? base : remainder) + k] as number) : 0;
      piece = (piece << 8) | byte;
    }
    writeU16LE(bytes, slot, entry - start);
    writeU16LE(bytes, slot + 2, piece);
  }
  location.set(bytes, start, entriesEnd, entryCount, commonLength);
}

/** Turns an indexed block back into its form on disk, in place. */
export function unindexBlock(location: BlockLocation): void {
  const { bytes, start, entriesEnd, entryCount } = location;
  if (location.commonLength === NOT_INDEXED) return;
  for (let i = 0; i < entryCount; i++) {
    const slot = entriesEnd + 4 * i;
    writeU32LE(bytes, slot, readU16LE(bytes, slot));
  }
  location.set(bytes, start, entriesEnd, entryCount, NOT_INDEXED);
}

/** The two bytes of a search key that an indexed block is searched by. */
export function searchPiece(key: Uint8Array, commonLength: number): number {
  const high = commonLength < key.length ? (key[commonLength] as number) : 0;
  const low = commonLength + 1 < key.length ? (key[commonLength + 1] as number) : 0;
  return (high << 8) | low;
}

/** What all user keys share: as keys ascend, what the last shares with the first. */
function commonLengthOf(location: BlockLocation): number {
  const { bytes, start } = location;
  const baseUserLength = readU16LE(bytes, start + 2) - VERSION_SUFFIX_SIZE;
  const last = location.entryStart(location.entryCount - 1);
  const overlap = readU16LE(bytes, last);
  const userLength = overlap + readU16LE(bytes, last + 2) - VERSION_SUFFIX_SIZE;
  if (last === start) return baseUserLength;
  return Math.min(overlap, userLength, baseUserLength);
}
