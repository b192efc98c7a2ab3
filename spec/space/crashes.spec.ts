/**
 * A process that dies at any file operation while values are moved and files removed: nothing is lost, and
 * nothing stays in the directory for ever. `MELES_CRASH_ALL=1` tries every operation instead of a sample.
 */

import { describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import type { Database } from "../../src/database/contract.ts";
import type { Settings } from "../../src/database/settings.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { copyToMemory } from "../suites/copy-file-system.ts";
import { FaultyFileSystem } from "../suites/faulty-file-system.ts";
import { DIRECTORY, testEnv, type TestEnv } from "../suites/open-database.ts";
import { PowerCutFileSystem } from "../suites/power-cut-file-system.ts";
import { settle } from "../suites/test-clock.ts";
import { openSmall } from "./open-small.ts";

const everyCopy = process.env["MELES_CRASH_ALL"] !== undefined;
const KEYS = 40;

function valueOf(key: number, round: number): string {
  return `${key}.${round}:`.padEnd(60 + ((key * 7 + round) % 90), "v");
}

/** Writes rounds over all keys and deletes a third of them, so that every value-log file has garbage. */
async function churn(db: Database, expected: Map<string, string>, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let key = round % 3; key < KEYS; key += 1 + (round % 3)) {
      const name = `key-${String(key).padStart(3, "0")}`;
      if ((key + round) % 5 === 0) {
        await db.delete(name);
        expected.delete(name);
      } else {
        const value = valueOf(key, round);
        await db.put(name, value);
        expected.set(name, value);
      }
    }
  }
}

function check(db: Database, expected: ReadonlyMap<string, string>): void {
  const found = [...db.scan()].map(({ key, value }) => `${toText(key)}=${toText(value)}`);
  expect(found).toEqual(
    [...expected].sort(([a], [b]) => (a < b ? -1 : 1)).map((pair) => pair.join("=")),
  );
  for (const [key, value] of expected) expect(toText(db.get(key) ?? new Uint8Array())).toBe(value);
}

/** Time without writes, and everything that is due then. */
async function rest(env: TestEnv): Promise<void> {
  for (let i = 0; i < 6; i++) {
    env.clock.advance(1500);
    await settle(6);
  }
}

/** What is in the directory is what the database refers to. */
function expectNoLeftovers(env: TestEnv, db: Database): void {
  const known = new Set([...db.tables(), ...db.valueLogs()].map(({ file }) => file));
  const files = env.fileSystem.list(DIRECTORY);
  expect(files.filter((name) => /\.(sst|vlog)$/.test(name) && !known.has(name))).toEqual([]);
  expect(files.filter((name) => name.endsWith(".tmp") || name.endsWith("REWRITE"))).toEqual([]);
  // Of the value-log files nothing is empty of live values but the one being written.
  const dead = db.valueLogs().filter((log) => !log.active && log.discardBytes === log.sizeBytes);
  expect(dead).toEqual([]);
}

async function recover(
  files: MemoryFileSystem,
  settings: Partial<Settings>,
  expected: ReadonlyMap<string, string>,
): Promise<void> {
  const env = testEnv(files);
  const db = await openSmall(env, { settings });
  check(db, expected);
  await rest(env);
  check(db, expected);
  expect((await db.verify()).findings).toEqual([]);
  expectNoLeftovers(env, db);
  await db.close();
  const again = await openSmall(testEnv(files), { settings });
  check(again, expected);
  await again.close();
}

describe("a process that dies while values are moved and files removed", () => {
  for (const [name, settings] of [
    ["plain", {}],
    ["authenticated", { encryptionKey: new Uint8Array(32).fill(5), authenticatedEncryption: true }],
    ["encrypted", { encryptionKey: new Uint8Array(16).fill(5), encryptionKeyRotationMs: 400 }],
    ["several versions, compressed", { versionsToKeep: 2, compression: ["zstd"] }],
  ] as const) {
    test(`${name}: loses nothing and leaves nothing behind`, async () => {
      const random = new SeededRandom(3);
      const system = new FaultyFileSystem(new MemoryFileSystem());
      const env = testEnv(system);
      const expected = new Map<string, string>();
      const db = await openSmall(env, { settings });
      await churn(db, expected, 5);
      const copies: { files: MemoryFileSystem; expected: Map<string, string> }[] = [];
      let isWatching = true;
      system.hook = (operation) => {
        if (!isWatching || operation === "read" || operation === "open") return;
        if (!everyCopy && random.next() > 0.3) return;
        copies.push({ files: copyToMemory(system.inner, DIRECTORY), expected: new Map(expected) });
      };
      await db.collectGarbage({ discardRatio: 0.05 });
      await rest(env);
      // Writing goes on while the next round of collection is under way.
      isWatching = false;
      await churn(db, expected, 3);
      isWatching = true;
      await db.collectGarbage({ discardRatio: 0.01 });
      isWatching = false;
      expect(db.stats().bytesWrittenCollection).toBeGreaterThan(0);
      check(db, expected);
      await db.close();
      expect(copies.length).toBeGreaterThan(30);
      for (const copy of copies) await recover(copy.files, settings, copy.expected);
    }, 120_000);
  }
});

describe("a power cut while values are moved and files removed", () => {
  for (const sync of ["commit", "never"] as const) {
    test(`sync "${sync}": takes nothing that was on disk for good before`, async () => {
      const random = new SeededRandom(4);
      const system = new PowerCutFileSystem();
      const env = testEnv(system);
      const expected = new Map<string, string>();
      const settings = { sync };
      const db = await openSmall(env, { settings });
      await churn(db, expected, 5);
      await db.flush();
      await db.sync();
      const cuts: MemoryFileSystem[] = [];
      system.onChange = () => {
        cuts.push(system.cut(DIRECTORY), system.cut(DIRECTORY, random));
      };
      await db.collectGarbage({ discardRatio: 0.01 });
      await rest(env);
      system.onChange = () => undefined;
      await db.close();
      expect(cuts.length).toBeGreaterThan(30);
      for (const files of cuts) await recover(files, settings, expected);
    }, 120_000);
  }

  // A log's removal is not durable by itself. It came back, cut short, after the compaction that had dropped
  // the delete marker: nothing hid the value any more.
  test("brings no deleted key back with a log that was flushed and removed", async () => {
    const system = new PowerCutFileSystem();
    const settings = { sync: "never" } as const;
    const db = await openSmall(testEnv(system), { settings });
    await db.put("key", "value");
    await db.delete("key");
    await db.flush();
    await settle();
    expect(db.tables()).toEqual([]);
    for (let seed = 1; seed <= 100; seed++) {
      const left = system.cut(DIRECTORY, new SeededRandom(seed));
      const survivor = await openSmall(testEnv(left), { settings });
      expect(survivor.has("key")).toBe(false);
      await survivor.close();
    }
    await db.close();
  });
});
