/** Managed databases: the caller chooses the versions, in any order, and says what may go. */

import { describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import type { Database } from "../../src/database/contract.ts";
import { openIn, testEnv, TINY } from "../suites/open-database.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";
import { codeOf, errorOf } from "./outcomes.ts";

const NEWEST = Number.MAX_SAFE_INTEGER;

function openManaged(env = testEnv(), options = {}): Promise<Database> {
  return openIn(env, { ...TINY, managed: true, workers: "inline", ...options });
}

async function write(db: Database, version: number, key: string, value?: string): Promise<void> {
  using transaction = db.begin({ at: NEWEST });
  if (value === undefined) transaction.delete(key);
  else transaction.put(key, value);
  await transaction.commit({ version });
}

function readAt(db: Database, at: number, key: string): string | undefined {
  using transaction = db.begin({ at, readOnly: true });
  const value = transaction.get(key);
  const scanned = transaction.scan({ gte: key, lte: key }).toArray();
  expect(scanned.map((entry) => entry.text())).toEqual(value === undefined ? [] : [toText(value)]);
  return value === undefined ? undefined : toText(value);
}

describe("versions of the caller", () => {
  test("each is read as of its version, in whatever order they were committed", async () => {
    const db = await openManaged();
    for (const version of [10, 5, 7, 20, 1]) await write(db, version, "k", `v${version}`);
    const found = [0, 1, 4, 5, 6, 7, 9, 10, 19, 20, 21, NEWEST].map((at) => readAt(db, at, "k"));
    const expected = ["v1", "v1", "v5", "v5", "v7", "v7", "v10", "v10", "v20", "v20", "v20"];
    expect(found).toEqual([undefined, ...expected]);
    expect(toText(db.get("k") as Uint8Array)).toBe("v20");
    expect(db.getEntry("k")?.version).toBe(20);
    expect(db.stats().version).toBe(20);
    await db.close();
  });

  test("a commit has the version that was asked for, and says so", async () => {
    const db = await openManaged();
    const transaction = db.begin({ at: 4 });
    expect([transaction.readOnly, transaction.readVersion]).toEqual([false, 4]);
    transaction.put("a", "1");
    transaction.put("b", "2");
    expect(await transaction.commit({ version: 9 })).toBe(9);
    expect(
      db
        .scan()
        .toArray()
        .map(({ version }) => version),
    ).toEqual([9, 9]);
    await db.close();
  });

  test("the same key and version again replaces, in memory, across a flush and after reopening", async () => {
    const env = testEnv();
    const db = await openManaged(env);
    await write(db, 3, "k", "old");
    await write(db, 3, "k", "new");
    expect(readAt(db, 3, "k")).toBe("new");
    await db.flush();
    await write(db, 3, "k", "newest");
    expect(readAt(db, 3, "k")).toBe("newest");
    expect(db.scan({ allVersions: true }).toArray().length).toBe(1);
    await db.flush();
    expect(readAt(db, 3, "k")).toBe("newest");
    await db.compact();
    await db.close();
    const again = await openManaged(env);
    expect(readAt(again, 3, "k")).toBe("newest");
    expect(again.scan({ allVersions: true }).toArray().length).toBe(1);
    await again.close();
  });

  test("a batch writes everything at one version", async () => {
    const db = await openManaged();
    await write(db, 9, "key/0000500", "newer");
    const batch = db.batch({ version: 7 });
    for (let i = 0; i < 3000; i++)
      await batch.put(`key/${String(i).padStart(7, "0")}`, "x".repeat(60));
    await batch.delete("key/0000001");
    await batch.flush();
    expect(db.begin({ at: 6 }).count()).toBe(0);
    expect(db.begin({ at: 7 }).count()).toBe(2999);
    expect(readAt(db, 7, "key/0000001")).toBeUndefined();
    expect(readAt(db, 8, "key/0000500")).toBe("x".repeat(60));
    expect(readAt(db, 9, "key/0000500")).toBe("newer");
    await db.close();
  });

  test("what has no version to write at is refused and writes nothing", async () => {
    const db = await openManaged();
    expect(await codeOf(db.put("k", "v"))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(db.delete("k"))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(db.update(() => undefined))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(() => db.batch())).toBe("ERR_INVALID_ARGUMENT");
    const transaction = db.begin();
    transaction.put("k", "v");
    const error = await errorOf(transaction.commit());
    expect([error?.code, error?.message]).toEqual([
      "ERR_INVALID_ARGUMENT",
      "the database is managed: say at which version, commit({ version })",
    ]);
    for (const version of [0, -1, 1.5, NEWEST, Number.NaN, "7" as unknown as number]) {
      expect(await codeOf(transaction.commit({ version }))).toBe("ERR_INVALID_ARGUMENT");
    }
    expect(db.count()).toBe(0);
    expect(await transaction.commit({ version: NEWEST - 1 })).toBe(NEWEST - 1);
    await db.close();
  });

  test("an ordinary database takes no version", async () => {
    const db = await openIn(testEnv());
    const transaction = db.begin();
    transaction.put("k", "v");
    expect(await codeOf(transaction.commit({ version: 5 }))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(() => db.batch({ version: 5 }))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(() => db.setDiscardVersion(5))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(() => db.begin({ at: 5 }))).toBe("ERR_INVALID_ARGUMENT");
    expect(await transaction.commit()).toBe(1);
    await db.close();
  });
});

describe("conflicts", () => {
  test("a key that was read and has a newer version conflicts, committed before or after the begin", async () => {
    const db = await openManaged();
    await write(db, 10, "k", "v");
    const late = db.begin({ at: 6 });
    expect(late.get("k")).toBeUndefined();
    late.put("other", "1");
    expect(await codeOf(late.commit({ version: 20 }))).toBe("ERR_CONFLICT");

    const early = db.begin({ at: 10 });
    expect(early.get("k")).toBeDefined();
    early.put("other", "1");
    await write(db, 11, "k", "w");
    expect(await codeOf(early.commit({ version: 20 }))).toBe("ERR_CONFLICT");

    const blind = db.begin({ at: 6 });
    blind.put("other", "1");
    expect(await blind.commit({ version: 20 })).toBe(20);
    await db.close();
  });

  test("two commits of one turn see each other", async () => {
    const db = await openManaged();
    const [one, two] = [db.begin({ at: 1 }), db.begin({ at: 1 })];
    for (const transaction of [one, two]) {
      transaction.get("k");
      transaction.put("k", "v");
    }
    const codes = await Promise.all([
      codeOf(one.commit({ version: 5 })),
      codeOf(two.commit({ version: 6 })),
    ]);
    expect(codes).toEqual([undefined, "ERR_CONFLICT"]);
    await db.close();
  });

  test("a range that was scanned conflicts with a newer version inside, a delete too, and none outside", async () => {
    const db = await openManaged();
    for (const key of ["b", "d", "f"]) await write(db, 5, key, "v");
    const attempt = async (version: number): Promise<string | undefined> => {
      using transaction = db.begin({ at: 5 });
      expect(transaction.count({ gte: "c", lt: "f" })).toBe(1);
      transaction.put("z", "1");
      return codeOf(transaction.commit({ version }));
    };
    await write(db, 7, "b", "w");
    await write(db, 7, "f", "w");
    await db.flush();
    expect(await attempt(30)).toBeUndefined();
    await write(db, 8, "d");
    expect(await attempt(31)).toBe("ERR_CONFLICT");
    await db.flush();
    expect(await attempt(32)).toBe("ERR_CONFLICT");
    await db.close();
  });
});

describe("the discard version", () => {
  const versionsOf = (db: Database) =>
    db
      .scan({ allVersions: true })
      .toArray()
      .map(({ version }) => version);

  test("nothing goes before it is set, and what it allows goes then", async () => {
    const db = await openManaged();
    for (let version = 1; version <= 9; version++) await write(db, version, "k", `v${version}`);
    await db.compact();
    expect(versionsOf(db)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    db.setDiscardVersion(6);
    await db.compact();
    expect(versionsOf(db)).toEqual([9, 8, 7, 6]);
    expect(readAt(db, 6, "k")).toBe("v6");
    expect(await codeOf(() => db.begin({ at: 5 }))).toBe("ERR_VERSION_GONE");
    db.setDiscardVersion(2);
    expect(await codeOf(write(db, 5, "k", "late"))).toBe("ERR_INVALID_ARGUMENT");
    await write(db, 6, "other", "at it");
    await db.close();
  });

  test("a delete marker stays as long as an older commit may come, so that the key does not return", async () => {
    const db = await openManaged();
    await write(db, 10, "k");
    await db.compact();
    await write(db, 4, "k", "late");
    await db.compact();
    expect(readAt(db, 9, "k")).toBe("late");
    expect(readAt(db, 10, "k")).toBeUndefined();
    db.setDiscardVersion(10);
    await db.compact();
    expect(versionsOf(db)).toEqual([]);
    await db.close();
  });

  test("an open reader below it keeps what it reads", async () => {
    const db = await openManaged();
    for (let version = 1; version <= 9; version++) await write(db, version, "k", `v${version}`);
    const reader = db.begin({ at: 3, readOnly: true });
    db.setDiscardVersion(9);
    await db.compact();
    expect(toText(reader.get("k") as Uint8Array)).toBe("v3");
    reader.discard();
    await db.compact();
    expect(versionsOf(db)).toEqual([9]);
    await db.close();
  });

  test("it is forgotten when the database is closed", async () => {
    const env = testEnv();
    const first = await openManaged(env);
    for (const version of [1, 2, 3]) await write(first, version, "k", `v${version}`);
    first.setDiscardVersion(1);
    await first.close();
    const again = await openManaged(env);
    await again.compact();
    expect(versionsOf(again)).toEqual([3, 2, 1]);
    expect(readAt(again, 2, "k")).toBe("v2");
    await again.close();
  });
});

describe("drops", () => {
  test("dropAll twice, then commits at lower versions, which survive reopening", async () => {
    const env = testEnv();
    const db = await openManaged(env);
    for (let i = 0; i < 50; i++) await write(db, 100 + i, `k${i % 7}`, "x".repeat(300));
    await db.flush();
    await write(db, 200, "k3", "memory");
    await db.dropAll();
    await db.dropAll();
    expect(db.count()).toBe(0);
    for (const version of [3, 5, 4]) await write(db, version, "k3", `v${version}`);
    const found = () => [2, 3, 4, 5].map((at) => readAt(db, at, "k3"));
    expect(found()).toEqual([undefined, "v3", "v4", "v5"]);
    await db.close();
    const again = await openManaged(env);
    expect([2, 3, 4, 5].map((at) => readAt(again, at, "k3"))).toEqual([
      undefined,
      "v3",
      "v4",
      "v5",
    ]);
    expect(again.count()).toBe(1);
    await again.close();
  });

  test("dropPrefix leaves the older versions of other keys readable", async () => {
    const db = await openManaged();
    for (const version of [1, 2, 3]) {
      await write(db, version, "a/k", `a${version}`);
      await write(db, version, "b/k", `b${version}`);
    }
    await db.flush();
    await db.dropPrefix("a/");
    expect([1, 2, 3].map((at) => readAt(db, at, "b/k"))).toEqual(["b1", "b2", "b3"]);
    expect([1, 2, 3].map((at) => readAt(db, at, "a/k"))).toEqual([undefined, undefined, undefined]);
    await write(db, 2, "a/k", "again");
    expect(readAt(db, 2, "a/k")).toBe("again");
    await db.close();
  });

  test("while a snapshot from before is open, what would be hidden with the rest is refused", async () => {
    const db = await openManaged();
    await write(db, 5, "k", "v");
    const reader = db.begin({ at: 5, readOnly: true });
    await db.dropAll();
    expect(toText(reader.get("k") as Uint8Array)).toBe("v");
    expect(readAt(db, NEWEST, "k")).toBeUndefined();
    const error = await errorOf(write(db, 4, "k", "w"));
    expect(error?.code).toBe("ERR_INVALID_ARGUMENT");
    expect(error?.message).toContain(
      "a snapshot from before dropPrefix() or dropAll() is still open",
    );
    reader.discard();
    await db.dropAll();
    await write(db, 4, "k", "w");
    expect(readAt(db, 4, "k")).toBe("w");
    await db.close();
  });
});

describe("against a naive twin", () => {
  const KEYS = ["a", "b", "c", "d", "e"];

  for (let seed = 1; seed <= 12; seed++) {
    test(`random versions, flushes, compactions, reopenings and discards read the same (seed ${seed})`, async () => {
      const random = new SeededRandom(seed);
      const env = testEnv();
      let db = await openManaged(env);
      const twin = new Map<string, Map<number, string | undefined>>();
      let floor = 0;
      const expected = (at: number, key: string): string | undefined => {
        const versions = [...(twin.get(key) ?? [])].filter(([version]) => version <= at);
        return versions.sort((one, two) => two[0] - one[0])[0]?.[1];
      };
      const compareAll = (): void => {
        for (const at of [floor, floor + 3, 30, 60, NEWEST].filter((one) => one >= floor)) {
          for (const key of KEYS) expect(readAt(db, at, key)).toBe(expected(at, key));
        }
      };
      for (let step = 0; step < 120; step++) {
        const choice = random.below(20);
        if (choice < 13) {
          const version = Math.max(1, floor) + random.below(60);
          const key = random.pick(KEYS);
          const value = random.chance(0.3)
            ? undefined
            : `${seed}/${step}/${"x".repeat(random.below(400))}`;
          await write(db, version, key, value);
          const versions = twin.get(key) ?? new Map<number, string | undefined>();
          twin.set(key, versions.set(version, value));
        } else if (choice < 15) await db.flush();
        else if (choice === 15) await db.compact();
        else if (choice === 16) {
          floor += random.below(4);
          if (floor > 0) db.setDiscardVersion(floor);
        } else if (choice === 17) {
          await db.close();
          db = await openManaged(env);
          if (floor > 0) db.setDiscardVersion(floor);
        } else compareAll();
      }
      compareAll();
      expect((await db.verify()).findings).toEqual([]);
      await db.close();
    });
  }
});
