/** A scan that has to pass over many deleted keys leads to a compaction there, so that the next one does not. */

import { describe, expect, test } from "bun:test";

import type { Database } from "../../src/database/contract.ts";
import { openIn, testEnv, type TestEnv } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";

const nameOf = (key: number): string => `queue-${String(key).padStart(8, "0")}`;

async function rest(env: TestEnv): Promise<void> {
  for (let i = 0; i < 3; i++) {
    env.clock.advance(1);
    await settle(10);
  }
}

const tombstones = (db: Database): number =>
  db.tables().reduce((sum, table) => sum + table.tombstones, 0);

/** A queue whose head was taken off, in a tree that is otherwise full of what stays. */
async function queue(db: Database, taken: number): Promise<void> {
  const batch = db.batch();
  for (let key = 0; key < 40_000; key++) await batch.put(nameOf(key), `value ${key}`);
  await batch.flush();
  await db.compact();
  const taking = db.batch();
  for (let key = 0; key < taken; key++) await taking.delete(nameOf(key));
  await taking.flush();
}

describe("a scan over many deleted keys", () => {
  for (const where of ["in memory", "in level 0"] as const) {
    for (const reverse of [false, true]) {
      test(`${where}, ${reverse ? "backwards" : "forwards"}, is the last of its kind`, async () => {
        const env = testEnv();
        const db = await openIn(env, { memtableSize: 4 << 20 });
        await queue(db, 3000);
        if (where === "in level 0") await db.flush();
        await rest(env);
        // By themselves they are too few against what they could delete.
        if (where === "in level 0") expect(tombstones(db)).toBe(3000);
        const range = reverse ? { reverse, lt: nameOf(3000) } : {};
        const first = db.scan({ ...range, limit: 1 }).toArray();
        expect(first.map((entry) => entry.text())).toEqual(reverse ? [] : ["value 3000"]);
        await rest(env);
        expect(tombstones(db)).toBe(0);
        expect(db.count()).toBe(37_000);
        const { compactions } = db.stats();
        expect(db.scan({ limit: 1 }).toArray().length).toBe(1);
        await rest(env);
        expect(db.stats().compactions).toBe(compactions);
        await db.close();
      });
    }
  }

  test("is left alone while a snapshot still sees the keys", async () => {
    const env = testEnv();
    const db = await openIn(env, { memtableSize: 4 << 20 });
    await queue(db, 0);
    const snapshot = db.begin({ readOnly: true });
    const taking = db.batch();
    for (let key = 0; key < 3000; key++) await taking.delete(nameOf(key));
    await taking.flush();
    await db.flush();
    expect(db.scan({ limit: 1 }).toArray().length).toBe(1);
    await rest(env);
    expect(tombstones(db)).toBe(3000);
    expect(snapshot.count()).toBe(40_000);
    snapshot.discard();
    for (let i = 0; i < 3; i++) env.clock.advance(1100);
    await rest(env);
    expect(tombstones(db)).toBe(0);
    await db.close();
  });

  test("costs nothing where few keys are deleted, or few against those that are shown", async () => {
    const env = testEnv();
    const db = await openIn(env, { memtableSize: 4 << 20 });
    await queue(db, 900);
    await db.flush();
    await rest(env);
    const { compactions } = db.stats();
    expect(db.scan({ limit: 1 }).toArray().length).toBe(1);
    expect(db.count()).toBe(39_100);
    await rest(env);
    expect(db.stats().compactions).toBe(compactions);
    expect(tombstones(db)).toBe(900);
    await db.close();
  });
});
