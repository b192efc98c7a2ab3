/**
 * The cuts that count: what `dropPrefix` has hidden and not yet removed everywhere. A cut counts for
 * readers at its version and above, from the moment that version is taken; older snapshots see nothing
 * of it. It is committed by a record of the log, like any write. Nothing is removed for it before the
 * manifest holds it too.
 *
 * Which files may still hold something hidden is known exactly: those that were there when the cut was
 * made, and what was made of them by work that could not leave it out, because a snapshot older than
 * the cut was open. Everything else was written after the cut, with newer versions. When no such file is
 * left the cut is over; its own log record is gone by then, because it lies in one of the memtables.
 */

import type { FileNumber, Version } from "../base/ids.ts";
import { type Cut, hides, meets } from "../format/cut.ts";
import type { TableMeta, TreeVersion } from "../manifest/version.ts";
import type { Memtable } from "../memtable/memtable.ts";

/** A cut, and where something that it hides may still be. */
export interface OpenCut {
  readonly cut: Cut;
  /** The manifest holds it. */
  isDurable: boolean;
  readonly tables: Set<FileNumber>;
  readonly memtables: Set<Memtable>;
}

const NONE: readonly Cut[] = [];

export class Cuts {
  /** Oldest first. */
  #open: OpenCut[] = [];

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  get open(): readonly OpenCut[] {
    return this.#open;
  }

  /**
   * A cut begins to count. `memtables` and `version`: everything that may hold something it hides, and
   * the memtable with its log record.
   */
  add(cut: Cut, isDurable: boolean, memtables: readonly Memtable[], version: TreeVersion): void {
    const tables = version.levels.flat().filter((table) => meetsTable(cut, table));
    this.#open.push({
      cut,
      isDurable,
      tables: new Set(tables.map(({ fileNumber }) => fileNumber)),
      memtables: new Set(memtables),
    });
  }

  /** Those up to a version that only the log holds, oldest first. */
  unrecorded(upTo: Version): readonly Cut[] {
    return this.#open
      .filter(({ cut, isDurable }) => !isDurable && cut.version <= upTo)
      .map(({ cut }) => cut);
  }

  /** The manifest holds these. */
  settle(cuts: readonly Cut[]): void {
    for (const open of this.#open) if (cuts.includes(open.cut)) open.isDurable = true;
  }

  /** The log records from this version on were not written. */
  retractFrom(version: Version): void {
    this.#open = this.#open.filter(({ cut }) => cut.version < version);
  }

  /** Nothing that the cut hides is left. */
  end(version: Version): void {
    this.#open = this.#open.filter(({ cut }) => cut.version !== version);
  }

  /** Whether a reader at `readVersion` that found this version of a key must not see it. */
  hides(key: Uint8Array, version: Version, readVersion: Version): boolean {
    return this.#open.some(
      ({ cut }) => cut.version <= readVersion && hides(cut, key, 0, key.length, version),
    );
  }

  /** Those that count for a reader at this version. */
  upTo(readVersion: Version): readonly Cut[] {
    if (this.#open.length === 0) return NONE;
    return this.#open.map(({ cut }) => cut).filter((cut) => cut.version <= readVersion);
  }

  /** Those that can be carried out: nobody can read any more what they hide, and they cannot be lost. */
  due(oldestRead: Version): readonly OpenCut[] {
    return this.#open.filter(({ cut, isDurable }) => isDurable && cut.version <= oldestRead);
  }

  /** Tables have taken the place of others; `applied`: the cuts that the work has carried out. */
  replaced(
    removed: readonly FileNumber[],
    added: readonly TableMeta[],
    applied: readonly Cut[],
  ): void {
    for (const { cut, tables } of this.#open) {
      for (const fileNumber of removed) tables.delete(fileNumber);
      if (applied.includes(cut)) continue;
      for (const table of added) if (meetsTable(cut, table)) tables.add(table.fileNumber);
    }
  }

  /** A memtable has become a table, if anything was left of it. */
  flushed(memtable: Memtable, table: TableMeta | undefined, applied: readonly Cut[]): void {
    for (const { cut, tables, memtables } of this.#open) {
      const wasThere = memtables.delete(memtable);
      if (!wasThere || table === undefined || applied.includes(cut)) continue;
      if (meetsTable(cut, table)) tables.add(table.fileNumber);
    }
  }
}

function meetsTable(cut: Cut, { smallestKey, largestKey }: TableMeta): boolean {
  return meets(cut, smallestKey, largestKey);
}
