/**
 * Bounds-checked access to one FlatBuffers table.
 *
 *     table:  | distance back to its vtable i32 LE | fields … |
 *     vtable: | its size u16 LE | table size u16 LE | position of each field u16 LE, 0 = absent |
 *     vector: | length u32 LE | elements … |
 *
 * A field whose slot is 0, or lies behind the end of the vtable, has its default. Offsets to vectors
 * and tables are unsigned, relative to where they are stored, and point forward. No alignment is
 * assumed. Frozen by the FlatBuffers standard.
 *
 * Every position is checked before it is read: damage throws `CorruptionError`. Positions returned
 * are never 0 for something present, because a root offset precedes everything.
 */

import { damaged } from "./damage.ts";
import { readU16LE, readU32LE, readU64LE } from "./integers.ts";

/** A cursor over tables of one buffer: `open` moves it. */
export class FlatTable {
  readonly #bytes: Uint8Array;
  #table = 0;
  #vtable = 0;
  #vtableSize = 0;
  /** Elements of the vector found by the last `vector` call. */
  vectorLength = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Moves to the table at `position`. */
  open(position: number): void {
    const bytes = this.#bytes;
    this.#require(position, 4, "a table");
    const vtable = position - (readU32LE(bytes, position) | 0);
    this.#require(vtable, 4, "a vtable");
    const vtableSize = readU16LE(bytes, vtable);
    if (vtableSize < 4) throw damaged(vtable, "a vtable of 4 bytes or more", `${vtableSize}`);
    this.#require(vtable, vtableSize, "a whole vtable");
    this.#table = position;
    this.#vtable = vtable;
    this.#vtableSize = vtableSize;
  }

  /** Position of a field of `size` bytes, or 0 when it is absent. */
  field(slot: number, size: number): number {
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.#vtableSize) return 0;
    const distance = readU16LE(this.#bytes, this.#vtable + entry);
    if (distance === 0) return 0;
    const position = this.#table + distance;
    this.#require(position, size, "a field");
    return position;
  }

  u8(slot: number): number {
    const position = this.field(slot, 1);
    return position === 0 ? 0 : (this.#bytes[position] as number);
  }

  u32(slot: number): number {
    const position = this.field(slot, 4);
    return position === 0 ? 0 : readU32LE(this.#bytes, position);
  }

  /** `undefined` when the value is beyond 2^53 − 1. */
  u64(slot: number): number | undefined {
    const position = this.field(slot, 8);
    return position === 0 ? 0 : readU64LE(this.#bytes, position);
  }

  /** Position of the first element of a vector, or 0 when it is absent; sets `vectorLength`. */
  vector(slot: number, elementSize: number): number {
    const field = this.field(slot, 4);
    if (field === 0) return 0;
    const position = field + readU32LE(this.#bytes, field);
    this.#require(position, 4, "a vector");
    const length = readU32LE(this.#bytes, position);
    this.#require(position + 4, length * elementSize, "a whole vector");
    this.vectorLength = length;
    return position + 4;
  }

  #require(position: number, size: number, what: string): void {
    const limit = this.#bytes.length;
    if (position < 0 || size > limit || position > limit - size) {
      throw damaged(Math.max(0, Math.min(position, limit)), what, `${limit} bytes in all`);
    }
  }
}
