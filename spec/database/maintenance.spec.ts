/** Flush, compaction and close beside other calls, and what they must never do to anybody. */

import { describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import type { Database } from "../../src/database/contract.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { openIn, testEnv, TINY } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";
import { codeOf, soon } from "./outcomes.ts";

async function fill(db: Database, count: number, value = "v".repeat(100)): Promise<void> {
  const batch = db.batch();
  for (let i = 0; i < count; i++) await batch.put(`key-${String(i).padStart(8, "0")}`, value);
  await batch.flush();
}

describe("flush()", () => {
  // Commits staged by others were still unwritten when the memtable was frozen.
  test("goes on beside writers that commit in the same turn", async () => {
    const db = await openIn(testEnv());
    const commits: Promise<unknown>[] = [];
    // A commit staged in every microtask: whenever flush() goes on, something is unwritten.
    const write = async (): Promise<void> => {
      for (let i = 0; i < 300; i++) {
        commits.push(db.put(`key-${i}`, "value"));
        await undefined;
      }
    };
    const flush = async (ticks: number): Promise<void> => {
      for (let tick = 0; tick < ticks; tick++) await undefined;
      await db.flush();
    };
    const flushes = Array.from({ length: 12 }, (_, ticks) => flush(ticks));
    await soon(Promise.all([...flushes, write(), ...flushes.map((_, ticks) => flush(ticks))]));
    await Promise.all(commits);
    expect(db.count()).toBe(300);
    await db.close();
  });

  test("is done again for a reader who has begun at an older version meanwhile", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const db = await openIn(testEnv(system), { valueThreshold: 10 });
    const first = await db.put("key", "first value");
    await db.put("key", "other value");
    let finish = (): void => undefined;
    const gate = new Promise<void>((resolve) => (finish = resolve));
    system.slowSync = () => gate;
    const flushing = db.flush();
    await settle();
    const old = db.begin({ at: first });
    finish();
    await flushing;
    expect(db.tables().length).toBe(1);
    await db.compact();
    expect(toText(old.get("key") as Uint8Array)).toBe("first value");
    old.discard();
    await db.compact();
    expect(await codeOf(() => db.begin({ at: first }))).toBe("ERR_VERSION_GONE");
    await db.close();
  });

  // Nobody looked for compactions afterwards: level 0 grew until writers waited for ever.
  test("again and again leaves no level 0 that stops the writers", async () => {
    const db = await openIn(testEnv(), { memtableSize: 64 * 1024 });
    for (let i = 0; i < 14; i++) {
      await db.put(`key-${i}`, "x");
      await db.flush();
    }
    await soon(fill(db, 2000), 20_000);
    expect(db.count()).toBe(2014);
    await db.close();
  });

  test("keeps every version a reader needs", async () => {
    const db = await openIn(testEnv());
    await db.put("key", "1");
    const one = db.begin({ readOnly: true });
    await db.put("key", "2");
    await db.put("key", "3");
    const three = db.scan();
    await db.put("key", "4");
    await db.flush();
    expect(toText(one.get("key") as Uint8Array)).toBe("1");
    expect(three.first()?.text()).toBe("3");
    expect(toText(db.get("key") as Uint8Array)).toBe("4");
    one.discard();
    await db.close();
  });
});

describe("compact()", () => {
  test("twice at the same time is done twice, one after the other, as collection is", async () => {
    const db = await openIn(testEnv(), TINY);
    await fill(db, 2000, "w".repeat(1000));
    await fill(db, 2000);
    const calls = [
      db.compact(),
      db.collectGarbage(),
      db.compact(),
      db.flush(),
      db.collectGarbage(),
    ];
    await soon(Promise.all(calls), 20_000);
    expect(db.count()).toBe(2000);
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
  });

  test("leaves nothing of what was deleted", async () => {
    const files = new MemoryFileSystem();
    const db = await openIn(testEnv(files), TINY);
    await fill(db, 1000);
    await db.dropAll();
    await db.compact();
    expect(db.count()).toBe(0);
    expect(db.tables()).toEqual([]);
    await db.close();
  });

  // The newest version was dropped with its key, and after a reopening versions began anew below it.
  test("never lets versions go back", async () => {
    const env = testEnv();
    for (const lone of [true, false]) {
      let db = await openIn(env);
      if (!lone) await db.put("key", "value");
      const last = await db.delete("key");
      await db.compact();
      await db.close();
      db = await openIn(env);
      expect(db.stats().version).toBe(last);
      const scan = db.scan();
      expect(scan.toArray()).toEqual([]);
      expect(scan.toArray()).toEqual([]);
      expect(await db.put("other", "value")).toBeGreaterThan(last);
      await db.delete("other");
      await db.close();
    }
  });

  test("never brings a deleted key back, whatever the order of flushes", async () => {
    const env = testEnv();
    let db = await openIn(env, TINY);
    await fill(db, 300, "x".repeat(300));
    await db.compact();
    const holder = db.begin({ readOnly: true });
    await db.delete("key-00000007");
    await db.flush();
    await db.compact();
    expect(db.has("key-00000007")).toBe(false);
    expect(holder.has("key-00000007")).toBe(true);
    holder.discard();
    await db.compact();
    await db.close();
    db = await openIn(env, TINY);
    expect(db.has("key-00000007")).toBe(false);
    expect(db.count()).toBe(299);
    await db.close();
  });

  // The log of a flushed memtable could not be removed. Compaction then dropped the delete marker of a
  // key in it, the next open replayed the log, and the key was back.
  test("never brings a deleted key back from a log that could not be removed", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    let db = await openIn(testEnv(system), TINY);
    await db.put("key", "value");
    system.hook = (operation, path) => {
      if (operation === "remove" && path.endsWith("00001.mem"))
        throw ioFailure("remove", path, "EIO");
    };
    await db.flush();
    await db.delete("key");
    await db.compact();
    await db.compact();
    expect(db.count()).toBe(0);
    await db.close();
    system.hook = () => undefined;
    db = await openIn(testEnv(system.inner), TINY);
    expect(db.count()).toBe(0);
    await db.compact();
    await db.close();
    db = await openIn(testEnv(system.inner), TINY);
    expect(db.count()).toBe(0);
    await db.close();
  });
});

describe("dropPrefix() and dropAll()", () => {
  // 2,048 keys to a transaction were more than a small memtable takes.
  test("work however small the memtable and however long the keys", async () => {
    const db = await openIn(testEnv(), { memtableSize: 64 * 1024 });
    await fill(db, 3000);
    for (let i = 0; i < 10; i++) await db.put(`long-${i}`.padEnd(20_000, "x"), "v");
    await db.dropPrefix("key-");
    expect(db.count()).toBe(10);
    await db.dropAll();
    expect(db.count()).toBe(0);
    await db.close();
  });

  test("spare what is written after the call, and end however busy the writers are", async () => {
    const db = await openIn(testEnv());
    await fill(db, 200);
    let stop = false;
    let round = 0;
    const writer = (async () => {
      for (; !stop; round++) {
        await db.put(`key-${String(round % 40).padStart(8, "0")}`, `new ${round}`);
        if (round % 5 === 0) await settle(1);
      }
    })();
    await settle(20);
    expect(round).toBeGreaterThan(5);
    // The one under way was issued before the call.
    const first = round + 1;
    await soon(db.dropPrefix("key-"), 100_000);
    await settle(20);
    stop = true;
    await writer;
    expect(round).toBeGreaterThan(first + 5);
    const left = db
      .scan()
      .toArray()
      .map((entry) => Number(entry.text().slice("new ".length)));
    expect(left.every((number) => number >= first)).toBe(true);
    expect(left.length).toBe(Math.min(40, round - first));
    await db.close();
  });

  test("take a prefix of 0xff bytes, and several prefixes", async () => {
    const db = await openIn(testEnv());
    for (const key of [[0xff], [0xff, 0xff], [0xff, 0xff, 1], [0xfe], [1, 2], [1]]) {
      await db.put(new Uint8Array(key), "v");
    }
    await db.dropPrefix(new Uint8Array([0xff, 0xff]), new Uint8Array([1, 2]));
    expect(
      db
        .scan()
        .toArray()
        .map((entry) => [...entry.key]),
    ).toEqual([[1], [0xfe], [0xff]]);
    await db.close();
  });
});

describe("close()", () => {
  test("waits for commits under way and refuses what comes later", async () => {
    const env = testEnv();
    const db = await openIn(env);
    const transaction = db.begin();
    transaction.put("two", "2");
    const commits = [db.put("one", "1"), transaction.commit()];
    const batch = db.batch();
    void batch.put("three", "3");
    const closed = Promise.all([db.close(), db.close()]);
    expect(await codeOf(db.put("four", "4"))).toBe("ERR_CLOSED");
    await Promise.all([...commits, closed]);
    const again = await openIn(env);
    expect(
      again
        .scan()
        .toArray()
        .map((entry) => toText(entry.key)),
    ).toEqual(["one", "three", "two"]);
    await again.close();
  });

  test("during a compaction ends it, and loses nothing", async () => {
    const env = testEnv();
    const db = await openIn(env, TINY);
    await fill(db, 3000);
    const compaction = codeOf(db.compact());
    await soon(db.close(), 20_000);
    expect([undefined, "ERR_CLOSED"]).toContain((await compaction) as undefined);
    const again = await openIn(env, TINY);
    expect(again.count()).toBe(3000);
    expect((await again.verify()).findings).toEqual([]);
    await again.close();
  });

  test("ends everything that was opened, with ERR_CLOSED", async () => {
    const db = await openIn(testEnv(), TINY);
    await fill(db, 2000);
    const transaction = db.begin();
    transaction.put("a", "b");
    const scan = db.scan();
    const batch = db.batch();
    await db.close();
    await db.close();
    for (const use of [
      () => db.get("a"),
      () => db.getEntry("a"),
      () => db.getMany(["a"]),
      () => db.has("a"),
      () => db.scan(),
      () => db.count(),
      () => db.begin(),
      () => db.view(() => 1),
      () => db.update(() => 1),
      () => db.put("a", "b"),
      () => db.delete("a"),
      () => db.batch(),
      () => db.flush(),
      () => db.sync(),
      () => db.compact(),
      () => db.verify(),
      () => db.dropAll(),
      () => db.query("SELECT 1"),
      () => scan.toArray(),
      () => batch.put("a", "b"),
      () => batch.flush(),
      () => transaction.get("a"),
      () => transaction.commit(),
    ]) {
      expect(await codeOf(use)).toBe("ERR_CLOSED");
    }
    transaction.discard();
    scan[Symbol.dispose]();
    batch.cancel();
  });

  test("with nothing written leaves nothing to replay", async () => {
    const files = new MemoryFileSystem();
    const env = testEnv(files);
    for (let i = 0; i < 3; i++) {
      const db = await openIn(env);
      await settle(1);
      await db.close();
    }
    expect(files.list("/data")).toEqual(["KEYREGISTRY", "MANIFEST"]);
  });
});
