/** What has expired leaves the disk: at once when it is much, within a day when it is little. Only the clock moves. */

import { describe, expect, test } from "bun:test";

import { EXPIRED_STAY_MAX_SECONDS } from "../../src/compaction/table-garbage.ts";
import type { Database } from "../../src/database/contract.ts";
import { toText } from "../../src/base/bytes.ts";
import { DIRECTORY, openIn, testEnv, type TestEnv } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";

const DAY_MS = EXPIRED_STAY_MAX_SECONDS * 1000;
const YEARS = 10 * 365 * 86_400;
const SECRET = "expired-secret";

async function pass(env: TestEnv, durationMs: number): Promise<void> {
  env.clock.advance(durationMs);
  for (let i = 0; i < 4; i++) {
    await settle(8);
    env.clock.advance(1100);
  }
  await settle(8);
}

/** Whether any file still holds the bytes. */
function isOnDisk(env: TestEnv, text = SECRET): boolean {
  const { fileSystem } = env;
  return fileSystem.list(DIRECTORY).some((name) => {
    const bytes = fileSystem.readFile(`${DIRECTORY}/${name}`) ?? new Uint8Array();
    return Buffer.from(bytes).includes(text);
  });
}

async function fillLongLived(db: Database): Promise<void> {
  const batch = db.batch();
  for (let key = 0; key < 400; key++) {
    await batch.put(`key-${String(key).padStart(4, "0")}`, "x".repeat(100), { ttl: YEARS });
  }
  await batch.flush();
}

describe("an expired entry leaves the disk within a day", () => {
  for (const where of ["the memtable", "level 0", "the last level", "the value log"] as const) {
    test(`from ${where}, alone among entries that stay for years`, async () => {
      const env = testEnv();
      const db = await openIn(env);
      await fillLongLived(db);
      const value = where === "the value log" ? SECRET.padEnd(3000, "v") : SECRET;
      await db.put("key-0200x", value, { ttl: 60 });
      if (where === "level 0") await db.flush();
      if (where === "the last level" || where === "the value log") await db.compact();
      await pass(env, 120_000);
      expect(db.has("key-0200x")).toBe(false);
      expect(isOnDisk(env)).toBe(true);
      await pass(env, DAY_MS);
      if (where === "the value log") {
        // The file that is written has to fill up, or hold a megabyte of garbage; nothing points there.
        expect(
          db.valueLogs().every(({ sizeBytes, discardBytes }) => sizeBytes === discardBytes),
        ).toBe(true);
      } else {
        expect(isOnDisk(env)).toBe(false);
      }
      expect(db.count()).toBe(400);
      await db.close();
    });
  }

  test("and at once where most of a table has expired", async () => {
    const env = testEnv();
    const db = await openIn(env);
    for (let key = 0; key < 200; key++) await db.put(`key-${key}`, `${SECRET}${key}`, { ttl: 100 });
    await db.flush();
    await pass(env, 50_000);
    expect(db.count()).toBe(200);
    await pass(env, 60_000);
    expect(isOnDisk(env)).toBe(false);
    await db.close();
  });

  test("and unread where all of a table has, values and all", async () => {
    const env = testEnv();
    const db = await openIn(env);
    const done: string[] = [];
    db.on("compaction", (event) => {
      const { kind, reason } = event as { kind: string; reason: string };
      done.push(`${kind} ${reason}`);
    });
    await fillLongLived(db);
    await db.compact();
    const expiresAt = Math.floor(env.clock.nowMs() / 1000) + 100;
    for (let key = 0; key < 200; key++) {
      await db.put(`visit-${key}`, SECRET.padEnd(3000, "v"), { expiresAt });
    }
    await db.delete("visit-7");
    await db.compact();
    done.length = 0;
    const before = db.tables().length;
    await pass(env, 101_000);
    expect(done).toEqual(["drop expired"]);
    expect(db.tables().length).toBe(before - 1);
    expect(db.valueLogs().every(({ sizeBytes, discardBytes }) => sizeBytes === discardBytes)).toBe(
      true,
    );
    expect(db.count()).toBe(400);
    await db.close();
  });

  test("and brings no older version back that it had replaced", async () => {
    const env = testEnv();
    const db = await openIn(env);
    await fillLongLived(db);
    await db.compact();
    const expiresAt = Math.floor(env.clock.nowMs() / 1000) + 100;
    for (let key = 0; key < 400; key++) {
      await db.put(`key-${String(key).padStart(4, "0")}`, SECRET, { expiresAt });
    }
    await db.flush();
    await pass(env, 101_000);
    expect(db.count()).toBe(0);
    await pass(env, DAY_MS);
    expect(db.count()).toBe(0);
    expect(db.tables()).toEqual([]);
    await db.close();
    const again = await openIn(env);
    expect(again.count()).toBe(0);
    await again.close();
  });

  test("also when nobody writes any more and the database is opened again later", async () => {
    const env = testEnv();
    const db = await openIn(env);
    await fillLongLived(db);
    await db.put("key-0200x", SECRET, { ttl: 60 });
    await db.close();
    env.clock.advance(2 * DAY_MS);
    const again = await openIn(env);
    await pass(env, 2000);
    expect(toText(again.get("key-0001") ?? new Uint8Array())).toBe("x".repeat(100));
    expect(isOnDisk(env)).toBe(false);
    await again.close();
  });

  test("but a snapshot that sees it keeps it as long as it is open", async () => {
    const env = testEnv();
    const db = await openIn(env);
    await fillLongLived(db);
    const snapshot = db.begin({ readOnly: true });
    await db.put("key-0200x", SECRET, { ttl: 60 });
    await pass(env, 2 * DAY_MS);
    expect(isOnDisk(env)).toBe(true);
    snapshot.discard();
    await pass(env, 5000);
    expect(isOnDisk(env)).toBe(false);
    await db.close();
  });
});
