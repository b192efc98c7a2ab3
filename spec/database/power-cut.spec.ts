/** Power cuts: what the chosen durability level promises is there afterwards, whatever the disk did with the rest. */

import { describe, expect, test } from "bun:test";

import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { OpenOptions } from "../../src/index.ts";
import { Ledger } from "../suites/ledger.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { PowerCutFileSystem } from "../suites/power-cut-file-system.ts";
import { settle } from "../suites/test-clock.ts";

/** What survives a power cut holds at least so many commits, and nothing torn. Verified to the last byte. */
async function expectSurvivors(
  system: PowerCutFileSystem,
  options: OpenOptions,
  ledger: Ledger,
  atLeast: number,
  random?: SeededRandom,
): Promise<void> {
  const left = system.cut(DIRECTORY, random);
  const db = await openIn(testEnv(left), options);
  ledger.check(db, atLeast, ledger.issued);
  expect((await db.verify()).findings).toEqual([]);
  await db.close();
  const again = await openIn(testEnv(left), options);
  ledger.check(again, atLeast, ledger.issued);
  await again.close();
}

describe("a power cut", () => {
  for (const [name, options] of [
    ["plain", {}],
    ["authenticated", { encryptionKey: new Uint8Array(32).fill(8), authenticatedEncryption: true }],
    ["encrypted", { encryptionKey: new Uint8Array(16).fill(3), encryptionKeyRotationMs: 700 }],
  ] as const) {
    test(`${name}: with sync "commit" takes nothing acknowledged, at any moment`, async () => {
      const merged: OpenOptions = { ...TINY, ...options, sync: "commit" };
      const random = new SeededRandom(11);
      const system = new PowerCutFileSystem();
      const env = testEnv(system);
      const db = await openIn(env, merged);
      const ledger = new Ledger(5);
      const cuts: (() => Promise<void>)[] = [];
      system.onChange = () => {
        if (random.next() > 0.05) return;
        const { acknowledged } = ledger;
        const left = system.cut(DIRECTORY, random.below(2) === 0 ? undefined : random);
        cuts.push(async () => {
          const survivor = await openIn(testEnv(left), merged);
          ledger.check(survivor, acknowledged);
          expect((await survivor.verify()).findings).toEqual([]);
          await survivor.close();
        });
      };
      for (let i = 0; i < 260; i++) {
        await ledger.commit(db);
        if (i % 60 === 59) await db.flush();
        if (i % 130 === 129) await db.compact();
        if (i % 20 === 19) env.clock.advance(300);
      }
      await db.close();
      expect(cuts.length).toBeGreaterThan(40);
      for (const cut of cuts) await cut();
    }, 60_000);
  }

  test('with sync "interval" takes only what came after the last sync', async () => {
    const options: OpenOptions = { ...TINY, syncIntervalMs: 1000 };
    const system = new PowerCutFileSystem();
    const env = testEnv(system);
    const db = await openIn(env, options);
    const ledger = new Ledger(6);
    let promised = 0;
    for (let i = 0; i < 200; i++) {
      await ledger.commit(db);
      if (i % 23 === 22) {
        env.clock.advance(1000);
        await settle();
        promised = ledger.acknowledged;
      }
      if (i % 71 === 70) {
        await db.sync();
        promised = ledger.acknowledged;
      }
      if (i % 10 === 0) {
        const random = i % 20 === 0 ? new SeededRandom(i) : undefined;
        await expectSurvivors(system, options, ledger, promised, random);
      }
    }
    await db.close();
    await expectSurvivors(system, options, ledger, ledger.acknowledged);
  });

  test('with sync "never" takes no flushed table', async () => {
    const options: OpenOptions = { ...TINY, sync: "never" };
    const system = new PowerCutFileSystem();
    const db = await openIn(testEnv(system), options);
    const ledger = new Ledger(7);
    let promised = 0;
    for (let i = 0; i < 120; i++) {
      await ledger.commit(db);
      if (i % 40 === 39) {
        await db.flush();
        promised = ledger.acknowledged;
      }
      if (i % 10 === 0) {
        const random = i % 20 === 0 ? new SeededRandom(i) : undefined;
        await expectSurvivors(system, options, ledger, promised, random);
      }
    }
    await db.close();
    await expectSurvivors(system, options, ledger, ledger.acknowledged);
  });

  // The value log was taken for durable while its background sync was still under way: the log record of
  // an earlier commit then pointed to a value that was gone, and recovery cut off everything behind it.
  test("takes no commit({sync: true}) while a background sync is still under way", async () => {
    const options: OpenOptions = { valueThreshold: 10 };
    const system = new PowerCutFileSystem();
    const db = await openIn(testEnv(system), options);
    await db.put("big", "x".repeat(500));
    let finish = (): void => undefined;
    const gate = new Promise<void>((resolve) => (finish = resolve));
    system.slowSync = () => gate;
    const syncing = db.sync();
    await settle();
    const transaction = db.begin();
    transaction.put("small", "s");
    await transaction.commit({ sync: true });
    const survivor = await openIn(testEnv(system.cut(DIRECTORY)), options);
    expect(survivor.has("small")).toBe(true);
    expect(survivor.get("big")?.length).toBe(500);
    await survivor.close();
    finish();
    await syncing;
    await db.close();
  });

  // The file was removed as empty, and pointers into a missing file were taken for stale ones.
  test("that leaves a value log with nothing but its header takes the commits that point there", async () => {
    const options: OpenOptions = { valueThreshold: 10, sync: "never" };
    const system = new PowerCutFileSystem();
    const db = await openIn(testEnv(system), options);
    await db.put("first", "1");
    await db.put("big", "x".repeat(500));
    await db.put("last", "1");
    const left = system.cut(DIRECTORY);
    const log = system.readFile(`${DIRECTORY}/00001.mem`) as Uint8Array;
    const file = left.open(`${DIRECTORY}/00001.mem`, { write: true, create: "truncate" });
    file.write(log, 0, log.length, 0);
    const values = left.open(`${DIRECTORY}/000001.vlog`, { write: true, create: "ifMissing" });
    values.truncate(20);
    await db.close();
    const survivor = await openIn(testEnv(left), options);
    expect(
      survivor
        .scan()
        .toArray()
        .map((entry) => Buffer.from(entry.key).toString()),
    ).toEqual(["first"]);
    expect((await survivor.verify()).findings).toEqual([]);
    await survivor.close();
  });
});
