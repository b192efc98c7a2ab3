/**
 * Table block, plain (after decryption and decompression).
 *
 *     | entry 0 | entry 1 | … |
 *     | start of each entry, u32 LE each, from the block's start |
 *     | entry count u32 BE | checksum message | its length u32 BE |
 *
 *     entry: | overlap u16 LE | diff u16 LE | key remainder, diff bytes | stored value |
 *
 * The first entry's key is the base key. Every entry's internal key is the first `overlap` bytes of
 * the base key (never of the previous entry) followed by the remainder; its value runs up to the
 * next entry. The checksum covers everything before it. A block has at least one entry. Frozen.
 *
 * `BlockView.parse` checks the trailer and the base key in constant time; `checkEntries` checks every
 * entry and is to be called once for each block that comes from disk, before entries are read.
 */

import { checksumMatches } from "./checksum.ts";
import { damaged } from "./damage.ts";
import { readU16LE, readU32BE, readU32LE } from "./integers.ts";
import { VERSION_SUFFIX_SIZE } from "./internal-key.ts";

/** Bytes of an entry's header: overlap and diff. Frozen. */
export const BLOCK_ENTRY_HEADER_SIZE = 4;
/** Longest key remainder: Badger adds the header in 16 bits. Frozen. */
export const BLOCK_ENTRY_DIFF_MAX = 0xffff - BLOCK_ENTRY_HEADER_SIZE;
/** A stored value is at least meta, user meta and a one-byte expiry. */
const STORED_VALUE_SIZE_MIN = 3;
const ENTRY_SIZE_MIN = BLOCK_ENTRY_HEADER_SIZE + STORED_VALUE_SIZE_MIN;

/** A parsed block. Reusable: `parse` overwrites every field. Positions are absolute in `bytes`. */
export class BlockView {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the block starts and ends. */
  start = 0;
  end = 0;
  entryCount = 0;
  /** Where the array of entry starts begins, which is also where the last entry ends. */
  offsetsStart = 0;
  entriesEnd = 0;
  /** The complete internal key of the first entry. */
  baseKeyOffset = 0;
  baseKeyLength = 0;
  checksumStart = 0;
  checksumLength = 0;

  /** Reads the block `bytes[start, end)`. `CorruptionError` when its lengths do not fit together. */
  parse(bytes: Uint8Array, start: number, end: number): void {
    // Sizes are checked by subtraction from what is left, so that no sum can overflow.
    if (end - start < 8) throw damaged(start, "a table block", `${end - start} bytes`);
    const checksumLength = readU32BE(bytes, end - 4);
    if (checksumLength > end - start - 8) {
      throw damaged(end - 4, "a checksum inside the block", `length ${checksumLength}`);
    }
    const checksumStart = end - 4 - checksumLength;
    const entryCount = readU32BE(bytes, checksumStart - 4);
    const body = checksumStart - 4 - start;
    if (entryCount === 0 || entryCount > body / (ENTRY_SIZE_MIN + 4)) {
      throw damaged(checksumStart - 4, `an entry count that fits ${body} bytes`, `${entryCount}`);
    }
    const entriesEnd = checksumStart - 4 - 4 * entryCount;
    const baseKeyLength = readU16LE(bytes, start + 2);
    if (
      readU32LE(bytes, entriesEnd) !== 0 ||
      readU16LE(bytes, start) !== 0 ||
      baseKeyLength < VERSION_SUFFIX_SIZE ||
      baseKeyLength > entriesEnd - start - ENTRY_SIZE_MIN
    ) {
      throw damaged(start, "a whole key in the block's first entry", "none");
    }
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.entryCount = entryCount;
    this.offsetsStart = entriesEnd;
    this.entriesEnd = entriesEnd;
    this.baseKeyOffset = start + BLOCK_ENTRY_HEADER_SIZE;
    this.baseKeyLength = baseKeyLength;
    this.checksumStart = checksumStart;
    this.checksumLength = checksumLength;
  }

  /** Where entry `index` starts. The array may lie at any alignment: byte loads, no typed-array view. */
  entryStart(index: number): number {
    return this.start + readU32LE(this.bytes, this.offsetsStart + 4 * index);
  }

  /** Where entry `index`, and so its value, ends. */
  entryEnd(index: number): number {
    return index + 1 < this.entryCount ? this.entryStart(index + 1) : this.entriesEnd;
  }

  /** True when the checksum in the block matches its content. */
  verifyChecksum(): boolean {
    const { bytes, checksumStart, checksumLength } = this;
    return checksumMatches(
      bytes,
      checksumStart,
      checksumStart + checksumLength,
      bytes,
      this.start,
      checksumStart,
    );
  }

  /**
   * Checks that entries are in place one after the other and that every key and value header fits,
   * so that reading entries needs no further checks. Key order is not checked. About 10 ns an entry.
   */
  checkEntries(): void {
    const { bytes, baseKeyLength, entryCount } = this;
    let start = this.start;
    for (let index = 0; index < entryCount; index++) {
      const end = this.entryEnd(index);
      const room = end - start - ENTRY_SIZE_MIN;
      if (end > this.entriesEnd || room < 0) {
        throw damaged(this.offsetsStart + 4 * index, "ascending entry offsets", `${end}`);
      }
      const overlap = readU16LE(bytes, start);
      const diff = readU16LE(bytes, start + 2);
      if (overlap > baseKeyLength || overlap + diff < VERSION_SUFFIX_SIZE || diff > room) {
        throw damaged(start, "a key inside its entry", `overlap ${overlap}, remainder ${diff}`);
      }
      checkExpiry(bytes, start + BLOCK_ENTRY_HEADER_SIZE + diff + 2, end);
      start = end;
    }
  }
}

/** An expiry ends within ten bytes and before the entry does. */
function checkExpiry(bytes: Uint8Array, start: number, limit: number): void {
  if ((bytes[start] as number) < 0x80) return;
  const end = Math.min(limit, start + 10);
  for (let i = start + 1; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x80) {
      if (i === start + 9 && byte > 1) break;
      return;
    }
  }
  throw damaged(start, "an expiry time", "a varint without end");
}
