/**
 * Value-log collection: keeps account of which file is alive for whom, decides which to empty, and
 * removes what nobody refers to any more. The moving itself happens while tables are compacted
 * (value-log/relocator.ts); nothing is written back on top of the tree.
 *
 * Account: tables carry the bytes they point to, by file, in their index; memtables count theirs. So
 * what is alive is known exactly, from the first open on, without statistics of its own. Tables that
 * Badger wrote carry nothing; until a scan has learned theirs (`learn`), no file is touched.
 *
 * A file is removed when no table of the tree and no memtable points to it, nor any log that a power cut
 * could bring back. Readers on an older tree keep it open until they end: its name is gone at once, its
 * space with the last of them.
 */

import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { valueLogFileName } from "../format/file-names.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import type { TableMeta } from "../manifest/version.ts";
import {
  collectionDebt,
  fileBytesMax,
  forcedGoal,
  GARBAGE_SHARE_MIN,
  isRewriteWorth,
  memtableBytesMax,
  moveCredit,
  paceGoal,
  pausedUnmergedBytesMax,
  unmergedBytesMax,
  type ValueLogLoad,
} from "../value-log/collection-pace.ts";
import { garbageShare, type ValueLogFileState } from "../value-log/collection-policy.ts";
import { type Relocation, relocationFileNumbers } from "../value-log/relocator.ts";
import type { ValueLogReader } from "../value-log/value-log-reader.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { EventHub } from "./event-hub.ts";
import type { Memtables } from "./memtables.ts";
import type { Policies } from "./policies.ts";
import type { TreeState } from "./tree-state.ts";
import { ValueLogAccount } from "./value-log-account.ts";

export interface CollectionParts {
  readonly env: Env;
  readonly valueDirectory: string;
  readonly trees: TreeState;
  readonly memtables: Memtables;
  readonly valueLog: ValueLogWriter;
  readonly values: ValueLogReader;
  readonly discards: Map<FileNumber, number>;
  readonly events: EventHub;
  readonly policies: Policies;
  readonly fileSizeBytes: number;
  readonly recordCountMax: number;
  /** Files found at open. */
  readonly files: Iterable<FileNumber>;
}

export class Collection {
  readonly #parts: CollectionParts;
  /** Files that may hold values of this directory; those of running relocations are not yet in here. */
  readonly #files: Set<FileNumber>;
  /** Sizes of files that do not grow any more. */
  readonly #sizes = new Map<FileNumber, number>();
  readonly #account: ValueLogAccount;
  /** Files with values that cannot be read: they stay as they are, for whoever repairs them. */
  readonly #damaged = new Set<FileNumber>();
  /** Set by `force`: condemn by this share of garbage, whatever the goal. */
  #forcedShare: number | undefined;
  #debt = 0;
  #isPaused = false;
  #creditBytes = 0;
  /** Bytes of values written when the credit was last brought up to date. */
  #creditedBytes = 0;
  /** Share of new entries that replace older ones; follows what merges find. */
  #replacedShare = 0.5;
  #removedFiles = 0;
  #removedBytes = 0;

  constructor(parts: CollectionParts) {
    this.#parts = parts;
    this.#files = new Set(parts.files);
    this.#account = new ValueLogAccount(() => parts.trees.tree.version);
    parts.valueLog.limitFileSize(() => this.#fileLimit());
  }

  get removedFiles(): number {
    return this.#removedFiles;
  }

  get removedBytes(): number {
    return this.#removedBytes;
  }

  /** Existing value-log files, ascending. */
  numbers(): FileNumber[] {
    for (const number of this.#parts.valueLog.createdFiles) this.#note(number);
    return [...this.#files].sort((a, b) => a - b);
  }

  readonly #seen = new Set<FileNumber>();

  /** A file made by the writer or a relocation; each is taken up once, since it may be gone already. */
  #note(number: FileNumber): void {
    if (this.#seen.has(number)) return;
    this.#seen.add(number);
    this.#files.add(number);
  }

  /** Files that a relocation has made, once tables that point to them are installed. */
  adopt(numbers: readonly FileNumber[], movedBytes = 0): void {
    this.#noteMoved(movedBytes);
    for (const number of numbers) this.#note(number);
  }

  /** Bytes the tree points to, all files together. */
  liveBytes(): number {
    return this.#account.liveBytes;
  }

  /** Value-log bytes a table points to, by file. */
  pointersOf(table: TableMeta): ReadonlyMap<FileNumber, number> {
    return this.#account.pointersOf(table);
  }

  /** A table whose pointers are not known yet. */
  unknownTable(): TableMeta | undefined {
    return this.numbers().length === 0 ? undefined : this.#account.unknownTable;
  }

  /** What a scan of such a table has found. */
  learn(table: FileNumber, pointers: ReadonlyMap<FileNumber, number>): void {
    this.#account.learn(table, pointers);
  }

  states(): ValueLogFileState[] {
    const { memtables, valueLog, discards } = this.#parts;
    // What tables point to is not known yet, and never will be in a read-only database: then it is what
    // the program that wrote them has told.
    const isUnknown = this.unknownTable() !== undefined;
    return this.numbers().map((file) => ({
      file,
      sizeBytes: this.#size(file),
      liveBytes: isUnknown
        ? Math.max(0, this.#size(file) - (discards.get(file) ?? 0))
        : this.#liveBytes(file, this.#account.bytesIn(file)),
      isBusy:
        file === valueLog.activeFile ||
        memtables.hasLeftLogs ||
        memtables.pointedByRemoved.has(file) ||
        (valueLog.groupFirstFile > 0 && file >= valueLog.groupFirstFile) ||
        memtables.newestFirst.some((memtable) => memtable.valueLogBytes.has(file)),
    }));
  }

  /** A file's header lives as long as anything in it: moving values would only make another one. */
  #liveBytes(file: FileNumber, pointedBytes: number): number {
    return pointedBytes === 0 ? 0 : Math.min(this.#size(file), pointedBytes + LOG_HEADER_SIZE);
  }

  #size(file: FileNumber): number {
    const known = this.#sizes.get(file);
    if (known !== undefined) return known;
    const { env, valueDirectory, valueLog } = this.#parts;
    const size = env.fileSystem.info(join(valueDirectory, valueLogFileName(file)))?.size ?? 0;
    if (file !== valueLog.activeFile) this.#sizes.set(file, size);
    return size;
  }

  /** Why a file is still there, in words; `condemned` as the method of this name says. */
  reasonOf(state: ValueLogFileState, condemned: readonly FileNumber[]): string {
    const { memtables, valueLog } = this.#parts;
    if (state.file === valueLog.activeFile) return "new values are written to it";
    if (memtables.newestFirst.some((memtable) => memtable.valueLogBytes.has(state.file))) {
      return "a memtable that is not flushed yet points to it";
    }
    if (memtables.pointedByRemoved.has(state.file)) {
      return "a log that points to it was only just removed";
    }
    if (this.unknownTable() !== undefined) {
      return "tables written by another program are still being examined";
    }
    if (this.#damaged.has(state.file)) return "values in it are damaged and cannot be moved";
    if (condemned.includes(state.file)) return "its live values are being moved";
    return garbageShare(state) < GARBAGE_SHARE_MIN
      ? "nearly everything in it is live"
      : "its garbage is below what is worth moving the rest for";
  }

  // ----------------------------------------------------------------------------- decisions

  /** Files whose values compaction should move now. */
  condemned(): readonly FileNumber[] {
    if (this.unknownTable() !== undefined) return [];
    const share = this.#forcedShare;
    this.#noteMoved(0);
    const load = this.#load();
    const goal = share === undefined ? paceGoal(load, this.#isPaused) : forcedGoal(load, share);
    const movable = this.states().filter(({ file }) => !this.#damaged.has(file));
    return this.#parts.policies.collection(movable, goal);
  }

  #load(): ValueLogLoad {
    const { liveBytes, levelZeroBytes, tableBytes } = this.#account;
    let memoryBytes = 0;
    for (const { pointedBytes } of this.#parts.memtables.newestFirst) memoryBytes += pointedBytes;
    const replacedShare = this.#replacedShare;
    const creditBytes = this.#creditBytes;
    return { liveBytes, levelZeroBytes, memoryBytes, tableBytes, replacedShare, creditBytes };
  }

  #noteMoved(movedBytes: number): void {
    const written = this.#parts.valueLog.bytesWritten;
    this.#creditBytes = moveCredit(this.#load(), written - this.#creditedBytes, movedBytes);
    this.#creditedBytes = written;
  }

  /** Writes have paused, or go on: while they pause there is time to look closer. Cheap. */
  notePause(isPaused: boolean): void {
    this.#isPaused = isPaused;
  }

  /** Files that could not be emptied because they are damaged: not condemned again until reopened. */
  exempt(files: readonly FileNumber[]): void {
    for (const file of files) {
      if (this.#damaged.has(file)) continue;
      this.#damaged.add(file);
      this.#parts.env.log("error", "a damaged value keeps its value-log file from being emptied", {
        file: valueLogFileName(file),
      });
    }
  }

  /** From now on any file with at least this share of garbage is emptied; `undefined` ends that. */
  force(garbageShareMin: number | undefined): void {
    this.#forcedShare = garbageShareMin;
  }

  /** What a compaction that starts now should move. Reserves file numbers. */
  relocation(): Relocation | undefined {
    const condemned = this.condemned();
    if (condemned.length === 0) return undefined;
    const { valueLog, fileSizeBytes, recordCountMax } = this.#parts;
    return {
      condemned,
      firstFileNumber: valueLog.reserveNumbers(relocationFileNumbers(condemned.length)),
      fileSizeBytes: Math.min(fileSizeBytes, this.#fileLimit()),
      recordCountMax,
    };
  }

  /** Tables worth writing again only to empty condemned files, those with most to move first. */
  tablesToRewrite(): TableMeta[] {
    const condemned = this.condemned();
    if (condemned.length === 0) return [];
    const bytesIn = new Map<TableMeta, number>();
    let tableBytes = 0;
    for (const table of this.#parts.trees.tree.version.levels.flat()) {
      let bytes = 0;
      const pointers = this.pointersOf(table);
      for (const file of condemned) bytes += pointers.get(file) ?? 0;
      if (bytes === 0) continue;
      bytesIn.set(table, bytes);
      tableBytes += table.sizeBytes;
    }
    const hasTime = this.#isPaused || this.#forcedShare !== undefined;
    const freedBytes = this.#garbageIn(condemned);
    if (!hasTime && !isRewriteWorth(this.#load(), freedBytes, tableBytes)) return [];
    return [...bytesIn].sort((a, b) => b[1] - a[1]).map(([table]) => table);
  }

  #garbageIn(files: readonly FileNumber[]): number {
    let bytes = 0;
    for (const state of this.states()) {
      if (files.includes(state.file)) bytes += state.sizeBytes - state.liveBytes;
    }
    return bytes;
  }

  /** Pointers in memory from which on the memtable should be flushed, so that garbage becomes known. */
  memtableBytesMax(): number {
    return memtableBytesMax(this.#load());
  }

  /** A merge of level 0 has found that of so many entries so many replaced others. */
  noteMerge(entries: number, replaced: number): void {
    if (entries === 0) return;
    this.#replacedShare = (this.#replacedShare + Math.min(1, replaced / entries)) / 2;
  }

  /** Whether level 0 points to so much that merging it would pay by itself. */
  isLevelZeroDue(): boolean {
    const load = this.#load();
    const most = this.#isPaused ? pausedUnmergedBytesMax(load) : unmergedBytesMax(load);
    return load.levelZeroBytes > most;
  }

  #fileLimit(): number {
    return fileBytesMax(this.#load());
  }

  /** How far collection is behind, 0 to 1: what it could give back, against what lives. */
  get debt(): number {
    return this.#debt;
  }

  #measureDebt(): void {
    this.#debt = 0;
    if (this.unknownTable() !== undefined) return;
    let garbage = 0;
    for (const state of this.states()) {
      if (this.#isCollectable(state)) garbage += state.sizeBytes - state.liveBytes;
    }
    this.#debt = collectionDebt(this.#load(), garbage);
  }

  #isCollectable(state: ValueLogFileState): boolean {
    return (
      !state.isBusy && !this.#damaged.has(state.file) && garbageShare(state) >= GARBAGE_SHARE_MIN
    );
  }

  // ------------------------------------------------------------------------------- removal

  /** Files that nobody points to. */
  #unused(): ValueLogFileState[] {
    if (this.unknownTable() !== undefined) return [];
    return this.states().filter(({ file, isBusy }) => !isBusy && this.#account.bytesIn(file) === 0);
  }

  /** After every change of the tree or the memtables: removes files that nobody points to. Returns which. */
  sweep(): FileNumber[] {
    const { env, valueDirectory, trees, values, valueLog, events } = this.#parts;
    const removed: FileNumber[] = [];
    for (const { file, sizeBytes } of this.#unused()) {
      const path = join(valueDirectory, valueLogFileName(file));
      try {
        values.retire(file, trees.serial);
        env.fileSystem.remove(path);
        valueLog.forget(file);
      } catch (error) {
        env.log("warn", "an empty value-log file could not be removed", { error: String(error) });
        continue;
      }
      this.#files.delete(file);
      this.#sizes.delete(file);
      this.#damaged.delete(file);
      removed.push(file);
      this.#removedFiles++;
      this.#removedBytes += sizeBytes;
      events.emit("collection", { file: valueLogFileName(file), bytes: sizeBytes });
    }
    this.#measureDebt();
    // Those that no reader needs take space no longer than this.
    values.releaseRetired(trees.oldestSerial);
    return removed;
  }
}
