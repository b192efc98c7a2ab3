/**
 * Point reads: own memtables newest first, then the levels from the top. A hit in a source that is
 * known to be ordered ends the search (I3); a hit in one that is not (written by Badger, whose
 * collection puts old versions on top) is only a candidate, and the newest candidate wins.
 *
 * Allocates nothing but the returned value.
 */

import { compareRange } from "../base/bytes.ts";
import { copyOut } from "../base/copy-bytes.ts";
import { VERSION_MAX, type Version } from "../base/ids.ts";
import { EntrySlot } from "../cursor/entry-slot.ts";
import type { Clock } from "../env/env.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { META_DELETE, META_POINTER } from "../format/stored-value.ts";
import type { TableReader } from "../table/table-reader.ts";
import type { ValueLogReader } from "../value-log/value-log-reader.ts";
import type { Cuts } from "./cuts.ts";
import type { Memtables } from "./memtables.ts";
import type { SortedLevel } from "./sorted-level.ts";
import type { TreeState } from "./tree-state.ts";

export interface ReadCounters {
  gets: number;
  bloomChecks: number;
  bloomHits: number;
}

/** From so many hits in the last level on the next one is expected, too … */
const HITS_EXPECTED_FROM = 32;
/** … and a miss counts for so many. */
const HITS_PER_MISS = 8;

export class ReadPath {
  readonly #memtables: Memtables;
  readonly #trees: TreeState;
  readonly #values: ValueLogReader;
  readonly #clock: Clock;
  readonly #cuts: Cuts;
  readonly #slot = new EntrySlot();
  /** The newest hit so far in sources that are not known to be ordered. */
  readonly #candidate = new EntrySlot();
  #hasCandidate = false;
  /** Grows with hits in the last level, falls with misses. */
  #hitsInLast = 0;
  readonly counters: ReadCounters = { gets: 0, bloomChecks: 0, bloomHits: 0 };

  constructor(
    memtables: Memtables,
    trees: TreeState,
    values: ValueLogReader,
    clock: Clock,
    cuts: Cuts,
  ) {
    this.#memtables = memtables;
    this.#trees = trees;
    this.#values = values;
    this.#clock = clock;
    this.#cuts = cuts;
  }

  /** The value visible at `version`, a copy. */
  get(key: Uint8Array, version: Version): Uint8Array | undefined {
    const slot = this.findLive(key, version);
    return slot === undefined ? undefined : this.valueOf(slot, key);
  }

  /** The live entry visible at `version`; the slot is valid until the next read. */
  findLive(key: Uint8Array, version: Version): EntrySlot | undefined {
    this.counters.gets++;
    const slot = this.#slot;
    if (!this.#find(key, bloomHash(key, 0, key.length), version, slot)) return undefined;
    if ((slot.meta & META_DELETE) !== 0) return undefined;
    if (slot.expiresAt !== 0 && slot.expiresAt <= this.#clock.nowMs() / 1000) return undefined;
    if (!this.#cuts.isEmpty && this.#cuts.hides(key, slot.version, version)) return undefined;
    return slot;
  }

  /** The newest version of a key, a delete marker's too; 0 when there is none. Fills `slot`. */
  newestVersion(key: Uint8Array, slot: EntrySlot): Version {
    const hash = bloomHash(key, 0, key.length);
    return this.#find(key, hash, VERSION_MAX, slot) ? slot.version : 0;
  }

  /** Copies the value out, through the value log if the slot holds a pointer. */
  valueOf(slot: EntrySlot, key: Uint8Array): Uint8Array {
    const { valueBytes, valueOffset, valueLength } = slot;
    if ((slot.meta & META_POINTER) !== 0) {
      return this.#values.read(valueBytes, valueOffset, key, 0, key.length, slot.version);
    }
    return copyOut(valueBytes, valueOffset, valueLength);
  }

  #find(key: Uint8Array, hash: number, version: Version, slot: EntrySlot): boolean {
    this.#hasCandidate = false;
    const memtables = this.#memtables.newestFirst;
    for (let i = 0; i < memtables.length; i++) {
      const memtable = memtables[i] as (typeof memtables)[number];
      if (!memtable.get(key, hash, version, slot)) continue;
      if (this.#settles(memtable.isKnownOrdered, version, slot)) return true;
    }
    const { levelZero, deeper } = this.#trees.tree;
    for (let i = 0; i < levelZero.length; i++) {
      const table = levelZero[i] as TableReader;
      const { smallestKey, largestKey } = table.meta;
      if (isBefore(key, smallestKey) || isBefore(largestKey, key)) continue;
      if (!this.#probe(table, key, hash, version, slot)) continue;
      if (this.#settles(table.meta.knownOrdered, version, slot)) return true;
    }
    const last = deeper.length - 1;
    for (let i = 0; i < last; i++) {
      if (this.#findInLevel(deeper[i] as SortedLevel, key, hash, version, slot, false)) return true;
    }
    if (last >= 0 && this.#findInLast(deeper[last] as SortedLevel, key, hash, version, slot)) {
      return true;
    }
    if (!this.#hasCandidate) return false;
    copySlot(this.#candidate, slot);
    return true;
  }

  /**
   * Whoever reads what is there finds it in the last level, if not before: as long as almost all reads do,
   * filters of that level are not asked. Measured over 1 M cached entries: 0.94 instead of 1.2 µs a read.
   */
  #findInLast(
    level: SortedLevel,
    key: Uint8Array,
    hash: number,
    version: Version,
    slot: EntrySlot,
  ): boolean {
    const expectsHit = this.#hitsInLast >= HITS_EXPECTED_FROM;
    const decided = this.#findInLevel(level, key, hash, version, slot, expectsHit);
    if (!decided) this.#hitsInLast = Math.max(0, this.#hitsInLast - HITS_PER_MISS);
    else if (this.#hitsInLast < 2 * HITS_EXPECTED_FROM) this.#hitsInLast++;
    return decided;
  }

  /** Whether a table of the level has decided the search. `expectsHit`: the key is most likely there. */
  #findInLevel(
    level: SortedLevel,
    key: Uint8Array,
    hash: number,
    version: Version,
    slot: EntrySlot,
    expectsHit: boolean,
  ): boolean {
    const { tables } = level;
    for (let i = level.find(key); i < tables.length; i++) {
      const table = tables[i] as TableReader;
      const isThere = expectsHit
        ? table.find(key, hash, version, slot)
        : this.#probe(table, key, hash, version, slot);
      if (isThere) {
        if (this.#settles(table.meta.knownOrdered, version, slot)) return true;
      }
      // Badger keeps all versions of a key in one table; a neighbour is looked at in case one did not.
      if (i + 1 < tables.length && isBefore(key, (tables[i + 1] as TableReader).meta.smallestKey)) {
        return false;
      }
    }
    return false;
  }

  #probe(
    table: TableReader,
    key: Uint8Array,
    hash: number,
    version: Version,
    slot: EntrySlot,
  ): boolean {
    this.counters.bloomChecks++;
    if (!table.mayContain(hash)) {
      this.counters.bloomHits++;
      return false;
    }
    return table.find(key, hash, version, slot);
  }

  /** Whether the hit in `slot` decides the search; the answer is then in `slot`. */
  #settles(isKnownOrdered: boolean, version: Version, slot: EntrySlot): boolean {
    if (isKnownOrdered || slot.version === version) {
      if (this.#hasCandidate && this.#candidate.version >= slot.version) {
        copySlot(this.#candidate, slot);
      }
      return true;
    }
    if (!this.#hasCandidate || slot.version > this.#candidate.version) {
      copySlot(slot, this.#candidate);
      // The next read may recycle the buffer behind the slot.
      this.#candidate.valueBytes = copyOut(slot.valueBytes, slot.valueOffset, slot.valueLength);
      this.#candidate.valueOffset = 0;
      this.#hasCandidate = true;
    }
    return false;
  }
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  return compareRange(a, 0, a.length, b, 0, b.length) < 0;
}

function copySlot(from: EntrySlot, to: EntrySlot): void {
  to.version = from.version;
  to.meta = from.meta;
  to.userMeta = from.userMeta;
  to.expiresAt = from.expiresAt;
  to.valueBytes = from.valueBytes;
  to.valueOffset = from.valueOffset;
  to.valueLength = from.valueLength;
}
