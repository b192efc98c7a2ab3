/**
 * How long the file of a table lies there: as long as any tree names it, on whichever level. And which tables
 * make no tree.
 */

import { expect, test } from "bun:test";

import { join } from "../../src/base/paths.ts";
import type { FileNumber } from "../../src/base/ids.ts";
import { TreeState } from "../../src/database/tree-state.ts";
import { tableFileName } from "../../src/format/file-names.ts";
import type { TableMeta } from "../../src/manifest/version.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import {
  DIRECTORY,
  type DiskTree,
  diskTree,
  filesOf,
  series,
  writeTable,
} from "../compaction/disk-tree.ts";

function treesOf(disk: DiskTree): TreeState {
  const keys = {
    current: () => undefined,
    keyOf: () => {
      throw new Error("nothing is encrypted here");
    },
  };
  return new TreeState(disk.env, DIRECTORY, new BlockCache(0), keys, {
    maxLevels: 7,
    verifyChecksums: "read",
    readOnly: false,
  });
}

/** A tree of a single table, on level 0. */
function oneTable(): { disk: DiskTree; table: TableMeta; trees: TreeState } {
  const disk = diskTree();
  const table = writeTable(disk, 1, 0, series("k", 20, 5));
  const trees = treesOf(disk);
  trees.load([table]);
  return { disk, table, trees };
}

/** Puts a table on another level, as a compaction does that has nothing to merge it with. */
function move(trees: TreeState, table: TableMeta, level: number): void {
  trees.apply(trees.prepare([{ ...table, level }]), [table.fileNumber]);
}

function remove(trees: TreeState, fileNumber: FileNumber): void {
  trees.apply([], [fileNumber]);
}

/**
 * A verification has the tree that it began on. One of its tables moved down a level meanwhile, was merged
 * there, and its file went, though the older tree still named it: the verification told of a missing
 * table. Scans had it open and noticed nothing.
 */
test("a table that moved down and was replaced there stays for a tree that has it where it was", () => {
  const { disk, table, trees } = oneTable();
  const before = trees.tree.retain();
  move(trees, table, 1);
  const between = trees.tree.retain();
  move(trees, table, 2);
  remove(trees, table.fileNumber);
  expect(filesOf(disk)).toEqual([tableFileName(1)]);
  between.release();
  expect(filesOf(disk)).toEqual([tableFileName(1)]);
  before.release();
  expect(filesOf(disk)).toEqual([]);
  trees.close();
  expect(disk.failures.open).toBe(0);
});

test("a table that moved down stays when the tree from before goes", () => {
  const { disk, table, trees } = oneTable();
  const before = trees.tree.retain();
  move(trees, table, 1);
  before.release();
  expect(filesOf(disk)).toEqual([tableFileName(1)]);
  remove(trees, table.fileNumber);
  expect(filesOf(disk)).toEqual([]);
});

test("a move that the manifest did not take leaves the table where it was", () => {
  const { disk, table, trees } = oneTable();
  trees.abandon(trees.prepare([{ ...table, level: 1 }]));
  expect(disk.env.fileSystem.info(join(DIRECTORY, tableFileName(1)))?.kind).toBe("file");
  remove(trees, table.fileNumber);
  expect([filesOf(disk), disk.failures.open]).toEqual([[], 0]);
});

/**
 * The bytes of one table had been copied over another's, name and manifest as before. Reads were right or
 * told of it, but the merge of that level ended in an assertion.
 */
test("tables of a level that overlap are damage, and no file stays open", () => {
  const disk = diskTree();
  const tables = [
    writeTable(disk, 1, 3, series("k", 20, 5)),
    writeTable(disk, 2, 3, series("k", 20, 9, 1, 10)),
  ];
  const trees = treesOf(disk);
  expect(() => trees.load(tables)).toThrow(
    expect.objectContaining({ code: "ERR_CORRUPTION", file: tableFileName(2) }),
  );
  trees.close();
  expect(disk.failures.open).toBe(0);
  expect(filesOf(disk).length).toBe(2);
});

test("tables of level 0 may overlap", () => {
  const disk = diskTree();
  const tables = [
    writeTable(disk, 1, 0, series("k", 20, 5)),
    writeTable(disk, 2, 0, series("k", 20, 9, 1, 10)),
  ];
  const trees = treesOf(disk);
  trees.load(tables);
  trees.close();
  expect(disk.failures.open).toBe(0);
});
