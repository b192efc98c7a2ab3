/** Space and readers: what a snapshot sees stays, and nothing stays longer than that. No time passes but the clock's. */

import { describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import type { Database, Reader } from "../../src/database/contract.ts";
import { copyToMemory } from "../suites/copy-file-system.ts";
import { LONG_OPEN_MS } from "../../src/database/snapshots.ts";
import { openIn, testEnv, DIRECTORY, type TestEnv } from "../suites/open-database.ts";
import { settle, TestClock } from "../suites/test-clock.ts";
import { OpenFiles } from "./open-files.ts";

const MIB = 1 << 20;
const KEYS = 256;
const VALUE_BYTES = 4096;

function valueOf(key: number, round: number): Uint8Array {
  const value = new Uint8Array(VALUE_BYTES).fill(key);
  value.set(new TextEncoder().encode(`${key}.${round}`));
  return value;
}

function keyName(key: number): string {
  return `key-${String(key).padStart(4, "0")}`;
}

async function write(db: Database, round: number): Promise<void> {
  const batch = db.batch();
  for (let key = 0; key < KEYS; key++) await batch.put(keyName(key), valueOf(key, round));
  await batch.flush();
}

/** Writes have paused for a while. */
async function pause(env: TestEnv): Promise<void> {
  for (let i = 0; i < 4; i++) {
    env.clock.advance(1100);
    await settle(12);
  }
}

/** Bytes in the directory, without Badger's megabyte of empty discard statistics. */
function sizeOf(env: TestEnv): number {
  const sizes = env.fileSystem
    .list(DIRECTORY)
    .filter((name) => name !== "DISCARD")
    .map((name) => env.fileSystem.info(`${DIRECTORY}/${name}`)?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

function expectRound(reader: Reader, round: number): void {
  let key = 0;
  for (const entry of reader.scan()) {
    expect(toText(entry.key)).toBe(keyName(key));
    expect(Buffer.compare(entry.value, valueOf(key, round))).toBe(0);
    key++;
  }
  expect(key).toBe(KEYS);
  for (key = 0; key < KEYS; key += 17) {
    expect(Buffer.compare(reader.get(keyName(key)) ?? new Uint8Array(), valueOf(key, round))).toBe(
      0,
    );
  }
}

const OPTIONS = { memtableSize: 256 * 1024, valueLogFileSize: 2 * MIB } as const;
const LIVE_BYTES = KEYS * VALUE_BYTES;

describe("an open snapshot", () => {
  test("reads the same after everything was overwritten ten times; its end frees the space", async () => {
    const files = new OpenFiles();
    const env = testEnv(files);
    const db = await openIn(env, OPTIONS);
    await write(db, 0);
    const snapshot = db.begin({ readOnly: true });
    for (let round = 1; round <= 10; round++) {
      await write(db, round);
      await pause(env);
      if (round % 3 === 1) expectRound(snapshot, 0);
    }
    expectRound(snapshot, 0);
    expectRound(db, 10);
    snapshot.discard();
    await pause(env);
    expect(sizeOf(env)).toBeLessThan(LIVE_BYTES * 1.6 + 2 * MIB);
    expectRound(db, 10);
    expect(files.heldAfterRemoval()).toEqual([]);
    await db.close();
  });

  test("and a scan half-way through keep what they still have to read, and no longer", async () => {
    const files = new OpenFiles();
    const env = testEnv(files);
    const db = await openIn(env, OPTIONS);
    await write(db, 0);
    await db.flush();
    const walk = db.scan()[Symbol.iterator]();
    for (let key = 0; key < 10; key++) walk.next();
    for (let round = 1; round <= 4; round++) await write(db, round);
    await db.collectGarbage();
    for (let key = 10; key < KEYS; key++) {
      const { value: entry } = walk.next();
      expect(Buffer.compare(entry.value, valueOf(key, 0))).toBe(0);
    }
    expect(walk.next().done).toBe(true);
    await pause(env);
    expect(files.heldAfterRemoval()).toEqual([]);
    expectRound(db, 4);
    await db.close();
  });
});

describe("a snapshot that stays open", () => {
  function warnings(env: TestEnv): { env: TestEnv; warned: string[] } {
    const warned: string[] = [];
    const log: TestEnv["log"] = (level, message, fields) => {
      if (level === "warn") warned.push(`${message} ${JSON.stringify(fields)}`);
    };
    return { env: { ...env, log }, warned };
  }

  test("is warned about once, with its age", async () => {
    const { env, warned } = warnings(testEnv());
    const db = await openIn(env);
    await db.put("a", "1");
    const early = db.begin({ readOnly: true });
    env.clock.advance(LONG_OPEN_MS / 2);
    const late = db.scan();
    env.clock.advance(LONG_OPEN_MS / 2 - 1);
    expect(warned).toEqual([]);
    env.clock.advance(1);
    expect(warned.length).toBe(1);
    expect(warned[0]).toContain("a transaction has been open for long");
    expect(warned[0]).toContain(`"readVersion":1,"ageMs":${LONG_OPEN_MS}`);
    env.clock.advance(LONG_OPEN_MS);
    expect(warned.length).toBe(2);
    expect(warned[1]).toContain("a scan has been open for long");
    env.clock.advance(100 * LONG_OPEN_MS);
    expect(warned.length).toBe(2);
    early.discard();
    late[Symbol.dispose]();
    await db.close();
  });

  test("is not warned about when it closes in time, and leaves no timer behind", async () => {
    const clock = new TestClock();
    const { env, warned } = warnings({ ...testEnv(), clock });
    const db = await openIn(env, { sync: "never" });
    await db.put("a", "1");
    env.clock.advance(5000);
    for (let i = 0; i < 100; i++) db.view((transaction) => transaction.get("a"));
    env.clock.advance(2 * LONG_OPEN_MS);
    expect(warned).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    await db.close();
  });
});

describe("a snapshot that keeps space", () => {
  test("is named by the explanation, with its age and when it was opened", async () => {
    const env = testEnv();
    const db = await openIn(env, OPTIONS);
    await db.put("a", "1");
    const openedAt = new Date(env.clock.nowMs()).toISOString().slice(0, 19);
    const snapshot = db.begin({ readOnly: true });
    await db.put("a", "2");
    await db.flush();
    env.clock.advance(45_000);
    expect(db.explainSpace().holders[0]).toContain(`open for 45 s, opened at ${openedAt}Z`);
    env.clock.advance(135_000);
    const words = /^snapshot \d+ open for 3 min, opened at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
    const { files, holders } = db.explainSpace();
    expect(holders.length).toBe(1);
    expect(holders[0]).toMatch(words);
    expect(holders[0]).toEndWith("what has been replaced after version 1 stays");
    expect(files[0]?.reason).toStartWith("level 0: snapshot ");
    snapshot.discard();
    expect(db.explainSpace().holders).toEqual([]);
    expect(db.explainSpace().files[0]?.reason).not.toContain("snapshot");
    await db.close();
  });
});

describe("space comes back without a call", () => {
  for (const how of ["delete", "ttl"] as const) {
    test(`after everything is gone by ${how}`, async () => {
      const files = new OpenFiles();
      const env = testEnv(files);
      const db = await openIn(env, OPTIONS);
      if (how === "delete") {
        for (let round = 0; round < 3; round++) await write(db, round);
        for (let key = 0; key < KEYS; key++) await db.delete(keyName(key));
      } else {
        const batch = db.batch();
        for (let key = 0; key < KEYS; key++) {
          await batch.put(keyName(key), valueOf(key, 0), { ttl: 30 });
        }
        await batch.flush();
        await pause(env);
        expectRound(db, 0);
        env.clock.advance(40_000);
      }
      await pause(env);
      expect(db.count()).toBe(0);
      expect(sizeOf(env)).toBeLessThan(64 * 1024);
      expect(files.heldAfterRemoval()).toEqual([]);
      await db.close();
      expect(sizeOf(env)).toBeLessThan(64 * 1024);
    });
  }

  test("also when the process died right after the last delete", async () => {
    const env = testEnv();
    const db = await openIn(env, OPTIONS);
    for (let round = 0; round < 3; round++) await write(db, round);
    for (let key = 0; key < KEYS; key++) await db.delete(keyName(key));
    const after = testEnv(copyToMemory(env.fileSystem, DIRECTORY));
    const next = await openIn(after, OPTIONS);
    await pause(after);
    expect(sizeOf(after)).toBeLessThan(64 * 1024);
    await next.close();
    await db.close();
  });
});
