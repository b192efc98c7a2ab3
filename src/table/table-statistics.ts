/**
 * `TableStatistics`: what a builder counts while entries pass by, for the table's index and
 * `TableMeta`. Compaction and value-log collection decide by these numbers without opening the table.
 */

import { META_DELETE, META_POINTER } from "../format/stored-value.ts";
import { pointerFile, pointerLength } from "../format/value-pointer.ts";

/** Of a stale entry beyond key and value, and of a block beyond its base key. Badger's estimate. */
const STALE_OVERHEAD_BYTES = 8;

export class TableStatistics {
  entryCount = 0;
  tombstoneCount = 0;
  expiringCount = 0;
  /** Delete markers and entries with an expiry. */
  endingCount = 0;
  maxVersion = 0;
  /** 0 when nothing expires. */
  minExpiresAt = 0;
  maxExpiresAt = 0;
  staleBytes = 0;
  /** Record bytes that entries point to in the value log, over all its files. */
  pointedBytes = 0;
  readonly #valueLogBytes = new Map<number, number>();
  /** Pointers come in runs to one file: its sum is kept outside the map. */
  #runFile = -1;
  #runBytes = 0;

  add(
    version: number,
    meta: number,
    expiresAt: number,
    valueBytes: Uint8Array,
    valueOffset: number,
  ): void {
    this.entryCount++;
    if (version > this.maxVersion) this.maxVersion = version;
    if ((meta & META_DELETE) !== 0) this.tombstoneCount++;
    if ((meta & META_DELETE) !== 0 || expiresAt !== 0) this.endingCount++;
    if (expiresAt !== 0) {
      this.expiringCount++;
      if (this.minExpiresAt === 0 || expiresAt < this.minExpiresAt) this.minExpiresAt = expiresAt;
      if (expiresAt > this.maxExpiresAt) this.maxExpiresAt = expiresAt;
    }
    if ((meta & META_POINTER) !== 0) this.#addPointer(valueBytes, valueOffset);
  }

  /**
   * Counts an entry that the caller knows to be droppable. `internalKeyLength` includes the version
   * suffix; `cutBlock`: the entry did not fit the block before it.
   */
  addStale(internalKeyLength: number, valueLength: number, cutBlock: boolean): void {
    this.staleBytes += internalKeyLength + valueLength + STALE_OVERHEAD_BYTES;
    if (cutBlock) this.staleBytes += internalKeyLength + STALE_OVERHEAD_BYTES;
  }

  /** Record bytes by value-log file; a copy. */
  valueLogBytes(): Map<number, number> {
    this.#endRun();
    return new Map(this.#valueLogBytes);
  }

  #addPointer(bytes: Uint8Array, offset: number): void {
    const file = pointerFile(bytes, offset);
    const length = pointerLength(bytes, offset);
    this.pointedBytes += length;
    if (file !== this.#runFile) {
      this.#endRun();
      this.#runFile = file;
    }
    this.#runBytes += length;
  }

  #endRun(): void {
    if (this.#runFile === -1) return;
    const before = this.#valueLogBytes.get(this.#runFile) ?? 0;
    this.#valueLogBytes.set(this.#runFile, before + this.#runBytes);
    this.#runFile = -1;
    this.#runBytes = 0;
  }
}
