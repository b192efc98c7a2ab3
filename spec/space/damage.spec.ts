/** A damaged value must not stop space from coming back, nor anybody from writing. */

import { describe, expect, test } from "bun:test";

import type { Database } from "../../src/database/contract.ts";
import { DIRECTORY, testEnv, type TestEnv } from "../suites/open-database.ts";
import { codeOf } from "../database/outcomes.ts";
import { openSmall } from "./open-small.ts";

const KEYS = 60;
const isReadable = async (db: Database, key: number): Promise<boolean> =>
  (await codeOf(() => db.get(`stays-${key}`))) === undefined;

/** Values that stay among values that are overwritten, then damage in the first file of them. */
async function damaged(env: TestEnv): Promise<Database> {
  const db = await openSmall(env);
  for (let key = 0; key < KEYS; key++) {
    await db.put(`stays-${key}`, "s".repeat(100));
    for (let other = 0; other < 3; other++) await db.put(`other-${other}`, "c".repeat(100));
  }
  await db.compact();
  const path = `${DIRECTORY}/000001.vlog`;
  const file = env.fileSystem.open(path, { write: true, create: "never" });
  for (let position = 60; position < file.size(); position += 120) {
    file.write(new Uint8Array([0xee]), 0, 1, position);
  }
  file.close();
  return db;
}

describe("a value-log file with damaged values", () => {
  test("keeps them, and says so; everything else is moved, and collection comes to its end", async () => {
    const env = testEnv();
    const db = await damaged(env);
    const before = await Promise.all(Array.from({ length: KEYS }, (_, key) => isReadable(db, key)));
    expect(before.filter((readable) => !readable).length).toBeGreaterThan(0);
    const files = db.valueLogs().length;
    await db.collectGarbage({ discardRatio: 0.05 });
    expect(db.valueLogs().length).toBeLessThan(files);
    const kept = db.explainSpace().files.find(({ file }) => file === "000001.vlog");
    expect(kept?.reason).toBe("values in it are damaged and cannot be moved");
    const after = await Promise.all(Array.from({ length: KEYS }, (_, key) => isReadable(db, key)));
    expect(after).toEqual(before);
    expect(await codeOf(() => db.get(`stays-${before.indexOf(false)}`))).toBe("ERR_CORRUPTION");
    await db.close();
  });

  test("goes with its last value", async () => {
    const env = testEnv();
    const db = await damaged(env);
    await db.collectGarbage({ discardRatio: 0.05 });
    for (let key = 0; key < KEYS; key++) await db.put(`stays-${key}`, "new");
    await db.compact();
    expect(db.valueLogs().map(({ file }) => file)).not.toContain("000001.vlog");
    for (let key = 0; key < KEYS; key++) expect(await isReadable(db, key)).toBe(true);
    await db.close();
  });
});
