/**
 * `BlockIndex`: finds the block of a key. A few typed arrays per table, whatever its number of blocks.
 *
 * Binary search goes over one number per block: the 6 bytes of the base key that follow what all base
 * keys of the table share. 6 bytes fit a double exactly, so a step is one load and one comparison; only
 * on equality are whole keys compared.
 */

import { assert } from "../base/assert.ts";
import { compareRange } from "../base/bytes.ts";
import { keyPrefix, lastAtMost } from "../base/key-prefix.ts";
import { damaged } from "../format/damage.ts";
import { readVersionSuffix, VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import type { TableIndexBlocks } from "../format/table-index.ts";

export class BlockIndex {
  readonly blockCount: number;
  /** File offset and stored length of each block. */
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly #keys: Uint8Array;
  readonly #keyStarts: Uint32Array;
  /** Leading bytes that all base user keys share: those of the first key. */
  readonly #commonLength: number;
  readonly #prefixes: Float64Array;

  /** Throws `CorruptionError` when blocks overlap or are out of order in the file. */
  constructor(blocks: TableIndexBlocks) {
    this.blockCount = blocks.offsets.length;
    this.offsets = blocks.offsets;
    this.lengths = blocks.lengths;
    this.#keys = blocks.keys;
    this.#keyStarts = blocks.keyStarts;
    assert(this.blockCount > 0, "a table has at least one block");
    for (let block = 1; block < this.blockCount; block++) {
      const end = (this.offsets[block - 1] as number) + (this.lengths[block - 1] as number);
      if ((this.offsets[block] as number) < end) {
        throw damaged(0, `block ${block} at ${end} or later`, `${this.offsets[block]}`);
      }
    }
    this.#commonLength = this.#commonOf(0, this.blockCount - 1);
    this.#prefixes = new Float64Array(this.blockCount);
    for (let block = 0; block < this.blockCount; block++) {
      const start = this.#keyStarts[block] as number;
      const end = this.#userKeyEnd(block);
      this.#prefixes[block] = keyPrefix(this.#keys, start + this.#commonLength, end);
    }
  }

  /** Bytes held in memory. */
  get sizeBytes(): number {
    return this.#keys.length + 20 * this.blockCount;
  }

  /** The user key of a block's first entry; a view. */
  baseUserKey(block: number): Uint8Array {
    return this.#keys.subarray(this.#keyStarts[block], this.#userKeyEnd(block));
  }

  hasBaseUserKey(block: number, key: Uint8Array): boolean {
    const start = this.#keyStarts[block] as number;
    const length = this.#userKeyEnd(block) - start;
    return (
      length === key.length && compareRange(this.#keys, start, length, key, 0, key.length) === 0
    );
  }

  /** The last block whose first entry is at or before (`key`, `version`); -1 when there is none. */
  lastAtOrBefore(key: Uint8Array, version: number): number {
    const keys = this.#keys;
    const commonLength = this.#commonLength;
    for (let i = 0; i < commonLength; i++) {
      if (i === key.length) return -1;
      const difference = (keys[i] as number) - (key[i] as number);
      if (difference !== 0) return difference > 0 ? -1 : this.blockCount - 1;
    }
    const prefixes = this.#prefixes;
    const prefix = keyPrefix(key, commonLength, key.length);
    const block = lastAtMost(prefixes, prefix);
    const found = prefixes[block] as number;
    if (found < prefix) return block;
    return found > prefix ? -1 : this.#lastAmongEqual(block, prefix, key, version);
  }

  /** As `lastAtOrBefore` when 6 bytes do not decide: `last` is the last block with this very prefix. */
  #lastAmongEqual(last: number, prefix: number, key: Uint8Array, version: number): number {
    let low = 0;
    let high = last + 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#prefixes[middle] as number) < prefix || this.#isAtOrBefore(middle, key, version)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  #isAtOrBefore(block: number, key: Uint8Array, version: number): boolean {
    const start = this.#keyStarts[block] as number;
    const end = this.#userKeyEnd(block);
    const order = compareRange(this.#keys, start, end - start, key, 0, key.length);
    if (order !== 0) return order < 0;
    return readVersionSuffix(this.#keys, end) >= version;
  }

  #userKeyEnd(block: number): number {
    return (this.#keyStarts[block + 1] as number) - VERSION_SUFFIX_SIZE;
  }

  #commonOf(a: number, b: number): number {
    const keys = this.#keys;
    const aStart = this.#keyStarts[a] as number;
    const bStart = this.#keyStarts[b] as number;
    const limit = Math.min(this.#userKeyEnd(a) - aStart, this.#userKeyEnd(b) - bStart);
    let i = 0;
    while (i < limit && keys[aStart + i] === keys[bStart + i]) i++;
    return i;
  }
}
