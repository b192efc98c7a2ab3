/**
 * Value-log collection: keeps account of which file is alive for whom, decides which to empty, and
 * removes what nobody refers to any more. The moving itself happens while tables are compacted
 * (value-log/relocator.ts); nothing is written back on top of the tree.
 *
 * Account: tables carry the bytes they point to, by file, in their index; memtables count theirs. So
 * what is alive is known exactly, from the first open on, without statistics of its own. Tables that
 * Badger wrote carry nothing; until a scan has learned theirs (`learn`), no file is touched.
 *
 * A file is removed when no table of the tree and no memtable points to it. Readers on an older tree
 * keep it open until they end: its name is gone at once, its space with the last of them.
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

export interface CollectionParts {
  readonly env: Env;
  readonly directory: string;
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

/** What collection by itself works towards. */
const GOAL: CollectionGoal = {
  spaceAmplification: 1.2,
  slackBytes: MIB,
  garbageShareMin: 0.15,
  moveBytesMax: 64 * MIB,
};

/** So many parts of the live bytes may be unmerged above the base before a flush or merge is due. */
const UNMERGED_PARTS = 16;
const UNMERGED_BYTES_MIN = MIB;
/** The same while writes pause and there is time to look closer. */
const PAUSED_PARTS = 64;
const FILE_BYTES_MIN = 4 * MIB;

export class Collection {
  readonly #parts: CollectionParts;
  /** Files that may hold values of this directory; those of running relocations are not yet in here. */
  readonly #files: Set<FileNumber>;
  /** Sizes of files that do not grow any more. */
  readonly #sizes = new Map<FileNumber, number>();
  /** What scans found in tables that carry no statistics, by table. */
  readonly #learned = new Map<FileNumber, ReadonlyMap<FileNumber, number>>();
  /** Files with values that cannot be read: they stay as they are, for whoever repairs them. */
  readonly #damaged = new Set<FileNumber>();
  /** Set by `force`: condemn by this share of garbage, whatever the goal. */
  #forcedShare: number | undefined;
  #removedFiles = 0;
  #removedBytes = 0;

  constructor(parts: CollectionParts) {
    this.#parts = parts;
    this.#files = new Set(parts.files);
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
    let bytes = 0;
    for (const live of this.#referenced().values()) bytes += live;
    return bytes;
  }

  #referenced(): Map<FileNumber, number> {
    const live = new Map<FileNumber, number>();
    for (const level of this.#parts.trees.tree.version.levels) {
      for (const table of level) {
        for (const [file, bytes] of this.pointersOf(table)) {
          live.set(file, (live.get(file) ?? 0) + bytes);
        }
      }
    }
    return live;
  }

  /** Value-log bytes a table points to, by file. */
  pointersOf(table: TableMeta): ReadonlyMap<FileNumber, number> {
    if (table.hasStatistics) return table.valueLogBytes;
    return this.#learned.get(table.fileNumber) ?? table.valueLogBytes;
  }

  /** A table whose pointers are not known yet. */
  unknownTable(): TableMeta | undefined {
    if (this.numbers().length === 0) return undefined;
    return this.#parts.trees.tree.version.levels
      .flat()
      .find((table) => !table.hasStatistics && !this.#learned.has(table.fileNumber));
  }

  /** What a scan of such a table has found. */
  learn(table: FileNumber, pointers: ReadonlyMap<FileNumber, number>): void {
    this.#learned.set(table, pointers);
  }

  states(): ValueLogFileState[] {
    const { memtables, valueLog, discards } = this.#parts;
    const live = this.#referenced();
    // What tables point to is not known yet, and never will be in a read-only database: then it is what
    // the program that wrote them has told.
    const isUnknown = this.unknownTable() !== undefined;
    return this.numbers().map((file) => ({
      file,
      sizeBytes: this.#size(file),
      liveBytes: isUnknown
        ? Math.max(0, this.#size(file) - (discards.get(file) ?? 0))
        : this.#liveBytes(file, live.get(file) ?? 0),
      isBusy:
        file === valueLog.activeFile ||
        memtables.hasLeftLogs ||
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
    const { env, directory, valueLog } = this.#parts;
    const size = env.fileSystem.info(join(directory, valueLogFileName(file)))?.size ?? 0;
    if (file !== valueLog.activeFile) this.#sizes.set(file, size);
    return size;
  }

  /** Why a file is still there, in words. */
  reasonOf(state: ValueLogFileState): string {
    const { memtables, valueLog } = this.#parts;
    if (state.file === valueLog.activeFile) return "new values are written to it";
    if (memtables.newestFirst.some((memtable) => memtable.valueLogBytes.has(state.file))) {
      return "a memtable that is not flushed yet points to it";
    }
    if (this.unknownTable() !== undefined) {
      return "tables written by another program are still being examined";
    }
    if (this.#damaged.has(state.file)) return "values in it are damaged and cannot be moved";
    if (this.condemned().includes(state.file)) return "its live values are being moved";
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
        ? GOAL
        : { ...GOAL, spaceAmplification: 1, slackBytes: 0, garbageShareMin: share };
    const movable = this.states().filter(({ file }) => !this.#damaged.has(file));
    return this.#parts.policies.collection(movable, goal);
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
    return Math.max(UNMERGED_BYTES_MIN, Math.floor(this.liveBytes() / UNMERGED_PARTS));
  }

  /** Whether level 0 points to so much that merging it would pay by itself. */
  isLevelZeroDue(isPaused: boolean): boolean {
    const [levelZero = []] = this.#parts.trees.tree.version.levels;
    let bytes = 0;
    for (const table of levelZero) {
      for (const pointed of this.pointersOf(table).values()) bytes += pointed;
    }
    return bytes > (isPaused ? this.liveBytes() / PAUSED_PARTS : this.unmergedBytesMax());
  }

  /** Lets the size of value-log files follow the live bytes: small data, small files, small moves. */
  #fileLimit(): number {
    return Math.max(FILE_BYTES_MIN, Math.floor(this.liveBytes() / 8));
  }

  // ------------------------------------------------------------------------------- removal

  /** After every change of the tree or the memtables: removes files that nobody points to. Returns which. */
  sweep(): FileNumber[] {
    const { env, directory, trees, values, valueLog, events } = this.#parts;
    valueLog.limitFileSize(this.#fileLimit());
    const removed: FileNumber[] = [];
    if (this.unknownTable() !== undefined) return removed;
    for (const { file, isBusy, sizeBytes } of this.states()) {
      if (isBusy || this.#isReferenced(file)) continue;
      const path = join(directory, valueLogFileName(file));
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
    // Those that no reader needs take space no longer than this.
    values.releaseRetired(trees.oldestSerial);
    return removed;
  }

  #isReferenced(file: FileNumber): boolean {
    return this.#parts.trees.tree.version.levels.some((level) =>
      level.some((table) => this.pointersOf(table).has(file)),
    );
  }
}
