/** The bank: it finds no fault with a sound engine, and finds the version at which a sum went wrong. */

import { describe, expect, test } from "bun:test";
import { Bank } from "../../shell/bank.ts";
import type { Database } from "../../src/index.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { openIn, testEnv, TINY } from "../suites/open-database.ts";
import { SEED } from "../suites/sorted-entries.ts";

const ACCOUNTS = 40;

async function withBank(
  use: (bank: Bank, db: Database) => Promise<void>,
  options: Parameters<typeof openIn>[1] = {},
): Promise<void> {
  const db = await openIn(testEnv(), { ...TINY, versionsToKeep: 1e9, ...options });
  const random = new SeededRandom(SEED);
  await use(await Bank.open(db, ACCOUNTS, () => random.next()), db);
  await db.close();
}

/** True after so many looks. */
function after(looks: number): () => boolean {
  let left = looks;
  return () => left-- <= 0;
}

describe("a bank", () => {
  test("keeps its sum through concurrent transfers, conflicts and flushes", async () => {
    await withBank(async (bank, db) => {
      expect(await bank.run(after(4000))).toBeUndefined();
      expect(bank.transfers).toBeGreaterThan(500);
      expect(bank.conflicts).toBeGreaterThan(10);
      expect(bank.checks).toBeGreaterThan(50);
      await db.flush();
      expect(bank.isSound()).toBe(true);
    });
  });

  test("goes on with the accounts that are there", async () => {
    await withBank(async (bank, db) => {
      const again = await Bank.open(db, 7);
      expect([again.accounts, again.expectedSum]).toEqual([bank.accounts, ACCOUNTS * 100]);
    });
  });

  test.each<[string, (db: Database) => Promise<unknown>, number | undefined]>([
    ["money made", (db) => db.put("bank:00000005", "100000"), 100_000],
    ["an account gone", (db) => db.delete("bank:00000005"), undefined],
  ])("tells the version and the change: %s", async (_, tamper, to) => {
    await withBank(async (bank, db) => {
      expect(await bank.run(after(300))).toBeUndefined();
      const from = Number(db.getEntry("bank:00000005")?.text());
      const version = (await tamper(db)) as number;
      // Later transfers do not hide it.
      await db.update((transaction) => {
        transaction.put("bank:00000001", "1");
      });
      const breach = await bank.run(after(300));
      expect(breach).toMatchObject({ version, expected: ACCOUNTS * 100 });
      expect(breach?.changes).toEqual([{ version, account: "bank:00000005", from, to }]);
      expect(breach?.sum).toBe(ACCOUNTS * 100 - from + (to ?? 0));
      expect(breach?.before.length).toBe(5);
    });
  });

  test("notices a lost update: a transfer that only half of arrives", async () => {
    await withBank(async (bank, db) => {
      const running = bank.run(after(100_000));
      // A writer without transactions, as no sound program has one.
      const text = db.getEntry("bank:00000003")?.text() ?? "";
      for (let i = 0; i < 20; i++) await new Promise((resume) => setImmediate(resume));
      await db.put("bank:00000003", String(Number(text) + 1));
      const breach = await running;
      expect(breach?.changes.map(({ account }) => account)).toEqual(["bank:00000003"]);
    });
  });
});
