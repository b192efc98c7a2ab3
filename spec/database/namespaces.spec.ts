/** Banned namespaces: eight bytes inside a key decide whether it can be read and written. */

import { describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import type { Database } from "../../src/database/contract.ts";
import { openIn, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf } from "./outcomes.ts";

const OFFSET = 2;

function key(namespace: bigint, rest: string): Uint8Array {
  const bytes = new Uint8Array(OFFSET + 8 + rest.length);
  bytes.set(new TextEncoder().encode("t/"));
  new DataView(bytes.buffer).setBigUint64(OFFSET, namespace);
  bytes.set(new TextEncoder().encode(rest), OFFSET + 8);
  return bytes;
}

const LARGE = 2n ** 64n - 1n;
const NAMESPACES = [0n, 1n, 2n ** 32n, 2n ** 53n + 1n, LARGE];

function openNamespaced(env = testEnv(), options = {}): Promise<Database> {
  return openIn(env, { ...TINY, namespaceOffset: OFFSET, workers: "inline", ...options });
}

async function fill(db: Database): Promise<void> {
  for (const namespace of NAMESPACES) {
    await db.put(key(namespace, "a"), `${namespace}/a`);
    await db.put(key(namespace, "b"), `${namespace}/b`.padEnd(400));
  }
  await db.put("short", "no namespace");
  await db.put(key(1n, ""), "none either: nothing follows the eight bytes");
}

const namesOf = (db: Database, range = {}) =>
  db
    .scan(range)
    .toArray()
    .map((entry) => entry.text().trim().slice(0, 24));

describe("a ban", () => {
  test("refuses reads and writes of its keys, and of no others", async () => {
    const db = await openNamespaced();
    await fill(db);
    await db.banNamespace(1);
    const banned = key(1n, "a");
    for (const call of [
      () => db.get(banned),
      () => db.getEntry(banned),
      () => db.getMany(["short", banned]),
      () => db.has(banned),
      () => db.put(banned, "x"),
      () => db.delete(banned),
      () => db.batch().put(banned, "x"),
      () => db.batch().delete(banned),
      () => db.view((transaction) => transaction.get(banned)),
      () => db.view((transaction) => transaction.has(banned)),
      () => db.view((transaction) => transaction.getEntry(banned)),
      () => db.update((transaction) => transaction.put(banned, "x")),
      () => db.update((transaction) => transaction.delete(banned)),
    ]) {
      expect(await codeOf(async () => call())).toBe("ERR_BANNED");
    }
    expect(toText(db.get(key(0n, "a")) as Uint8Array)).toBe("0/a");
    expect(db.has(key(1n, ""))).toBe(true);
    expect(await codeOf(db.put(key(2n ** 32n, "a"), "still"))).toBeUndefined();
    await db.close();
  });

  test("is passed over by scans of every kind and by counts, in memory and in tables", async () => {
    const db = await openNamespaced();
    await fill(db);
    const snapshot = db.begin();
    await db.banNamespace(LARGE);
    await db.banNamespace(2n ** 53n + 1n);
    const expected = [
      "no namespace",
      "0/a",
      "0/b",
      "none either: nothing fol",
      "1/a",
      "1/b",
      "4294967296/a",
      "4294967296/b",
    ];
    for (let round = 0; round < 3; round++) {
      expect(namesOf(db)).toEqual(expected);
      expect(namesOf(db, { reverse: true })).toEqual(expected.toReversed());
      expect(namesOf(db, { allVersions: true })).toEqual(expected);
      expect(namesOf(db, { prefix: "t/" })).toEqual(expected.slice(1));
      expect(db.count()).toBe(expected.length);
      if (round === 0) await db.flush();
      else await db.compact();
    }
    expect(snapshot.count()).toBe(expected.length);
    snapshot.discard();
    await db.close();
  });

  test("lasts over reopening, and is not asked for without the option", async () => {
    const env = testEnv();
    const db = await openNamespaced(env);
    await fill(db);
    for (const namespace of [LARGE, 1, 1n, 0]) await db.banNamespace(namespace);
    expect(db.bannedNamespaces()).toEqual([0n, 1n, LARGE]);
    await db.close();
    const again = await openNamespaced(env, { readOnly: true });
    expect(again.bannedNamespaces()).toEqual([0n, 1n, LARGE]);
    expect(await codeOf(() => again.get(key(LARGE, "a")))).toBe("ERR_BANNED");
    await again.close();
    const without = await openIn(env, TINY);
    expect(without.bannedNamespaces()).toEqual([]);
    expect(toText(without.get(key(LARGE, "a")) as Uint8Array)).toBe(`${LARGE}/a`);
    expect(without.count()).toBe(12);
    await without.close();
  });

  test("is not data: dropping everything leaves it", async () => {
    const env = testEnv();
    const db = await openNamespaced(env);
    await fill(db);
    await db.banNamespace(1);
    await db.dropAll();
    expect(await codeOf(db.put(key(1n, "a"), "x"))).toBe("ERR_BANNED");
    await db.dropPrefix("!");
    await db.close();
    const again = await openNamespaced(env);
    expect(again.bannedNamespaces()).toEqual([1n]);
    expect(again.count()).toBe(0);
    await again.close();
  });

  test("works in a managed database at every version", async () => {
    const env = testEnv();
    const db = await openNamespaced(env, { managed: true });
    const write = db.begin();
    write.put(key(1n, "a"), "1");
    write.put(key(0n, "a"), "0");
    await write.commit({ version: 50 });
    await db.banNamespace(1);
    await db.close();
    const again = await openNamespaced(env, { managed: true });
    expect(again.bannedNamespaces()).toEqual([1n]);
    const reader = again.begin({ at: 50, readOnly: true });
    expect(await codeOf(() => reader.get(key(1n, "a")))).toBe("ERR_BANNED");
    expect(reader.count()).toBe(1);
    await again.close();
  });

  test("needs the option, a number it can be, and a database that can be written", async () => {
    const env = testEnv();
    const plain = await openIn(env);
    expect(await codeOf(plain.banNamespace(1))).toBe("ERR_INVALID_ARGUMENT");
    await plain.close();
    const db = await openNamespaced(env);
    for (const wrong of [-1, 1.5, 2 ** 53, -1n, 2n ** 64n, "1" as unknown as number]) {
      expect(await codeOf(db.banNamespace(wrong))).toBe("ERR_INVALID_ARGUMENT");
    }
    await db.close();
    const readOnly = await openNamespaced(env, { readOnly: true });
    expect(await codeOf(readOnly.banNamespace(1))).toBe("ERR_READ_ONLY");
    await readOnly.close();
  });

  test("keys of the engine are in no namespace, whatever their bytes", async () => {
    const db = await openIn(testEnv(), { ...TINY, namespaceOffset: 0 });
    await db.put("short", "v");
    await db.banNamespace(
      new DataView(new TextEncoder().encode("!badger!").buffer).getBigUint64(0),
    );
    await db.banNamespace(3);
    expect(db.bannedNamespaces().length).toBe(2);
    expect(db.count()).toBe(1);
    await db.close();
  });
});
