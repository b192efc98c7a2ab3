/**
 * `ReadAhead`: one cursor's blocks. Keeps them in buffers of its own, so that a cursor needs no pins.
 *
 * A walk begins in the cache: short ranges are read again like points. One that goes on in one direction
 * leaves the cache alone: stored bytes of several consecutive blocks come with one positional read,
 * doubling up to 256 KiB. A block that is cached anyway is copied from there instead.
 *
 * Measured, ranges of 50 entries from random starts over 1 M entries of 16 + 100 bytes: 11 µs with their
 * blocks in the cache, 20 µs when each range reads for itself.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import type { BlockFile } from "./block-file.ts";
import type { BlockLocation } from "./block-location.ts";
import type { CachedBlocks } from "./cached-blocks.ts";
import { copyBytes } from "../base/copy-bytes.ts";
import { unindexBlock } from "./search-index.ts";

/** A walk's first blocks go through the cache. */
const CACHED_BLOCKS = 2;
/** A walk that goes on reads twice this, and then twice as much each time up to the maximum. */
const WINDOW_BYTES_MIN = 4096;
const WINDOW_BYTES_MAX = 256 * 1024;

export class ReadAhead {
  readonly #blocks: BlockFile;
  readonly #cached: CachedBlocks;
  readonly #verify: boolean;

  /** Stored bytes of the blocks `#first … #end - 1`, in a borrowed buffer. */
  #window: Uint8Array = EMPTY_BYTES;
  /** What the last window was allowed to take. */
  #windowLimit = 0;
  #first = 0;
  #end = 0;
  /** A block copied from the cache, in a buffer borrowed from there. */
  #copy: Uint8Array = EMPTY_BYTES;
  #last = -2;
  /** Blocks walked so far, in one direction. */
  #walked = 0;

  constructor(blocks: BlockFile, cached: CachedBlocks, verify: boolean) {
    this.#blocks = blocks;
    this.#cached = cached;
    this.#verify = verify;
  }

  /** Points `into` at the block, in this object's buffers: valid until the next call. */
  load(block: number, into: BlockLocation): void {
    const step = block - this.#last;
    this.#last = block;
    this.#walked = step === 1 || step === -1 ? this.#walked + 1 : 1;
    if (block < this.#first || block >= this.#end) {
      if (this.#walked <= CACHED_BLOCKS) {
        this.#cached.locate(block, into);
        this.#keepCopy(into);
        return;
      }
      if (this.#cached.peek(block, into)) {
        this.#keepCopy(into);
        return;
      }
      this.#readWindow(block, step);
    }
    this.#parse(block, into);
  }

  close(): void {
    this.#cached.giveBack(this.#window);
    this.#window = EMPTY_BYTES;
    this.#cached.giveBack(this.#copy);
    this.#copy = EMPTY_BYTES;
    this.#first = 0;
    this.#end = 0;
  }

  #parse(block: number, into: BlockLocation): void {
    const { offsets, lengths } = this.#blocks.index;
    const start = (offsets[block] as number) - (offsets[this.#first] as number);
    const end = start + (lengths[block] as number);
    if (this.#blocks.isPlain) {
      this.#blocks.parse(block, this.#window, start, end, this.#verify, into);
    } else {
      const plain = this.#blocks.unpack(block, this.#window, start, end);
      this.#blocks.parse(block, plain, 0, plain.length, this.#verify, into);
    }
  }

  /** Copies a located block out of the cache, back in its form on disk. */
  #keepCopy(into: BlockLocation): void {
    const { bytes, start, entriesEnd, entryCount, commonLength, usedBytes } = into;
    if (this.#copy.length < usedBytes) {
      this.#cached.giveBack(this.#copy);
      this.#copy = this.#cached.borrow(usedBytes);
    }
    copyBytes(bytes, start, this.#copy, 0, usedBytes);
    into.set(this.#copy, 0, entriesEnd - start, entryCount, commonLength);
    unindexBlock(into);
  }

  /** Reads a window that starts (walking forward) or ends (backward) with `block`. */
  #readWindow(block: number, step: number): void {
    const { offsets, lengths, blockCount } = this.#blocks.index;
    const sequential = step === 1 || step === -1;
    const limit = sequential ? Math.min(2 * this.#windowLimit, WINDOW_BYTES_MAX) : 0;
    this.#windowLimit = Math.max(limit, WINDOW_BYTES_MIN);
    let first = block;
    let end = block + 1;
    const spanOf = (from: number, to: number): number =>
      (offsets[to - 1] as number) + (lengths[to - 1] as number) - (offsets[from] as number);
    if (step === -1) while (first > 0 && spanOf(first - 1, end) <= limit) first--;
    else while (end < blockCount && spanOf(first, end + 1) <= limit) end++;
    const lengthBytes = spanOf(first, end);
    // Nothing is in the window while it is being overwritten: the read may fail.
    this.#first = 0;
    this.#end = 0;
    if (this.#window.length < lengthBytes) {
      this.#cached.giveBack(this.#window);
      this.#window = this.#cached.borrow(lengthBytes);
    }
    this.#blocks.read(first, lengthBytes, this.#window, 0);
    this.#first = first;
    this.#end = end;
  }
}
