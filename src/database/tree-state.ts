/**
 * The current tree, swapped as a whole: new tables are opened, a new `Tree` takes the old one's place,
 * and what nobody needs any more is closed and deleted. Main thread only.
 */

import { at } from "../base/assert.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { tableFileName } from "../format/file-names.ts";
import type { LogKeys } from "../log/log-keys.ts";
import type { TableMeta } from "../manifest/version.ts";
import type { BlockCache } from "../table/block-cache.ts";
import { TableReader } from "../table/table-reader.ts";
import { type SharedTable, sortLevel, Tree, type TreeEdit } from "./tree.ts";

export interface TreeStateOptions {
  readonly maxLevels: number;
  readonly verifyChecksums: "none" | "open" | "read" | "both";
  /** Obsolete files stay in a read-only database. */
  readonly readOnly: boolean;
}

/** What the manifest knows of a table; the rest is read from the file. */
export type TableIdentity = Pick<TableMeta, "fileNumber" | "level" | "compression" | "keyId">;

export class TreeState {
  readonly #env: Env;
  readonly #directory: string;
  readonly #cache: BlockCache;
  readonly #keys: LogKeys;
  readonly #options: TreeStateOptions;
  readonly #tables = new Map<FileNumber, SharedTable>();
  #tree: Tree;
  #closed = false;

  constructor(
    env: Env,
    directory: string,
    cache: BlockCache,
    keys: LogKeys,
    options: TreeStateOptions,
  ) {
    this.#keys = keys;
    this.#env = env;
    this.#directory = directory;
    this.#cache = cache;
    this.#options = options;
    this.#tree = this.#build([]);
  }

  /** The current tree. Retain it to use it beyond the current call. */
  get tree(): Tree {
    return this.#tree;
  }

  /** Opens the tables that the manifest lists. On failure everything opened so far is closed. */
  load(identities: readonly TableIdentity[]): void {
    try {
      this.#swap(identities.map((identity) => this.#open(identity)));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Applies an edit that the manifest already holds. */
  apply(edit: TreeEdit): void {
    const removed = new Set(edit.removed);
    // A moved table keeps its number and file: it is opened again for its new level.
    const added = edit.added.map((meta) => this.#open(meta));
    const staying = new Set(edit.added.map((meta) => meta.fileNumber));
    const kept: SharedTable[] = [];
    for (const level of this.#tree.version.levels) {
      for (const { fileNumber } of level) {
        const table = this.#tables.get(fileNumber);
        if (table !== undefined && !removed.has(fileNumber)) kept.push(table);
      }
    }
    for (const fileNumber of removed) {
      const table = this.#tables.get(fileNumber);
      if (table !== undefined && !staying.has(fileNumber)) table.obsolete = true;
    }
    this.#swap([...kept, ...added]);
  }

  #open(identity: TableIdentity): SharedTable {
    const path = join(this.#directory, tableFileName(identity.fileNumber));
    const file = this.#env.fileSystem.open(path, { write: false, create: "never" });
    try {
      const { keyId } = identity;
      const source = keyId === 0 ? identity : { ...identity, key: this.#keys.keyOf(keyId) };
      const reader = TableReader.open(file, source, this.#cache, {
        verifyChecksums: this.#options.verifyChecksums,
      });
      return { reader, references: 0, obsolete: false };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #swap(tables: readonly SharedTable[]): void {
    for (const table of tables) this.#tables.set(table.reader.meta.fileNumber, table);
    const previous = this.#tree;
    this.#tree = this.#build(tables);
    previous.release();
  }

  #build(tables: readonly SharedTable[]): Tree {
    const levels: SharedTable[][] = Array.from({ length: this.#options.maxLevels }, () => []);
    for (const table of tables) at(levels, table.reader.meta.level).push(table);
    levels.forEach((level, index) => sortLevel(index, level, (table) => table.reader.meta));
    return new Tree(levels, (table) => this.#retire(table));
  }

  #retire(table: SharedTable): void {
    const { fileNumber } = table.reader.meta;
    table.reader.close();
    if (this.#tables.get(fileNumber) === table) this.#tables.delete(fileNumber);
    if (!table.obsolete || this.#closed || this.#options.readOnly) return;
    try {
      this.#env.fileSystem.remove(join(this.#directory, tableFileName(fileNumber)));
    } catch (error) {
      // The next open removes what the manifest does not list.
      this.#env.log("warn", "an obsolete table could not be removed", { error: String(error) });
    }
  }

  close(): void {
    const last = this.#tree;
    this.#tree = this.#build([]);
    last.release();
    this.#closed = true;
  }
}
