/** Hazards 41 to 46: what JavaScript makes easy to get wrong. */

import { describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { withBadger } from "../badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "../badger-process.ts";
import { openMeles } from "../meles-side.ts";
import { naiveDirectory } from "../naive-files.ts";
import { ScratchFolder } from "../scratch-folder.ts";
import { latin1, MASTER_KEY, Sample, text } from "./sample.ts";

const BADGER: BadgerOptions = {
  memTableSize: 1 << 20,
  valueLogFileSize: 1 << 20,
  valueThreshold: 100,
  versionsToKeep: 1_000_000,
};

const nowSeconds = () => Math.floor(Date.now() / 1000);

describe("hazard 41: numbers of 64 bits", () => {
  test("the suffix of a key is the complement of the whole version", async () => {
    using sample = new Sample({ memtableSize: 1 << 20 });
    await sample.use(async (db) => {
      for (let n = 0; n < 300; n++) await db.put(`${n}`, "");
      const records = sample.read().logs.flatMap((log) => log.records);
      expect(records.map(({ version }) => version)).toEqual(
        Array.from({ length: 300 }, (_, n) => BigInt(n + 1)),
      );
    });
  });
});

withBadger("hazard 41: numbers of 64 bits, in both", () => {
  const versions = [
    1,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 52,
    2 ** 53 - 3,
  ];

  test("versions up to 2^53 − 1 are read in order, from logs and from tables", async () => {
    using folder = new ScratchFolder();
    for (const end of ["close", "kill"] as const) {
      const directory = folder.at(end);
      await using badger = await BadgerProcess.open(directory, { ...BADGER, managed: true });
      for (const version of versions) {
        await badger.commit([{ key: text("k"), value: text(`${version}`), version }]);
      }
      await badger[end]();
      await using db = await openMeles(directory, { versionsToKeep: 100 });
      const found = db.scan({ allVersions: true }).toArray();
      expect(found.map(({ version }) => version)).toEqual([...versions].reverse());
      expect(found.map((entry) => entry.text())).toEqual([...versions].reverse().map(String));
      expect(await db.put("next", "")).toBe(2 ** 53 - 2);
      await db.close();
      await using again = await BadgerProcess.open(directory, BADGER);
      expect((await again.dump()).live.map(({ version }) => version)).toEqual([
        2 ** 53 - 3,
        2 ** 53 - 2,
      ]);
      await again.close();
    }
  });

  test("a directory with larger ones is refused, not misread", async () => {
    using folder = new ScratchFolder();
    for (const end of ["close", "kill"] as const) {
      const directory = folder.at(end);
      await using badger = await BadgerProcess.open(directory, { ...BADGER, managed: true });
      // 2^53, and the largest that a number can still write down.
      await badger.commit(
        [{ key: text("k"), version: 2 ** 53 }],
        [{ key: text("l"), version: 2 ** 60 }],
      );
      await badger[end]();
      for (const readOnly of [true, false]) {
        const refusal = await openMeles(directory, { readOnly }).catch((error: unknown) => error);
        expect(refusal).toMatchObject({ code: "ERR_UNSUPPORTED_FORMAT" });
      }
    }
  });

  test("an expiry beyond 2^53 never comes, in Meles either", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    await using badger = await BadgerProcess.open(directory, BADGER);
    const [far] = await badger.commit([{ key: text("far"), value: text("v"), expiresAt: 2 ** 62 }]);
    await badger.kill();
    await using db = await openMeles(directory);
    expect(db.getEntry("far")).toMatchObject({ version: far });
    await db.compact();
    expect(db.getEntry("far")?.text()).toBe("v");
  });
});

describe("hazard 42: expiry is in seconds", () => {
  test("what is on disk is the time in seconds", async () => {
    using sample = new Sample();
    await sample.use(async (db) => {
      await db.put("k", "v", { ttl: 3600 });
      const [record] = sample.read().logs.flatMap((log) => log.records);
      expect(Number(record?.expiresAt)).toBeGreaterThan(nowSeconds() + 3590);
      expect(Number(record?.expiresAt)).toBeLessThan(nowSeconds() + 3610);
    });
  });
});

withBadger("hazard 42: expiry, in both", () => {
  test("a time to live given to one is seen by the other", async () => {
    using folder = new ScratchFolder();
    const [one, two] = [folder.at("meles"), folder.at("badger")];
    const near = (expiresAt = 0) => Math.abs(expiresAt - nowSeconds() - 600) < 60;
    const db = await openMeles(one);
    await db.put("live", "v", { ttl: 600 });
    await db.put("over", "v", { expiresAt: nowSeconds() - 5 });
    await db.close();
    await using badger = await BadgerProcess.open(one, BADGER);
    const { live } = await badger.dump();
    expect(live.map(({ key, expiresAt }) => [latin1(key), near(expiresAt)])).toEqual([
      ["live", true],
    ]);
    await badger.close();
    await using other = await BadgerProcess.open(two, BADGER);
    const over = { key: text("over"), expiresAt: nowSeconds() - 5 };
    await other.commit([{ key: text("live"), ttl: 600 }, over]);
    await other.close();
    await using back = await openMeles(two);
    expect(
      back
        .scan()
        .toArray()
        .map((entry) => [latin1(entry.key), near(entry.expiresAt)]),
    ).toEqual([["live", true]]);
    expect(back.has("over")).toBe(false);
  });
});

describe("hazard 43: no file is mapped, so none is preallocated", () => {
  test("logs grow with what is written, and what is written is there at once", async () => {
    using sample = new Sample({ memtableSize: 8 << 20 });
    await sample.use(async (db) => {
      let before = 0;
      for (let n = 0; n < 20; n++) {
        await sample.write(db, 10);
        const logs = readdirSync(sample.directory).filter((name) => /\.(?:mem|vlog)$/.test(name));
        const size = logs.reduce(
          (sum, name) => sum + statSync(join(sample.directory, name)).size,
          0,
        );
        expect(size).toBeGreaterThan(before);
        expect(size).toBeLessThan(before + 100_000);
        before = size;
        const { logs: found, valueLogs } = sample.read();
        for (const { tail } of [...found, ...valueLogs]) expect(tail.length).toBe(0);
      }
    });
  });
});

describe("hazard 44: varints beyond 28 bits", () => {
  test("long values and far expiries read back, from logs and from tables", async () => {
    using sample = new Sample({
      memtableSize: 8 << 20,
      valueThreshold: 1 << 20,
      versionsToKeep: 100,
    });
    const expiries = [2 ** 28 - 1, 2 ** 28, 2 ** 32, 2 ** 35, 2 ** 42, 2 ** 49 - 1, 2 ** 53 - 1];
    const lengths = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152];
    await sample.use(async (db) => {
      for (const [n, expiresAt] of expiries.entries()) await db.put(`e${n}`, "", { expiresAt });
      const records = sample.read().logs.flatMap((log) => log.records);
      const found = records.map(({ expiresAt }) => Number(expiresAt)).filter((one) => one > 0);
      expect(found).toEqual(expiries);
      for (const [n, length] of lengths.entries()) {
        await db.put(`l${n}`, new Uint8Array(length).fill(n));
      }
    });
    await using db = await openMeles(sample.directory, sample.options);
    // The first two are long over.
    const found = db.scan({ prefix: "e" }).toArray();
    expect(found.map(({ expiresAt }) => expiresAt)).toEqual(
      expiries.filter((one) => one > 2 ** 31),
    );
    const values = db
      .scan({ prefix: "l" })
      .toArray()
      .map(({ value }) => value);
    expect(values.map(({ length }) => length)).toEqual(lengths);
    values.forEach((value, n) => expect(value.every((byte) => byte === n)).toBe(true));
  });
});

withBadger("hazard 44: varints, in both", () => {
  test("Badger's far expiries and long values are what Meles reads, and the other way round", async () => {
    using folder = new ScratchFolder();
    const [one, two] = [folder.at("badger"), folder.at("meles")];
    const expiries = [2 ** 32, 2 ** 35, 2 ** 42, 2 ** 53 - 1];
    const big = new Uint8Array(700_000).fill(3);
    const key = (n: number) => text(`k${n}`);
    const options = { ...BADGER, memTableSize: 16 << 20 };
    await using badger = await BadgerProcess.open(one, options);
    await badger.commit(
      ...expiries.map((expiresAt, n) => [{ key: key(n), expiresAt, value: big }]),
    );
    await badger.close();
    const db = await openMeles(one, { readOnly: true });
    const other = await openMeles(two);
    for (const entry of db.scan()) {
      expect(entry.value).toEqual(big);
      await other.put(entry.key, entry.value, { expiresAt: entry.expiresAt });
    }
    expect(
      db
        .scan()
        .toArray()
        .map(({ expiresAt }) => expiresAt),
    ).toEqual(expiries);
    await Promise.all([db.close(), other.close()]);
    await using again = await BadgerProcess.open(two, options);
    expect((await again.dump()).live.map(({ expiresAt }) => expiresAt)).toEqual(expiries);
    await again.close();
  });
});

withBadger("hazard 45: the counter block of a record, in both", () => {
  test("Meles decrypts Badger's logs wherever a record lies, and Badger those of Meles", async () => {
    using folder = new ScratchFolder();
    const [one, two] = [folder.at("badger"), folder.at("meles")];
    const encrypted = { ...BADGER, encryptionKey: MASTER_KEY };
    // Odd lengths: no record starts at a multiple of the cipher's block.
    const writes = Array.from({ length: 60 }, (_, n) => ({
      key: text(`key ${n}`),
      value: new Uint8Array((n * 37) % 331).fill(n),
    }));
    await using badger = await BadgerProcess.open(one, encrypted);
    await badger.commit(...writes.map((write) => [write]));
    await badger.kill();
    await using db = await openMeles(one, { readOnly: true, encryptionKey: MASTER_KEY });
    for (const { key, value } of writes) expect(db.get(key)).toEqual(value);
    const writer = await openMeles(two, { encryptionKey: MASTER_KEY, valueThreshold: 100 });
    for (const { key, value } of writes) await writer.put(key, value);
    const copy = folder.copyOf(two);
    await writer.close();
    await using reader = await BadgerProcess.open(copy, encrypted);
    const { live } = await reader.dump();
    expect(live.length).toBe(writes.length);
    for (const { key, value } of live) {
      const written = writes.find((write) => latin1(write.key) === latin1(key));
      expect<Uint8Array | undefined>(written?.value).toEqual(value);
    }
    await reader.close();
  });
});

withBadger("hazard 46: bytes differ where contents are the same", () => {
  test("two logs of one transaction by Badger differ, and Meles finds the same in both", async () => {
    using folder = new ScratchFolder();
    const entries = Array.from({ length: 40 }, (_, n) => ({
      key: text(`key ${n}`),
      value: text(`${n}`),
    }));
    const orders: string[] = [];
    const contents: string[][] = [];
    for (const name of ["one", "two"]) {
      const directory = folder.at(name);
      await using badger = await BadgerProcess.open(directory, BADGER);
      await badger.commit(entries);
      await badger.kill();
      const { logs } = naiveDirectory(directory);
      orders.push(logs.flatMap(({ records }) => records.map(({ user }) => latin1(user))).join());
      await using db = await openMeles(directory, { readOnly: true });
      contents.push(
        db
          .scan()
          .toArray()
          .map((entry) => `${latin1(entry.key)}=${entry.text()}`),
      );
    }
    expect(orders[0]).not.toBe(orders[1]);
    expect(contents[0]).toEqual(contents[1] as string[]);
    expect(contents[0]?.length).toBe(40);
  });
});
