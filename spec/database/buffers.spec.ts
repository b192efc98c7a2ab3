/**
 * Callers pass Buffers wherever bytes are wanted. `slice` of a Buffer is a view of the same memory: the
 * engine wrote into a prefix that it took for its own copy, and found nothing under it; what it took for
 * its own copies of keys and values changed with the caller's.
 */

import { expect, test } from "bun:test";

import { open } from "../../src/index.ts";
import { testEnv } from "../suites/open-database.ts";

async function filled() {
  const db = await open(":memory:", { env: testEnv(), valueThreshold: 8 });
  await db.put("a1", "one");
  await db.put("a2", "two");
  await db.put("b", "other");
  return db;
}

test("a prefix in a Buffer finds what begins with it, and stays what it was", async () => {
  const db = await filled();
  const prefix = Buffer.from("a");
  expect(db.count({ prefix })).toBe(2);
  expect(prefix.toString()).toBe("a");
  expect(db.count({ prefix })).toBe(2);
  using transaction = db.begin();
  expect(transaction.scan({ prefix, reverse: true }).toArray().length).toBe(2);
  expect(prefix.toString()).toBe("a");
  await db.close();
});

test("dropping a prefix in a Buffer drops it and nothing else", async () => {
  const db = await filled();
  await db.dropPrefix(Buffer.from("a"));
  expect([...db.scan().keys()].map((key) => Buffer.from(key).toString())).toEqual(["b"]);
  await db.close();
});

test("bounds in Buffers are those at the call", async () => {
  const db = await filled();
  const gte = Buffer.from("a2");
  const scan = db.scan({ gte });
  gte.write("zz");
  expect(scan.toArray().length).toBe(2);
  await db.close();
});

test("a transaction keeps what it was given when the caller goes on to use the Buffer", async () => {
  const db = await filled();
  const key = Buffer.from("key");
  const value = Buffer.from("a value longer than the threshold");
  const transaction = db.begin();
  transaction.put(key, value);
  key.fill(0x78);
  value.fill(0x78);
  await transaction.commit();
  expect(Buffer.from(db.get("key") ?? []).toString()).toBe("a value longer than the threshold");
  await db.close();
});

test("a transaction notices a conflict on a key that it has read through a Buffer", async () => {
  const db = await filled();
  const key = Buffer.from("a1");
  const transaction = db.begin();
  transaction.get(key);
  transaction.put("other", "x");
  key.fill(0x78);
  await db.put("a1", "changed");
  let code: unknown;
  await transaction.commit().catch((error: { code?: string }) => (code = error.code));
  expect(code).toBe("ERR_CONFLICT");
  await db.close();
});

test("a statement takes Buffers as parameters", async () => {
  const db = await filled();
  const value = Buffer.from("bytes");
  await db.query("PUT ? ?", [Buffer.from("q"), value]).all();
  value.fill(0x78);
  const rows = await db.query("SELECT value FROM kv WHERE key = ?", [Buffer.from("q")]).all();
  expect(rows.length).toBe(1);
  expect(Buffer.from(db.get("q") ?? []).toString()).toBe("bytes");
  await db.close();
});

test("an encryption key in a Buffer may be wiped after opening", async () => {
  const env = testEnv();
  const encryptionKey = Buffer.alloc(16, 5);
  const db = await open("/data", { env, encryptionKey, encryptionKeyRotationMs: 1 });
  encryptionKey.fill(0);
  env.clock.advance(10_000);
  await db.put("a", "1");
  await db.close();
  const again = await open("/data", { env, encryptionKey: Buffer.alloc(16, 5) });
  expect(again.count()).toBe(1);
  await again.close();
});
