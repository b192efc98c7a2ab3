/**
 * Directories that the real Badger wrote: tables without statistics are examined, then their value log is
 * collected like any other. Nothing is lost, and the space of what is garbage or deleted comes back.
 */

import { afterAll, describe, expect, test } from "bun:test";

import type { Database } from "../../src/database/contract.ts";
import { BunFileSystem } from "../../src/env/bun-file-system.ts";
import type { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { OpenOptions } from "../../src/index.ts";
import { entryText, expectedText, readExpectations } from "../database/badger-expectations.ts";
import { disposeFixture, unpackFixture } from "../fixtures/unpack.ts";
import { copyToMemory } from "../suites/copy-file-system.ts";
import { FaultyFileSystem } from "../suites/faulty-file-system.ts";
import { DIRECTORY, openIn, testEnv, type TestEnv } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";

const KEY = new TextEncoder().encode("0123456789abcdef0123456789abcdef");

const FIXTURES: readonly (readonly [string, OpenOptions])[] = [
  ["mixed-zstd-gc", {}],
  ["mixed-none-versions", {}],
  ["mixed-aes256", { encryptionKey: KEY }],
];

const folders: string[] = [];
afterAll(() => folders.forEach(disposeFixture));

function load(name: string): MemoryFileSystem {
  const folder = unpackFixture(name);
  folders.push(folder);
  return copyToMemory(new BunFileSystem(), folder, DIRECTORY);
}

function sizeOf(files: MemoryFileSystem, pattern = /\.(sst|vlog|mem)$/): number {
  const names = files.list(DIRECTORY).filter((name) => pattern.test(name));
  return names.reduce((sum, name) => sum + (files.info(`${DIRECTORY}/${name}`)?.size ?? 0), 0);
}

async function pause(env: TestEnv): Promise<void> {
  for (let i = 0; i < 4; i++) {
    env.clock.advance(1100);
    await settle(12);
  }
}

const linesOf = (db: Database): string[] => db.scan().toArray().map(entryText);

describe("a directory of Badger's", () => {
  for (const [name, options] of FIXTURES) {
    const expected = readExpectations(`${name}.live`).map(expectedText);

    test(`${name}: is collected without loss, and is empty after everything is deleted`, async () => {
      const files = load(name);
      const before = sizeOf(files);
      const env = testEnv(files);
      const db = await openIn(env, options);
      await pause(env);
      expect(linesOf(db)).toEqual(expected);
      const { files: removed, bytes } = await db.collectGarbage();
      expect(removed).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(0);
      expect(linesOf(db)).toEqual(expected);
      expect(sizeOf(files)).toBeLessThan(before);
      expect((await db.verify()).findings).toEqual([]);
      await db.close();

      const again = await openIn(env, options);
      expect(linesOf(again)).toEqual(expected);
      for (const { key } of again.scan({ keysOnly: true })) await again.delete(key);
      await pause(env);
      expect(sizeOf(files)).toBe(0);
      await again.close();
    });

    test(`${name}: the process may die at any time`, async () => {
      const random = new SeededRandom(5);
      const files = load(name);
      const system = new FaultyFileSystem(files);
      const copies: MemoryFileSystem[] = [];
      system.hook = (operation) => {
        if (operation === "read" || operation === "open" || random.next() > 0.25) return;
        copies.push(copyToMemory(files, DIRECTORY));
      };
      const env = testEnv(system);
      const db = await openIn(env, options);
      await pause(env);
      await db.collectGarbage();
      await pause(env);
      system.hook = () => undefined;
      await db.close();
      expect(copies.length).toBeGreaterThan(3);
      for (const copy of copies) {
        const survivor = await openIn(testEnv(copy), options);
        expect(linesOf(survivor)).toEqual(expected);
        await survivor.close();
      }
    }, 30_000);
  }

  test("case-disc: files with nothing but overwritten values go by themselves", async () => {
    const files = load("case-disc");
    const env = testEnv(files);
    const db = await openIn(env);
    const lines = linesOf(db);
    expect(lines.length).toBe(20);
    await pause(env);
    expect(linesOf(db)).toEqual(lines);
    expect(files.list(DIRECTORY).filter((name) => name.endsWith(".vlog"))).toEqual(["000003.vlog"]);
    await db.close();
  });
});
