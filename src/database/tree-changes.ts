/**
 * Changes of the tree: what a finished job has made takes the place of what it has read. One manifest
 * record per change, synced before anything old goes (I6); value-log accounts are settled after it.
 */

import type { FileNumber, Version } from "../base/ids.ts";
import type { CompactionResult } from "../compaction/compaction-job.ts";
import type { FlushResult } from "../compaction/flush-job.ts";
import type { Env } from "../env/env.ts";
import { type DirectoryPair, placeOf } from "../format/directory-pair.ts";
import { requireFileNumber, tableFileName, valueLogFileName } from "../format/file-names.ts";
import { type Cut, storeCut, type StoredCut } from "../format/cut.ts";
import type { ManifestChange, ManifestChangeSet } from "../format/manifest-change.ts";
import type { ManifestLog } from "../manifest/manifest-log.ts";
import { COMPRESSION_CODES, type TableMeta } from "../manifest/version.ts";
import { TABLE_OPTIONS, type TableOptions } from "../table/table-options.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { Collection } from "./collection.ts";
import type { Cuts } from "./cuts.ts";
import type { DataKeys } from "./data-keys.ts";
import { DiscardFile } from "./discard-file.ts";
import type { Memtables } from "./memtables.ts";
import { compressionOfLevel, type Settings } from "./settings.ts";
import type { TreeState } from "./tree-state.ts";

export interface TreeChangesParts {
  readonly env: Env;
  readonly pair: DirectoryPair;
  readonly settings: Settings;
  readonly oracle: Oracle;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly manifest: ManifestLog;
  readonly keys: DataKeys;
  readonly collection: Collection;
  readonly cuts: Cuts;
  readonly discards: Map<FileNumber, number>;
  /** Number of the next table. */
  readonly firstTable: FileNumber;
}

export class TreeChanges {
  readonly #parts: TreeChangesParts;
  readonly #discards: DiscardFile;
  #nextTable: FileNumber;
  /** Newest version whose log is gone, or may be once the next change is recorded. */
  #newestFlushed: Version = 0;

  constructor(parts: TreeChangesParts) {
    this.#parts = parts;
    this.#discards = new DiscardFile(parts.env, parts.pair.valueDirectory, parts.discards);
    this.#nextTable = parts.firstTable;
  }

  /** The number the next table gets. */
  get nextTable(): FileNumber {
    return this.#nextTable;
  }

  /** Takes `count` table numbers and returns the first. */
  takeNumbers(count: number): FileNumber {
    const first = this.#nextTable;
    requireFileNumber(first + count - 1);
    this.#nextTable += count;
    return first;
  }

  removeTables(tables: readonly TableMeta[]): void {
    const { env, pair } = this.#parts;
    for (const { fileNumber } of tables) {
      try {
        env.fileSystem.remove(placeOf(pair, tableFileName(fileNumber)));
      } catch (error) {
        // The next open removes what the manifest does not name.
        env.log("warn", "an unneeded table could not be removed", { error: String(error) });
      }
    }
  }

  /**
   * Puts new tables in the place of others. They are opened first: once the manifest names them,
   * nothing may fail any more. If it never did, they are removed again.
   *
   * False, with nothing changed, when a reader has begun meanwhile (`begin({at})`) that needs what the job
   * has left out. The next job knows the reader.
   *
   * @param cuts those that the manifest takes along
   */
  async replace(
    removed: readonly FileNumber[],
    added: readonly TableMeta[],
    result: FlushResult | CompactionResult,
    cuts: readonly Cut[] = [],
  ): Promise<boolean> {
    const { manifest, trees } = this.#parts;
    let prepared: ReturnType<TreeState["prepare"]> = [];
    const change = (): ManifestChangeSet | undefined => {
      if (this.dropsTooMuch(result)) return undefined;
      return {
        changes: [...added.map(creation), ...removed.map(deletion)],
        thinnedVersion: result.thinnedVersion,
        droppedEndVersion: "droppedEndVersion" in result ? result.droppedEndVersion : 0,
        valueLogDiscards: [...result.discardedBytes].map(([file, bytes]) => ({ file, bytes })),
        cuts: this.#stored(cuts),
      };
    };
    let isDone = false;
    try {
      prepared = trees.prepare(added);
      isDone = await this.#record(change);
    } finally {
      if (!isDone) {
        trees.abandon(prepared);
        if (manifest.isUsable) this.removeTables(added);
      }
    }
    if (!isDone) return false;
    this.#parts.cuts.settle(cuts);
    trees.apply(prepared, removed);
    return true;
  }

  dropsTooMuch({ thinnedVersion }: FlushResult | CompactionResult): boolean {
    return this.#parts.oracle.discardVersion < thinnedVersion;
  }

  /** The manifest takes cuts that only the log holds. */
  recordCuts(cuts: readonly Cut[]): void {
    this.recordNow({ changes: [], cuts: this.#stored(cuts) });
    this.#parts.cuts.settle(cuts);
  }

  #stored(cuts: readonly Cut[]): StoredCut[] {
    const { keys, env } = this.#parts;
    return cuts.map((cut) => storeCut(cut, keys.current(), env.random));
  }

  /**
   * Before tables leave the manifest without a job: logs that were flushed into them are gone for good
   * (compaction-job.ts).
   */
  syncNames(): void {
    const { env, pair } = this.#parts;
    env.fileSystem.syncDirectory(pair.directory);
  }

  /** What a log holds up to this version is in a table, or nowhere. */
  noteFlushed(version: Version): void {
    this.#newestFlushed = Math.max(this.#newestFlushed, version);
  }

  /** One change of the tree, durable when the promise resolves; the sync is off this thread. */
  async record(set: ManifestChangeSet): Promise<void> {
    await this.#record(() => set);
  }

  #record(change: () => ManifestChangeSet | undefined): Promise<boolean> {
    return this.#parts.manifest.appendInBackground(() => {
      const set = change();
      return set === undefined ? undefined : this.#withVersion(set);
    });
  }

  /** The same, durable when this returns. */
  recordNow(set: ManifestChangeSet): void {
    this.#parts.manifest.append(this.#withVersion(set));
  }

  /**
   * The manifest does not tell of versions that only logs hold: one that has lost its end is told by tables
   * with newer versions than it knows (orphans.ts).
   */
  #withVersion(set: ManifestChangeSet): ManifestChangeSet {
    // The log that a cut was committed by may be lost, and no later write may come to lie below it.
    const cutVersions = (set.cuts ?? []).map(({ version }) => version);
    return { ...set, newestVersion: Math.max(this.#newestFlushed, ...cutVersions) };
  }

  removeValueLogs(numbers: readonly FileNumber[]): void {
    const { env, pair } = this.#parts;
    for (const number of numbers) {
      try {
        env.fileSystem.remove(placeOf(pair, valueLogFileName(number)));
      } catch (error) {
        env.log("warn", "an unneeded value-log file could not be removed", {
          error: String(error),
        });
      }
    }
  }

  tableOptions(level: number): TableOptions {
    const { settings, keys } = this.#parts;
    const dataKey = keys.current();
    return {
      ...TABLE_OPTIONS,
      blockSizeBytes: settings.blockSize,
      bloomFalsePositive: settings.bloomFalsePositive,
      compression: COMPRESSION_CODES[compressionOfLevel(settings, level)],
      compressionLevel: settings.compressionLevel,
      ...(dataKey === undefined ? {} : { encryption: dataKey }),
    };
  }

  addDiscards(discarded: ReadonlyMap<FileNumber, number>): void {
    this.#discards.add(discarded);
  }

  /** Nobody may point to a value-log file any more: after every change of tree or memtables. */
  sweep(): void {
    const { collection, memtables } = this.#parts;
    this.#discards.forget(collection.sweep());
    memtables.limitPointedBytes(collection.memtableBytesMax());
  }
}

/** A table leaves the manifest. */
export function deletion(fileNumber: FileNumber): ManifestChange {
  return { op: "delete", fileNumber };
}

/** A table enters it. */
export function creation(table: TableMeta): ManifestChange {
  const { fileNumber, level, keyId, compression } = table;
  return { op: "create", fileNumber, level, keyId, compression };
}
