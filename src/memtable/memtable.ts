/**
 * The memtable: everything committed since the last rotation, readable at any version.
 *
 * Point reads go through an open-addressing hash index to the newest entry of a key and down its
 * chain of older versions; order is made lazily (skip-list.ts). The arena is the log's image
 * (entry-table.ts): `reserve` hands out space at its tail, `index` makes records there visible.
 *
 * Between the two the commit queue writes the tail to the log, so nothing becomes readable before it
 * is on its way to disk; on failure `rollBack` forgets the tail. Main thread only until frozen.
 */

import { assert } from "../base/assert.ts";
import type { EntrySlot } from "../cursor/entry-slot.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { readVersionSuffix } from "../format/internal-key.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LogRecordView } from "../format/log-record.ts";
import { META_DELETE, META_POINTER, META_TRANSACTION_END } from "../format/stored-value.ts";
import { pointerFile, pointerLength } from "../format/value-pointer.ts";
import { sortEntries } from "./entry-sort.ts";
import type { EntryTable } from "./entry-table.ts";
import { MemtableCursor } from "./memtable-cursor.ts";
import { SkipList } from "./skip-list.ts";

/** Badger's reader pays this much arena per entry beyond key and value (format text 13.2), rounded up. */
export const READER_ENTRY_COST = 42;

const INITIAL_ENTRIES = 1024;

/** What a memtable takes memory for; fit for the next one when nobody reads it any more. */
export interface MemtableMemory {
  readonly arena: Uint8Array;
  readonly columns: Columns;
  readonly slots: Uint32Array;
}

/** Columns that grow together; the arena keeps its size. */
interface Columns {
  recordOffsets: Uint32Array;
  keyOffsets: Uint32Array;
  keyLengths: Uint16Array;
  keyHashes: Uint32Array;
  replaced: Uint8Array;
  /** Next older entry of the same key + 1; 0 ends the chain. Not shared: only reads need it. */
  older: Uint32Array;
}

export class Memtable {
  readonly arena: Uint8Array;
  #pins = 0;
  #columns: Columns;
  #count = 0;
  #used = LOG_HEADER_SIZE;
  #indexed = LOG_HEADER_SIZE;
  /** Newest entry of a key + 1, by hash; linear probing; at most half full. */
  #slots: Uint32Array;
  #slotShift: number;
  #list: SkipList;
  #listed = 0;
  #maxVersion = 0;
  #minVersion = Number.POSITIVE_INFINITY;
  #readerBytes = 0;
  #stagedReaderBytes = 0;
  #tombstones = 0;
  #earliestExpiry = 0;
  #latestExpiry = 0;
  /** Bytes of value-log records pointed to, by file. Superseded entries count too. */
  readonly #valueLogBytes = new Map<number, number>();
  #pointedBytes = 0;
  readonly #view = new LogRecordView();

  /** Versions at or below this may exist in older memtables and tables. */
  readonly floorVersion: number;

  /**
   * @param memory capacity in bytes, log header included, into which a transaction must fit; or what another
   * memtable has left
   */
  constructor(memory: number | MemtableMemory, floorVersion: number) {
    this.floorVersion = floorVersion;
    const { arena, columns, slots } = typeof memory === "number" ? makeMemory(memory) : memory;
    this.arena = arena;
    this.#columns = columns;
    this.#slots = slots;
    this.#slotShift = 32 - Math.log2(this.#slots.length);
    this.#list = new SkipList(this.entries());
  }

  /** For a reader that goes on beyond its turn. Who never unpins keeps the memory from being used again, no more. */
  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    assert(this.#pins > 0, "a memtable is unpinned as often as it was pinned");
    this.#pins--;
  }

  /**
   * Hands out the memory of a memtable that nobody needs any more: it is empty then. `undefined` while a
   * reader has it pinned.
   *
   * A load would else wait for the garbage collector, which sees little reason to run: half a gigabyte of
   * memtables lay about after 400 MB, and now never more than are in use.
   */
  takeMemory(): MemtableMemory | undefined {
    if (this.#pins > 0) return undefined;
    const memory = { arena: this.arena, columns: this.#columns, slots: this.#slots };
    memory.slots.fill(0);
    memory.columns.replaced.fill(0);
    this.#columns = makeColumns(1);
    this.#slots = new Uint32Array(2);
    this.#count = 0;
    return memory;
  }

  /** Bytes used in the arena, which is the size of the log. */
  get usedBytes(): number {
    return this.#used;
  }

  /** End of what is indexed, and so of what the log must hold. */
  get indexedBytes(): number {
    return this.#indexed;
  }

  get freeBytes(): number {
    return this.arena.length - this.#used;
  }

  get count(): number {
    return this.#count;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Delete markers among the entries. */
  get tombstones(): number {
    return this.#tombstones;
  }

  /** Unix seconds at which the last entry with an expiry has expired; 0 when none has one. */
  get latestExpiry(): number {
    return this.#latestExpiry;
  }

  /** Unix seconds at which the first entry with an expiry expires; 0 when none has one. */
  get earliestExpiry(): number {
    return this.#earliestExpiry;
  }

  /** Value-log files that entries point to, with the bytes of the records. */
  get valueLogBytes(): ReadonlyMap<number, number> {
    return this.#valueLogBytes;
  }

  /** Sum of `valueLogBytes`. */
  get pointedBytes(): number {
    return this.#pointedBytes;
  }

  get maxVersion(): number {
    return this.#maxVersion;
  }

  /** Infinity while empty. */
  get minVersion(): number {
    return this.#minVersion;
  }

  /** I3: nothing older holds a version as new as any in here, so a hit here ends a search. */
  get isKnownOrdered(): boolean {
    return this.#minVersion > this.floorVersion;
  }

  /** What Badger would need of its arena to replay this log: bounded by the rotation rule (hazard 10). */
  get readerBytes(): number {
    // Nothing is known of a staged record but its length, which its share of the arena exceeds by the cost.
    return this.#readerBytes + this.#stagedReaderBytes;
  }

  /** Memory in use, in bytes: what is left of the arena has never been touched. */
  get heldBytes(): number {
    return this.#used + this.#columns.recordOffsets.length * 19 + this.#slots.length * 4;
  }

  /** Claims `bytes` at the tail for records and returns their offset. There must be room. */
  reserve(bytes: number): number {
    assert(bytes <= this.freeBytes, "the memtable was rotated before it overflowed");
    const offset = this.#used;
    this.#used += bytes;
    this.#stagedReaderBytes += bytes + READER_ENTRY_COST;
    return offset;
  }

  /** Forgets reserved space from `offset` on; nothing there may have been indexed. */
  rollBack(offset: number): void {
    assert(
      offset >= this.#indexed && offset <= this.#used,
      "only an unindexed tail is rolled back",
    );
    this.#used = offset;
    if (offset === this.#indexed) this.#stagedReaderBytes = 0;
  }

  /** Makes every record up to the end of the reserved space readable. */
  index(): void {
    let offset = this.#indexed;
    const view = this.#view;
    while (offset < this.#used) {
      assert(view.decode(this.arena, offset, this.#used), "the arena holds whole records");
      if ((view.meta & META_TRANSACTION_END) === 0) this.#add(offset, view);
      offset = view.end;
    }
    this.#indexed = offset;
    this.#stagedReaderBytes = 0;
  }

  /** Replay: makes room for so many entries at once, before the first. Growing to them takes a tenth of a replay. */
  expectEntries(count: number): void {
    assert(this.#count === 0, "room is made before the first entry");
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(INITIAL_ENTRIES, count + 1)));
    if (capacity <= this.#columns.recordOffsets.length) return;
    this.#columns = makeColumns(capacity);
    this.#slots = new Uint32Array(capacity * 2);
    this.#slotShift = 32 - Math.log2(this.#slots.length);
    this.#list.useTable(this.entries());
  }

  /** Replay: indexes the single record at `offset`, whose transaction is complete. */
  indexRecord(offset: number): void {
    assert(this.#view.decode(this.arena, offset, this.arena.length), "a replayed record is whole");
    this.#add(offset, this.#view);
  }

  /** Replay: the log is valid up to `end`. */
  finishReplay(end: number): void {
    this.#used = end;
    this.#indexed = end;
  }

  #add(offset: number, view: LogRecordView): void {
    if (this.#count === this.#columns.recordOffsets.length) this.#growColumns();
    if (this.#count * 2 >= this.#slots.length) this.#growSlots();
    const columns = this.#columns;
    const entry = this.#count++;
    const hash = bloomHash(this.arena, view.keyOffset, view.keyLength);
    columns.recordOffsets[entry] = offset;
    columns.keyOffsets[entry] = view.keyOffset;
    columns.keyLengths[entry] = view.keyLength;
    columns.keyHashes[entry] = hash;
    if (view.version > this.#maxVersion) this.#maxVersion = view.version;
    if (view.version < this.#minVersion) this.#minVersion = view.version;
    this.#readerBytes += READER_ENTRY_COST + view.keyLength + view.valueLength;
    if (view.expiresAt > 0) this.#noteExpiry(view.expiresAt);
    if ((view.meta & META_DELETE) !== 0) this.#tombstones++;
    else if ((view.meta & META_POINTER) !== 0) this.#countPointer(view.valueOffset);
    const slot = this.#findSlot(this.arena, view.keyOffset, view.keyLength, hash);
    this.#link(slot, entry, view.version);
  }

  #noteExpiry(expiresAt: number): void {
    if (expiresAt > this.#latestExpiry) this.#latestExpiry = expiresAt;
    if (this.#earliestExpiry === 0 || expiresAt < this.#earliestExpiry) {
      this.#earliestExpiry = expiresAt;
    }
  }

  #countPointer(offset: number): void {
    const file = pointerFile(this.arena, offset);
    const length = pointerLength(this.arena, offset);
    this.#valueLogBytes.set(file, (this.#valueLogBytes.get(file) ?? 0) + length);
    this.#pointedBytes += length;
  }

  /** Puts an entry into its key's chain, newest version first. */
  #link(slot: number, entry: number, version: number): void {
    const { older, replaced } = this.#columns;
    let newer = 0;
    let current = this.#slots[slot] as number;
    // Commits arrive in version order, so this loop almost never runs; replayed Badger logs and managed
    // commits may bring an older version late.
    while (current !== 0 && this.#versionOf(current - 1) > version) {
      newer = current;
      current = older[current - 1] as number;
    }
    if (current !== 0 && this.#versionOf(current - 1) === version) {
      replaced[current - 1] = 1;
      current = older[current - 1] as number;
    }
    older[entry] = current;
    if (newer === 0) this.#slots[slot] = entry + 1;
    else older[newer - 1] = entry + 1;
  }

  #versionOf(entry: number): number {
    const { keyOffsets, keyLengths } = this.#columns;
    return readVersionSuffix(
      this.arena,
      (keyOffsets[entry] as number) + (keyLengths[entry] as number),
    );
  }

  /** Slot that holds the key, or the empty one where it belongs. */
  #findSlot(bytes: Uint8Array, offset: number, length: number, hash: number): number {
    const slots = this.#slots;
    const { keyHashes, keyOffsets, keyLengths } = this.#columns;
    const arena = this.arena;
    const mask = slots.length - 1;
    let slot = Math.imul(hash, 0x9e3779b1) >>> this.#slotShift;
    for (;;) {
      const held = slots[slot] as number;
      if (held === 0) return slot;
      const entry = held - 1;
      if (keyHashes[entry] === hash && keyLengths[entry] === length) {
        const start = keyOffsets[entry] as number;
        let i = 0;
        while (i < length && arena[start + i] === bytes[offset + i]) i++;
        if (i === length) return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  /**
   * The newest entry of `key` with a version ≤ `version`. Fills `slot` (its bytes stay valid as long
   * as the memtable) and returns whether there is one, a delete marker included.
   */
  get(key: Uint8Array, hash: number, version: number, slot: EntrySlot): boolean {
    if (this.#count === 0) return false;
    let held = this.#slots[this.#findSlot(key, 0, key.length, hash)] as number;
    if (held === 0) return false;
    const view = this.#view;
    const { recordOffsets, older } = this.#columns;
    while (held !== 0) {
      view.decode(this.arena, recordOffsets[held - 1] as number, this.#used);
      if (view.version <= version) {
        slot.version = view.version;
        slot.meta = view.meta;
        slot.userMeta = view.userMeta;
        slot.expiresAt = view.expiresAt;
        slot.valueBytes = this.arena;
        slot.valueOffset = view.valueOffset;
        slot.valueLength = view.valueLength;
        return true;
      }
      held = older[held - 1] as number;
    }
    return false;
  }

  /** A cursor over everything indexed so far; sorts what is pending first. */
  cursor(): MemtableCursor {
    this.#order();
    return new MemtableCursor(this.#list);
  }

  #order(): void {
    if (this.#listed === this.#count) return;
    const table = this.entries();
    this.#list.useTable(table);
    this.#list.splice(sortEntries(table, this.#listed, this.#count));
    this.#listed = this.#count;
  }

  /** The columns as they are now; a later growth leaves this view behind but still right. */
  entries(): EntryTable {
    const { recordOffsets, keyOffsets, keyLengths, keyHashes, replaced } = this.#columns;
    return {
      arena: this.arena,
      recordOffsets,
      keyOffsets,
      keyLengths,
      keyHashes,
      replaced,
      count: this.#count,
    };
  }

  #growColumns(): void {
    const from = this.#columns;
    const to = makeColumns(from.recordOffsets.length * 2);
    to.recordOffsets.set(from.recordOffsets);
    to.keyOffsets.set(from.keyOffsets);
    to.keyLengths.set(from.keyLengths);
    to.keyHashes.set(from.keyHashes);
    to.replaced.set(from.replaced);
    to.older.set(from.older);
    this.#columns = to;
    this.#list.useTable(this.entries());
  }

  #growSlots(): void {
    const from = this.#slots;
    const to = new Uint32Array(from.length * 2);
    const shift = this.#slotShift - 1;
    const mask = to.length - 1;
    const { keyHashes } = this.#columns;
    for (let i = 0; i < from.length; i++) {
      const held = from[i] as number;
      if (held === 0) continue;
      let slot = Math.imul(keyHashes[held - 1] as number, 0x9e3779b1) >>> shift;
      while (to[slot] !== 0) slot = (slot + 1) & mask;
      to[slot] = held;
    }
    this.#slots = to;
    this.#slotShift = shift;
  }
}

function makeMemory(arenaBytes: number): MemtableMemory {
  return {
    arena: new Uint8Array(new SharedArrayBuffer(arenaBytes)),
    columns: makeColumns(INITIAL_ENTRIES),
    slots: new Uint32Array(INITIAL_ENTRIES * 2),
  };
}

function makeColumns(capacity: number): Columns {
  return {
    recordOffsets: new Uint32Array(new SharedArrayBuffer(capacity * 4)),
    keyOffsets: new Uint32Array(new SharedArrayBuffer(capacity * 4)),
    keyLengths: new Uint16Array(new SharedArrayBuffer(capacity * 2)),
    keyHashes: new Uint32Array(new SharedArrayBuffer(capacity * 4)),
    replaced: new Uint8Array(new SharedArrayBuffer(capacity)),
    older: new Uint32Array(capacity),
  };
}
