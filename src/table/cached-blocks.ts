/**
 * `CachedBlocks`: one table's blocks as point reads see them: from the cache, or from the file through
 * the cache. A located block is valid until the next call for any table of the same cache.
 */

import type { BlockCache, CachedTable } from "./block-cache.ts";
import { NO_ROOM } from "./block-cache.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { BlockFile } from "./block-file.ts";
import { type BlockLocation, NOT_INDEXED } from "./block-location.ts";
import { copyBytes } from "../base/copy-bytes.ts";
import { indexBlock } from "./search-index.ts";

export class CachedBlocks {
  readonly #blocks: BlockFile;
  readonly #cache: BlockCache;
  readonly #table: CachedTable;
  readonly #verify: boolean;
  /** Stored bytes on their way to be unpacked, and plain blocks the cache has no room for. */
  #spare: Uint8Array = EMPTY_BYTES;

  /** `verify`: check the checksum of each block that is read from the file. */
  constructor(blocks: BlockFile, cache: BlockCache, verify: boolean) {
    this.#blocks = blocks;
    this.#cache = cache;
    this.#table = cache.register(blocks.index.blockCount);
    this.#verify = verify;
  }

  /** Points `into` at the block if it is cached; not counted as a use. */
  peek(block: number, into: BlockLocation): boolean {
    return this.#cache.peek(this.#table, block, into);
  }

  /** Points `into` at the block; reads it if it is not cached. */
  locate(block: number, into: BlockLocation): void {
    if (this.#cache.locate(this.#table, block, into)) return;
    const length = this.#blocks.index.lengths[block] as number;
    if (this.#blocks.isPlain && length <= this.#cache.frameBytes) {
      this.#loadInPlace(block, length, into);
    } else {
      this.#loadAside(block, length, into);
    }
  }

  close(): void {
    this.#cache.unregister(this.#table);
    this.#spare = EMPTY_BYTES;
  }

  /** A plain block that fits is read straight into its frame. */
  #loadInPlace(block: number, length: number, into: BlockLocation): void {
    const token = this.#cache.reserve(length, into);
    if (token === NO_ROOM) {
      into.bytes = this.#spareOf(length);
      into.start = 0;
    }
    const { bytes, start } = into;
    this.#blocks.read(block, length, bytes, start);
    this.#blocks.parse(block, bytes, start, start + length, this.#verify, into);
    if (token !== NO_ROOM) this.#commit(block, token, into);
  }

  /** Others are made plain outside the cache; what searches need of them goes into a frame. */
  #loadAside(block: number, length: number, into: BlockLocation): void {
    const stored = this.#spareOf(length);
    this.#blocks.read(block, length, stored, 0);
    const { isPlain } = this.#blocks;
    const plain = isPlain ? stored : this.#blocks.unpack(block, stored, 0, length);
    const plainLength = isPlain ? length : plain.length;
    this.#blocks.parse(block, plain, 0, plainLength, this.#verify, into);
    const { entriesEnd, entryCount, usedBytes } = into;
    const token = this.#cache.reserve(usedBytes, into);
    if (token === NO_ROOM) return;
    const { bytes, start } = into;
    copyBytes(plain, 0, bytes, start, usedBytes);
    into.set(bytes, start, start + entriesEnd, entryCount, NOT_INDEXED);
    this.#commit(block, token, into);
  }

  #commit(block: number, token: number, into: BlockLocation): void {
    if (into.usedBytes <= this.#cache.frameBytes) indexBlock(into);
    this.#cache.commit(this.#table, block, token, into);
  }

  #spareOf(length: number): Uint8Array {
    if (this.#spare.length < length) this.#spare = new Uint8Array(length);
    return this.#spare;
  }
}
