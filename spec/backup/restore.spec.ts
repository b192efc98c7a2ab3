import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, toText } from "../../src/base/bytes.ts";
import type { Database } from "../../src/database/contract.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { codeOf, errorOf, soon } from "../database/outcomes.ts";
import { entryText, expectedText, readExpectations } from "../database/badger-expectations.ts";
import { FIXTURES } from "../fixtures/unpack.ts";
import { Seeded, SEED } from "../format/seeded.ts";
import { copyToMemory } from "../suites/copy-file-system.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";
import { backupBytes, decodeAll, entryLines, frameOf, streamOf } from "./streams.ts";

const KEEP_ALL = { versionsToKeep: Number.MAX_SAFE_INTEGER };

function lines(db: Database): string[] {
  return db
    .scan({ allVersions: true })
    .toArray()
    .map(({ key, version, deleted, value, userMeta, expiresAt }) => {
      const shown = deleted ? "deleted" : value.length > 60 ? Bun.hash(value) : toText(value);
      return `${toText(key)}@${version} ${shown} ${userMeta} ${expiresAt}`;
    });
}

/** A source that brings `first` and then nothing, nor its end. */
function stuckAfter(first: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(first) });
}

describe("a restore", () => {
  test("of Badger's backup gives what Badger reads in the original", async () => {
    const bytes = Bun.gunzipSync(readFileSync(join(FIXTURES, "mixed-none-versions.bak.gz")));
    const env = testEnv();
    const db = await openIn(env, { ...TINY, ...KEEP_ALL });
    expect(await db.restore(streamOf(bytes, 10_000))).toEqual({ version: 387, entries: 6497 });
    const live = readExpectations("mixed-none-versions.live").map(expectedText);
    expect(db.stats().version).toBe(387);
    expect(db.scan().toArray().map(entryText)).toEqual(live);
    expect(entryLines(await backupBytes(db)).toSorted()).toEqual(entryLines(bytes).toSorted());
    for (const entry of db.scan()) expect(db.getEntry(entry.key)?.version).toBe(entry.version);
    await db.compact();
    expect(db.scan().toArray().map(entryText)).toEqual(live);
    await db.close();
    await using again = await openIn(env, TINY);
    expect(again.scan().toArray().map(entryText)).toEqual(live);
    expect((await again.verify()).findings).toEqual([]);
    expect(await again.put("next", "")).toBe(388);
  });

  test("keeps versions, user bytes, expiry, deletions, discards and merge entries", async () => {
    const bytes = frameOf(
      { text: "a", version: 9, userMeta: 200, meta: 8 },
      { text: "a", version: 7, expiresAt: 4102444800 },
      { text: "a", version: 3, meta: 4, userMeta: 1 },
      { text: "a", version: 2, meta: 1, userMeta: undefined },
      { text: "b", version: 5, meta: 1 },
      { text: "c", version: 1, meta: 4 },
      { text: "c", version: 0, meta: 1, userMeta: undefined },
    );
    await using db = await openIn(testEnv(), KEEP_ALL);
    expect(await db.restore(streamOf(bytes))).toEqual({ version: 9, entries: 7 });
    expect(lines(db)).toEqual([
      "a@9 v 200 0",
      "a@7 v 0 4102444800",
      "a@3 v 1 0",
      "a@2 deleted 0 0",
      "b@5 deleted 0 0",
      "c@1 v 0 0",
      "c@0 deleted 0 0",
    ]);
    const [first, , third] = decodeAll(await backupBytes(db));
    expect([first?.meta, third?.meta]).toEqual([8, 4]);
  });

  test("decides by itself which values go to the value log", async () => {
    const bytes = frameOf(
      { text: "short", meta: 2 },
      { text: "long", value: new Uint8Array(900).fill(0x61), meta: 0x40 },
    );
    await using db = await openIn(testEnv(), { valueThreshold: 500 });
    await db.restore(streamOf(bytes));
    expect(toText(db.get("short") as Uint8Array)).toBe("v");
    expect(db.get("long")?.length).toBe(900);
    expect(db.stats().bytesWrittenValueLog).toBeGreaterThan(900);
    expect(db.stats().bytesWrittenValueLog).toBeLessThan(1000);
  });

  test("leaves out what is no entry of a user", async () => {
    const bytes = frameOf(
      { text: "a" },
      { text: "", streamDone: true, version: 0, streamId: 3 },
      { text: "!badger!banned12345678" },
      { text: "b", version: 2 },
    );
    await using db = await openIn(testEnv());
    expect(await db.restore(streamOf(bytes))).toEqual({ version: 2, entries: 2 });
    expect(lines(db)).toEqual(["a@1 v 0 0", "b@2 v 0 0"]);
  });

  test("of nothing restores nothing", async () => {
    await using db = await openIn(testEnv());
    expect(await db.restore(streamOf(new Uint8Array(0)))).toEqual({ version: 0, entries: 0 });
    expect(await db.restore(streamOf(new Uint8Array(16)))).toEqual({ version: 0, entries: 0 });
    expect(await db.put("a", "")).toBe(1);
  });

  test("reports its progress", async () => {
    const bytes = concatBytes(frameOf({ text: "a" }), frameOf({ text: "b" }));
    const seen: unknown[] = [];
    await using db = await openIn(testEnv());
    await db.restore(new Blob([bytes]), { onProgress: (done) => seen.push(done) });
    const totalBytes = bytes.length;
    expect(seen).toEqual([
      { bytes: totalBytes / 2, totalBytes, entries: 1 },
      { bytes: totalBytes, totalBytes, entries: 2 },
    ]);
  });
});

describe("a restore into a database that holds entries", () => {
  test("adds older and newer versions and replaces equal ones", async () => {
    const env = testEnv();
    const db = await openIn(env, KEEP_ALL);
    for (let i = 1; i <= 6; i++) await db.put(i % 2 === 0 ? "even" : "odd", `own ${i}`);
    await db.flush();
    const bytes = frameOf(
      { text: "even", version: 4 },
      { text: "even", version: 3 },
      { text: "odd", version: 20 },
      { text: "other", version: 2 },
    );
    await db.restore(streamOf(bytes));
    const expected = [
      "even@6 own 6 0 0",
      "even@4 v 0 0",
      "even@3 v 0 0",
      "even@2 own 2 0 0",
      "odd@20 v 0 0",
      "odd@5 own 5 0 0",
      "odd@3 own 3 0 0",
      "odd@1 own 1 0 0",
      "other@2 v 0 0",
    ];
    expect(lines(db)).toEqual(expected);
    expect(toText(db.get("even") as Uint8Array)).toBe("own 6");
    await db.flush();
    expect(lines(db)).toEqual(expected);
    expect(toText(db.get("even") as Uint8Array)).toBe("own 6");
    await db.compact();
    expect(lines(db)).toEqual(expected);
    expect(await db.put("even", "newest")).toBe(21);
    expect(toText(db.get("even") as Uint8Array)).toBe("newest");
    await db.close();
    await using again = await openIn(env, KEEP_ALL);
    expect(lines(again)).toEqual(["even@21 newest 0 0", ...expected]);
  });

  test("lets readers see newer versions all at once, at the end", async () => {
    await using db = await openIn(testEnv());
    await db.put("own", "1");
    let send: (chunk: Uint8Array | undefined) => void = () => undefined;
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => {
        send = (chunk) => (chunk === undefined ? controller.close() : controller.enqueue(chunk));
      },
    });
    const restore = db.restore(source);
    const before = db.begin({ readOnly: true });
    send(frameOf({ text: "a", version: 10 }));
    await settle(20);
    expect(db.get("a")).toBeUndefined();
    send(frameOf({ text: "b", version: 9 }));
    send(undefined);
    await restore;
    expect([db.has("a"), db.has("b")]).toEqual([true, true]);
    expect([before.has("a"), before.has("b"), before.has("own")]).toEqual([false, false, true]);
    before.discard();
  });

  // A put in the middle would take a version that the backup is about to bring, and lose against it.
  test("makes other writers wait, and loses none of them", async () => {
    await using db = await openIn(testEnv());
    let send: (chunk: Uint8Array | undefined) => void = () => undefined;
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => {
        send = (chunk) => (chunk === undefined ? controller.close() : controller.enqueue(chunk));
      },
    });
    const restore = db.restore(source);
    await settle();
    const written: string[] = [];
    const put = db.put("a", "own").then((version) => written.push(`put ${version}`));
    const update = db.update((transaction) => transaction.put("b", "own"));
    const batch = db.batch();
    const bulk = Promise.resolve(batch.put("c", "own")).then(() => batch.flush());
    const second = db.restore(streamOf(frameOf({ text: "d", version: 40 })));
    send(frameOf({ text: "a", version: 3 }, { text: "b", version: 30 }, { text: "c", version: 4 }));
    await settle(20);
    expect(written).toEqual([]);
    send(undefined);
    await soon(Promise.all([restore, put, update, bulk, second]));
    // 31 says to the transaction of update() that everything may have changed.
    expect(written).toEqual(["put 32"]);
    for (const key of ["a", "b", "c"]) expect(toText(db.get(key) as Uint8Array)).toBe("own");
    expect(db.get("d")).toBeDefined();
    expect(await db.put("e", "")).toBeGreaterThan(40);
  });

  test("conflicts with transactions that have read before it was done", async () => {
    await using db = await openIn(testEnv());
    await db.put("a", "1");
    const reader = db.begin();
    reader.get("missing");
    reader.put("b", "because it was missing");
    const blind = db.begin();
    blind.put("c", "whatever there is");
    await db.restore(streamOf(frameOf({ text: "missing", version: 1 })));
    expect(await codeOf(reader.commit())).toBe("ERR_CONFLICT");
    expect(await codeOf(blind.commit())).toBeUndefined();
  });

  test("ends time travel to what came before: nobody knows what the backup left out", async () => {
    const env = testEnv();
    const db = await openIn(env, KEEP_ALL);
    await db.restore(streamOf(frameOf({ text: "a", version: 8 }, { text: "a", version: 3 })));
    expect(await codeOf(() => db.begin({ at: 5 }))).toBe("ERR_VERSION_GONE");
    const version = await db.put("a", "own");
    await db.put("a", "later");
    expect(toText(db.begin({ at: version }).get("a") as Uint8Array)).toBe("own");
    await db.close();
    await using again = await openIn(env, KEEP_ALL);
    expect(await codeOf(() => again.begin({ at: 5 }))).toBe("ERR_VERSION_GONE");
  });
});

describe("a restore that fails", () => {
  test("at damage keeps what came before it, and says so with the offset", async () => {
    const good = frameOf({ text: "a" }, { text: "b", version: 2 });
    const bytes = concatBytes(good, good.subarray(0, good.length - 3));
    await using db = await openIn(testEnv());
    const error = await errorOf(db.restore(streamOf(bytes, 5)));
    expect(error).toMatchObject({ code: "ERR_CORRUPTION", offset: bytes.length });
    expect(error?.message).toContain("(the 3 entries before that are restored and stay)");
    expect(lines(db)).toEqual(["a@1 v 0 0", "b@2 v 0 0"]);
    expect(await db.put("c", "")).toBe(3);
  });

  test.each([
    ["an empty key", frameOf({ text: "a" }, { text: "" }, { text: "b" }), "ERR_CORRUPTION"],
    [
      "a key too long",
      frameOf({ text: "a" }, { text: "k".repeat(65_001) }, { text: "b" }),
      "ERR_CORRUPTION",
    ],
    [
      "a version beyond all",
      frameOf({ text: "a" }, { text: "c", version: Number.MAX_SAFE_INTEGER }, { text: "b" }),
      "ERR_UNSUPPORTED_FORMAT",
    ],
    [
      "a value too large",
      frameOf({ text: "a" }, { text: "c", value: new Uint8Array((1 << 20) + 1) }, { text: "b" }),
      "ERR_VALUE_TOO_LARGE",
    ],
  ] as const)("at %s keeps what came before it", async (_, bytes, code) => {
    await using db = await openIn(testEnv(), { valueLogFileSize: 1 << 20 });
    const error = await errorOf(db.restore(streamOf(bytes)));
    expect(error?.code).toBe(code);
    expect(error?.message).toContain("the entry before that");
    expect(lines(db)).toEqual(["a@1 v 0 0"]);
    expect(await db.put("d", "")).toBe(2);
  });

  test("on a full disk can be repeated once there is room", async () => {
    const files = new FaultyFileSystem(new MemoryFileSystem());
    const env = testEnv(files);
    const db = await openIn(env, TINY);
    const bytes = concatBytes(
      ...Array.from({ length: 300 }, (_, i) =>
        frameOf({ text: `key-${i}`, version: 300 - i, value: new Uint8Array(3000).fill(i) }),
      ),
    );
    let writes = 0;
    files.hook = (operation, path) => {
      if (operation === "write" && ++writes > 12) throw ioFailure(operation, path, "ENOSPC");
    };
    expect(await codeOf(soon(db.restore(streamOf(bytes, 20_000))))).toBe("ERR_DISK_FULL");
    files.hook = () => undefined;
    const own = await db.put("own", "1");
    expect(own).toBeGreaterThan(1);
    expect(await soon(db.restore(streamOf(bytes)))).toEqual({ version: 300, entries: 300 });
    expect(db.count()).toBe(301);
    await db.close();
    await using again = await openIn(testEnv(files.inner));
    expect(again.count()).toBe(301);
    expect((await again.verify()).findings).toEqual([]);
  });

  test("by a kill leaves whole entries", async () => {
    const files = new MemoryFileSystem();
    const db = await openIn(testEnv(files), TINY);
    const source = stuckAfter(
      frameOf({ text: "a", version: 5, value: new Uint8Array(1000) }, { text: "b", version: 4 }),
    );
    const restore = codeOf(db.restore(source));
    await settle(20);
    await using survivor = await openIn(testEnv(copyToMemory(files, DIRECTORY)), TINY);
    expect([survivor.get("a")?.length, survivor.get("b")?.length]).toEqual([1000, 1]);
    expect(await survivor.put("a", "")).toBe(6);
    await db.close();
    expect(await restore).toBe("ERR_CLOSED");
  });

  test("because its source does, or is stopped, lets the others go on", async () => {
    await using db = await openIn(testEnv());
    const failure = new Error("the tape is torn");
    const torn = new ReadableStream<Uint8Array>({
      pull: () => Promise.reject(failure),
    });
    expect(await db.restore(torn).catch((error: unknown) => error)).toBe(failure);
    const stop = new AbortController();
    const stuck = db.restore(stuckAfter(frameOf({ text: "a" })), { signal: stop.signal });
    const put = db.put("b", "");
    await settle(20);
    stop.abort();
    const error = await errorOf(soon(stuck));
    expect(error?.code).toBe("ERR_ABORTED");
    expect(await soon(put)).toBe(2);
    expect(lines(db)).toEqual(["a@1 v 0 0", "b@2  0 0"]);
  });

  test("by close() fails those that wait with it", async () => {
    const db = await openIn(testEnv());
    const stuck = codeOf(db.restore(stuckAfter(frameOf({ text: "a" }))));
    await settle();
    const waiting = codeOf(db.put("b", ""));
    await soon(db.close());
    expect(await stuck).toBe("ERR_CLOSED");
    expect([undefined, "ERR_CLOSED"]).toContain(await waiting);
  });

  test("is refused where there is nothing to read, or nothing may be written", async () => {
    const files = new MemoryFileSystem();
    files.makeDirectory("/in");
    const db = await openIn(testEnv(files));
    for (const source of ["", "/in", 7, undefined]) {
      expect(await codeOf(db.restore(source as string))).toBe("ERR_INVALID_ARGUMENT");
    }
    expect(await codeOf(db.restore("/in/missing.bak"))).toBe("ERR_IO");
    const text = new ReadableStream({ start: (controller) => controller.enqueue("text") });
    expect(await codeOf(db.restore(text))).toBe("ERR_INVALID_ARGUMENT");
    await db.close();
    await using reader = await openIn(testEnv(files), { readOnly: true });
    expect(await codeOf(reader.restore(streamOf(frameOf({ text: "a" }))))).toBe("ERR_READ_ONLY");
  });
});

describe("a chain of incremental backups", () => {
  test(`brings back every state it was made of (seed ${SEED})`, async () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 6; round++) {
      // Compactions drop deletions that hide nothing any more; backups made later do not hold them.
      const versionsToKeep = [1, 3, 1000][random.below(3)] as number;
      await using source = await openIn(testEnv(), { versionsToKeep });
      await using copy = await openIn(testEnv(), { ...TINY, ...KEEP_ALL });
      let since = 0;
      for (let link = 0; link < 5; link++) {
        for (let i = 0; i < 120; i++) {
          const key = `key-${random.below(60)}`;
          if (random.below(5) === 0) await source.delete(key);
          else {
            const value = random.bytes(random.below(random.below(4) === 0 ? 900 : 20));
            const discardEarlierVersions = random.below(8) === 0;
            await source.put(key, value, { userMeta: random.below(256), discardEarlierVersions });
          }
        }
        const bytes = await backupBytes(source, since);
        since = (await copy.restore(streamOf(bytes, 1 + random.below(5000)))).version;
        expect(since).toBe(source.stats().version);
        expect(copy.scan().toArray().map(entryText)).toEqual(
          source.scan().toArray().map(entryText),
        );
        for (let i = 0; i < 60; i++) {
          const key = `key-${i}`;
          expect(copy.getEntry(key)?.version).toBe(source.getEntry(key)?.version as number);
        }
        if (random.below(2) === 0) await copy.compact();
      }
    }
  });
});

test(`versions in any order, restored on top of each other, are what a map of them holds (seed ${SEED})`, async () => {
  const random = new Seeded(SEED);
  for (let round = 0; round < 8; round++) {
    const env = testEnv();
    let db = await openIn(env, { ...TINY, ...KEEP_ALL });
    const expected = new Map<string, string>();
    for (let batch = 0; batch < 6; batch++) {
      const entries = Array.from({ length: 150 }, () => {
        const text = `k${random.below(40)}`;
        const version = 1 + random.below(500);
        const value = random.bytes(random.below(random.below(5) === 0 ? 700 : 12));
        expected.set(`${text}@${version}`, value.toHex());
        return { text, version, value };
      });
      await db.restore(streamOf(frameOf(...entries), 1 + random.below(3000)));
      if (random.below(3) === 0) await db.flush();
      if (random.below(3) === 0) await db.compact();
      if (random.below(3) === 0) {
        await db.close();
        db = await openIn(env, { ...TINY, ...KEEP_ALL });
      }
      const found = new Map<string, string>();
      const newest = new Map<string, number>();
      for (const { key, version, value } of db.scan({ allVersions: true })) {
        const text = toText(key);
        found.set(`${text}@${version}`, value.toHex());
        newest.set(text, Math.max(newest.get(text) ?? 0, version));
      }
      expect(found).toEqual(expected);
      for (const [text, version] of newest) expect(db.getEntry(text)?.version).toBe(version);
    }
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
  }
});
