/** What callers may pass in, and what happens to the rest: typed errors before any effect. */

import { describe, expect, test } from "bun:test";

import type { Database, Key, PutOptions, Range, Value } from "../../src/database/contract.ts";
import { open } from "../../src/index.ts";
import { openIn, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf, errorOf } from "./outcomes.ts";

const wrongKeys = [undefined, null, 1, {}, [1], new ArrayBuffer(2)] as unknown as Key[];
const wrongValues = wrongKeys as unknown as Value[];

/** Every way to write a key. */
async function putCodes(
  db: Database,
  key: Key,
  value: Value,
  options?: PutOptions,
): Promise<(string | undefined)[]> {
  const transaction = db.begin();
  const batch = db.batch();
  const codes = [
    await codeOf(db.put(key, value, options)),
    await codeOf(() => transaction.put(key, value, options)),
    await codeOf(() => batch.put(key, value, options)),
  ];
  transaction.discard();
  await batch.flush();
  return codes;
}

async function writeCodes(db: Database, key: Key): Promise<(string | undefined)[]> {
  const codes = await putCodes(db, key, "v");
  const transaction = db.begin();
  const batch = db.batch();
  codes.push(
    await codeOf(db.delete(key)),
    await codeOf(() => transaction.delete(key)),
    await codeOf(() => batch.delete(key)),
  );
  transaction.discard();
  return codes;
}

const only = (codes: readonly (string | undefined)[]): unknown => [...new Set(codes)];

describe("keys", () => {
  test("that are empty, too long, reserved or no bytes are refused by every writer", async () => {
    const db = await openIn(testEnv());
    expect(only(await writeCodes(db, ""))).toEqual(["ERR_EMPTY_KEY"]);
    expect(only(await writeCodes(db, new Uint8Array(0)))).toEqual(["ERR_EMPTY_KEY"]);
    expect(only(await writeCodes(db, new Uint8Array(65_001)))).toEqual(["ERR_KEY_TOO_LARGE"]);
    expect(only(await writeCodes(db, "ü".repeat(32_501)))).toEqual(["ERR_KEY_TOO_LARGE"]);
    expect(only(await writeCodes(db, "!badger!"))).toEqual(["ERR_RESERVED_KEY"]);
    expect(only(await writeCodes(db, "!badger!head"))).toEqual(["ERR_RESERVED_KEY"]);
    for (const key of wrongKeys) {
      expect(only(await writeCodes(db, key))).toEqual(["ERR_INVALID_ARGUMENT"]);
    }
    expect(db.count()).toBe(0);
    expect(db.stats().version).toBe(0);
    await db.close();
  });

  test("up to 65,000 bytes, of any bytes, are stored and found", async () => {
    const db = await openIn(testEnv());
    const keys = [
      new Uint8Array(65_000).fill(255),
      new Uint8Array(65_000),
      new Uint8Array([0]),
      new TextEncoder().encode("!badger"),
      new TextEncoder().encode("!badger?"),
    ];
    for (const key of keys) await db.put(key, key.subarray(0, 3));
    await db.compact();
    for (const key of keys) expect(db.get(key)).toEqual(key.slice(0, 3));
    expect(db.count()).toBe(keys.length);
    await db.close();
  });

  test("for reading may be anything that has bytes: what cannot exist is not there", async () => {
    const db = await openIn(testEnv());
    expect(db.get(new Uint8Array(100_000))).toBeUndefined();
    expect(db.has("!badger!txn")).toBe(false);
    expect(await codeOf(() => db.get(""))).toBe("ERR_EMPTY_KEY");
    for (const key of wrongKeys) {
      expect(await codeOf(() => db.get(key))).toBe("ERR_INVALID_ARGUMENT");
      expect(await codeOf(() => db.getMany([key]))).toBe("ERR_INVALID_ARGUMENT");
      expect(await codeOf(() => db.has(key))).toBe("ERR_INVALID_ARGUMENT");
      expect(await codeOf(() => db.getEntry(key))).toBe("ERR_INVALID_ARGUMENT");
    }
    await db.close();
  });
});

describe("values and put options", () => {
  test("of wrong types and out of range are refused by every writer", async () => {
    const db = await openIn(testEnv());
    for (const value of wrongValues) {
      expect(only(await putCodes(db, "k", value))).toEqual(["ERR_INVALID_ARGUMENT"]);
    }
    const wrong = [
      { ttl: 0 },
      { ttl: -1 },
      { ttl: Number.NaN },
      { ttl: Number.POSITIVE_INFINITY },
      { ttl: "5" },
      { ttl: 5, expiresAt: 5 },
      { expiresAt: -1 },
      { expiresAt: 1.5 },
      { expiresAt: 2 ** 60 },
      { userMeta: 256 },
      { userMeta: -1 },
      { userMeta: 1.5 },
      { userMeta: "1" },
    ] as unknown as PutOptions[];
    for (const options of wrong) {
      expect(only(await putCodes(db, "k", "v", options))).toEqual(["ERR_INVALID_ARGUMENT"]);
    }
    expect(db.count()).toBe(0);
    await db.close();
  });

  test("too large for a value-log file, a memtable or a transaction have their own errors", async () => {
    const db = await openIn(testEnv(), {
      memtableSize: 64 * 1024,
      valueThreshold: 32 * 1024,
      valueLogFileSize: 1 << 20,
    });
    const huge = new Uint8Array((1 << 20) + 1);
    expect(only(await putCodes(db, "k", huge))).toEqual(["ERR_VALUE_TOO_LARGE"]);
    const both = db.put("k".repeat(65_000), huge.subarray(0, 32_000));
    expect(await codeOf(both)).toBe("ERR_TRANSACTION_TOO_LARGE");
    const transaction = db.begin();
    const error = await errorOf(() => {
      for (let i = 0; ; i++) transaction.put(`key-${i}`, "v".repeat(1000));
    });
    expect(error?.code).toBe("ERR_TRANSACTION_TOO_LARGE");
    expect(error?.message).toMatch(/\d+ bytes of log, \d+ are allowed/);
    // What went in before the refusal can still be committed.
    await transaction.commit();
    expect(db.count()).toBeGreaterThan(50);
    await db.close();
  });

  test("a transaction that put() took is never too large for commit()", async () => {
    const db = await openIn(testEnv(), { memtableSize: 64 * 1024 });
    for (let size = 400; size < 440; size++) {
      const transaction = db.begin();
      const full = await codeOf(() => {
        for (let i = 0; ; i++)
          transaction.put(`key-${i}`, "v".repeat(size), { expiresAt: 2 ** 50 });
      });
      expect(full).toBe("ERR_TRANSACTION_TOO_LARGE");
      // The rest is filled up to the last byte that is taken.
      for (let length = size; length >= 0; length--) {
        if ((await codeOf(() => transaction.put("rest", "v".repeat(length)))) === undefined) break;
      }
      expect(await codeOf(transaction.commit())).toBeUndefined();
    }
    await db.close();
  });

  test("at the edges are kept exactly", async () => {
    const env = testEnv();
    const db = await openIn(env, TINY);
    await db.put("empty", "");
    await db.put("meta", "v", { userMeta: 255 });
    await db.put("past", "v", { expiresAt: 1 });
    await db.put("far", "v", { expiresAt: Number.MAX_SAFE_INTEGER });
    await db.put("soon", "v", { ttl: 2 });
    await db.compact();
    expect(db.get("empty")).toEqual(new Uint8Array(0));
    expect(db.getEntry("meta")?.userMeta).toBe(255);
    expect(db.has("past")).toBe(false);
    expect(db.getEntry("far")?.expiresAt).toBe(Number.MAX_SAFE_INTEGER);
    env.clock.advance(1999);
    expect(db.has("soon")).toBe(true);
    env.clock.advance(1);
    expect(db.has("soon")).toBe(false);
    expect(db.scan().toArray().length).toBe(3);
    await db.close();
  });
});

describe("ranges", () => {
  test("with unknown fields and wrong types are refused", async () => {
    const db = await openIn(testEnv());
    const wrong = [
      { start: "a" },
      { gte: 1 },
      { prefix: null },
      { limit: -1 },
      { limit: Number.NaN },
      { limit: "3" },
      { since: "3" },
      { since: Number.NaN },
      { reverse: "yes" },
      { keysOnly: 1 },
      { allVersions: "no" },
      null,
      "a",
      5,
    ] as unknown as Range[];
    for (const range of wrong) {
      expect(await codeOf(() => db.scan(range))).toBe("ERR_INVALID_ARGUMENT");
      expect(await codeOf(() => db.count(range))).toBe("ERR_INVALID_ARGUMENT");
    }
    expect(db.stats().openSnapshots).toBe(0);
    await db.close();
  });

  test("that are empty or turned round hold nothing", async () => {
    const db = await openIn(testEnv());
    for (const key of ["a", "b", "c"]) await db.put(key, key);
    for (const range of [
      { gt: "b", lt: "b" },
      { gte: "b", lt: "b" },
      { gte: "c", lte: "a" },
      { prefix: "b", lt: "b" },
      { prefix: "b", gt: "b" },
      { gt: "c" },
      { lt: "a" },
      { limit: 0 },
    ]) {
      expect(db.scan(range).toArray()).toEqual([]);
      expect(db.scan({ ...range, reverse: true }).toArray()).toEqual([]);
      expect(db.count(range)).toBe(0);
      expect(db.scan(range).first()).toBeUndefined();
      using cursor = db.scan(range).cursor();
      expect(cursor.valid).toBe(false);
      cursor.next();
      expect(cursor.valid).toBe(false);
    }
    expect(db.count({ gte: "" })).toBe(3);
    expect(db.count({ prefix: "" })).toBe(3);
    expect(db.count({ gte: "b", lte: "b" })).toBe(1);
    expect(db.count({ limit: 2 })).toBe(2);
    await db.close();
  });
});

describe("options of open()", () => {
  test("that are unknown, of wrong types or contradict each other are named", async () => {
    const wrong: Record<string, unknown>[] = [
      { memtablesize: 1 },
      { readOnly: "yes" },
      { sync: "always" },
      { memtableSize: 1 },
      { memoryBudget: -1 },
      { compression: "lz4" },
      { compression: [] },
      { valueLogFileSize: 2 ** 32 },
      { levelZeroTables: 10, levelZeroTablesStall: 10 },
      { encryptionKey: "0123456789abcdef" },
      { encryptionKey: new Uint8Array(15) },
      { workers: 0 },
      { bloomFalsePositive: 1 },
      { maxLevels: 8 },
      { verifyChecksums: "always" },
    ];
    for (const options of wrong) {
      const error = await errorOf(openIn(testEnv(), options));
      expect(error?.code).toBe("ERR_INVALID_ARGUMENT");
      const names = Object.keys(options);
      expect(names.some((name) => error?.message.includes(name))).toBe(true);
    }
  });

  test("a path must be there, and a database in memory cannot be read-only", async () => {
    expect(await codeOf(open(""))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(open(undefined as unknown as string))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(open(":memory:", { readOnly: true }))).toBe("ERR_INVALID_ARGUMENT");
  });

  test("the key does not show among the options in force", async () => {
    const db = await openIn(testEnv(), { encryptionKey: new Uint8Array(16).fill(77) });
    const shown = JSON.stringify(db.options());
    expect(shown).not.toContain("77");
    expect(db.options()["encrypted"]).toBe(true);
    await db.close();
  });
});
