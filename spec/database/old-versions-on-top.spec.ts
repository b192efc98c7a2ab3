/**
 * Old versions above newer ones (I3). Badger's collection writes live values back with their old
 * version, so its logs and upper tables may hold versions older than what lies below. No answer may
 * depend on the order of the levels then, and no delete marker may go while something older is above it.
 */

import { describe, expect, test } from "bun:test";

import { toBytes, toText } from "../../src/base/bytes.ts";
import type { Database } from "../../src/database/contract.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { memFileName } from "../../src/format/file-names.ts";
import { encodeLogHeader, LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import { logRecordLength, writeLogRecord } from "../../src/format/log-record.ts";
import { writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf } from "./outcomes.ts";

type Write = readonly [key: string, version: number, value: string];

/** A log as Badger leaves it after a collection: records of its own, with old versions. */
function logOf(writes: readonly Write[]): Uint8Array {
  const lengths = writes.map(([key, , value]) => logRecordLength(key.length, value.length, 0));
  const total = lengths.reduce((sum, length) => sum + length, LOG_HEADER_SIZE);
  const log = new Uint8Array(total);
  log.set(encodeLogHeader(0, new Uint8Array(12)));
  let offset = LOG_HEADER_SIZE;
  writes.forEach(([key, version, value], i) => {
    writeLogRecord(log, offset, 0, 0, 0, toBytes(key), version, toBytes(value));
    offset += lengths[i] as number;
  });
  return log;
}

const text = (db: Database, key: string): string | undefined => {
  const value = db.get(key);
  return value === undefined ? undefined : toText(value);
};

/** Tables with `changed` at 4 and `deleted` deleted at 5, and a log on top with both at older versions. */
async function oldOnTop(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  const db = await openIn(testEnv(files), TINY);
  await db.put("other", "1");
  await db.put("deleted", "2");
  await db.put("changed", "3");
  await db.put("changed", "4");
  // Somebody still reads here: the delete marker has to stay in the table.
  db.begin({ readOnly: true });
  await db.delete("deleted");
  await db.flush();
  expect(db.tables().reduce((sum, table) => sum + table.tombstones, 0)).toBe(1);
  await db.close();
  const log = logOf([
    ["changed", 3, "3"],
    ["deleted", 2, "2"],
  ]);
  writeFile(files, `${DIRECTORY}/${memFileName(77)}`, log);
  return files;
}

function expectRight(db: Database): void {
  expect(text(db, "changed")).toBe("4");
  expect(text(db, "deleted")).toBeUndefined();
  expect(db.getEntry("changed")?.version).toBe(4);
  const shown = (reverse: boolean): string[] =>
    db
      .scan({ reverse })
      .toArray()
      .map((entry) => `${toText(entry.key)}=${entry.text()}`);
  expect(shown(false)).toEqual(["changed=4", "other=1"]);
  expect(shown(true)).toEqual(["other=1", "changed=4"]);
}

describe("old versions on top", () => {
  test("of a log: reads find the newest, before and after flush, compaction and reopening", async () => {
    const files = await oldOnTop();
    let db = await openIn(testEnv(files), { ...TINY, readOnly: true });
    expectRight(db);
    await db.close();
    db = await openIn(testEnv(files), TINY);
    expectRight(db);
    await db.flush();
    expectRight(db);
    await db.close();
    db = await openIn(testEnv(files), TINY);
    expectRight(db);
    await db.compact();
    expectRight(db);
    await db.compact();
    await db.close();
    db = await openIn(testEnv(files), TINY);
    expectRight(db);
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
  });

  test("of a log: compacting what lies below drops no delete marker under it", async () => {
    const files = await oldOnTop();
    const db = await openIn(testEnv(files), {
      ...TINY,
      levelZeroTables: 100,
      levelZeroTablesStall: 200,
    });
    expect(db.stats().version).toBe(5);
    // Compaction by itself, without a flush of the log before it.
    for (let i = 0; i < 5; i++) await db.put(`more-${i}`, "x");
    expectNoReturn(db);
    await db.compact();
    expectNoReturn(db);
    await db.close();
    const again = await openIn(testEnv(files), TINY);
    expectNoReturn(again);
    await again.close();
  });

  test("new writes are above everything", async () => {
    const files = await oldOnTop();
    const db = await openIn(testEnv(files), TINY);
    expect(await db.put("changed", "new")).toBe(6);
    expect(text(db, "changed")).toBe("new");
    await db.delete("changed");
    await db.put("deleted", "back");
    await db.compact();
    expect(text(db, "changed")).toBeUndefined();
    expect(text(db, "deleted")).toBe("back");
    await db.close();
  });

  test("snapshots of older versions see what was the newest then", async () => {
    const files = await oldOnTop();
    const db = await openIn(testEnv(files), TINY);
    for (const [at, changed, deleted] of [
      [3, "3", true],
      [4, "4", true],
      [5, "4", false],
    ] as const) {
      const code = await codeOf(() => {
        const transaction = db.begin({ at });
        expect(toText(transaction.get("changed") as Uint8Array)).toBe(changed);
        expect(transaction.has("deleted")).toBe(deleted);
        transaction.discard();
      });
      if (code !== undefined) expect(code).toBe("ERR_VERSION_GONE");
    }
    await db.close();
  });
});

function expectNoReturn(db: Database): void {
  expect(text(db, "deleted")).toBeUndefined();
  expect(db.scan({ prefix: "deleted" }).toArray()).toEqual([]);
  expect(text(db, "changed")).toBe("4");
}
