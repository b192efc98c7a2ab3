/**
 * The current tree, swapped as a whole: new tables are opened, a new `Tree` takes the old one's place,
 * and what nobody needs any more is closed and deleted. Main thread only.
 */

import { at } from "../base/assert.ts";
import { compareBytes } from "../base/bytes.ts";
import { CorruptionError, IoError, MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import type { File } from "../env/file-system.ts";
import { tableFileName } from "../format/file-names.ts";
import type { LogKeys } from "../log/log-keys.ts";
import type { TableMeta } from "../manifest/version.ts";
import type { BlockCache } from "../table/block-cache.ts";
import { TableReader } from "../table/table-reader.ts";
import { type SharedTable, sortLevel, type TableFile, Tree } from "./tree.ts";

/** Largest value of the option `maxLevels`. */
const LEVELS_MAX = 7;

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
  #serial = 0;
  /** Serials of trees that are still referred to, oldest first. */
  readonly #live = new Set<number>();
  #onTreeEnd: () => void = () => undefined;

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

  /** Number of the current tree. */
  get serial(): number {
    return this.#serial;
  }

  /** Number of the oldest tree that somebody still reads. */
  get oldestSerial(): number {
    for (const serial of this.#live) return serial;
    return this.#serial;
  }

  /** Calls `listener` whenever an old tree has lost its last reader. */
  onTreeEnd(listener: () => void): void {
    this.#onTreeEnd = listener;
  }

  /**
   * Opens the tables that the manifest lists. On failure everything opened so far is closed.
   *
   * @throws CorruptionError also when tables of a level below 0 overlap: one is not the one it was
   */
  load(identities: readonly TableIdentity[]): void {
    for (const { level } of identities) requireLevel(level, this.#options.maxLevels);
    const tables = this.prepare(identities);
    try {
      requireOrder(tables.map(({ reader }) => reader.meta));
    } catch (error) {
      this.abandon(tables);
      throw error;
    }
    this.#swap(tables);
  }

  /**
   * Opens new tables for `apply`. Done before the manifest names them: a table that cannot be opened
   * must not be in there. A moved table keeps its number and file and is opened again for its new level.
   */
  prepare(added: readonly TableIdentity[]): readonly SharedTable[] {
    const opened: SharedTable[] = [];
    try {
      for (const identity of added) opened.push(this.#open(identity));
    } catch (error) {
      this.abandon(opened);
      throw error;
    }
    return opened;
  }

  /** Closes prepared tables that are not applied after all. */
  abandon(prepared: readonly SharedTable[]): void {
    for (const table of prepared) this.#retire(table);
  }

  /** Applies an edit that the manifest already holds. */
  apply(added: readonly SharedTable[], removedNumbers: readonly FileNumber[]): void {
    const removed = new Set(removedNumbers);
    const staying = new Set(added.map((table) => table.reader.meta.fileNumber));
    const kept: SharedTable[] = [];
    for (const level of this.#tree.version.levels) {
      for (const { fileNumber } of level) {
        const table = this.#tables.get(fileNumber);
        if (table !== undefined && !removed.has(fileNumber)) kept.push(table);
      }
    }
    for (const fileNumber of removed) {
      const table = this.#tables.get(fileNumber);
      if (table !== undefined && !staying.has(fileNumber)) table.file.isObsolete = true;
    }
    this.#swap([...kept, ...added]);
  }

  #open(identity: TableIdentity): SharedTable {
    const shared = this.#tables.get(identity.fileNumber)?.file ?? newTableFile();
    const file = this.#openFile(tableFileName(identity.fileNumber));
    try {
      const { keyId } = identity;
      const source = keyId === 0 ? identity : { ...identity, key: this.#keys.keyOf(keyId) };
      const reader = TableReader.open(file, source, this.#cache, {
        verifyChecksums: this.#options.verifyChecksums,
      });
      shared.openCount++;
      return { reader, file: shared, references: 0 };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #openFile(name: string): File {
    const path = join(this.#directory, name);
    try {
      return this.#env.fileSystem.open(path, { write: false, create: "never" });
    } catch (cause) {
      if (!(cause instanceof IoError) || cause.errno !== "ENOENT") throw cause;
      const expected = "the table that the manifest names";
      throw new CorruptionError({ file: name, offset: 0, expected, actual: "no such file", cause });
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
    const serial = ++this.#serial;
    this.#live.add(serial);
    return new Tree(
      levels,
      serial,
      (table) => this.#retire(table),
      () => {
        this.#live.delete(serial);
        this.#onTreeEnd();
      },
    );
  }

  #retire(table: SharedTable): void {
    const { reader, file } = table;
    const { fileNumber } = reader.meta;
    reader.close();
    if (this.#tables.get(fileNumber) === table) this.#tables.delete(fileNumber);
    if (--file.openCount > 0 || !file.isObsolete) return;
    if (this.#closed || this.#options.readOnly) return;
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

function newTableFile(): TableFile {
  return { openCount: 0, isObsolete: false };
}

/** Below level 0 the tables of a level do not overlap. Versions of one key may lie in two of Badger's. */
function requireOrder(tables: readonly TableMeta[]): void {
  const sorted = tables
    .filter(({ level }) => level > 0)
    .sort((a, b) => a.level - b.level || compareBytes(a.smallestKey, b.smallestKey));
  for (let i = 1; i < sorted.length; i++) {
    const [before, table] = [at(sorted, i - 1), at(sorted, i)];
    if (before.level !== table.level) continue;
    if (compareBytes(before.largestKey, table.smallestKey) <= 0) continue;
    throw new CorruptionError({
      file: tableFileName(table.fileNumber),
      offset: 0,
      expected: `keys behind those of ${tableFileName(before.fileNumber)}, on the same level`,
      actual: "keys among them",
    });
  }
}

/** A directory may have more levels than the option allows; Badger's own option has no upper limit. */
function requireLevel(level: number, maxLevels: number): void {
  if (level < maxLevels) return;
  if (level < LEVELS_MAX) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      `option maxLevels is ${maxLevels}, but the directory has a table on level ${level}; it must be at least ${level + 1}`,
    );
  }
  throw new MelesError(
    "ERR_UNSUPPORTED_FORMAT",
    `the directory has a table on level ${level}; at most ${LEVELS_MAX} levels are supported`,
  );
}
