/**
 * A disk that fails: the database takes no more writes until it is reopened, goes on reading, and nothing
 * acknowledged is lost. `MELES_FAULTS_ALL=1` tries every single operation instead of a sample.
 */

import { describe, expect, test } from "bun:test";

import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { OpenOptions } from "../../src/index.ts";
import {
  FaultyFileSystem,
  ioFailure,
  PartialWrite,
  type Operation,
} from "../suites/faulty-file-system.ts";
import { Ledger } from "../suites/ledger.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf, errorOf, soon } from "./outcomes.ts";

const step = process.env["MELES_FAULTS_ALL"] === undefined ? 7 : 1;

const CHANGES: readonly Operation[] = [
  "create",
  "write",
  "sync",
  "truncate",
  "rename",
  "remove",
  "sync directory",
];

/** Fails the n-th of the given operations; `lasting`: and all that follow. */
function failing(fail: number, lasting: boolean, operations: readonly Operation[]) {
  const system = new FaultyFileSystem(new MemoryFileSystem());
  const state = { count: 0, armed: false, failed: false };
  system.hook = (operation, path) => {
    if (!state.armed || !operations.includes(operation)) return;
    const number = state.count++;
    if (lasting ? number < fail : number !== fail) return;
    state.failed = true;
    const failure = ioFailure(operation, path, "EIO");
    throw operation === "write" ? new PartialWrite(9, failure) : failure;
  };
  return { system, state };
}

/** Only these may meet a caller. */
async function expectTyped(attempt: Promise<unknown>): Promise<boolean> {
  const error = await errorOf(soon(attempt));
  if (error !== undefined) expect(["ERR_IO", "ERR_READ_ONLY"]).toContain(error.code);
  return error !== undefined;
}

async function run(
  fail: number,
  lasting: boolean,
  operations: readonly Operation[],
  options: OpenOptions,
): Promise<number> {
  const { system, state } = failing(fail, lasting, operations);
  const env = testEnv(system);
  const ledger = new Ledger(10);
  const db = await openIn(env, options);
  state.armed = true;
  let refusals = 0;
  for (let round = 0; ledger.acknowledged < 50 && refusals < 4; round++) {
    if (await expectTyped(ledger.commit(db))) refusals++;
    // Reads go on; what was not acknowledged does not show before the database is reopened.
    ledger.check(db, ledger.acknowledged, ledger.acknowledged);
    if (round % 14 === 13) await expectTyped(db.flush());
    if (round % 31 === 30) await expectTyped(db.compact());
    if (round % 9 === 8) env.clock.advance(1000);
    if (round % 11 === 10) await expectTyped(db.sync());
  }
  await expectTyped(db.close());
  state.armed = false;
  const reopened = await openIn(testEnv(system.inner), options);
  ledger.check(reopened);
  await reopened.put("and", "on");
  await reopened.delete("and");
  await reopened.compact();
  expect((await reopened.verify()).findings).toEqual([]);
  await reopened.close();
  const again = await openIn(testEnv(system.inner), options);
  ledger.check(again);
  await again.close();
  return state.count;
}

describe("an I/O error", () => {
  for (const [name, options] of [
    ["sync interval", TINY],
    ["sync commit", { ...TINY, sync: "commit" }],
  ] as const) {
    for (const lasting of [false, true]) {
      test(`${name}: ${lasting ? "from any change on" : "at any single change"}, loses nothing acknowledged`, async () => {
        const total = await run(Number.POSITIVE_INFINITY, lasting, CHANGES, options);
        expect(total).toBeGreaterThan(100);
        for (let n = total % step; n < total; n += step) await run(n, lasting, CHANGES, options);
      }, 120_000);
    }
  }

  test("while tables are opened or read is an error, never a wrong or missing answer", async () => {
    const options = { ...TINY, blockCacheSize: 0 };
    const operations: readonly Operation[] = ["read", "open"];
    const { system, state } = failing(Number.POSITIVE_INFINITY, false, operations);
    const ledger = new Ledger(12);
    const db = await openIn(testEnv(system), options);
    for (let i = 0; i < 50; i++) await ledger.commit(db);
    await db.compact();
    state.armed = true;
    const reads = (): void => void ledger.check(db);
    reads();
    const total = state.count;
    expect(total).toBeGreaterThan(10);
    let failures = 0;
    for (let n = 0; n < total; n++) {
      state.count = 0;
      system.hook = (operation, path) => {
        if (!operations.includes(operation) || state.count++ !== n) return;
        throw ioFailure(operation, path, "EIO");
      };
      const code = await codeOf(reads);
      expect([undefined, "ERR_IO"]).toContain(code as undefined);
      if (code !== undefined) failures++;
    }
    expect(failures).toBeGreaterThan(total / 2);
    system.hook = () => undefined;
    reads();
    await db.close();
  });

  test("at any read of an opening fails it as a whole, and the next one succeeds", async () => {
    const files = new MemoryFileSystem();
    const ledger = new Ledger(13);
    const first = await openIn(testEnv(files), TINY);
    for (let i = 0; i < 40; i++) {
      await ledger.commit(first);
      if (i === 20) await first.flush();
    }
    await first.close();
    for (let n = 0; ; n++) {
      const system = new FaultyFileSystem(files);
      let count = 0;
      system.hook = (operation, path) => {
        if (count++ === n) throw ioFailure(operation, path, "EIO");
      };
      const error = await errorOf(async () => {
        const db = await openIn(testEnv(system), TINY);
        try {
          ledger.check(db);
        } finally {
          system.hook = () => undefined;
          await db.close();
        }
      });
      if (error !== undefined) expect(error.code).toBe("ERR_IO");
      const db = await openIn(testEnv(files), TINY);
      ledger.check(db);
      await db.close();
      if (count <= n) break;
    }
  });

  // The failed sync was forgotten, the retry found nothing to sync, and the log was removed.
  test("of a value-log sync keeps the log: a later flush does not claim what the disk has lost", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const env = testEnv(system);
    const db = await openIn(env, { ...TINY, valueThreshold: 10, sync: "never" });
    await db.put("key", "x".repeat(300));
    system.hook = (operation, path) => {
      if (operation === "sync" && path.endsWith(".vlog")) throw ioFailure(operation, path, "EIO");
    };
    expect(await codeOf(db.flush())).toBe("ERR_IO");
    system.hook = () => undefined;
    expect(await codeOf(db.flush())).toBe("ERR_IO");
    expect(db.tables()).toEqual([]);
    expect(db.get("key")?.length).toBe(300);
    await db.close();
    const again = await openIn(testEnv(system.inner));
    expect(again.get("key")?.length).toBe(300);
    await again.close();
  });

  // The manifest named the new table, opening it failed, and the retry named a second one over the same keys.
  test("at the opening of a new table leaves the manifest without it", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const db = await openIn(testEnv(system), TINY);
    for (let i = 0; i < 3; i++) {
      await db.put("key", `value ${i}`);
      await db.flush();
    }
    const before = db.tables().map(({ file }) => file);
    system.hook = (operation, path) => {
      if (operation === "open" && path.endsWith(".sst")) throw ioFailure(operation, path, "EMFILE");
    };
    expect(await codeOf(db.compact())).toBe("ERR_IO");
    expect(db.tables().map(({ file }) => file)).toEqual(before);
    system.hook = () => undefined;
    await db.compact();
    await db.close();
    const again = await openIn(testEnv(system.inner));
    expect(again.tables().length).toBe(1);
    expect((await again.verify()).findings).toEqual([]);
    expect(again.count()).toBe(1);
    await again.close();
  });

  // A commit that found no room had the group before it written. That failed; the commit went on, into a new
  // log, and was acknowledged, although nobody knew what the disk had of what came before.
  test.each(["write", "sync"] as const)(
    "of a %s that a commit needs to get room refuses that commit, too",
    async (broken) => {
      const system = new FaultyFileSystem(new MemoryFileSystem());
      const options: OpenOptions = { ...TINY, valueThreshold: 32_768, sync: "commit" };
      const db = await openIn(testEnv(system), options);
      await db.put("before", "x");
      system.hook = (operation, path) => {
        if (operation !== broken || !path.endsWith(".mem")) return;
        system.hook = () => undefined;
        throw ioFailure(operation, path, "EIO");
      };
      const value = "v".repeat(30_000);
      const codes = await Promise.all(
        ["a", "b", "c"].map((key) => codeOf(() => db.put(key, value))),
      );
      expect(codes).toEqual(["ERR_IO", "ERR_IO", "ERR_READ_ONLY"]);
      expect(db.count()).toBe(1);
      expect(system.list(DIRECTORY).filter((name) => name.endsWith(".mem"))).toEqual(["00001.mem"]);
      await db.close();
    },
  );

  // An interval sync looked up the logs, waited for the value log, and found the oldest one closed.
  test("does not appear when a log is flushed away during a sync", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const db = await openIn(testEnv(system), { valueThreshold: 10 });
    await db.put("key", "x".repeat(300));
    const gates: (() => void)[] = [];
    system.slowSync = () => new Promise((resolve) => gates.push(resolve));
    const flushing = db.flush();
    const syncing = db.sync();
    for (let turn = 0; turn < 20; turn++) {
      await new Promise<void>((resume) => setImmediate(resume));
      gates.shift()?.();
    }
    expect(await codeOf(soon(flushing))).toBeUndefined();
    expect(await codeOf(soon(syncing))).toBeUndefined();
    system.slowSync = undefined;
    expect(await codeOf(db.put("next", "x"))).toBeUndefined();
    await db.close();
  });
});
