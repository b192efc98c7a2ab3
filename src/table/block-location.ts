/**
 * `BlockLocation`: where a plain (decrypted, decompressed, checked) block lies in memory, and the
 * facts every search starts from. One reusable object per reader or cursor; the bytes belong to the
 * cache or to the cursor's own buffer.
 *
 *     bytes[start … entriesEnd)                entries
 *     bytes[entriesEnd … + 4 * entryCount)     one u32 LE per entry
 *
 * The u32 has two forms. As on disk it is the entry's offset from `start`. Indexed (search-index.ts;
 * frames of the block cache only) it is the offset in its low half and a piece of the key in its high
 * half.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import { readU32LE } from "../format/integers.ts";

/** As `commonLength`: the block has the form it has on disk. */
export const NOT_INDEXED = -1;
const OFFSET_MASK_ON_DISK = -1;
const OFFSET_MASK_INDEXED = 0xffff;

export class BlockLocation {
  bytes: Uint8Array = EMPTY_BYTES;
  start = 0;
  /** Absolute in `bytes`. */
  entriesEnd = 0;
  entryCount = 0;
  /** In an indexed block, how many leading bytes all its user keys share; else `NOT_INDEXED`. */
  commonLength = NOT_INDEXED;
  #offsetMask = OFFSET_MASK_ON_DISK;

  set(
    bytes: Uint8Array,
    start: number,
    entriesEnd: number,
    entryCount: number,
    commonLength: number,
  ): void {
    this.bytes = bytes;
    this.start = start;
    this.entriesEnd = entriesEnd;
    this.entryCount = entryCount;
    this.commonLength = commonLength;
    this.#offsetMask = commonLength === NOT_INDEXED ? OFFSET_MASK_ON_DISK : OFFSET_MASK_INDEXED;
  }

  /** Absolute position of an entry in `bytes`; that of the end of entries for `entryCount`. */
  entryStart(index: number): number {
    if (index === this.entryCount) return this.entriesEnd;
    const slot = readU32LE(this.bytes, this.entriesEnd + 4 * index);
    return this.start + ((slot & this.#offsetMask) >>> 0);
  }

  /** Bytes from `start` to the end of what searches need. */
  get usedBytes(): number {
    return this.entriesEnd - this.start + 4 * this.entryCount;
  }
}
