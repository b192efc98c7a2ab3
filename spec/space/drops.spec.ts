/**
 * `dropPrefix` and `dropAll`: a cut at a version. It counts at once, snapshots from before it see nothing
 * of it, no later write is lost, and what it hides leaves the disk without being read where possible.
 */

import { describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import type { Database, Reader } from "../../src/database/contract.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { ManifestLog } from "../../src/manifest/manifest-log.ts";
import { backupBytes, streamOf } from "../backup/streams.ts";
import { codeOf } from "../database/outcomes.ts";
import { copyToMemory } from "../suites/copy-file-system.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY, type TestEnv } from "../suites/open-database.ts";
import { PowerCutFileSystem } from "../suites/power-cut-file-system.ts";
import { settle } from "../suites/test-clock.ts";
import { openSmall } from "./open-small.ts";

const KEYS = 60;

/** Keys under `a/`, `b/` and `c/`, flushed and compacted as it comes, the newest still in memory. */
async function fill(db: Database, value = "v".repeat(60)): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (let key = 0; key < KEYS; key++) {
      for (const group of ["a/", "b/", "c/"]) {
        await db.put(`${group}${String(key).padStart(4, "0")}`, `${value}${round}`);
      }
    }
  }
}

const keysOf = (reader: Reader, prefix = ""): string[] =>
  [...reader.scan({ prefix, keysOnly: true }).keys()].map((key) => toText(key));

const cutsIn = (env: TestEnv): number => ManifestLog.open(env.fileSystem, DIRECTORY, 0).cuts.length;

async function rest(env: TestEnv): Promise<void> {
  for (let i = 0; i < 5; i++) {
    env.clock.advance(1100);
    await settle(8);
  }
}

/** Every key that is physically in a table or memtable, whatever hides it: tables are asked one by one. */
function storedUnder(db: Database, prefix: string): number {
  const first = prefix;
  const last = `${prefix}\u{ffff}`;
  return db
    .tables()
    .filter(
      ({ smallestKey, largestKey }) => toText(largestKey) >= first && toText(smallestKey) <= last,
    )
    .reduce((sum, { entries }) => sum + entries, 0);
}

describe("dropPrefix()", () => {
  test("hides everything under it at once, whatever lies where, and nothing else", async () => {
    const env = testEnv();
    const db = await openSmall(env);
    await fill(db);
    const before = db.stats();
    const dropped = db.dropPrefix("b/");
    await dropped;
    expect(keysOf(db, "b/")).toEqual([]);
    expect(db.get("b/0001")).toBeUndefined();
    expect(db.has("b/0002")).toBe(false);
    expect([...db.scan({ allVersions: true, prefix: "b/" })]).toEqual([]);
    expect(keysOf(db).length).toBe(2 * KEYS);
    expect([...db.scan({ reverse: true, keysOnly: true }).keys()].length).toBe(2 * KEYS);
    // One commit and a few bytes, however much it hides.
    expect(db.stats().commits - before.commits).toBe(1);
    expect(db.stats().bytesWrittenLog - before.bytesWrittenLog).toBeLessThan(64);
    await db.close();
  });

  test("removes what it hides from the disk by itself, and then forgets about it", async () => {
    const env = testEnv();
    const db = await openSmall(env);
    await fill(db);
    const { sizeBytes } = db.explainSpace();
    await db.dropPrefix("b/", "c/");
    await rest(env);
    expect(cutsIn(env)).toBe(0);
    expect(storedUnder(db, "b/")).toBe(0);
    expect(storedUnder(db, "c/")).toBe(0);
    expect(db.explainSpace().sizeBytes).toBeLessThan(sizeBytes / 2);
    expect(keysOf(db).length).toBe(KEYS);
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
  });

  test("is over when close() returns: for Badger, too, the keys are gone", async () => {
    const env = testEnv();
    const db = await openSmall(env);
    await fill(db);
    const forgotten = db.begin({ readOnly: true });
    await db.dropPrefix("a/");
    expect(keysOf(forgotten, "a/").length).toBe(KEYS);
    await db.close();
    expect(cutsIn(env)).toBe(0);
    const again = await openSmall(env);
    expect(storedUnder(again, "a/")).toBe(0);
    expect(keysOf(again).length).toBe(2 * KEYS);
    await again.close();
  });

  test("leaves every snapshot from before it alone, also after flushes, compactions and collection", async () => {
    const env = testEnv();
    const db = await openSmall(env);
    await fill(db);
    const before = db.begin({ readOnly: true });
    const walk = db.scan({ prefix: "b/" })[Symbol.iterator]();
    for (let i = 0; i < 10; i++) walk.next();
    await db.dropPrefix("b/");
    await db.put("b/new", "n");
    await db.flush();
    await db.compact();
    await db.collectGarbage({ discardRatio: 0.01 });
    await rest(env);
    expect(keysOf(before, "b/").length).toBe(KEYS);
    for (let key = 0; key < KEYS; key++) {
      const value = before.get(`b/${String(key).padStart(4, "0")}`);
      expect(value === undefined ? "" : toText(value)).toBe(`${"v".repeat(60)}2`);
    }
    for (let i = 10; i < KEYS; i++) expect(walk.next().done).toBe(false);
    expect(walk.next().done).toBe(true);
    expect(keysOf(db, "b/")).toEqual(["b/new"]);
    expect(cutsIn(env)).toBe(1);
    before.discard();
    await rest(env);
    expect(cutsIn(env)).toBe(0);
    expect(keysOf(db, "b/")).toEqual(["b/new"]);
    await db.close();
  });

  for (const [kind, encrypted] of [
    ["plain", {}],
    ["encrypted", { encryptionKey: new Uint8Array(32).fill(6) }],
  ] as const) {
    test(`goes on after a kill, also read-only, ${kind}`, async () => {
      const env = testEnv();
      const db = await openSmall(env, { settings: encrypted });
      await fill(db);
      const holder = db.begin({ readOnly: true });
      await db.dropPrefix("b/");
      await db.put("b/0007", "after");
      await settle(8);
      const files = copyToMemory(env.fileSystem, DIRECTORY);
      const reader = await openSmall(testEnv(files), {
        settings: { ...encrypted, readOnly: true },
      });
      expect(keysOf(reader, "b/")).toEqual(["b/0007"]);
      expect(keysOf(reader).length).toBe(2 * KEYS + 1);
      await reader.close();
      const after = testEnv(files);
      const next = await openSmall(after, { settings: encrypted });
      expect(keysOf(next, "b/")).toEqual(["b/0007"]);
      const manifest = files.readFile(`${DIRECTORY}/MANIFEST`) ?? new Uint8Array();
      expect(Buffer.from(manifest).includes("b/")).toBe(kind === "plain");
      // Versions go on above the cut.
      expect(await next.put("b/0008", "later")).toBeGreaterThan(db.stats().version);
      await rest(after);
      expect(cutsIn(after)).toBe(0);
      expect(keysOf(next, "b/")).toEqual(["b/0007", "b/0008"]);
      await next.close();
      holder.discard();
      await db.close();
    });
  }

  test("never loses a write that was issued after it", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const db = await openSmall(testEnv(undefined, seed));
      await fill(db);
      const expected = new Map<string, string>();
      const pending: Promise<unknown>[] = [];
      for (let step = 0; step < 120; step++) {
        const key = `b/${String(random.below(KEYS)).padStart(4, "0")}`;
        if (random.below(12) === 0) {
          pending.push(db.dropPrefix("b/"));
          expected.clear();
        } else if (random.below(30) === 0) pending.push(db.flush());
        else if (random.below(40) === 0) pending.push(db.compact());
        else {
          pending.push(db.put(key, `${step}`));
          expected.set(key, `${step}`);
        }
        if (random.below(4) === 0) await settle(1);
      }
      await Promise.all(pending);
      const found = db
        .scan({ prefix: "b/" })
        .toArray()
        .map((entry) => [toText(entry.key), entry.text()]);
      expect(found).toEqual([...expected].sort(([a], [b]) => (a < b ? -1 : 1)));
      expect(keysOf(db, "a/").length).toBe(KEYS);
      await db.close();
    }
  });

  test("conflicts with transactions that have read there, and with no others", async () => {
    const db = await openIn(testEnv());
    await fill(db);
    const inside = db.begin();
    inside.get("b/0001");
    inside.put("x", "1");
    const across = db.begin();
    expect(across.count({ gte: "a/0050", lt: "b/0002" })).toBe(12);
    across.put("y", "1");
    const outside = db.begin();
    outside.get("a/0001");
    outside.put("z", "1");
    await db.dropPrefix("b/");
    expect(await codeOf(inside.commit())).toBe("ERR_CONFLICT");
    expect(await codeOf(across.commit())).toBe("ERR_CONFLICT");
    expect(await codeOf(outside.commit())).toBeUndefined();
    await db.close();
  });

  test("ends time travel to what was before it, and backups that would miss it", async () => {
    const db = await openIn(testEnv());
    await fill(db);
    const { version } = db.stats();
    await db.dropPrefix("b/");
    expect(await codeOf(() => db.begin({ at: version }))).toBe("ERR_VERSION_GONE");
    expect(await codeOf(backupBytes(db, version))).toBe("ERR_VERSION_GONE");
    expect(await codeOf(backupBytes(db))).toBeUndefined();
    await db.close();
  });

  test("takes prefixes within each other, twice, and of nothing", async () => {
    const env = testEnv();
    const db = await openSmall(env);
    await fill(db);
    await db.dropPrefix();
    expect(keysOf(db).length).toBe(3 * KEYS);
    await Promise.all([
      db.dropPrefix("b/", "b/000", "b"),
      db.dropPrefix("b/"),
      db.dropPrefix("zzz"),
    ]);
    expect(keysOf(db).length).toBe(2 * KEYS);
    await rest(env);
    expect(cutsIn(env)).toBe(0);
    expect(await codeOf(db.dropPrefix(5 as never))).toBe("ERR_INVALID_ARGUMENT");
    await db.close();
  });

  test("that the manifest has no room for counts all the same, and is carried out once there is room", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const env = testEnv(system);
    const db = await openSmall(env);
    await fill(db);
    await db.flush();
    system.hook = (operation, path) => {
      if (operation === "write" && path.endsWith("MANIFEST"))
        throw ioFailure("write", path, "ENOSPC");
    };
    await db.dropPrefix("b/");
    await db.put("b/0003", "later");
    await settle(8);
    expect(cutsIn(env)).toBe(0);
    const survivor = await openSmall(testEnv(copyToMemory(system.inner, DIRECTORY)));
    expect(keysOf(survivor, "b/")).toEqual(["b/0003"]);
    await survivor.close();
    system.hook = () => undefined;
    await rest(env);
    expect(keysOf(db, "b/")).toEqual(["b/0003"]);
    expect(storedUnder(db, "b/")).toBeLessThan(5);
    await db.close();
  });

  test("that the log has no room for fails, and the keys show again", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const db = await openSmall(testEnv(system));
    await fill(db);
    await db.flush();
    system.hook = (operation, path) => {
      if (operation === "write" && path.includes(".mem")) throw ioFailure("write", path, "ENOSPC");
    };
    const refused = codeOf(db.dropPrefix("b/"));
    await Promise.resolve();
    system.hook = () => undefined;
    // A later commit must not make a cut visible that was not written.
    await db.put("x", "1");
    expect(keysOf(db, "b/").length).toBe(KEYS);
    expect(await refused).toBe("ERR_DISK_FULL");
    await db.dropPrefix("b/");
    expect(keysOf(db, "b/")).toEqual([]);
    await db.close();
  });

  test("takes prefixes as long as keys, and refuses more of them than a log can hold", async () => {
    const env = testEnv();
    const db = await openSmall(env);
    const prefix = `b/${"x".repeat(2000)}`;
    await db.put(`${prefix}1`, "v");
    await db.put("b/y", "v");
    await db.dropPrefix(prefix);
    const survivor = await openSmall(testEnv(copyToMemory(env.fileSystem, DIRECTORY)));
    expect(keysOf(survivor)).toEqual(["b/y"]);
    await survivor.close();
    const many = Array.from({ length: 10 }, (_, i) => `${i}${"x".repeat(2000)}`);
    expect(await codeOf(db.dropPrefix(...many))).toBe("ERR_TRANSACTION_TOO_LARGE");
    expect(keysOf(db)).toEqual(["b/y"]);
    await db.close();
  });

  // The keys once showed again, more was written, and at the next open the cut turned out to be there.
  test("whose manifest record may be there or not counts, and is the last write", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const db = await openSmall(testEnv(system));
    await fill(db);
    await db.flush();
    system.hook = (operation, path) => {
      if (operation === "sync" && path.endsWith("MANIFEST")) throw ioFailure("sync", path, "EIO");
    };
    await db.dropPrefix("b/");
    await settle(8);
    expect(await codeOf(db.put("b/0001", "later"))).toBe("ERR_READ_ONLY");
    expect(keysOf(db, "b/")).toEqual([]);
    system.hook = () => undefined;
    await db.close();
    const again = await openSmall(testEnv(system.inner));
    expect(keysOf(again, "b/")).toEqual([]);
    expect(keysOf(again, "a/").length).toBe(KEYS);
    await again.close();
  });
});

describe("dropAll()", () => {
  test("leaves an empty directory that takes writes, and versions go on", async () => {
    const env = testEnv();
    const db = await openSmall(env);
    await fill(db);
    const { version } = db.stats();
    await db.dropAll();
    expect(await db.put("a/0001", "new")).toBeGreaterThan(version);
    await rest(env);
    expect(keysOf(db)).toEqual(["a/0001"]);
    expect(cutsIn(env)).toBe(0);
    expect(db.explainSpace().sizeBytes).toBeLessThan(2000);
    await db.close();
    const again = await openSmall(env);
    expect(keysOf(again)).toEqual(["a/0001"]);
    await again.close();
  });

  // A backup brings versions older than the cut: they must not be hidden with what was dropped.
  test("can be followed by a restore at once", async () => {
    const env = testEnv();
    const db = await openSmall(env);
    await fill(db);
    const backup = await backupBytes(db);
    await db.dropAll();
    await db.restore(streamOf(backup));
    expect(keysOf(db).length).toBe(3 * KEYS);
    const holder = db.begin({ readOnly: true });
    await db.dropAll();
    expect(await codeOf(db.restore(streamOf(backup)))).toBe("ERR_NOT_SUPPORTED");
    holder.discard();
    await db.close();
  });
});

describe("a process that dies during a drop", () => {
  test("has dropped all of it or nothing; once the call returned, all", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const env = testEnv(system);
    const db = await openSmall(env);
    await fill(db);
    const copies: { files: MemoryFileSystem; hasReturned: boolean }[] = [];
    let hasReturned = false;
    system.hook = (operation) => {
      if (operation === "read" || operation === "open") return;
      copies.push({ files: copyToMemory(system.inner, DIRECTORY), hasReturned });
    };
    await db.dropPrefix("b/");
    hasReturned = true;
    await rest(env);
    await db.close();
    system.hook = () => undefined;
    expect(copies.length).toBeGreaterThan(15);
    expect(copies.some((copy) => copy.hasReturned)).toBe(true);
    for (const copy of copies) {
      const survivor = await openSmall(testEnv(copy.files));
      const left = keysOf(survivor, "b/").length;
      expect(copy.hasReturned ? [0] : [0, KEYS]).toContain(left);
      expect(keysOf(survivor).length).toBe(2 * KEYS + left);
      await survivor.close();
      const again = await openSmall(testEnv(copy.files));
      expect(keysOf(again).length).toBe(2 * KEYS + left);
      await again.close();
    }
  });

  // The commits behind a drop were there once, and the drop was not.
  test("has kept it if it has kept a commit behind it", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const env = testEnv(system);
    const db = await openSmall(env);
    await fill(db);
    const copies: MemoryFileSystem[] = [];
    system.hook = (operation) => {
      if (operation !== "read" && operation !== "open") {
        copies.push(copyToMemory(system.inner, DIRECTORY));
      }
    };
    const calls = [db.dropPrefix("b/"), db.put("b/0002", "later"), db.put("x", "1")];
    await Promise.all(calls);
    await Promise.all([db.dropPrefix("a/"), db.put("a/0009", "later")]);
    await rest(env);
    await db.close();
    expect(copies.length).toBeGreaterThan(15);
    for (const files of copies) {
      const survivor = await openSmall(testEnv(files));
      const [b, a] = [keysOf(survivor, "b/").length, keysOf(survivor, "a/").length];
      if (survivor.get("b/0002")?.length === 5) expect(b).toBe(1);
      else {
        expect([0, KEYS]).toContain(b);
        expect(survivor.has("x")).toBe(false);
      }
      if (survivor.get("a/0009")?.length === 5) expect([a, b]).toEqual([1, 1]);
      else expect([0, KEYS]).toContain(a);
      await survivor.close();
    }
  });

  test("a power cut takes no drop that was acknowledged as durable, and none without what follows it", async () => {
    for (const sync of ["commit", "interval", "never"] as const) {
      const random = new SeededRandom(9);
      const system = new PowerCutFileSystem();
      const env = testEnv(system);
      const db = await openIn(env, { ...TINY, sync });
      await fill(db);
      await db.sync();
      const cuts: { files: MemoryFileSystem; hasReturned: boolean }[] = [];
      let hasReturned = false;
      system.onChange = () => {
        cuts.push({ files: system.cut(DIRECTORY), hasReturned });
        cuts.push({ files: system.cut(DIRECTORY, random), hasReturned });
      };
      await db.dropPrefix("b/");
      if (sync !== "commit") await db.sync();
      hasReturned = true;
      await db.put("x", "1");
      await rest(env);
      await db.close();
      for (const cut of cuts) {
        const survivor = await openIn(testEnv(cut.files), TINY);
        const left = keysOf(survivor, "b/").length;
        expect(cut.hasReturned || survivor.has("x") ? [0] : [0, KEYS]).toContain(left);
        expect(keysOf(survivor, "a/").length + keysOf(survivor, "c/").length).toBe(2 * KEYS);
        expect((await survivor.verify()).findings).toEqual([]);
        await survivor.close();
      }
    }
  });
});
