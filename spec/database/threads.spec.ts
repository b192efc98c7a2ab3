/** The same promises with real threads on a real disk: flushes and compactions run beside everything else. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Database } from "../../src/database/contract.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { open, type OpenOptions } from "../../src/index.ts";
import { Ledger } from "../suites/ledger.ts";
import { TINY } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";

const root = mkdtempSync(join(tmpdir(), "meles-threads-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const OPTIONS: OpenOptions = { ...TINY, memtableSize: 2 << 20, workers: 2 };
const lines = (db: Pick<Database, "scan">): string[] =>
  db
    .scan()
    .toArray()
    .map(({ key, value, version }) => `${key.toHex()} ${value.toHex()} ${version}`);

describe("with threads", () => {
  // Acknowledgements are microtasks: a loop of awaited commits kept every timer waiting, the interval
  // sync among them, and no thread could report what it had done.
  test("a loop of awaited commits, or of a batch, leaves the event loop its turns", async () => {
    const db = await open(join(root, "turns"), { syncIntervalMs: 10 });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for (let commits = 0; ticks < 3; commits++) {
      await db.put("key", String(commits));
      if (commits > 1_000_000) throw new Error("a million commits, and no timer had its turn");
    }
    ticks = 0;
    const batch = db.batch();
    for (let writes = 0; ticks < 3; writes++) {
      const wait = batch.put(`key-${writes}`, "v".repeat(100));
      if (wait !== undefined) await wait;
      if (writes > 10_000_000) throw new Error("ten million writes, and no timer had its turn");
    }
    clearInterval(timer);
    await batch.flush();
    await db.close();
  });

  test("snapshots stay, the ledger holds, and closing in the middle loses nothing", async () => {
    const path = join(root, "mixed");
    const random = new SeededRandom(77);
    const ledger = new Ledger(31, 200);
    for (let round = 0; round < 3; round++) {
      const db = await open(path, OPTIONS);
      ledger.check(db);
      let stop = false;
      const bulk = (async () => {
        for (let n = 0; !stop; n++) {
          const batch = db.batch();
          for (let i = 0; i < 500; i++)
            await batch.put(`~${random.below(1500)}`, `${n}`.repeat(200));
          await batch.flush();
          await settle(1);
        }
      })();
      const compactor = (async () => {
        while (!stop) {
          await db.compact();
          await settle(2);
        }
      })();
      for (let i = 0; i < 70; i++) {
        await ledger.commit(db);
        if (i % 30 !== 0) {
          if (i % 4 === 0) await settle(1);
          continue;
        }
        const transaction = db.begin({ readOnly: true });
        const before = lines(transaction);
        await settle(10);
        expect(lines(transaction)).toEqual(before);
        transaction.discard();
      }
      stop = true;
      const unfinished = Promise.allSettled([db.collectGarbage(), db.compact()]);
      await bulk;
      if (round === 1) await compactor;
      else compactor.catch(() => undefined);
      expect(db.count({ lt: "~" })).toBe(db.scan({ lt: "~", reverse: true }).toArray().length);
      await db.close();
      await unfinished;
    }
    const db = await open(path);
    expect((await db.verify()).findings).toEqual([]);
    await db.dropPrefix("~");
    ledger.check(db);
    await db.close();
  }, 60_000);
});
