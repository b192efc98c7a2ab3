/**
 * The memtables and their logs: one active, some frozen and waiting to be flushed.
 *
 * A log file appears with the first write and has the same bytes as its memtable's arena. Rotation
 * freezes the active pair; a frozen one leaves when its table is in the manifest.
 */

import { assert } from "../base/assert.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { memFileName, requireFileNumber } from "../format/file-names.ts";
import { LogCipher } from "../format/encryption.ts";
import { encodeLogHeader, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { encodeLogLink } from "../format/log-link.ts";
import { LogRecordView } from "../format/log-record.ts";
import { LogFile } from "../log/log-file.ts";
import type { LogKeys } from "../log/log-keys.ts";
import { Memtable, type MemtableMemory, READER_ENTRY_COST } from "../memtable/memtable.ts";

export interface LoggedMemtable {
  readonly memtable: Memtable;
  readonly number: FileNumber;
  /** Absent until the first write, and in a read-only database. */
  log: LogFile | undefined;
  cipher: LogCipher | undefined;
}

/**
 * Badger's replay arena with its default options has 87,241,465 bytes: a log that needs more would end
 * the reading process (hazard 10). Towers of its skip list are drawn at random, so some is left over.
 */
const READER_BYTES_MAX = 76 << 20;

/** A log whose entries are in a table, and the value-log files that it points to. */
interface LeftLog {
  readonly log: LogFile;
  readonly files: readonly FileNumber[];
}

/** Memory of flushed memtables that is kept for the next ones: writers get that far ahead of flushes. */
const SPARE_MAX = 2;

export class Memtables {
  readonly #env: Env;
  readonly #directory: string;
  readonly #keys: LogKeys;
  #scratch = new Uint8Array(0);
  readonly #view = new LogRecordView();
  readonly #arenaBytes: number;
  /** Oldest first. */
  #frozen: LoggedMemtable[];
  #active: LoggedMemtable;
  #newestFirst: readonly Memtable[] = [];
  readonly #spare: MemtableMemory[] = [];
  /**
   * Logs of flushed memtables that could not be removed: the next open would replay them. They are synced
   * with the others, because a torn log ends the replay, and with it those behind it.
   */
  #leftLogs: LeftLog[] = [];
  #pointedByRemoved: ReadonlySet<FileNumber> = new Set();
  #nextNumber: FileNumber;
  #pointedBytesMax = Number.POSITIVE_INFINITY;
  #removedLogCount = 0;
  /** Bytes of a failed write may be behind the active log's end. */
  #isKeyStreamUsed = false;
  /** The active memtable's log is not written on. */
  #isEnded = false;

  constructor(
    env: Env,
    directory: string,
    keys: LogKeys,
    arenaBytes: number,
    recovered: { frozen: LoggedMemtable[]; active: LoggedMemtable | undefined },
    nextNumber: FileNumber,
    floorVersion: number,
  ) {
    this.#env = env;
    this.#directory = directory;
    this.#keys = keys;
    this.#arenaBytes = arenaBytes;
    this.#frozen = recovered.frozen;
    this.#nextNumber = nextNumber;
    this.#active = recovered.active ?? this.#create(floorVersion);
    this.#refresh();
  }

  get active(): LoggedMemtable {
    return this.#active;
  }

  /** Oldest first. */
  get frozen(): readonly LoggedMemtable[] {
    return this.#frozen;
  }

  /** Active and frozen, newest first; a new array whenever the set changes. */
  get newestFirst(): readonly Memtable[] {
    return this.#newestFirst;
  }

  /**
   * A memtable, or one that the next open replays, may hold versions older than the tree's: of a
   * directory that Badger wrote, or of a log that outlived its flush.
   */
  get mayHoldOlder(): boolean {
    if (this.#leftLogs.length > 0) return true;
    return this.#newestFirst.some((memtable) => !memtable.isEmpty && !memtable.isKnownOrdered);
  }

  /** A log whose entries are in a table is still there, and a replay would follow its pointers. */
  get hasLeftLogs(): boolean {
    return this.#leftLogs.length > 0;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const memtable of this.#newestFirst) bytes += memtable.heldBytes;
    return bytes;
  }

  /** Whether a commit fits into an empty memtable, ours and the one of a Badger that replays it. */
  fitsAlone(bytes: number, entries: number): boolean {
    return bytes <= this.commitBytesMax && readerCost(bytes, entries) <= READER_BYTES_MAX;
  }

  /** Most log bytes a single commit may take. */
  get commitBytesMax(): number {
    return this.#arenaBytes - LOG_HEADER_SIZE;
  }

  /** Whether `entries` more, of `bytes` of log in all, fit into the active memtable. */
  hasRoom(bytes: number, entries: number): boolean {
    const { memtable } = this.#active;
    return (
      !this.#isEnded &&
      memtable.freeBytes >= bytes &&
      memtable.readerBytes + readerCost(bytes, entries) <= READER_BYTES_MAX &&
      memtable.pointedBytes < this.#pointedBytesMax
    );
  }

  /** From so many bytes of values pointed to, the active memtable has no room. */
  limitPointedBytes(bytes: number): void {
    this.#pointedBytesMax = bytes;
  }

  /** Freezes the active memtable (it must hold no unwritten records) and starts a new one. */
  rotate(): void {
    const { memtable } = this.#active;
    assert(memtable.indexedBytes === memtable.usedBytes, "a group is written before a rotation");
    this.#isEnded = false;
    this.#frozen = [...this.#frozen, this.#active];
    this.#active = this.#create(Math.max(memtable.floorVersion, memtable.maxVersion));
    this.#refresh();
  }

  /** Forgets a frozen memtable whose entries are in a table now, and removes its log. */
  remove(flushed: LoggedMemtable): void {
    this.#frozen = this.#frozen.filter((one) => one !== flushed);
    this.#refresh();
    this.#keepMemory(flushed.memtable);
    if (flushed.log === undefined) return;
    this.#leftLogs.push({ log: flushed.log, files: [...flushed.memtable.valueLogBytes.keys()] });
    this.#leftLogs = this.#leftLogs.filter((left) => !this.#isRemoved(left));
  }

  /**
   * Value-log files that removed logs point to. Until the directory is synced a power cut may bring such a
   * log back, and recovery must find its values: it takes a missing one for the end of all there is. A new
   * set whenever it changes.
   */
  get pointedByRemoved(): ReadonlySet<FileNumber> {
    return this.#pointedByRemoved;
  }

  /** The directory was synced after `pointedByRemoved` had been `files`. */
  noteNamesSynced(files: ReadonlySet<FileNumber>): void {
    if (this.#pointedByRemoved === files) this.#pointedByRemoved = new Set();
  }

  /** Log files removed so far, not necessarily for good: a power cut may bring a name back. */
  get removedLogCount(): number {
    return this.#removedLogCount;
  }

  #isRemoved({ log, files }: LeftLog): boolean {
    try {
      this.#env.fileSystem.remove(join(this.#directory, log.name));
      this.#removedLogCount++;
      log.abandon();
      if (files.length > 0) {
        this.#pointedByRemoved = new Set([...this.#pointedByRemoved, ...files]);
      }
      return true;
    } catch (error) {
      // Tried again after the next flush; until then no delete marker may be dropped.
      this.#env.log("warn", "a flushed log could not be removed", { error: String(error) });
      return false;
    }
  }

  /** Writes the staged tail `arena[from, to)` to the active log, which is created with the first group. */
  writeLog(from: number, to: number): void {
    const log = this.#openLog();
    const { memtable, cipher } = this.#active;
    if (cipher === undefined) {
      log.write(memtable.arena, from, to - from, from);
      return;
    }
    const sealed = this.#sealed(memtable.arena, from, to, cipher);
    this.#isKeyStreamUsed = true;
    log.write(sealed, 0, to - from, from);
    this.#isKeyStreamUsed = false;
  }

  /**
   * After a failed write was cut off the log. Some of its bytes may have been on disk, so an encrypted
   * log is not written on: other bytes at the same place would have the same key stream.
   */
  leaveLog(): void {
    if (!this.#isKeyStreamUsed) return;
    this.#isKeyStreamUsed = false;
    const active = this.#active;
    if (!active.memtable.isEmpty) {
      this.#isEnded = true;
      return;
    }
    // There is nothing in it; the next write puts a new one in its place.
    active.log?.close();
    active.log = undefined;
    active.cipher = undefined;
  }

  /** The arena stays in clear; what goes to disk is an encrypted copy with checksums of its own. */
  #sealed(arena: Uint8Array, from: number, to: number, cipher: LogCipher): Uint8Array {
    if (this.#scratch.length < to - from) this.#scratch = new Uint8Array((to - from) * 2);
    const scratch = this.#scratch;
    scratch.set(arena.subarray(from, to));
    const view = this.#view;
    for (let offset = from; offset < to; offset = view.end) {
      view.decode(arena, offset, to);
      cipher.sealRecord(scratch, offset - from, view.keyOffset - from, view.end - from, offset);
    }
    return scratch;
  }

  #openLog(): LogFile {
    const active = this.#active;
    if (active.log === undefined) {
      const dataKey = this.#keys.current();
      const iv = dataKey === undefined ? this.#linkToPrevious() : this.#randomIv();
      const header = encodeLogHeader(dataKey?.keyId ?? 0, iv);
      active.cipher = dataKey === undefined ? undefined : new LogCipher(dataKey.key, iv);
      active.memtable.arena.set(header, 0);
      active.log = LogFile.create(
        this.#env.fileSystem,
        this.#directory,
        memFileName(requireFileNumber(active.number)),
        header,
      );
    }
    return active.log;
  }

  /** Lets recovery notice when the end of the log before is lost. */
  #linkToPrevious(): Uint8Array {
    const previous = this.#frozen.findLast((one) => one.log !== undefined);
    return encodeLogLink({
      previousNumber: previous?.number ?? 0,
      previousBytes: previous?.memtable.usedBytes ?? 0,
    });
  }

  #randomIv(): Uint8Array {
    const iv = new Uint8Array(12);
    this.#env.random.fill(iv);
    return iv;
  }

  /** Logs with bytes that are not synced yet. */
  dirtyLogs(): LogFile[] {
    const logs = this.#leftLogs.map(({ log }) => log).filter((log) => log.isDirty);
    for (const one of [...this.#frozen, this.#active]) {
      if (one.log?.isDirty === true) logs.push(one.log);
    }
    return logs;
  }

  close(): void {
    for (const { log } of this.#leftLogs) log.close();
    for (const one of [...this.#frozen, this.#active]) one.log?.close();
  }

  /** For the next memtable. One that was replayed may be larger, and is not kept. */
  #keepMemory(memtable: Memtable): void {
    if (memtable.arena.length !== this.#arenaBytes || this.#spare.length === SPARE_MAX) return;
    const memory = memtable.takeMemory();
    if (memory !== undefined) this.#spare.push(memory);
  }

  #create(floorVersion: number): LoggedMemtable {
    return {
      memtable: new Memtable(this.#spare.pop() ?? this.#arenaBytes, floorVersion),
      number: this.#nextNumber++,
      log: undefined,
      cipher: undefined,
    };
  }

  #refresh(): void {
    this.#newestFirst = [
      this.#active.memtable,
      ...this.#frozen.map((one) => one.memtable).reverse(),
    ];
  }
}

/** What records of so many bytes take of Badger's arena at most. */
function readerCost(bytes: number, entries: number): number {
  return bytes + entries * READER_ENTRY_COST;
}
