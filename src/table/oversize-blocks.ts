/**
 * `OversizeBlocks`: the part of the block cache for blocks that do not fit a frame (one entry bigger
 * than a block, or a table written with a larger block size). Each has its own buffer; least recently
 * used goes first. Only `BlockCache` uses it.
 */

import { type BlockLocation, NOT_INDEXED } from "./block-location.ts";

interface OversizeBlock {
  readonly bytes: Uint8Array;
  readonly entriesEnd: number;
  readonly entryCount: number;
}

/** A table is below 2^32 bytes and a block takes at least 20 of them; so one number can name a block. */
const BLOCKS_PER_TABLE_MAX = 0x1000_0000;

export class OversizeBlocks {
  /** Insertion order is the order of use: `touch` moves a block to the end. */
  readonly #blocks = new Map<number, OversizeBlock>();
  readonly #onEvict: (tableId: number, block: number) => void;
  #usedBytes = 0;

  constructor(onEvict: (tableId: number, block: number) => void) {
    this.#onEvict = onEvict;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Fills `into` with a block that is known to be here. */
  peek(tableId: number, block: number, into: BlockLocation): void {
    const found = this.#blocks.get(tableId * BLOCKS_PER_TABLE_MAX + block) as OversizeBlock;
    into.set(found.bytes, 0, found.entriesEnd, found.entryCount, NOT_INDEXED);
  }

  /** Makes a block that is known to be here the one used last. */
  touch(tableId: number, block: number): void {
    const name = tableId * BLOCKS_PER_TABLE_MAX + block;
    const found = this.#blocks.get(name) as OversizeBlock;
    this.#blocks.delete(name);
    this.#blocks.set(name, found);
  }

  /** Keeps the block at `location`, whose buffer holds nothing else. */
  add(tableId: number, block: number, location: BlockLocation): void {
    const { bytes, entriesEnd, entryCount } = location;
    this.#blocks.set(tableId * BLOCKS_PER_TABLE_MAX + block, { bytes, entriesEnd, entryCount });
    this.#usedBytes += bytes.length;
  }

  remove(tableId: number, block: number): void {
    const name = tableId * BLOCKS_PER_TABLE_MAX + block;
    const found = this.#blocks.get(name);
    if (found === undefined) return;
    this.#blocks.delete(name);
    this.#usedBytes -= found.bytes.length;
  }

  /** Evicts from the least recently used on until at most `limitBytes` are held. */
  shrinkTo(limitBytes: number): void {
    for (const name of this.#blocks.keys()) {
      if (this.#usedBytes <= limitBytes) return;
      const block = name % BLOCKS_PER_TABLE_MAX;
      const tableId = (name - block) / BLOCKS_PER_TABLE_MAX;
      this.remove(tableId, block);
      this.#onEvict(tableId, block);
    }
  }
}
