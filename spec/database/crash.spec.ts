/**
 * A process that dies, at any moment: everything acknowledged is there, nothing is torn.
 * `MELES_CRASH_ALL=1` opens the copy after every single file operation instead of a sample.
 */

import { describe, expect, test } from "bun:test";

import { at } from "../../src/base/assert.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { OpenOptions } from "../../src/index.ts";
import { copyToMemory, readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { FaultyFileSystem } from "../suites/faulty-file-system.ts";
import { Ledger } from "../suites/ledger.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf } from "./outcomes.ts";

const everyCopy = process.env["MELES_CRASH_ALL"] !== undefined;
const KEY = new Uint8Array(16).fill(7);

interface Copy {
  readonly files: MemoryFileSystem;
  readonly acknowledged: number;
  readonly issued: number;
}

/** Copies of the directory before operations of a workload, each with what was acknowledged by then. */
async function copiesDuring(ledger: Ledger, options: OpenOptions, share: number): Promise<Copy[]> {
  const random = new SeededRandom(5);
  const system = new FaultyFileSystem(new MemoryFileSystem());
  const copies: Copy[] = [];
  const env = testEnv(system);
  const db = await openIn(env, options);
  system.hook = (operation) => {
    if (operation === "read" || operation === "open") return;
    if (!everyCopy && random.next() > share) return;
    const { acknowledged, issued } = ledger;
    copies.push({ files: copyToMemory(system.inner, DIRECTORY), acknowledged, issued });
  };
  for (let i = 0; i < 260; i++) {
    await ledger.commit(db);
    if (i % 60 === 59) await db.flush();
    if (i % 130 === 129) await db.compact();
    if (i % 97 === 96) env.clock.advance(1000);
  }
  system.hook = () => undefined;
  await db.close();
  return copies;
}

async function recover(
  files: FileSystem,
  options: OpenOptions,
  ledger: Ledger,
  copy: Copy,
): Promise<number> {
  const db = await openIn(testEnv(files), options);
  try {
    return ledger.check(db, copy.acknowledged, copy.issued);
  } finally {
    await db.close();
  }
}

describe("a process killed between any two file operations", () => {
  for (const [name, options] of [
    ["plain", {}],
    ["synced commits, zstd", { sync: "commit", compression: "zstd" }],
    ["encrypted", { encryptionKey: KEY, encryptionKeyRotationMs: 500 }],
    ["authenticated", { encryptionKey: new Uint8Array(32).fill(8), authenticatedEncryption: true }],
  ] as const) {
    test(`${name}: nothing acknowledged is lost, nothing is torn`, async () => {
      const merged = { ...TINY, ...options };
      const ledger = new Ledger(3);
      const copies = await copiesDuring(ledger, merged, 0.12);
      expect(copies.length).toBeGreaterThan(40);
      for (const copy of copies) {
        await recover(copy.files, merged, ledger, copy);
        // Whatever the first recovery did, the second finds the same.
        await recover(copy.files, merged, ledger, copy);
      }
    }, 120_000);
  }

  test("killed again while it recovers", async () => {
    const ledger = new Ledger(4);
    const copies = await copiesDuring(ledger, TINY, 0.02);
    for (const copy of copies) {
      const system = new FaultyFileSystem(copy.files);
      const again: MemoryFileSystem[] = [];
      system.hook = (operation) => {
        if (operation !== "read" && operation !== "open" && again.length < 12) {
          again.push(copyToMemory(copy.files, DIRECTORY));
        }
      };
      await recover(system, TINY, ledger, copy);
      for (const files of again) await recover(files, TINY, ledger, copy);
    }
  }, 120_000);
});

const COMMITS = 9;

describe("a torn log", () => {
  /** A directory with nothing but logs in it, and the sizes of both after each commit. */
  async function logsOnly(commits: number, options: OpenOptions) {
    const files = new MemoryFileSystem();
    const db = await openIn(testEnv(files), options);
    const ledger = new Ledger(8);
    const sizes = [{ log: 0, values: 0 }];
    const sizeOf = (name: string): number => files.info(`${DIRECTORY}/${name}`)?.size ?? 0;
    for (let i = 0; i < commits; i++) {
      await ledger.commit(db);
      sizes.push({ log: sizeOf("00001.mem"), values: sizeOf("000001.vlog") });
    }
    const left = readDirectory(copyToMemory(files, DIRECTORY), DIRECTORY);
    await db.close();
    return { left, ledger, sizes };
  }

  function withFile(left: Map<string, Uint8Array>, name: string, bytes: Uint8Array) {
    const files = new MemoryFileSystem();
    files.makeDirectory(DIRECTORY);
    for (const [other, content] of left) writeFile(files, `${DIRECTORY}/${other}`, content);
    writeFile(files, `${DIRECTORY}/${name}`, bytes);
    return files;
  }

  for (const [kind, step, options] of [
    ["plain", 1, { valueThreshold: 200, memtableSize: 64 * 1024 }],
    ["encrypted", 5, { valueThreshold: 200, memtableSize: 64 * 1024, encryptionKey: KEY }],
  ] as const) {
    test(`${kind}: cut at any byte, it holds exactly the whole commits before`, async () => {
      const { left, ledger, sizes } = await logsOnly(COMMITS, options);
      const log = left.get("00001.mem") as Uint8Array;
      expect(log.length).toBe(at(sizes, COMMITS).log);
      for (let length = 0; length <= log.length; length += step) {
        const whole = sizes.findLastIndex((size) => size.log <= length);
        const files = withFile(left, "00001.mem", log.slice(0, length));
        const db = await openIn(testEnv(files), options);
        ledger.check(db, whole, whole);
        // What comes next is not hidden by what was torn.
        if (length % 15 === 0) expect(await db.put("after", "x")).toBeGreaterThan(0);
        await db.close();
      }
    }, 60_000);

    test(`${kind}: a value log cut at any byte takes the commits with it that point there`, async () => {
      const { left, ledger, sizes } = await logsOnly(COMMITS, options);
      const values = left.get("000001.vlog") as Uint8Array;
      expect(values.length).toBeGreaterThan(1000);
      for (let length = 0; length <= values.length; length += length < 64 ? 1 : 7) {
        const whole = sizes.findLastIndex((size) => size.values <= length);
        const db = await openIn(
          testEnv(withFile(left, "000001.vlog", values.slice(0, length))),
          options,
        );
        ledger.check(db, whole, whole);
        await db.close();
      }
    }, 60_000);
  }

  test("with any byte damaged it holds whole commits only, or is refused as damaged", async () => {
    const options = { valueThreshold: 200, memtableSize: 64 * 1024 };
    const { left, ledger } = await logsOnly(COMMITS, options);
    const log = left.get("00001.mem") as Uint8Array;
    for (let position = 20; position < log.length; position += 5) {
      const damaged = log.slice();
      damaged[position] = (damaged[position] as number) ^ (1 << (position % 8));
      const env = testEnv(withFile(left, "00001.mem", damaged));
      const code = await codeOf(async () => {
        const db = await openIn(env, options);
        ledger.check(db, 0, COMMITS);
        await db.close();
      });
      expect([undefined, "ERR_CORRUPTION"]).toContain(code as undefined);
    }
  }, 60_000);
});
