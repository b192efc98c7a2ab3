import { describe, expect, test } from "bun:test";
import { runFlush } from "../../src/compaction/flush-job.ts";
import type { FlushJob } from "../../src/compaction/flush-job.ts";
import { diskTree, DIRECTORY, filesOf, readTable, series, SMALL_BLOCKS } from "./disk-tree.ts";
import { EntriesCursor, entry, show } from "./entries.ts";

const JOB: FlushJob = {
  directory: DIRECTORY,
  fileNumber: 12,
  knownOrdered: true,
  discardVersion: 1000,
  versionsToKeep: 1,
  nowSeconds: 1000,
  tableOptions: SMALL_BLOCKS,
};

describe("flush job", () => {
  test("writes one table of level 0; markers stay, superseded versions go", () => {
    const disk = diskTree();
    const lines = ["a@9=z", "a@7=y vlog:60", "b@8 del", "b@3=x", "c@5=w ttl:999", "d@1=v"];
    const cursor = new EntriesCursor(lines.map(entry));
    const result = runFlush(JOB, cursor, disk.env);
    const table = result.table;
    if (table === undefined) throw new Error("a table was expected");
    expect([table.fileNumber, table.level, table.knownOrdered]).toEqual([12, 0, true]);
    expect(readTable(disk, table).map(show)).toEqual(["a@9=z", "b@8 del", "c@5 del", "d@1=v"]);
    expect([...result.discardedBytes]).toEqual([[7, 60]]);
    expect(result.thinnedVersion).toBe(9);
    expect(cursor.closed).toBe(true);
  });

  test("keeps what a snapshot may need", () => {
    const disk = diskTree();
    const lines = ["a@9=z", "a@7=y", "a@3=x"];
    const result = runFlush(
      { ...JOB, discardVersion: 6 },
      new EntriesCursor(lines.map(entry)),
      disk.env,
    );
    expect(result.table?.entryCount).toBe(3);
    expect(result.thinnedVersion).toBe(0);
  });

  test("is one table however large, and none when there is nothing", () => {
    const disk = diskTree();
    const result = runFlush(JOB, new EntriesCursor(series("k", 2000, 1)), disk.env);
    expect(result.table?.entryCount).toBe(2000);
    expect(filesOf(disk)).toEqual(["000012.sst"]);
    const empty = runFlush({ ...JOB, fileNumber: 13 }, new EntriesCursor([]), disk.env);
    expect(empty.table).toBeUndefined();
    expect(filesOf(disk)).toEqual(["000012.sst"]);
  });

  test("leaves nothing behind when it fails", () => {
    let failed = 0;
    for (let operation = 1; ; operation++) {
      const disk = diskTree();
      disk.failures.left = operation;
      const cursor = new EntriesCursor(series("k", 200, 1));
      try {
        runFlush(JOB, cursor, disk.env);
        break;
      } catch (error) {
        expect((error as { code?: string }).code).toBe("ERR_IO");
      }
      failed++;
      expect(filesOf(disk)).toEqual([]);
      expect(disk.failures.open).toBe(0);
      expect(cursor.closed).toBe(true);
    }
    expect(failed).toBeGreaterThan(1);
  });
});
