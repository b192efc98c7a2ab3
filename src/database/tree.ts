/**
 * `Tree`: the levels at one moment with their open tables, immutable and reference-counted. A scan
 * holds the tree it started on, so a compaction that replaces tables underneath neither disturbs it
 * nor has to wait. A table closes when the last tree that names it is let go, and its file goes when no
 * tree names it on any level.
 */

import { assert } from "../base/assert.ts";
import { compareBytes } from "../base/bytes.ts";
import type { TableMeta, TreeVersion } from "../manifest/version.ts";
import type { TableReader } from "../table/table-reader.ts";
import { SortedLevel } from "./sorted-level.ts";

/** The file of a table. One that has moved down is open once for each level that some tree has it on. */
export interface TableFile {
  openCount: number;
  /** Not in the manifest any more: it goes when nobody has it open. */
  isObsolete: boolean;
}

/** One open table on one level, shared by all trees that name it there. */
export interface SharedTable {
  readonly reader: TableReader;
  readonly file: TableFile;
  references: number;
}

export class Tree {
  readonly version: TreeVersion;
  /** Newest first. */
  readonly levelZero: readonly TableReader[];
  /** Levels 1 and below, from the top; without empty ones. */
  readonly deeper: readonly SortedLevel[];
  readonly #tables: readonly SharedTable[];
  readonly #onRelease: (table: SharedTable) => void;
  readonly #onEnd: () => void;
  /** Trees are numbered in the order they came into force. */
  readonly serial: number;
  #references = 1;

  constructor(
    levels: readonly (readonly SharedTable[])[],
    serial: number,
    onRelease: (table: SharedTable) => void,
    onEnd: () => void,
  ) {
    this.serial = serial;
    this.#onEnd = onEnd;
    this.version = { levels: levels.map((level) => level.map((table) => table.reader.meta)) };
    this.levelZero = (levels[0] ?? []).map((table) => table.reader);
    this.deeper = levels
      .slice(1)
      .filter((level) => level.length > 0)
      .map((level) => new SortedLevel(level.map((table) => table.reader)));
    this.#tables = levels.flat();
    this.#onRelease = onRelease;
    for (const table of this.#tables) table.references++;
  }

  retain(): this {
    assert(this.#references > 0, "a tree that was let go is not taken up again");
    this.#references++;
    return this;
  }

  release(): void {
    assert(this.#references > 0, "a tree is released as often as it was retained");
    if (--this.#references > 0) return;
    for (const table of this.#tables) {
      if (--table.references === 0) this.#onRelease(table);
    }
    this.#onEnd();
  }
}

/** Level 0 newest first; deeper levels by smallest key. */
export function sortLevel<T>(level: number, tables: T[], metaOf: (table: T) => TableMeta): T[] {
  return tables.sort((a, b) =>
    level === 0
      ? metaOf(b).fileNumber - metaOf(a).fileNumber
      : compareBytes(metaOf(a).smallestKey, metaOf(b).smallestKey),
  );
}
