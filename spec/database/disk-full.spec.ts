/**
 * A full disk: typed errors, reads go on, writing resumes when space is back, nothing acknowledged is
 * lost. `MELES_FAULTS_ALL=1` fills the disk at every single write of the workload instead of a sample.
 */

import { describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import { MelesError } from "../../src/base/errors.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import type { OpenOptions } from "../../src/index.ts";
import { copyToMemory } from "../suites/copy-file-system.ts";
import {
  FaultyFileSystem,
  ioFailure,
  PartialWrite,
  type Operation,
} from "../suites/faulty-file-system.ts";
import { Ledger } from "../suites/ledger.ts";
import { DIRECTORY, openIn, testEnv, TINY, type TestEnv } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";
import { codeOf, errorOf, soon } from "./outcomes.ts";

const step = process.env["MELES_FAULTS_ALL"] === undefined ? 5 : 1;

/** A disk that is full from its n-th growing operation on, until it is emptied. */
class FullDisk {
  readonly system = new FaultyFileSystem(new MemoryFileSystem());
  readonly env: TestEnv = testEnv(this.system);
  readonly #random: SeededRandom;
  /** Growing operations left before the disk is full. */
  left = Number.POSITIVE_INFINITY;
  operations = 0;
  failures = 0;
  matches: (path: string) => boolean = () => true;

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
    this.system.hook = (operation, path) => this.#check(operation, path);
  }

  #check(operation: Operation, path: string): void {
    if (operation !== "write" && operation !== "create") return;
    if (!this.matches(path)) return;
    this.operations++;
    if (--this.left >= 0) return;
    this.failures++;
    const failure = ioFailure(operation, path, "ENOSPC");
    if (operation === "create") throw failure;
    const all = Number.MAX_SAFE_INTEGER;
    throw new PartialWrite(this.#random.below(4) === 0 ? all : this.#random.below(40), failure);
  }

  empty(): void {
    this.left = Number.POSITIVE_INFINITY;
  }
}

/** Every failure is a full disk, said as such. */
async function expectDiskFull(attempt: Promise<unknown>): Promise<boolean> {
  const error = await errorOf(soon(attempt));
  if (error !== undefined) expect(error.code).toBe("ERR_DISK_FULL");
  return error !== undefined;
}

describe("a full disk", () => {
  /** The workload; returns how many growing operations it took. */
  async function run(fullAfter: number, options: OpenOptions): Promise<number> {
    const disk = new FullDisk(fullAfter);
    const ledger = new Ledger(9);
    const db = await openIn(disk.env, options);
    disk.left = fullAfter;
    disk.operations = 0;
    let refusals = 0;
    for (let round = 0; ledger.acknowledged < 60; round++) {
      const refused = await expectDiskFull(ledger.commit(db));
      ledger.check(db, ledger.acknowledged, ledger.acknowledged);
      if (refused && ++refusals === 3) disk.empty();
      if (round % 14 === 13) await expectDiskFull(db.flush());
      if (round % 31 === 30) await expectDiskFull(db.compact());
    }
    // A copy of the full disk, as a kill would leave it.
    const copy = copyToMemory(disk.system.inner, DIRECTORY);
    disk.empty();
    disk.env.clock.advance(60_000);
    await soon(ledger.commit(db));
    await soon(db.flush());
    await soon(db.compact());
    expect((await db.verify()).findings).toEqual([]);
    await soon(db.close());
    const reopened = await openIn(testEnv(disk.system.inner), options);
    ledger.check(reopened, 61, 61);
    await reopened.close();
    const killed = await openIn(testEnv(copy), options);
    ledger.check(killed, 60, 60);
    await killed.close();
    return disk.operations;
  }

  for (const [name, options] of [
    ["plain", TINY],
    [
      "synced commits, authenticated",
      {
        ...TINY,
        sync: "commit",
        encryptionKey: new Uint8Array(32),
        authenticatedEncryption: true,
      },
    ],
    ["synced commits, encrypted", { ...TINY, sync: "commit", encryptionKey: new Uint8Array(16) }],
  ] as const) {
    test(`${name}: at any write, loses nothing acknowledged and is no lasting harm`, async () => {
      const total = await run(Number.POSITIVE_INFINITY, options);
      expect(total).toBeGreaterThan(80);
      for (let n = step === 1 ? 0 : total % step; n < total; n += step) await run(n, options);
    }, 120_000);
  }

  // A group of bulk writes that could not be written was forgotten, and flush() resolved all the same.
  test("fails the batch that has lost writes, at the latest at its flush", async () => {
    const disk = new FullDisk();
    const db = await openIn(disk.env);
    await db.put("before", "x");
    disk.left = 0;
    const batch = db.batch({ maxPendingBytes: 1000 });
    for (let i = 0; i < 100; i++) void batch.put(`key-${i}`, "v".repeat(50));
    disk.empty();
    expect(await codeOf(batch.flush())).toBe("ERR_DISK_FULL");
    expect(await codeOf(Promise.resolve(batch.put("one-more", "v")))).toBe("ERR_DISK_FULL");
    expect(db.count()).toBe(1);
    const next = db.batch();
    await next.put("key", "v");
    await next.flush();
    expect(db.count()).toBe(2);
    await db.close();
  });

  test("takes back all of a refused group, however much of it had been written", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const db = await openIn(testEnv(system));
    await db.put("a", "0");
    system.hook = (operation, path) => {
      if (operation !== "write" || !path.endsWith(".mem")) return;
      throw new PartialWrite(Number.MAX_SAFE_INTEGER, ioFailure(operation, path, "ENOSPC"));
    };
    const refused = [db.put("a", "1"), db.put("b", "1")];
    expect(await Promise.all(refused.map(codeOf))).toEqual(["ERR_DISK_FULL", "ERR_DISK_FULL"]);
    system.hook = () => undefined;
    // Exactly as long as the first of the two: the second would follow it as a whole record.
    await db.put("a", "2");
    const killed = await openIn(testEnv(copyToMemory(system.inner, DIRECTORY)));
    expect(
      killed
        .scan()
        .toArray()
        .map((entry) => entry.text()),
    ).toEqual(["2"]);
    await killed.close();
    await db.close();
  });

  test("fails a batch whose group another writer caused to be written", async () => {
    const disk = new FullDisk();
    const db = await openIn(disk.env);
    const batch = db.batch();
    void batch.put("bulk", "v");
    disk.left = 0;
    expect(await codeOf(db.put("single", "v"))).toBe("ERR_DISK_FULL");
    disk.empty();
    expect(await codeOf(batch.flush())).toBe("ERR_DISK_FULL");
    await db.close();
  });

  // It had its earlier writes written to get room. They were lost, and it was staged all the same: some later
  // commit took it along, so that a batch had lost its beginning and kept its end.
  test("keeps nothing of a batch behind the writes that it has lost", async () => {
    const disk = new FullDisk();
    const db = await openIn(disk.env, { ...TINY, valueThreshold: 32_768 });
    await db.put("before", "x");
    const batch = db.batch({ maxPendingBytes: 1 << 20 });
    disk.left = 0;
    const value = "v".repeat(30_000);
    const puts = ["a", "b", "c"].map((key) => batch.put(key, value));
    disk.empty();
    expect(await codeOf(Promise.all(puts))).toBe("ERR_DISK_FULL");
    expect(await codeOf(batch.flush())).toBe("ERR_DISK_FULL");
    await db.put("after", "x");
    expect(
      db
        .scan()
        .toArray()
        .map(({ key }) => toText(key)),
    ).toEqual(["after", "before"]);
    await db.close();
  });

  // Flushes failed in the background, commits waited for them, and close() waited for the commits.
  test("refuses commits instead of letting them wait for a flush that cannot succeed", async () => {
    const disk = new FullDisk();
    const db = await openIn(disk.env, TINY);
    const errors: unknown[] = [];
    db.on("error", (error) => errors.push(error));
    disk.matches = (path) => path.endsWith(".sst");
    disk.left = 0;
    let written = 0;
    const fill = async (): Promise<void> => {
      for (; written < 10_000; written++) await db.put(`key-${written}`, "v".repeat(150));
    };
    expect(await codeOf(soon(fill(), 100_000))).toBe("ERR_DISK_FULL");
    expect(written).toBeGreaterThan(500);
    expect(db.count()).toBe(written);
    expect(errors.length).toBeGreaterThan(0);
    expect(errors[0]).toBeInstanceOf(MelesError);
    // Two more attempts fail; the next one would be due four seconds later.
    for (const delayMs of [1000, 2000]) {
      disk.env.clock.advance(delayMs);
      await settle();
    }
    disk.empty();
    disk.env.clock.advance(1000);
    // Refused for the last time, and that somebody asked brings the next attempt forward.
    expect(await codeOf(db.put("refused", "v".repeat(150)))).toBe("ERR_DISK_FULL");
    await settle();
    for (let more = 0; more < 1000; more++) await soon(db.put(`more-${more}`, "v".repeat(150)));
    expect(db.count()).toBe(written + 1000);
    await soon(db.close());
  });

  test("close() gives up on a flush that cannot succeed, and the log keeps everything", async () => {
    const disk = new FullDisk();
    const db = await openIn(disk.env, TINY);
    await db.put("key", "value");
    disk.matches = (path) => path.endsWith(".sst");
    disk.left = 0;
    await soon(db.close());
    const again = await openIn(testEnv(disk.system.inner));
    expect(again.count()).toBe(1);
    await again.close();
  });

  // A failed append to the manifest used to be final.
  test("while the manifest is written leaves no table behind and the next flush succeeds", async () => {
    const disk = new FullDisk();
    const db = await openIn(disk.env, TINY);
    await db.put("key", "value");
    disk.matches = (path) => path.endsWith("MANIFEST");
    disk.left = 0;
    expect(await codeOf(db.flush())).toBe("ERR_DISK_FULL");
    await settle(8);
    expect(disk.system.list(DIRECTORY).filter((name) => name.endsWith(".sst"))).toEqual([]);
    expect(db.tables()).toEqual([]);
    const killed = await openIn(testEnv(copyToMemory(disk.system.inner, DIRECTORY)));
    expect(killed.count()).toBe(1);
    await killed.close();
    disk.empty();
    await db.flush();
    expect(db.tables().length).toBe(1);
    await db.close();
    const again = await openIn(testEnv(disk.system.inner));
    expect(again.count()).toBe(1);
    await again.close();
  });

  // The log was cut back and written on: two different plain texts under one key stream give both away.
  test("never lets an encrypted log use a stretch of its key stream for two different things", async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const disk = new FullDisk(seed);
      const streams = recordStreams(disk.system.inner);
      const options: OpenOptions = { ...TINY, encryptionKey: new Uint8Array(16).fill(seed) };
      const db = await openIn(disk.env, options);
      const ledger = new Ledger(seed);
      for (let round = 0; round < 40; round++) {
        disk.left = round % 2 === 0 ? (round / 2) % 3 : Number.POSITIVE_INFINITY;
        await expectDiskFull(ledger.commit(db));
        ledger.check(db, ledger.acknowledged, ledger.acknowledged);
      }
      disk.empty();
      disk.env.clock.advance(60_000);
      await soon(ledger.commit(db));
      const killed = copyToMemory(disk.system.inner, DIRECTORY);
      await soon(db.close());
      expect(disk.failures).toBeGreaterThan(4);
      expect(streams.reused).toEqual([]);
      for (const files of [disk.system.inner, killed]) {
        const again = await openIn(testEnv(files), options);
        ledger.check(again, ledger.acknowledged, ledger.acknowledged);
        await again.close();
      }
    }
  });
});

/** Notes what is written behind the headers of logs, by their IVs, and where other bytes take its place. */
function recordStreams(files: FileSystem): { reused: string[] } {
  const found = { reused: [] as string[] };
  const streams = new Map<string, Map<number, number>>();
  const open = files.open.bind(files);
  files.open = (path, mode) => {
    const file = open(path, mode);
    if (!/\.(mem|vlog)$/.test(path) || !mode.write) return file;
    const write = file.write.bind(file);
    file.write = (source, sourceOffset, length, position) => {
      const header = new Uint8Array(LOG_HEADER_SIZE);
      file.read(header, 0, header.length, 0);
      const iv = header.toHex();
      const stream = streams.get(iv) ?? new Map<number, number>();
      streams.set(iv, stream);
      for (let i = position < LOG_HEADER_SIZE ? LOG_HEADER_SIZE : 0; i < length; i++) {
        const byte = source[sourceOffset + i] as number;
        const before = stream.get(position + i) ?? byte;
        if (before !== byte) found.reused.push(`${path} at ${position + i}`);
        stream.set(position + i, byte);
      }
      write(source, sourceOffset, length, position);
    };
    return file;
  };
  return found;
}
