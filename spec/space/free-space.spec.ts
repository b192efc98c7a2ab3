/** No compaction begins that the disk has no room for. */

import { describe, expect, test } from "bun:test";

import type { Database } from "../../src/database/contract.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { codeOf } from "../database/outcomes.ts";
import { FaultyFileSystem } from "../suites/faulty-file-system.ts";
import { DIRECTORY, testEnv } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";
import { openSmall } from "./open-small.ts";

/** A disk with so much room left, whatever is written. */
class SmallDisk extends FaultyFileSystem {
  free = Number.POSITIVE_INFINITY;

  constructor() {
    super(new MemoryFileSystem());
  }

  override freeBytes(): number {
    return this.free;
  }
}

async function fill(db: Database): Promise<void> {
  for (let key = 0; key < 100; key++) await db.put(`key-${key % 40}`, "v".repeat(100));
}

describe("a disk with little room", () => {
  test("is not filled by a compaction: it is refused before it writes anything", async () => {
    const disk = new SmallDisk();
    const env = testEnv(disk);
    const db = await openSmall(env, { settings: { valueThreshold: 10_000 } });
    const errors: unknown[] = [];
    db.on("error", (error) => errors.push(error));
    await fill(db);
    await db.flush();
    disk.free = 100;
    const before = disk.list(DIRECTORY);
    let created = 0;
    disk.hook = (operation) => void (created += operation === "create" ? 1 : 0);
    expect(await codeOf(db.compact())).toBe("ERR_DISK_FULL");
    expect(created).toBe(0);
    expect(disk.list(DIRECTORY)).toEqual(before);
    expect(db.count()).toBe(40);
    disk.free = 1 << 20;
    await db.compact();
    expect(db.tables().every(({ level }) => level === 3)).toBe(true);
    expect(db.count()).toBe(40);
    await db.close();
  });

  test("makes writers wait or fail only when level 0 is full, and goes on by itself", async () => {
    const disk = new SmallDisk();
    const env = testEnv(disk);
    const db = await openSmall(env, { settings: { valueThreshold: 10_000 } });
    await fill(db);
    disk.free = 0;
    let code: string | undefined;
    for (let round = 0; round < 60 && code === undefined; round++) code = await codeOf(fill(db));
    expect(code).toBe("ERR_DISK_FULL");
    expect(db.count()).toBe(40);
    disk.free = 1 << 20;
    env.clock.advance(60_000);
    await settle(20);
    expect(await codeOf(fill(db))).toBeUndefined();
    await db.close();
  });
});
