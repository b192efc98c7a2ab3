/**
 * The account of the value log: how many bytes tables point to, by file. Follows the tree: when it has
 * changed, only the tables that came and went are looked at, so that a question costs nothing however
 * many tables there are.
 */

import type { FileNumber } from "../base/ids.ts";
import type { TableMeta, TreeVersion } from "../manifest/version.ts";

export class ValueLogAccount {
  readonly #current: () => TreeVersion;
  #seen: TreeVersion | undefined;
  #tables: ReadonlySet<TableMeta> = new Set();
  readonly #bytes = new Map<FileNumber, number>();
  #liveBytes = 0;
  #levelZeroBytes = 0;
  #tableBytes = 0;
  /** What scans found in tables that carry no statistics, by table. */
  readonly #learned = new Map<FileNumber, ReadonlyMap<FileNumber, number>>();
  /** Tables whose pointers are not known yet. */
  readonly #unknown = new Set<TableMeta>();

  constructor(current: () => TreeVersion) {
    this.#current = current;
  }

  /** Bytes the tree points to in one file. */
  bytesIn(file: FileNumber): number {
    this.#follow();
    return this.#bytes.get(file) ?? 0;
  }

  /** … in all files together. */
  get liveBytes(): number {
    this.#follow();
    return this.#liveBytes;
  }

  /** … from level 0. */
  get levelZeroBytes(): number {
    this.#follow();
    return this.#levelZeroBytes;
  }

  /** Size of all tables. */
  get tableBytes(): number {
    this.#follow();
    return this.#tableBytes;
  }

  get unknownTable(): TableMeta | undefined {
    this.#follow();
    for (const table of this.#unknown) return table;
    return undefined;
  }

  /** Value-log bytes a table points to, by file. */
  pointersOf(table: TableMeta): ReadonlyMap<FileNumber, number> {
    if (table.hasStatistics) return table.valueLogBytes;
    return this.#learned.get(table.fileNumber) ?? table.valueLogBytes;
  }

  /** What a scan of a table without statistics has found. */
  learn(fileNumber: FileNumber, pointers: ReadonlyMap<FileNumber, number>): void {
    this.#follow();
    const table = [...this.#tables].find((one) => one.fileNumber === fileNumber);
    // A compaction may have replaced it meanwhile.
    if (table === undefined || !this.#unknown.has(table)) return;
    this.#count(table, -1);
    this.#learned.set(fileNumber, pointers);
    this.#unknown.delete(table);
    this.#count(table, 1);
  }

  #follow(): void {
    const version = this.#current();
    if (version === this.#seen) return;
    this.#seen = version;
    const tables = new Set(version.levels.flat());
    for (const table of this.#tables) {
      if (tables.has(table)) continue;
      this.#count(table, -1);
      this.#unknown.delete(table);
    }
    for (const table of tables) {
      if (this.#tables.has(table)) continue;
      if (!table.hasStatistics && !this.#learned.has(table.fileNumber)) this.#unknown.add(table);
      this.#count(table, 1);
    }
    this.#tables = tables;
  }

  #count(table: TableMeta, sign: 1 | -1): void {
    this.#tableBytes += sign * table.sizeBytes;
    for (const [file, bytes] of this.pointersOf(table)) {
      const left = (this.#bytes.get(file) ?? 0) + sign * bytes;
      if (left === 0) this.#bytes.delete(file);
      else this.#bytes.set(file, left);
      this.#liveBytes += sign * bytes;
      if (table.level === 0) this.#levelZeroBytes += sign * bytes;
    }
  }
}
