/**
 * `TableCursor`: an ordered walk over one table, both ways.
 *
 * The key is kept in the cursor's own buffer and changed in place: `#intact` tells how many of its
 * leading bytes still are those of the block's base key, so that an entry costs the copy of its
 * remainder and seldom more. The value is a slice of the block.
 *
 * Blocks come from `ReadAhead`. Made by `TableReader.cursor`; must not outlive its reader.
 */

import { assert } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import { BLOCK_ENTRY_HEADER_SIZE } from "../format/block.ts";
import { readU16LE, readU32LE } from "../format/integers.ts";
import { readVersionSuffix, VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import { readExpiry } from "../format/stored-value.ts";
import { uvarintSize } from "../format/varint.ts";
import type { BlockIndex } from "./block-index.ts";
import { BlockLocation } from "./block-location.ts";
import { countBefore, entryVersion } from "./block-search.ts";
import { copyBytes } from "../base/copy-bytes.ts";
import type { ReadAhead } from "./read-ahead.ts";

const KEY_BUFFER_BYTES = 256;
const NO_BLOCK = -1;

export class TableCursor implements EntryCursor {
  valid = false;
  keyBytes: Uint8Array = new Uint8Array(KEY_BUFFER_BYTES);
  keyOffset = 0;
  keyLength = 0;
  version = 0;
  meta = 0;
  userMeta = 0;
  expiresAt = 0;
  valueBytes: Uint8Array = EMPTY_BYTES;
  valueOffset = 0;
  valueLength = 0;

  readonly #index: BlockIndex;
  readonly #ahead: ReadAhead;
  readonly #location = new BlockLocation();
  /** The block at `#location`, and copies of its facts. */
  #block = NO_BLOCK;
  #bytes: Uint8Array = EMPTY_BYTES;
  #start = 0;
  #entriesEnd = 0;
  #entryCount = 0;
  /** The current entry: its number in the block and where it lies. */
  #entry = 0;
  #entryStart = 0;
  #entryEnd = 0;
  #intact = 0;

  constructor(index: BlockIndex, ahead: ReadAhead) {
    this.#index = index;
    this.#ahead = ahead;
  }

  seekToFirst(): void {
    this.#enter(0);
    this.#position(0);
  }

  seekToLast(): void {
    this.#enter(this.#index.blockCount - 1);
    this.#position(this.#entryCount - 1);
  }

  seek(key: Uint8Array, version: number): void {
    const block = this.#index.lastAtOrBefore(key, version);
    if (block < 0) {
      this.seekToFirst();
      return;
    }
    this.#enter(block);
    const entry = countBefore(this.#location, key, version);
    if (entry < this.#entryCount) this.#position(entry);
    else this.#enterNext();
  }

  seekBefore(key: Uint8Array, version: number): void {
    const block = this.#index.lastAtOrBefore(key, version);
    if (block < 0) {
      this.valid = false;
      return;
    }
    this.#enter(block);
    const entry = countBefore(this.#location, key, version) - 1;
    if (entry >= 0) this.#position(entry);
    else this.#enterPrevious();
  }

  next(): void {
    const entry = this.#entry + 1;
    if (entry < this.#entryCount) {
      this.#entry = entry;
      this.#entryStart = this.#entryEnd;
      this.#entryEnd =
        entry + 1 < this.#entryCount
          ? this.#start + readU32LE(this.#bytes, this.#entriesEnd + 4 * entry + 4)
          : this.#entriesEnd;
      this.#decode();
    } else {
      this.#enterNext();
    }
  }

  prev(): void {
    const entry = this.#entry - 1;
    if (entry >= 0) {
      this.#entry = entry;
      this.#entryEnd = this.#entryStart;
      this.#entryStart = this.#start + readU32LE(this.#bytes, this.#entriesEnd + 4 * entry);
      this.#decode();
    } else {
      this.#enterPrevious();
    }
  }

  close(): void {
    this.valid = false;
    this.#block = NO_BLOCK;
    this.#bytes = EMPTY_BYTES;
    this.#location.bytes = EMPTY_BYTES;
    this.valueBytes = EMPTY_BYTES;
    this.#ahead.close();
  }

  #enterNext(): void {
    this.valid = false;
    if (this.#block + 1 >= this.#index.blockCount) return;
    this.#enter(this.#block + 1);
    this.#position(0);
  }

  #enterPrevious(): void {
    this.valid = false;
    if (this.#block === 0) return;
    this.#enter(this.#block - 1);
    this.#position(this.#entryCount - 1);
  }

  /** Loads the block if it is another than the current one. The cursor is not valid until positioned. */
  #enter(block: number): void {
    this.valid = false;
    if (block === this.#block) return;
    // A failure must not leave the old block's name on half of the new one.
    this.#block = NO_BLOCK;
    const location = this.#location;
    this.#ahead.load(block, location);
    this.#block = block;
    this.#bytes = location.bytes;
    this.#start = location.start;
    this.#entriesEnd = location.entriesEnd;
    this.#entryCount = location.entryCount;
    this.#intact = 0;
    this.valueBytes = location.bytes;
  }

  #position(entry: number): void {
    assert(entry >= 0 && entry < this.#entryCount, "a block has an entry at every position sought");
    const offsets = this.#entriesEnd + 4 * entry;
    this.#entry = entry;
    this.#entryStart = this.#start + readU32LE(this.#bytes, offsets);
    this.#entryEnd =
      entry + 1 < this.#entryCount
        ? this.#start + readU32LE(this.#bytes, offsets + 4)
        : this.#entriesEnd;
    this.#decode();
    this.valid = true;
  }

  /** Makes the fields those of the entry at `#entryStart`. */
  #decode(): void {
    const bytes = this.#bytes;
    const entry = this.#entryStart;
    const overlap = readU16LE(bytes, entry);
    const diff = readU16LE(bytes, entry + 2);
    const remainder = entry + BLOCK_ENTRY_HEADER_SIZE;
    const userLength = overlap + diff - VERSION_SUFFIX_SIZE;
    if (userLength > this.keyBytes.length) this.#growKey(userLength);

    const base = this.#start + BLOCK_ENTRY_HEADER_SIZE;
    const shared = overlap < userLength ? overlap : userLength;
    const intact = this.#intact;
    if (shared > intact) {
      copyBytes(bytes, base + intact, this.keyBytes, intact, shared - intact);
    }
    if (userLength > shared) {
      copyBytes(bytes, remainder, this.keyBytes, shared, userLength - shared);
      this.#intact = shared;
    } else if (shared > intact) {
      this.#intact = shared;
    }
    this.keyLength = userLength;

    const value = remainder + diff;
    this.version =
      diff >= VERSION_SUFFIX_SIZE
        ? readVersionSuffix(bytes, value - VERSION_SUFFIX_SIZE)
        : entryVersion(bytes, base, entry);
    this.meta = bytes[value] as number;
    this.userMeta = bytes[value + 1] as number;
    this.expiresAt = readExpiry(bytes, value + 2, this.#entryEnd);
    this.valueOffset = value + 2 + uvarintSize();
    this.valueLength = this.#entryEnd - this.valueOffset;
  }

  #growKey(length: number): void {
    const grown = new Uint8Array(Math.max(length, 2 * this.keyBytes.length));
    grown.set(this.keyBytes.subarray(0, this.#intact));
    this.keyBytes = grown;
  }
}
