/** The I/O budget of background work, alone and in a database. */

import { describe, expect, test } from "bun:test";
import { WorkBudget } from "../../src/database/work-budget.ts";
import { openIn, testEnv, TINY } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";

describe("a budget", () => {
  test("lets the next job start when what was written is paid off", () => {
    const { clock } = testEnv();
    const budget = new WorkBudget(clock, 1000);
    let calls = 0;
    const again = (): void => void calls++;
    expect(budget.allows(again)).toBe(true);
    budget.charge(500);
    budget.charge(1500);
    expect(budget.allows(again)).toBe(false);
    expect(budget.allows(again)).toBe(false);
    clock.advance(1999);
    expect([budget.allows(again), calls]).toEqual([false, 0]);
    clock.advance(1);
    expect([budget.allows(again), calls]).toEqual([true, 1]);
    // Time without work is not saved up.
    clock.advance(60_000);
    budget.charge(1000);
    expect(budget.allows(again)).toBe(false);
    budget.stop();
    clock.advance(60_000);
    expect(calls).toBe(1);
  });

  test("of nothing is no limit", () => {
    const budget = new WorkBudget(testEnv().clock, 0);
    budget.charge(1e12);
    expect(budget.allows(() => undefined)).toBe(true);
  });
});

describe("a database with a budget", () => {
  test("compacts at that pace, and as fast as it can when asked", async () => {
    const env = testEnv();
    const db = await openIn(env, { ...TINY, levelZeroTables: 1, compactionBytesPerSecond: 100 });
    for (let round = 0; round < 3; round++) {
      for (let key = 0; key < 20; key++) await db.put(`key-${key}`, `${round}`.repeat(20));
      await db.flush();
      await settle(20);
    }
    const { compactions } = db.stats();
    expect(compactions).toBeLessThan(3);
    env.clock.advance(600_000);
    await settle(20);
    expect(db.stats().compactions).toBeGreaterThan(compactions);
    await db.put("key-1", "new");
    await db.compact();
    await db.put("key-1", "newer");
    await db.compact();
    expect(db.levels()[0]?.tables).toBe(0);
    await db.close();
  });

  test("at rest waits for nothing: no timer is left", async () => {
    const env = testEnv();
    const db = await openIn(env, { ...TINY, compactionBytesPerSecond: 100_000 });
    for (let round = 0; round < 5; round++) {
      for (let key = 0; key < 50; key++) await db.put(`key-${key}`, "v".repeat(200));
    }
    for (let i = 0; i < 10; i++) {
      env.clock.advance(2000);
      await settle(8);
    }
    expect(env.clock.pendingTimers).toBe(0);
    await db.close();
  });
});
