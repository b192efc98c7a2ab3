/**
 * The merged cursor under a scan: own writes, memtables newest first, level-0 tables newest first, one
 * cursor per deeper level; tables outside the bounds are left out. What the cursor reads from is
 * pinned until it is closed.
 */

import { compareBytes } from "../base/bytes.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import { CutCursor } from "../cursor/cut-cursor.ts";
import { LevelCursor } from "../cursor/level-cursor.ts";
import { MergeCursor } from "../cursor/merge-cursor.ts";
import { NamespaceCursor } from "../cursor/namespace-cursor.ts";
import type { Cut } from "../format/cut.ts";
import type { BannedNamespaces } from "../format/namespace.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { TableReader } from "../table/table-reader.ts";
import type { SortedLevel } from "./sorted-level.ts";
import type { Tree } from "./tree.ts";

export interface KeyBounds {
  /** Inclusive. */
  readonly lower: Uint8Array | undefined;
  /** Exclusive. */
  readonly upper: Uint8Array | undefined;
}

/** All keys. */
export const NO_KEY_BOUNDS: KeyBounds = { lower: undefined, upper: undefined };

/**
 * @param tree is retained for as long as the returned cursor is open.
 * @param cuts that count for the reader; what they hide is left out.
 * @param banned namespaces whose keys are left out; absent: none are.
 */
export function openSource(
  ownWrites: EntryCursor | undefined,
  memtables: readonly Memtable[],
  tree: Tree,
  bounds: KeyBounds,
  cuts: readonly Cut[],
  banned: BannedNamespaces | undefined,
): EntryCursor {
  const cursors: EntryCursor[] = [];
  if (ownWrites !== undefined) cursors.push(ownWrites);
  for (const memtable of memtables) {
    if (!memtable.isEmpty) cursors.push(memtable.cursor());
  }
  for (const table of tree.levelZero) {
    if (overlaps(table, bounds)) cursors.push(table.cursor());
  }
  for (const level of tree.deeper) {
    const tables = tablesWithin(level, bounds);
    if (tables.length === 1) cursors.push((tables[0] as TableReader).cursor());
    else if (tables.length > 1) cursors.push(new LevelCursor(tables));
  }
  const source = new PinnedCursor(cursors, memtables, tree.retain());
  const uncut = cuts.length === 0 ? source : new CutCursor(source, cuts);
  return banned === undefined || banned.isEmpty ? uncut : new NamespaceCursor(uncut, banned);
}

class PinnedCursor extends MergeCursor {
  readonly #memtables: readonly Memtable[];
  #tree: Tree | undefined;

  constructor(cursors: readonly EntryCursor[], memtables: readonly Memtable[], tree: Tree) {
    super(cursors);
    this.#memtables = memtables;
    this.#tree = tree;
    for (const memtable of memtables) memtable.pin();
  }

  override close(): void {
    super.close();
    const tree = this.#tree;
    if (tree === undefined) return;
    this.#tree = undefined;
    for (const memtable of this.#memtables) memtable.unpin();
    tree.release();
  }
}

function overlaps(table: TableReader, { lower, upper }: KeyBounds): boolean {
  const { smallestKey, largestKey } = table.meta;
  if (lower !== undefined && compareBytes(largestKey, lower) < 0) return false;
  return upper === undefined || compareBytes(smallestKey, upper) < 0;
}

function tablesWithin(level: SortedLevel, { lower, upper }: KeyBounds): readonly TableReader[] {
  const { tables } = level;
  const from = lower === undefined ? 0 : level.find(lower);
  let to = tables.length;
  if (upper !== undefined) {
    to = from;
    while (to < tables.length) {
      const { smallestKey } = (tables[to] as TableReader).meta;
      if (compareBytes(smallestKey, upper) >= 0) break;
      to++;
    }
  }
  return from === 0 && to === tables.length ? tables : tables.slice(from, to);
}
