import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toText } from "../../src/base/bytes.ts";
import { IoError } from "../../src/base/errors.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { META_POINTER } from "../../src/format/stored-value.ts";
import { open } from "../../src/index.ts";
import { codeOf } from "../database/outcomes.ts";
import { disposeFixture, FIXTURES, unpackFixture } from "../fixtures/unpack.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { openIn, openPath, testEnv, TINY } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";
import { backupBytes, Collected, decodeAll, entryLines } from "./streams.ts";

const folder = mkdtempSync(join(tmpdir(), "meles-backup-"));
const unpacked: string[] = [];
afterAll(() => {
  rmSync(folder, { recursive: true });
  unpacked.forEach(disposeFixture);
});

function fixture(name: string): string {
  const path = unpackFixture(name);
  unpacked.push(path);
  return path;
}

function badgerBackup(name: string): Uint8Array {
  const bytes = new Uint8Array(readFileSync(join(FIXTURES, name)));
  return name.endsWith(".gz") ? Bun.gunzipSync(bytes) : bytes;
}

describe("what a backup holds", () => {
  // Badger reads key ranges side by side, so only its order of keys is not ours.
  test.each([
    [0, "full"],
    [1, "since1"],
    [2, "since2"],
    [4, "since4"],
    [5, "since5"],
    [6, "since6"],
  ])("since %d is what Badger wrote in %s.bak of the same directory", async (since, name) => {
    await using db = await openPath(fixture("case-bk"), { readOnly: true });
    const ours = entryLines(await backupBytes(db, since));
    const badgers = entryLines(badgerBackup(`backup-since/${name}.bak`));
    expect(ours.toSorted()).toEqual(badgers.toSorted());
    expect(ours.length).toBe([6, 5, 4, 0, 1, 0, 0][since] as number);
  });

  test("of 4,000 nasty keys is what Badger wrote", async () => {
    await using db = await openPath(fixture("mixed-none-versions"), { readOnly: true });
    const ours = entryLines(await backupBytes(db));
    expect(ours.length).toBe(6497);
    const badgers = entryLines(badgerBackup("mixed-none-versions.bak.gz"));
    expect(ours.toSorted()).toEqual(badgers.toSorted());
  });

  test("leaves out the engine's own keys", async () => {
    await using db = await openPath(fixture("case-ban"), { readOnly: true });
    const keys = decodeAll(await backupBytes(db)).map(({ key }) => toText(key));
    expect(keys.filter((key) => key.startsWith("!badger!"))).toEqual([]);
    expect(keys.length).toBeGreaterThan(0);
  });

  test("ends a key at its deletion, its expiry, or where it discards what is older", async () => {
    const env = testEnv();
    await using db = await openIn(env, { versionsToKeep: 10 });
    await db.put("deleted", "1");
    await db.delete("deleted");
    await db.put("again", "1");
    await db.delete("again");
    await db.put("again", "2", { userMeta: 9 });
    await db.put("expired", "1");
    await db.put("expired", "2", { ttl: 10, userMeta: 3 });
    await db.put("discards", "1");
    await db.put("discards", "2", { discardEarlierVersions: true });
    await db.put("plain", "1");
    await db.put("plain", "2");
    env.clock.advance(11_000);
    const expiresAt = Math.floor(env.clock.nowMs() / 1000) - 1;
    expect(entryLines(await backupBytes(db))).toEqual([
      'again@5 "2" user 9 expires 0 meta 0',
      'again@4 "" user 0 expires 0 meta 1',
      'deleted@2 "" user 0 expires 0 meta 1',
      'discards@9 "2" user 0 expires 0 meta 4',
      'discards@8 "" user - expires 0 meta 1',
      `expired@7 "" user 3 expires ${expiresAt} meta 0`,
      'plain@11 "2" user 0 expires 0 meta 0',
      'plain@10 "1" user 0 expires 0 meta 0',
    ]);
  });

  test("is complete for long values, whose pointers stay behind", async () => {
    await using db = await openIn(testEnv(), TINY);
    const value = "v".repeat(3000);
    for (let i = 0; i < 300; i++) await db.put(`key-${i}`, `${i}${value}`);
    await db.flush();
    const entries = decodeAll(await backupBytes(db));
    expect(entries.length).toBe(300);
    for (const { key, value: stored, meta } of entries) {
      expect(toText(stored)).toBe(toText(key).slice(4) + value);
      // Badger's StreamWriter ends its process when it meets the bit on an inline value.
      expect(meta & META_POINTER).toBe(0);
    }
  });

  test("is one snapshot, whatever is written, compacted and collected meanwhile", async () => {
    await using db = await openIn(testEnv(), { ...TINY, versionsToKeep: 3 });
    const value = "v".repeat(1000);
    for (let i = 0; i < 3000; i++) await db.put(`key-${i}`, value);
    const before = db.stats().version;
    const collected = new Collected();
    const writer = collected.stream.getWriter();
    let chunks = 0;
    const slow = new WritableStream<Uint8Array>({
      async write(chunk) {
        chunks++;
        for (let i = 0; i < 3000; i += 100) await db.put(`key-${i}`, "new");
        await db.compact();
        await writer.write(chunk);
      },
    });
    expect(await db.backup(slow)).toEqual({ version: before });
    expect(chunks).toBeGreaterThan(2);
    const entries = decodeAll(collected.bytes);
    expect(entries.length).toBe(3000);
    for (const entry of entries) expect(toText(entry.value)).toBe(value);
    expect(db.snapshots()).toEqual([]);
  });

  test("continues from what the last one returned", async () => {
    await using db = await openIn(testEnv());
    expect(await db.backup(new Collected().stream)).toEqual({ version: 0 });
    await db.put("a", "1");
    await db.put("b", "1");
    const first = await db.backup(new Collected().stream);
    expect(first).toEqual({ version: 2 });
    const nothing = new Collected();
    expect(await db.backup(nothing.stream, { since: first.version })).toEqual({ version: 2 });
    expect(nothing.bytes.length).toBe(0);
    await db.delete("a");
    const next = await backupBytes(db, first.version);
    expect(entryLines(next)).toEqual(['a@3 "" user 0 expires 0 meta 1']);
  });
});

describe("where a backup goes", () => {
  test("a path gets the file when it is whole and synced", async () => {
    const files = new FaultyFileSystem(new MemoryFileSystem());
    files.makeDirectory("/out");
    await using db = await openIn(testEnv(files));
    await db.put("a", "1");
    const steps: string[] = [];
    files.hook = (operation, path) => {
      if (path.startsWith("/out")) steps.push(`${operation} ${path}`);
    };
    await db.backup("/out/a.bak");
    expect(steps).toEqual([
      "create /out/a.bak.partial",
      "write /out/a.bak.partial",
      "sync /out/a.bak.partial",
      "rename /out/a.bak.partial",
      "sync directory /out",
    ]);
    expect(files.list("/out")).toEqual(["a.bak"]);
    expect(files.readFile("/out/a.bak")).toEqual(await backupBytes(db));
  });

  test.each(["write", "sync", "rename", "create"])(
    "a failed %s leaves an earlier backup as it was",
    async (step) => {
      const files = new FaultyFileSystem(new MemoryFileSystem());
      files.makeDirectory("/out");
      await using db = await openIn(testEnv(files));
      await db.put("a", "1");
      await db.backup("/out/a.bak");
      const earlier = files.readFile("/out/a.bak");
      await db.put("b", "2");
      files.hook = (operation, path) => {
        if (operation === step && path.startsWith("/out")) throw ioFailure(step, path, "ENOSPC");
      };
      const failure = await db.backup("/out/a.bak").catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(IoError);
      expect(failure).toMatchObject({ code: "ERR_DISK_FULL" });
      files.hook = () => undefined;
      expect(files.list("/out")).toEqual(["a.bak"]);
      expect(files.readFile("/out/a.bak")).toEqual(earlier as Uint8Array);
      expect(db.snapshots()).toEqual([]);
      await db.backup("/out/a.bak");
    },
  );

  test("a database in memory goes to a real file, by path or Bun.file, and comes back", async () => {
    await using db = await open(":memory:");
    await db.put("a", "1");
    await db.put("b", "x".repeat(5000));
    await db.backup(join(folder, "path.bak"));
    await db.backup(Bun.file(join(folder, "bun.bak")));
    const bytes = await backupBytes(db);
    for (const name of ["path.bak", "bun.bak"]) {
      expect(new Uint8Array(readFileSync(join(folder, name)))).toEqual(bytes);
      await using copy = await open(":memory:");
      expect(await copy.restore(Bun.file(join(folder, name)))).toEqual({ version: 2, entries: 2 });
      expect(await copy.restore(join(folder, name))).toEqual({ version: 2, entries: 2 });
      expect(await copy.restore(new Blob([bytes]))).toEqual({ version: 2, entries: 2 });
      expect(await backupBytes(copy)).toEqual(bytes);
    }
    expect(readdirSync(folder).toSorted()).toEqual(["bun.bak", "path.bak"]);
  });

  test("a stream gets one chunk after the other, and is closed", async () => {
    await using db = await openIn(testEnv());
    for (let i = 0; i < 40; i++) await db.put(`key-${i}`, new Uint8Array(100_000).fill(i));
    let writing = 0;
    let mostAtOnce = 0;
    const chunks: Uint8Array[] = [];
    let closed = false;
    const progress: number[] = [];
    const slow = new WritableStream<Uint8Array>({
      async write(chunk) {
        mostAtOnce = Math.max(mostAtOnce, ++writing);
        await settle(2);
        writing--;
        chunks.push(chunk);
      },
      close: () => void (closed = true),
    });
    await db.backup(slow, { onProgress: ({ bytes, entries }) => progress.push(bytes, entries) });
    expect(closed).toBe(true);
    expect(mostAtOnce).toBe(1);
    expect(chunks.length).toBeGreaterThan(2);
    const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    expect(progress.slice(-2)).toEqual([total, 40]);
    // Chunks are the receiver's to keep: a later one has not overwritten them.
    expect(decodeAll(Buffer.concat(chunks)).map(({ value }) => value[0])).toEqual(
      decodeAll(await backupBytes(db)).map(({ value }) => value[0]),
    );
  });

  test("what the stream fails with is what backup() rejects with", async () => {
    await using db = await openIn(testEnv());
    await db.put("a", "1");
    const failure = new Error("the tape is torn");
    const broken = new WritableStream<Uint8Array>({ write: () => Promise.reject(failure) });
    expect(await db.backup(broken).catch((error: unknown) => error)).toBe(failure);
    expect(db.snapshots()).toEqual([]);
  });

  test("refuses what is no place for a backup", async () => {
    const files = new MemoryFileSystem();
    files.makeDirectory("/out");
    await using db = await openIn(testEnv(files));
    for (const sink of ["", "/out", 7, undefined, new Blob(["x"])]) {
      expect(await codeOf(db.backup(sink as string))).toBe("ERR_INVALID_ARGUMENT");
    }
    expect(await codeOf(db.backup("/missing/a.bak"))).toBe("ERR_IO");
    for (const since of [-1, 1.5, Number.NaN]) {
      expect(await codeOf(db.backup("/out/a.bak", { since }))).toBe("ERR_INVALID_ARGUMENT");
    }
    expect(files.list("/out")).toEqual([]);
  });
});

describe("a backup that is stopped", () => {
  /** A stream whose reader has fallen asleep. */
  function stuckStream(): { stream: WritableStream<Uint8Array>; reason: () => unknown } {
    let reason: unknown;
    const stream = new WritableStream<Uint8Array>({
      write: () => new Promise<void>(() => undefined),
      abort: (given) => void (reason = given),
    });
    return { stream, reason: () => reason };
  }

  test("by its signal ends with ERR_ABORTED and leaves no file", async () => {
    const files = new MemoryFileSystem();
    files.makeDirectory("/out");
    await using db = await openIn(testEnv(files));
    for (let i = 0; i < 40; i++) await db.put(`key-${i}`, new Uint8Array(100_000));
    const stop = new AbortController();
    const backup = db.backup("/out/a.bak", {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    expect(await codeOf(backup)).toBe("ERR_ABORTED");
    expect(await codeOf(db.backup("/out/a.bak", { signal: stop.signal }))).toBe("ERR_ABORTED");
    expect(files.list("/out")).toEqual([]);
    expect(db.snapshots()).toEqual([]);
  });

  test("does not wait for a stream that takes nothing", async () => {
    await using db = await openIn(testEnv());
    await db.put("a", "1");
    const stop = new AbortController();
    const { stream } = stuckStream();
    const backup = codeOf(db.backup(stream, { signal: stop.signal }));
    await settle();
    expect(db.snapshots().map(({ kind }) => kind)).toEqual(["stream"]);
    stop.abort();
    expect(await backup).toBe("ERR_ABORTED");
    expect(db.snapshots()).toEqual([]);
  });

  test("by close() ends with ERR_CLOSED", async () => {
    const db = await openIn(testEnv());
    await db.put("a", "1");
    const backup = codeOf(db.backup(stuckStream().stream));
    await settle();
    await db.close();
    expect(await backup).toBe("ERR_CLOSED");
    expect(await codeOf(db.backup(new Collected().stream))).toBe("ERR_CLOSED");
  });
});
