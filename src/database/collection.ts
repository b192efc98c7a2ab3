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
  type CollectionGoal,
  garbageShare,
  type ValueLogFileState,
} from "../value-log/collection-policy.ts";
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

const MIB = 1 << 20;

/*
 * What the figures below are chosen for: 4 KiB values overwritten at random as fast as they are taken, the
 * worst case. Emptying a file that is `u` live costs u / (1 − u) bytes per byte that it frees, so at a
 * given ratio of all bytes to live ones nothing writes less than taking the emptiest files, a few at a
 * time, all the time. Measured with 128 MiB live, on two busy cores; space and bytes written are against
 * live and user bytes, log and tables included:
 *
 *     emptied in bulk down to 1.2 ×, writers never slowed        space 1.78, at most 2.4   written 2.16
 *     a few files at a time, writers never slowed                space 1.67, at most 2.1   written 1.83
 *     … writers slowed from 0.15 of debt on                      space 1.52, at most 1.8   written 2.14
 *     … and half as much unmerged                                space 1.44, at most 1.7   written 2.24
 *     … slowed from 0.1 on, wanted 1.15                          space 1.38, at most 1.6   written 2.59
 *     the values here                                            space 1.40, at most 1.6   written 2.46
 *     the same with 32 MiB live, and 512 MiB                     space 1.47 and 1.41       written 2.51, 2.24
 *
 * Loading new keys, which leaves no garbage, is not slowed: flushes and merges are as few as merges find
 * little replaced (`noteMerge`).
 */

/** What collection by itself works towards. */
const GOAL: CollectionGoal = {
  spaceAmplification: 1.18,
  slackBytes: MIB,
  garbageShareMin: 0.15,
  moveBytesMax: 2 * MIB,
};
/** In one go so many parts of the live bytes move: what moves takes space twice for a while. */
const MOVE_PARTS = 10;
/** … but so many times the tables that have to be written again for it. */
const MOVE_PER_TABLE_BYTES = 2;
/** Asked for, more moves in one go, so that tables are written again less often. */
const FORCED_MOVE_BYTES = 64 * MIB;
/** Garbage that could go, against what lives: from where on writers are slowed down, and where most. */
const DEBT_FELT_FROM = 0.14;
const DEBT_MAX = 0.5;
/** The least live bytes that garbage is measured against. */
const DEBT_LIVE_BYTES_MIN = 16 * MIB;

/**
 * What is unmerged above the base hides garbage: so many parts of the live bytes, when all of it replaces
 * something. Merging writes all tables of the base again.
 */
const UNMERGED_PARTS = 32;
const UNMERGED_PER_TABLE_BYTES = 3;
const UNMERGED_BYTES_MIN = MIB;
/** The same while writes pause and there is time to look closer. */
const PAUSED_PARTS = 64;
/** New keys hide nothing, but that may change at any time: never more than so many times as much. */
const REPLACED_SHARE_MIN = 1 / 16;
/** Small enough that a few of them are a small part of the live bytes. */
const FILE_BYTES_MIN = 1 * MIB;
const FILE_PARTS = 16;

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
  adopt(numbers: readonly FileNumber[]): void {
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
    return garbageShare(state) < GOAL.garbageShareMin
      ? "nearly everything in it is live"
      : "its garbage is below what is worth moving the rest for";
  }

  // ----------------------------------------------------------------------------- decisions

  /** Files whose values compaction should move now. */
  condemned(): readonly FileNumber[] {
    if (this.unknownTable() !== undefined) return [];
    const share = this.#forcedShare;
    const goal =
      share === undefined
        ? { ...GOAL, moveBytesMax: this.#moveBytesMax() }
        : {
            spaceAmplification: 1,
            slackBytes: 0,
            garbageShareMin: share,
            moveBytesMax: Math.max(FORCED_MOVE_BYTES, this.#moveBytesMax()),
          };
    const movable = this.states().filter(({ file }) => !this.#damaged.has(file));
    return this.#parts.policies.collection(movable, goal);
  }

  #moveBytesMax(): number {
    const { liveBytes, tableBytes } = this.#account;
    const worthwhile = tableBytes * MOVE_PER_TABLE_BYTES;
    return Math.max(GOAL.moveBytesMax, liveBytes / MOVE_PARTS, worthwhile);
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

  /** Tables that point to condemned files, those with most to move first. */
  tablesToRewrite(): TableMeta[] {
    const condemned = this.condemned();
    if (condemned.length === 0) return [];
    const bytesIn = (table: TableMeta): number => {
      let bytes = 0;
      const pointers = this.pointersOf(table);
      for (const file of condemned) bytes += pointers.get(file) ?? 0;
      return bytes;
    };
    return this.#parts.trees.tree.version.levels
      .flat()
      .filter((table) => bytesIn(table) > 0)
      .sort((a, b) => bytesIn(b) - bytesIn(a));
  }

  /** Pointers in memory from which on the memtable should be flushed, so that garbage becomes known. */
  unmergedBytesMax(): number {
    const { liveBytes, tableBytes } = this.#account;
    const bytes = Math.max(liveBytes / UNMERGED_PARTS, tableBytes * UNMERGED_PER_TABLE_BYTES);
    const replaced = Math.max(REPLACED_SHARE_MIN, this.#replacedShare);
    return Math.max(UNMERGED_BYTES_MIN, Math.floor(bytes / replaced));
  }

  /** A merge of level 0 has found that of so many entries so many replaced others. */
  noteMerge(entries: number, replaced: number): void {
    if (entries === 0) return;
    this.#replacedShare = (this.#replacedShare + Math.min(1, replaced / entries)) / 2;
  }

  /** Whether level 0 points to so much that merging it would pay by itself. */
  isLevelZeroDue(isPaused: boolean): boolean {
    const bytes = this.#account.levelZeroBytes;
    return bytes > (isPaused ? this.liveBytes() / PAUSED_PARTS : this.unmergedBytesMax());
  }

  /**
   * Lets the size of value-log files follow the live bytes: small data, small files, small moves. What
   * memtables point to counts as far as it will not replace any of them: without it a load of 400 MB into an
   * empty directory made 231 files, and spent a third of its time on them.
   */
  #fileLimit(): number {
    let added = 0;
    for (const { pointedBytes } of this.#parts.memtables.newestFirst) added += pointedBytes;
    const replaced = Math.min(this.liveBytes(), added * this.#replacedShare);
    const expected = this.liveBytes() + added - replaced;
    return Math.max(FILE_BYTES_MIN, Math.floor(expected / FILE_PARTS));
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
    const share = garbage / Math.max(this.liveBytes(), DEBT_LIVE_BYTES_MIN);
    this.#debt = (share - DEBT_FELT_FROM) / (DEBT_MAX - DEBT_FELT_FROM);
  }

  #isCollectable(state: ValueLogFileState): boolean {
    return (
      !state.isBusy && !this.#damaged.has(state.file) && garbageShare(state) >= GOAL.garbageShareMin
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
