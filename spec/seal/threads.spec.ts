/** An authenticated directory with real threads on a real disk: they read and write sealed files, too. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isSealed } from "../../src/format/sealed-file.ts";
import { open, type OpenOptions, verifyDirectory } from "../../src/index.ts";
import { codeOf } from "../database/outcomes.ts";
import { TINY } from "../suites/open-database.ts";

const root = mkdtempSync(join(tmpdir(), "meles-sealed-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const encryptionKey = new Uint8Array(32).fill(42);
const OPTIONS: OpenOptions = { ...TINY, memtableSize: 256 << 10, workers: 2, encryptionKey };

test("flushes, compactions and collection in threads keep everything, and seal every file", async () => {
  const path = join(root, "threads");
  const expected = new Map<string, string>();
  for (let round = 0; round < 3; round++) {
    const db = await open(path, { ...OPTIONS, authenticatedEncryption: true });
    const batch = db.batch();
    for (let i = 0; i < 3000; i++) {
      const key = `key-${(i * 13) % 1700}`;
      const value = `${round} ${i} `.repeat(i % 7 === 0 ? 90 : 3);
      const wait = batch.put(key, value);
      if (wait !== undefined) await wait;
      expected.set(key, value);
    }
    await batch.flush();
    await db.compact();
    await db.collectGarbage({ discardRatio: 0.1 });
    expect(db.options()["encrypted"]).toBe(true);
    await db.close();
  }
  const db = await open(path, { ...OPTIONS, readOnly: true });
  const found = new Map<string, string>();
  for (const entry of db.scan()) found.set(Buffer.from(entry.key).toString(), entry.text());
  await db.close();
  expect(found).toEqual(expected);
  for (const name of readdirSync(path)) {
    expect([name, isSealed(readFileSync(join(path, name)))]).toEqual([name, true]);
  }
  expect((await verifyDirectory(path, { encryptionKey })).findings).toEqual([]);
});

test("a thread that meets a forged table reports it as damage", async () => {
  const path = join(root, "forged");
  const db = await open(path, { ...OPTIONS, authenticatedEncryption: true });
  for (let i = 0; i < 300; i++) await db.put(`key-${i}`, "v".repeat(150));
  await db.flush();
  await db.close();
  const table = readdirSync(path).find((name) => name.endsWith(".sst")) as string;
  const bytes = readFileSync(join(path, table));
  bytes[2000] = (bytes[2000] as number) ^ 1;
  writeFileSync(join(path, table), bytes);
  const again = await open(path, { ...OPTIONS, verifyChecksums: "none" });
  again.on("error", () => undefined);
  await again.put("key-1", "new");
  expect(await codeOf(again.compact())).toBe("ERR_CORRUPTION");
  expect(await codeOf(() => again.get("key-0"))).toBe("ERR_CORRUPTION");
  await again.close();
});
