/**
 * `BlockCache`: plain blocks of all open tables of one database, bounded by `capacityBytes`.
 *
 * Blocks live in frames of one size, cut from large slabs that are allocated when first needed. There
 * is no object per block: a table registers and gets an array of frame numbers by block number, and
 * what is known of a frame lies in typed arrays. Replacement is CLOCK: a hit sets a bit, the hand
 * clears it and takes the first frame without one. New blocks start without the bit, so a block read
 * once does not push out one that is read often. Blocks too big for a frame: `OversizeBlocks`.
 *
 * Frames and oversize blocks share the capacity: each side may use all of it while the other is idle
 * and is guaranteed half.
 *
 * A located block stays in place until the next `reserve` on this cache; whoever keeps it longer
 * copies it. One thread.
 */

import { assert } from "../base/assert.ts";
import { BufferPool } from "../base/buffer-pool.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { BlockLocation } from "./block-location.ts";
import { INDEXED_BLOCK_SIZE_MAX } from "./search-index.ts";
import { OversizeBlocks } from "./oversize-blocks.ts";

/** 32 MiB of usual frames: large enough for large pages, and not resident before it is written to. */
const FRAMES_PER_SLAB_MAX = 8192;

/** So many given-back buffers of a frame's size are kept, and so many bytes of larger ones. */
const BUFFERS_MAX = 16;
const LARGE_BUFFER_BYTES_MAX = 2 * 1024 * 1024;

/** In a table's frame numbers: the block is not in the cache. */
const ABSENT = -1;
/** In a table's frame numbers: the block is among the oversize ones. */
const OVERSIZE = -2;
/** Answer of `reserve`: the block cannot be cached. */
export const NO_ROOM = -1;
/** As owner of a frame: none. */
const UNOWNED = -1;

/** What is known of a frame, as positions in its group of `FACTS` numbers; a frame is at most 64 KiB. */
const FACTS = 4;
const ENTRIES_END = 0;
const ENTRY_COUNT = 1;
const COMMON_LENGTH = 2;
const REFERENCED = 3;

/** A table's blocks in the cache: frame number by block number. Made by `BlockCache.register`. */
export class CachedTable {
  readonly id: number;
  readonly frames: Int32Array;

  constructor(id: number, blockCount: number) {
    this.id = id;
    this.frames = new Int32Array(blockCount).fill(ABSENT);
  }
}

export class BlockCache {
  readonly capacityBytes: number;
  /** Lookups that found their block, and that did not, since the cache was made. */
  hits = 0;
  misses = 0;

  /** Blocks up to this size go into frames, in indexed form. */
  readonly frameBytes: number;
  readonly #slabShift: number;
  readonly #slabBytes: number;
  readonly #slabCountMax: number;
  readonly #slabs: Uint8Array[] = [];

  // By frame number.
  #owners = new Int32Array(0);
  /** Block number of an owned frame; of a free one, the next free frame or -1. */
  #blocks = new Int32Array(0);
  /** Four numbers a frame, side by side: where entries end, their count, `commonLength`, reference bit. */
  #facts = new Uint16Array(0);

  #spare: Uint8Array = EMPTY_BYTES;

  /** Buffers of a frame's size that cursors have given back. */
  readonly #buffers: Uint8Array[] = [];
  readonly #largeBuffers = new BufferPool(LARGE_BUFFER_BYTES_MAX);

  #frameCount = 0;
  #freeCount = 0;
  #freeHead = -1;
  #hand = 0;

  readonly #tables: (CachedTable | undefined)[] = [];
  readonly #freeTableIds: number[] = [];
  readonly #oversize = new OversizeBlocks((tableId, block) => {
    this.#table(tableId).frames[block] = ABSENT;
  });

  readonly #allocateSlab: (sizeBytes: number) => Uint8Array;

  /**
   * `capacityBytes` 0 caches nothing. `blockSizeBytes`: the usual size of a plain block. `allocateSlab`: see
   * `Env`.
   */
  constructor(
    capacityBytes: number,
    blockSizeBytes = 4096,
    allocateSlab: (sizeBytes: number) => Uint8Array = (sizeBytes) => new Uint8Array(sizeBytes),
  ) {
    this.#allocateSlab = allocateSlab;
    this.capacityBytes = capacityBytes;
    this.frameBytes = Math.min(blockSizeBytes, INDEXED_BLOCK_SIZE_MAX);
    const frames = Math.min(FRAMES_PER_SLAB_MAX, Math.floor(capacityBytes / 2 / this.frameBytes));
    this.#slabShift = frames < 1 ? 0 : Math.floor(Math.log2(frames));
    this.#slabBytes = this.frameBytes << this.#slabShift;
    this.#slabCountMax = Math.floor(capacityBytes / this.#slabBytes);
  }

  /** Bytes allocated: slabs and oversize blocks. */
  get usedBytes(): number {
    return this.#slabs.length * this.#slabBytes + this.#oversize.usedBytes;
  }

  /** Room for stored bytes on their way into a frame, and for a block that has none; until the next call. */
  spare(lengthBytes: number): Uint8Array {
    if (this.#spare.length < lengthBytes) this.#spare = new Uint8Array(lengthBytes);
    return this.#spare;
  }

  /**
   * Room for a copy of a block, or for a stretch of the file. Short walks would else spend a fifth of their
   * time on allocating it: an array of more than 1,000 bytes does not come from the runtime's fast path.
   */
  borrow(lengthBytes: number): Uint8Array {
    if (lengthBytes > this.frameBytes) return this.#largeBuffers.take(lengthBytes);
    return this.#buffers.pop() ?? new Uint8Array(this.frameBytes);
  }

  /** The borrower must be done with it. A buffer that never comes back is no loss. */
  giveBack(buffer: Uint8Array): void {
    if (buffer.length > this.frameBytes) this.#largeBuffers.giveBack(buffer);
    else if (buffer.length === this.frameBytes && this.#buffers.length < BUFFERS_MAX) {
      this.#buffers.push(buffer);
    }
  }

  /** Whether so many frames can be had without taking one from a block. */
  hasFreeFrames(count: number): boolean {
    if (this.#freeCount >= count) return true;
    const free = Math.min(
      this.#slabCountMax - this.#slabs.length,
      Math.floor((this.capacityBytes - this.usedBytes) / this.#slabBytes),
    );
    return this.#freeCount + (Math.max(0, free) << this.#slabShift) >= count;
  }

  register(blockCount: number): CachedTable {
    const id = this.#freeTableIds.pop() ?? this.#tables.length;
    const table = new CachedTable(id, blockCount);
    this.#tables[id] = table;
    return table;
  }

  /** Frees the table's blocks. The table must not be used afterwards. */
  unregister(table: CachedTable): void {
    assert(this.#tables[table.id] === table, "only a registered table can be unregistered");
    for (let block = 0; block < table.frames.length; block++) this.#forget(table, block);
    this.#tables[table.id] = undefined;
    this.#freeTableIds.push(table.id);
  }

  holds(table: CachedTable, block: number): boolean {
    return table.frames[block] !== ABSENT;
  }

  /** Fills `into` with the block and returns true, or returns false: then load it (`reserve`). */
  locate(table: CachedTable, block: number, into: BlockLocation): boolean {
    if (!this.peek(table, block, into)) {
      this.misses++;
      return false;
    }
    this.hits++;
    const frame = table.frames[block] as number;
    if (frame >= 0) this.#facts[frame * FACTS + REFERENCED] = 1;
    else this.#oversize.touch(table.id, block);
    return true;
  }

  /** As `locate`, but not counted as a use: for walks, which would make everything look used. */
  peek(table: CachedTable, block: number, into: BlockLocation): boolean {
    const frame = table.frames[block] as number;
    if (frame >= 0) {
      const facts = this.#facts;
      const fact = frame * FACTS;
      const start = (frame & ((1 << this.#slabShift) - 1)) * this.frameBytes;
      into.set(
        this.#slabs[frame >>> this.#slabShift] as Uint8Array,
        start,
        start + (facts[fact + ENTRIES_END] as number),
        facts[fact + ENTRY_COUNT] as number,
        facts[fact + COMMON_LENGTH] as number,
      );
      return true;
    }
    if (frame === ABSENT) return false;
    this.#oversize.peek(table.id, block, into);
    return true;
  }

  /**
   * Finds room for a plain block of `lengthBytes` and points `into.bytes` and `into.start` at it.
   * Returns a token for `commit`, or `NO_ROOM` when the block cannot be cached. Without a `commit` the room
   * is taken back by the next `reserve`.
   */
  reserve(lengthBytes: number, into: BlockLocation): number {
    if (lengthBytes > this.frameBytes) return this.#reserveOversize(lengthBytes, into);
    const frame = this.#freeFrame();
    if (frame === NO_ROOM) return NO_ROOM;
    into.bytes = this.#slabs[frame >>> this.#slabShift] as Uint8Array;
    into.start = (frame & ((1 << this.#slabShift) - 1)) * this.frameBytes;
    return frame;
  }

  /** Enters the block that now lies at `location` under the token of `reserve`. */
  commit(table: CachedTable, block: number, token: number, location: BlockLocation): void {
    if (token === OVERSIZE) {
      this.#oversize.add(table.id, block, location);
      table.frames[block] = OVERSIZE;
      return;
    }
    assert(token === this.#freeHead, "a block is entered right after its room was reserved");
    this.#freeHead = this.#blocks[token] as number;
    this.#freeCount--;
    this.#owners[token] = table.id;
    this.#blocks[token] = block;
    const fact = token * FACTS;
    this.#facts[fact + ENTRIES_END] = location.entriesEnd - location.start;
    this.#facts[fact + ENTRY_COUNT] = location.entryCount;
    this.#facts[fact + COMMON_LENGTH] = location.commonLength;
    this.#facts[fact + REFERENCED] = 0;
    table.frames[block] = token;
  }

  #table(id: number): CachedTable {
    const table = this.#tables[id];
    assert(table !== undefined, "a cached block belongs to a registered table");
    return table;
  }

  /** The frame at the head of the free list, after making one free if need be; `NO_ROOM` when there are none at all. */
  #freeFrame(): number {
    if (this.#freeHead !== -1) return this.#freeHead;
    if (this.#addSlab()) return this.#freeHead;
    if (this.#frameCount === 0) return NO_ROOM;
    let frame = this.#hand;
    while (this.#facts[frame * FACTS + REFERENCED] === 1) {
      this.#facts[frame * FACTS + REFERENCED] = 0;
      frame = frame + 1 === this.#frameCount ? 0 : frame + 1;
    }
    this.#hand = frame + 1 === this.#frameCount ? 0 : frame + 1;
    this.#forget(this.#table(this.#owners[frame] as number), this.#blocks[frame] as number);
    return frame;
  }

  /** Takes a block out of the cache; its frame becomes the head of the free list. */
  #forget(table: CachedTable, block: number): void {
    const frame = table.frames[block] as number;
    if (frame === ABSENT) return;
    table.frames[block] = ABSENT;
    if (frame === OVERSIZE) this.#oversize.remove(table.id, block);
    else this.#release(frame);
  }

  #release(frame: number): void {
    this.#owners[frame] = UNOWNED;
    this.#blocks[frame] = this.#freeHead;
    this.#freeHead = frame;
    this.#freeCount++;
  }

  /** Adds one slab of free frames if the capacity, or the half guaranteed to frames, allows. */
  #addSlab(): boolean {
    const count = this.#slabs.length;
    if (count >= this.#slabCountMax) return false;
    const withSlabBytes = (count + 1) * this.#slabBytes;
    if (withSlabBytes + this.#oversize.usedBytes > this.capacityBytes) {
      if (withSlabBytes > this.capacityBytes / 2) return false;
      this.#oversize.shrinkTo(this.capacityBytes - withSlabBytes);
    }
    this.#slabs.push(this.#allocateSlab(this.#slabBytes));
    this.#growFrames((count + 1) << this.#slabShift);
    return true;
  }

  #growFrames(frameCount: number): void {
    if (frameCount > this.#owners.length) {
      // Doubling keeps the copying linear; 16 bytes a frame are not worth more care.
      const room = Math.max(frameCount, 2 * this.#owners.length);
      this.#owners = grown(this.#owners, room);
      this.#blocks = grown(this.#blocks, room);
      const facts = new Uint16Array(room * FACTS);
      facts.set(this.#facts);
      this.#facts = facts;
    }
    const first = this.#frameCount;
    this.#frameCount = frameCount;
    for (let frame = frameCount - 1; frame >= first; frame--) this.#release(frame);
  }

  /** A buffer of its own for a big block, within the capacity; takes slabs back down to the guaranteed half. */
  #reserveOversize(lengthBytes: number, into: BlockLocation): number {
    if (lengthBytes > this.capacityBytes / 2) return NO_ROOM;
    while (
      this.usedBytes + lengthBytes > this.capacityBytes &&
      this.#slabs.length * this.#slabBytes > this.capacityBytes / 2
    ) {
      this.#dropLastSlab();
    }
    this.#oversize.shrinkTo(
      this.capacityBytes - this.#slabs.length * this.#slabBytes - lengthBytes,
    );
    into.bytes = new Uint8Array(lengthBytes);
    into.start = 0;
    return OVERSIZE;
  }

  #dropLastSlab(): void {
    this.#slabs.pop();
    const frameCount = this.#slabs.length << this.#slabShift;
    for (let frame = frameCount; frame < this.#frameCount; frame++) {
      const owner = this.#owners[frame] as number;
      if (owner !== UNOWNED) this.#table(owner).frames[this.#blocks[frame] as number] = ABSENT;
    }
    this.#frameCount = frameCount;
    this.#hand = 0;
    // The free list may run through the dropped frames: thread it anew.
    this.#freeHead = -1;
    this.#freeCount = 0;
    for (let frame = frameCount - 1; frame >= 0; frame--) {
      if (this.#owners[frame] === UNOWNED) this.#release(frame);
    }
  }
}

function grown(numbers: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(length);
  copy.set(numbers);
  return copy;
}
