/** Transactions: what conflicts and what does not, retries, snapshots, and calls at the wrong time. */

import { describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import type { Database, Transaction } from "../../src/database/contract.ts";
import { openIn, testEnv, TINY } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";
import { codeOf, errorOf, soon } from "./outcomes.ts";

async function filled(entries: Readonly<Record<string, string>>): Promise<Database> {
  const db = await openIn(testEnv());
  for (const [key, value] of Object.entries(entries)) await db.put(key, value);
  return db;
}

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : toText(bytes);

/** Whether a transaction that read so conflicts with a commit that changed so. */
async function conflicts(
  read: (transaction: Transaction) => void,
  change: (db: Database) => Promise<unknown>,
): Promise<boolean> {
  const db = await filled({ a: "1", c: "1", e: "1", g: "1", i: "1" });
  const transaction = db.begin();
  read(transaction);
  transaction.put("result", "x");
  await change(db);
  const code = await codeOf(transaction.commit());
  expect([undefined, "ERR_CONFLICT"]).toContain(code as undefined);
  expect(db.has("result")).toBe(code === undefined);
  await db.close();
  return code !== undefined;
}

const scanned =
  (range: Parameters<Transaction["scan"]>[0]) =>
  (transaction: Transaction): void => {
    transaction.scan(range).toArray();
  };

describe("a commit conflicts", () => {
  test("with a change of a key it read, by put, delete, batch or transaction", async () => {
    const read = (transaction: Transaction): void => void transaction.get("c");
    expect(await conflicts(read, (db) => db.put("c", "2"))).toBe(true);
    expect(await conflicts(read, (db) => db.delete("c"))).toBe(true);
    expect(await conflicts(read, (db) => db.update((t) => t.put("c", "2")))).toBe(true);
    const inBatch = async (db: Database): Promise<void> => {
      const batch = db.batch();
      void batch.put("c", "2");
      await batch.flush();
    };
    expect(await conflicts(read, inBatch)).toBe(true);
    expect(await conflicts(read, (db) => db.dropPrefix("c"))).toBe(true);
  });

  test("when has() or getEntry() found nothing, and now there is something", async () => {
    const appear = (db: Database): Promise<unknown> => db.put("b", "new");
    expect(await conflicts((t) => void t.get("b"), appear)).toBe(true);
    expect(await conflicts((t) => void t.has("b"), appear)).toBe(true);
    expect(await conflicts((t) => void t.getEntry("b"), appear)).toBe(true);
  });

  test("with a phantom in a scanned range, forward, reverse, counted or walked by a cursor", async () => {
    const appear = (db: Database): Promise<unknown> => db.put("d", "new");
    expect(await conflicts(scanned({ gte: "c", lt: "f" }), appear)).toBe(true);
    expect(await conflicts(scanned({ gte: "c", lt: "f", reverse: true }), appear)).toBe(true);
    expect(await conflicts(scanned({ prefix: "d" }), appear)).toBe(true);
    expect(await conflicts((t) => void t.count({ gt: "c" }), appear)).toBe(true);
    expect(await conflicts((t) => void [...t.scan({ keysOnly: true }).keys()], appear)).toBe(true);
    const walked = (t: Transaction): void => {
      using cursor = t.scan().cursor();
      for (cursor.seek("b"); cursor.valid; cursor.next());
    };
    expect(await conflicts(walked, appear)).toBe(true);
  });

  test("in the gap before the last entry of a limited scan, not behind it", async () => {
    const limited = scanned({ gte: "a", limit: 2 });
    expect(await conflicts(limited, (db) => db.put("b", "new"))).toBe(true);
    expect(await conflicts(limited, (db) => db.delete("c"))).toBe(true);
    expect(await conflicts(limited, (db) => db.put("d", "new"))).toBe(false);
    const backwards = scanned({ reverse: true, limit: 2 });
    expect(await conflicts(backwards, (db) => db.put("h", "new"))).toBe(true);
    expect(await conflicts(backwards, (db) => db.put("z", "new"))).toBe(true);
    expect(await conflicts(backwards, (db) => db.put("f", "new"))).toBe(false);
    expect(
      await conflicts(
        (t) => void t.scan({ gte: "b" }).first(),
        (db) => db.put("d", "n"),
      ),
    ).toBe(false);
    expect(await conflicts(scanned({ limit: 0 }), (db) => db.put("a", "2"))).toBe(false);
    const fewer = scanned({ gte: "g", limit: 5 });
    expect(await conflicts(fewer, (db) => db.put("z", "new"))).toBe(true);
  });

  test("even if the value is the same again", async () => {
    expect(
      await conflicts(
        (t) => void t.get("c"),
        (db) => db.put("c", "1"),
      ),
    ).toBe(true);
  });

  test("write skew: two that read what the other writes", async () => {
    const db = await filled({ alice: "on call", bob: "on call" });
    const one = db.begin();
    const other = db.begin();
    for (const transaction of [one, other]) {
      expect(transaction.count({ gte: "a" })).toBe(2);
    }
    one.delete("alice");
    other.delete("bob");
    const outcomes = await Promise.all([codeOf(one.commit()), codeOf(other.commit())]);
    expect(outcomes).toEqual([undefined, "ERR_CONFLICT"]);
    expect(db.count()).toBe(1);
    await db.close();
  });

  test("also with a write that was only staged when it began", async () => {
    const db = await filled({ counter: "0" });
    const staged = db.put("counter", "5");
    const transaction = db.begin();
    expect(text(transaction.get("counter"))).toBe("5");
    transaction.put("counter", "6");
    await transaction.commit();
    await staged;
    expect(text(db.get("counter"))).toBe("6");
    const late = db.begin();
    late.get("counter");
    const batch = db.batch();
    void batch.put("counter", "7");
    late.put("counter", "8");
    expect(await codeOf(late.commit())).toBe("ERR_CONFLICT");
    await batch.flush();
    expect(text(db.get("counter"))).toBe("7");
    await db.close();
  });

  test("and names a key that changed", async () => {
    const db = await filled({ a: "1" });
    const transaction = db.begin();
    transaction.get("a");
    transaction.put("b", "1");
    await db.put("a", "2");
    const error = await errorOf(transaction.commit());
    expect(error).toMatchObject({ code: "ERR_CONFLICT", key: new Uint8Array([0x61]) });
    expect(db.stats().conflicts).toBe(1);
    await db.close();
  });
});

describe("a commit does not conflict", () => {
  test("with work on other keys and ranges", async () => {
    const others = async (db: Database): Promise<void> => {
      await db.put("b", "new");
      await db.delete("i");
    };
    expect(await conflicts((t) => void t.get("c"), others)).toBe(false);
    expect(await conflicts(scanned({ gte: "c", lt: "h" }), others)).toBe(false);
    expect(await conflicts(scanned({ gt: "b", lt: "i" }), others)).toBe(false);
  });

  test("over keys it only wrote: the last commit wins", async () => {
    expect(
      await conflicts(
        (t) => t.put("c", "mine"),
        (db) => db.put("c", "2"),
      ),
    ).toBe(false);
    const ownRead = (t: Transaction): void => {
      t.put("c", "mine");
      t.get("c");
      t.has("c");
    };
    expect(await conflicts(ownRead, (db) => db.put("c", "2"))).toBe(false);
  });

  test("with what was committed before it began", async () => {
    const db = await filled({ a: "1" });
    const older = db.begin();
    await db.put("a", "2");
    const transaction = db.begin();
    expect(text(transaction.get("a"))).toBe("2");
    transaction.put("a", "3");
    await transaction.commit();
    older.discard();
    await db.close();
  });

  // The cursor claimed everything from the key it was sent to, although its range begins later.
  test("outside the range of a cursor that was sent out of it", async () => {
    const before = (t: Transaction): void => {
      using cursor = t.scan({ gte: "e", lt: "h" }).cursor();
      cursor.seek("b");
      expect(text(cursor.key)).toBe("e");
    };
    expect(await conflicts(before, (db) => db.put("c", "2"))).toBe(false);
    const behind = (t: Transaction): void => {
      using cursor = t.scan({ gte: "b", lt: "d", reverse: true }).cursor();
      cursor.seek("z");
      expect(text(cursor.key)).toBe("c");
    };
    expect(await conflicts(behind, (db) => db.put("g", "2"))).toBe(false);
    expect(await conflicts(behind, (db) => db.put("cc", "2"))).toBe(true);
  });

  test("when it writes nothing", async () => {
    const db = await filled({ a: "1" });
    const transaction = db.begin();
    transaction.get("a");
    await db.put("a", "2");
    expect(await transaction.commit()).toBe(1);
    await db.close();
  });

  test("with detectConflicts: false, which is snapshot isolation", async () => {
    const db = await openIn(testEnv(), { detectConflicts: false });
    await db.put("a", "1");
    const transaction = db.begin();
    transaction.get("a");
    transaction.put("b", "1");
    await db.put("a", "2");
    expect(text(transaction.get("a"))).toBe("1");
    await transaction.commit();
    await db.close();
  });
});

describe("update()", () => {
  test("runs again until nothing has changed underneath: no increment is lost", async () => {
    const db = await openIn(testEnv());
    let runs = 0;
    const increment = (): Promise<void> =>
      db.update(
        async (transaction) => {
          runs++;
          const before = Number(text(transaction.get("counter")) ?? "0");
          await settle(1);
          transaction.put("counter", String(before + 1));
        },
        { retries: 1000 },
      );
    await soon(Promise.all(Array.from({ length: 30 }, increment)), 100_000);
    expect(text(db.get("counter"))).toBe("30");
    expect(runs).toBeGreaterThan(30);
    await db.close();
  });

  test("throws the last conflict when its retries are used up", async () => {
    const db = await filled({ a: "1" });
    let runs = 0;
    const losing = db.update(
      async (transaction) => {
        runs++;
        transaction.get("a");
        transaction.put("b", "x");
        await db.put("a", String(runs));
      },
      { retries: 3 },
    );
    expect(await codeOf(soon(losing))).toBe("ERR_CONFLICT");
    expect(runs).toBe(4);
    expect(db.stats().openSnapshots).toBe(0);
    await db.close();
  });

  test("passes the caller's own error on, once, and keeps nothing", async () => {
    const db = await filled({ a: "1" });
    let runs = 0;
    const failing = db.update((transaction) => {
      runs++;
      transaction.put("a", "2");
      throw new RangeError("mine");
    });
    expect(await failing.catch((error: unknown) => error)).toBeInstanceOf(RangeError);
    expect(runs).toBe(1);
    expect(text(db.get("a"))).toBe("1");
    expect(db.stats().openSnapshots).toBe(0);
    await db.close();
  });

  test("stops with ERR_ABORTED when its signal says so, also between two runs", async () => {
    const db = await filled({ a: "1" });
    expect(await codeOf(db.update(() => 1, { signal: AbortSignal.abort() }))).toBe("ERR_ABORTED");
    const controller = new AbortController();
    const stopped = db.update(
      async (transaction) => {
        transaction.get("a");
        transaction.put("b", "x");
        await db.put("a", "2");
        controller.abort();
      },
      { signal: controller.signal },
    );
    expect(await codeOf(soon(stopped))).toBe("ERR_ABORTED");
    await db.close();
  });
});

describe("update() with a callback that ends its transaction by itself", () => {
  test("takes a commit in there for the one it would have made, awaited or not", async () => {
    const db = await openIn(testEnv());
    const result = await db.update(async (transaction) => {
      transaction.put("a", "1");
      await transaction.commit({ sync: true });
      return "awaited";
    });
    expect([result, text(db.get("a"))]).toEqual(["awaited", "1"]);
    await db.update((transaction) => {
      transaction.put("b", "1");
      void transaction.commit();
    });
    expect(text(db.get("b"))).toBe("1");
    await db.close();
  });

  test("runs it again when that commit loses", async () => {
    const db = await filled({ a: "1" });
    let runs = 0;
    await db.update(async (transaction) => {
      const before = text(transaction.get("a"));
      if (runs++ === 0) await db.put("a", "2");
      transaction.put("sum", `${before}+1`);
      await transaction.commit();
    });
    expect([runs, text(db.get("sum"))]).toEqual([2, "2+1"]);
    await db.close();
  });

  test("says ERR_DISCARDED when it was discarded: nothing was written", async () => {
    const db = await openIn(testEnv());
    const discarded = db.update((transaction) => {
      transaction.put("a", "1");
      transaction.discard();
    });
    expect(await codeOf(discarded)).toBe("ERR_DISCARDED");
    expect(db.has("a")).toBe(false);
    await db.close();
  });
});

describe("a walk that is open", () => {
  const three = { a: "1", b: "2", c: "3" };

  test("when the database is closed ends with ERR_CLOSED, in every form", async () => {
    const db = await filled(three);
    const scan = db.scan();
    const iterators = [scan[Symbol.iterator](), scan.keys()[Symbol.iterator]()];
    const transaction = db.begin();
    iterators.push(transaction.scan()[Symbol.iterator]());
    const cursor = scan.cursor();
    const rest = scan[Symbol.asyncIterator]();
    for (const iterator of iterators) expect(iterator.next().done).toBe(false);
    expect((await rest.next()).done).toBe(false);
    await db.close();
    for (const iterator of iterators) {
      expect(await codeOf(() => iterator.next())).toBe("ERR_CLOSED");
    }
    expect(await codeOf(() => cursor.next())).toBe("ERR_CLOSED");
    expect(await codeOf(rest.next())).toBe("ERR_CLOSED");
  });

  test("when its transaction is over ends with ERR_DISCARDED", async () => {
    const db = await filled(three);
    const transaction = db.begin();
    const walk = transaction.scan()[Symbol.iterator]();
    walk.next();
    transaction.discard();
    expect(await codeOf(() => walk.next())).toBe("ERR_DISCARDED");
    await db.close();
  });
});

describe("a snapshot", () => {
  test("stays as it is while everything is overwritten, flushed and compacted", async () => {
    const db = await openIn(testEnv(), TINY);
    const batch = db.batch();
    for (let i = 0; i < 500; i++) await batch.put(`key-${i}`, `old ${i}`.padEnd(i, "."));
    await batch.flush();
    const transaction = db.begin({ readOnly: true });
    const scan = db.scan({ reverse: true });
    const walk = db.scan()[Symbol.iterator]();
    const expected = transaction.scan().toArray();
    const seen = [walk.next().value];
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 500; i += 2) await db.put(`key-${i}`, `new ${round}`);
      for (let i = 1; i < 500; i += 4) await db.delete(`key-${i}`);
      await db.compact();
      for (let i = 0; i < 50; i++) seen.push(walk.next().value);
      expect(transaction.scan().toArray()).toEqual(expected);
      expect(transaction.count()).toBe(500);
      expect(text(transaction.get("key-1"))).toBe("old 1");
    }
    expect(seen).toEqual(expected.slice(0, seen.length));
    expect(scan.toArray()).toEqual(expected.toReversed());
    transaction.discard();
    await db.close();
  });

  test("that was let go is compacted away, and asking for it again is ERR_VERSION_GONE", async () => {
    const db = await openIn(testEnv(), TINY);
    const first = await db.put("key", "1");
    const scan = db.scan();
    expect(scan.toArray().length).toBe(1);
    const second = await db.put("key", "2");
    const third = await db.put("key", "3");
    expect(text(db.begin({ at: first }).get("key"))).toBe("1");
    expect(scan.first()?.text()).toBe("1");
    for (const { readVersion } of db.snapshots()) expect(readVersion).toBe(first);
    await db.close();
    expect(await codeOf(() => scan.first())).toBe("ERR_CLOSED");

    const again = await openIn(testEnv(), TINY);
    for (const value of ["1", "2"]) await again.put("key", value);
    const walked = again.scan();
    expect(walked.first()?.text()).toBe("2");
    await again.put("key", "3");
    await again.compact();
    expect(await codeOf(() => again.begin({ at: first }))).toBe("ERR_VERSION_GONE");
    expect(await codeOf(() => again.begin({ at: second }))).toBe("ERR_VERSION_GONE");
    expect(await codeOf(() => walked.first())).toBe("ERR_VERSION_GONE");
    expect(text(again.begin({ at: third }).get("key"))).toBe("3");
    await again.close();
  });

  test("at a version that never was is refused", async () => {
    const db = await filled({ a: "1" });
    for (const at of [2, -1, 0.5, Number.NaN, 2 ** 53]) {
      expect(await codeOf(() => db.begin({ at }))).toBe("ERR_INVALID_ARGUMENT");
    }
    expect(db.begin({ at: 0 }).count()).toBe(0);
    await db.close();
  });

  test("that nobody holds any more is closed by the garbage collector", async () => {
    const db = await filled({ a: "1" });
    (() => {
      for (let i = 0; i < 100; i++) {
        db.begin().get("a");
        db.scan();
      }
    })();
    expect(db.stats().openSnapshots).toBeGreaterThan(100);
    for (let round = 0; round < 100 && db.stats().openSnapshots > 10; round++) {
      Bun.gc(true);
      await settle(2);
    }
    // A conservative collector may leave a few.
    expect(db.stats().openSnapshots).toBeLessThan(20);
    await db.close();
  });

  test("view() gives its result, awaits its promise, and lets go in any case", async () => {
    const db = await filled({ a: "1" });
    expect(db.view((transaction) => text(transaction.get("a")))).toBe("1");
    const later = db.view(async (transaction) => {
      await db.put("a", "2");
      return text(transaction.get("a"));
    });
    expect(db.stats().openSnapshots).toBe(1);
    expect(await later).toBe("1");
    expect(() =>
      db.view(() => {
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    const rejected = db.view(() => Promise.reject(new RangeError("mine")));
    expect(await rejected.catch((error: unknown) => error)).toBeInstanceOf(RangeError);
    expect(await codeOf(() => db.view((transaction) => transaction.put("a", "3")))).toBe(
      "ERR_READ_ONLY",
    );
    expect(db.stats().openSnapshots).toBe(0);
    await db.close();
  });
});

describe("a transaction", () => {
  test("sees its own writes, in order with the rest, and hides them from others", async () => {
    const db = await filled({ a: "1", b: "1", c: "1" });
    const transaction = db.begin();
    transaction.put("ab", "own");
    transaction.put("b", "own", { userMeta: 9 });
    transaction.delete("c");
    transaction.put("d", "", { ttl: 10 });
    const shown = transaction
      .scan()
      .toArray()
      .map((entry) => `${text(entry.key)}=${entry.text()}`);
    expect(shown).toEqual(["a=1", "ab=own", "b=own", "d="]);
    expect(
      transaction
        .scan({ reverse: true, limit: 2 })
        .toArray()
        .map((e) => text(e.key)),
    ).toEqual(["d", "b"]);
    expect(transaction.getEntry("b")).toMatchObject({ userMeta: 9 });
    expect(transaction.has("c")).toBe(false);
    expect(transaction.count()).toBe(4);
    expect(db.count()).toBe(3);
    const version = await transaction.commit();
    expect(
      db
        .scan()
        .toArray()
        .map((entry) => entry.version),
    ).toEqual([1, version, version, version]);
    await db.close();
  });

  test("keeps what it was given even if the caller changes the arrays", async () => {
    const db = await openIn(testEnv());
    const key = new Uint8Array([1, 2]);
    const value = new Uint8Array([3, 4]);
    const transaction = db.begin();
    transaction.put(key, value);
    const single = db.put(
      key.map((byte) => byte + 10),
      value,
    );
    key.fill(99);
    value.fill(99);
    await transaction.commit();
    await single;
    const found = db
      .scan()
      .toArray()
      .map((entry) => [...entry.key, ...entry.value]);
    expect(found).toEqual([
      [1, 2, 3, 4],
      [11, 12, 3, 4],
    ]);
    const got = db.get(new Uint8Array([1, 2])) as Uint8Array;
    got.fill(0);
    expect([...(db.get(new Uint8Array([1, 2])) as Uint8Array)]).toEqual([3, 4]);
    await db.close();
  });

  test("refuses everything after its end, and ends quietly more than once", async () => {
    const db = await filled({ a: "1" });
    for (const end of [
      (transaction: Transaction) => transaction.commit(),
      (transaction: Transaction) => transaction.discard(),
    ]) {
      const transaction = db.begin();
      const scan = transaction.scan();
      transaction.put("b", "1");
      await end(transaction);
      for (const use of [
        () => transaction.get("a"),
        () => transaction.getEntry("a"),
        () => transaction.has("a"),
        () => transaction.scan(),
        () => transaction.count(),
        () => transaction.put("a", "2"),
        () => transaction.delete("a"),
        () => scan.toArray(),
        () => transaction.commit(),
      ]) {
        expect(await codeOf(use)).toBe("ERR_DISCARDED");
      }
      transaction.discard();
      transaction[Symbol.dispose]();
    }
    expect(db.stats().openSnapshots).toBe(0);
    await db.close();
  });

  test("that is read-only writes nothing and tracks nothing", async () => {
    const db = await filled({ a: "1" });
    for (const options of [{ readOnly: true }, { at: 1 }]) {
      const transaction = db.begin(options);
      expect(transaction.readOnly).toBe(true);
      expect(await codeOf(() => transaction.put("a", "2"))).toBe("ERR_READ_ONLY");
      expect(await codeOf(() => transaction.delete("a"))).toBe("ERR_READ_ONLY");
      expect(await transaction.commit()).toBe(1);
    }
    await db.close();
  });
});
