/**
 * A value log in a directory of its own, as Badger's `ValueDir`: everything works as in one place, and opening
 * with a directory missing or wrong is refused before a byte of either has changed.
 */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CorruptionError } from "../../src/base/errors.ts";
import type { Database } from "../../src/database/contract.ts";
import type { Env } from "../../src/env/env.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { BunFileSystem } from "../../src/env/bun-file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import {
  type LockedError,
  open,
  type OpenOptions,
  rotateKey,
  salvage,
  verifyDirectory,
} from "../../src/index.ts";
import { readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { openPath, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf, errorOf } from "./outcomes.ts";

const HOME = "/fast/db";
const VALUES = "/disk/values";
const LARGE = "v".repeat(1000);
const KEY = new Uint8Array(32).fill(5);

const root = mkdtempSync(join(tmpdir(), "meles-value-directory-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function openPair(env: Env, options: OpenOptions = {}, home = HOME): Promise<Database> {
  return open(home, { ...TINY, workers: "inline", valueDirectory: VALUES, ...options, env });
}

/** Names and bytes of everything, but locks. */
function photograph(files: FileSystem, ...directories: string[]): Record<string, string> {
  const photo: Record<string, string> = {};
  for (const directory of directories) {
    if (files.info(directory) === undefined) continue;
    for (const name of files.list(directory)) {
      const path = `${directory}/${name}`;
      if (files.info(path)?.kind !== "file") continue;
      photo[path] = Bun.hash(files.readFile(path) ?? new Uint8Array(0)).toString(16);
    }
  }
  return photo;
}

async function fill(db: Database, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    await db.put(`key-${i}`, i % 2 === 0 ? `small ${i}` : `${LARGE} ${i}`);
  }
}

function contents(db: Database): string[] {
  return [...db.scan()].map((entry) => `${Buffer.from(entry.key).toString()}=${entry.text()}`);
}

async function filled(options: OpenOptions = {}): Promise<{ env: Env; rows: string[] }> {
  const env = testEnv(new MemoryFileSystem());
  const db = await openPair(env, options);
  await fill(db, 0, 60);
  await db.flush();
  await fill(db, 60, 80);
  const rows = contents(db);
  await db.close();
  return { env, rows };
}

const VARIANTS: readonly (readonly [string, OpenOptions])[] = [
  ["in clear", {}],
  ["encrypted", { encryptionKey: KEY }],
  ["authenticated", { encryptionKey: KEY, authenticatedEncryption: true }],
];

describe.each(VARIANTS)("two directories, %s,", (_, options) => {
  test("hold each its kind of file, and everything is there again", async () => {
    const { env, rows } = await filled(options);
    const names = (directory: string): string[] => env.fileSystem.list(directory);
    expect(names(HOME).filter((name) => /vlog|DISCARD/.test(name))).toEqual([]);
    expect(names(VALUES).filter((name) => !/^(\d{6}\.vlog|DISCARD|PAIR)$/.test(name))).toEqual([]);
    expect(names(VALUES).some((name) => name.endsWith(".vlog"))).toBe(true);
    for (const readOnly of [true, false]) {
      const db = await openPair(env, { ...options, readOnly });
      expect(contents(db)).toEqual(rows);
      expect(db.valueDirectory).toBe(VALUES);
      expect(db.size().valueLogs).toBeGreaterThan(0);
      expect(db.explainSpace().files.some(({ file }) => file.endsWith(".vlog"))).toBe(true);
      await db.close();
    }
  });

  test("give the space of values back, in their own directory", async () => {
    const { env } = await filled(options);
    const db = await openPair(env, options);
    for (let i = 0; i < 80; i++) if (i !== 1) await db.delete(`key-${i}`);
    await db.collectGarbage();
    expect(contents(db)).toEqual([`key-1=${LARGE} 1`]);
    expect(db.size().valueLogs).toBeLessThan(3000);
    await db.dropAll();
    await db.put("after", LARGE);
    await db.close();
    const again = await openPair(env, options);
    expect(contents(again)).toEqual([`after=${LARGE}`]);
    await again.close();
  });

  test("are not opened without the option, nor with a wrong one, and nothing changes", async () => {
    const { env, rows } = await filled(options);
    const files = env.fileSystem;
    const other = await open("/other/db", { ...TINY, workers: "inline", env });
    await fill(other, 200, 220);
    await other.close();
    const pair = await openPair(env, { ...options, valueDirectory: "/other/values" }, "/third/db");
    await fill(pair, 0, 20);
    await pair.close();
    const before = photograph(files, HOME, VALUES, "/other/db", "/other/values", "/third/db");
    const { valueDirectory: _, ...without } = { ...options, valueDirectory: VALUES };
    const wrong = ["/other/db", "/other/values", HOME, "/third/db", "/nowhere"];
    for (const readOnly of [true, false]) {
      const missing = await errorOf(
        open(HOME, { ...TINY, workers: "inline", ...without, readOnly, env }),
      );
      expect(missing?.code).toBe("ERR_INVALID_ARGUMENT");
      expect(missing?.message).toContain(`lies in another directory, ${VALUES} when`);
      for (const valueDirectory of wrong) {
        expect(await codeOf(openPair(env, { ...options, readOnly, valueDirectory }))).toBeString();
      }
    }
    expect(photograph(files, HOME, VALUES, "/other/db", "/other/values", "/third/db")).toEqual(
      before,
    );
    const db = await openPair(env, options);
    expect(contents(db)).toEqual(rows);
    await db.close();
  });

  test("are verified and salvaged together, and by no half", async () => {
    const { env, rows } = await filled(options);
    const encryptionKey = options.encryptionKey;
    const common = { env, ...(encryptionKey === undefined ? {} : { encryptionKey }) };
    const both = { ...common, valueDirectory: VALUES };
    const { findings, entries } = await verifyDirectory(HOME, both);
    expect([findings, entries]).toEqual([[], 80]);
    expect(await codeOf(verifyDirectory(HOME, common))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(salvage(HOME, "/new", common))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(salvage(HOME, `${VALUES}/new`, both))).toBe("ERR_INVALID_ARGUMENT");
    expect((await salvage(HOME, "/new", both)).lost).toBe(false);
    const db = await open("/new", { ...TINY, workers: "inline", ...common });
    expect(contents(db)).toEqual(rows);
    await db.close();
  });
});

test("the master key of an authenticated pair is changed with both at hand only", async () => {
  const options = { encryptionKey: KEY, authenticatedEncryption: true } as const;
  const { env, rows } = await filled(options);
  const newKey = new Uint8Array(32).fill(6);
  env.fileSystem.makeDirectory("/empty");
  for (const wrong of [{}, { valueDirectory: "/empty" }]) {
    const attempt = rotateKey(HOME, { oldKey: KEY, newKey, env, ...wrong });
    expect(await codeOf(attempt)).toBe("ERR_INVALID_ARGUMENT");
  }
  await rotateKey(HOME, { oldKey: KEY, newKey, env, valueDirectory: VALUES });
  const db = await openPair(env, { encryptionKey: newKey });
  expect(contents(db)).toEqual(rows);
  await db.close();
});

describe("directories without a PAIR file, as Badger leaves them,", () => {
  async function unpaired(): Promise<{ env: Env; rows: string[] }> {
    const made = await filled();
    const { fileSystem } = made.env;
    for (const directory of [HOME, VALUES]) fileSystem.remove(`${directory}/PAIR`);
    return made;
  }

  test("prove by their pointers that they belong together, and then say so", async () => {
    const { env, rows } = await unpaired();
    const before = photograph(env.fileSystem, HOME, VALUES);
    const reader = await openPair(env, { readOnly: true });
    expect(contents(reader)).toEqual(rows);
    await reader.close();
    expect(photograph(env.fileSystem, HOME, VALUES)).toEqual(before);
    const db = await openPair(env);
    expect(contents(db)).toEqual(rows);
    await db.close();
    expect(env.fileSystem.readFile(`${HOME}/PAIR`)).toEqual(
      env.fileSystem.readFile(`${VALUES}/PAIR`),
    );
  });

  test("are told apart from those that do not, by file and offset, and nothing changes", async () => {
    const { env } = await unpaired();
    const files = env.fileSystem;
    const other = await openPair(env, { valueDirectory: "/other/values" }, "/other/db");
    await fill(other, 100, 130);
    await other.close();
    files.remove("/other/values/PAIR");
    files.makeDirectory("/empty");
    const before = photograph(files, HOME, VALUES, "/other/values", "/empty");
    for (const readOnly of [true, false]) {
      for (const valueDirectory of [HOME, "/other/values", "/empty"]) {
        const error = await errorOf(openPair(env, { valueDirectory, readOnly }));
        expect(error).toBeInstanceOf(CorruptionError);
        const { file, offset } = error as CorruptionError;
        expect([file, offset]).toEqual(["000001.vlog", 20]);
        expect(error?.message).toContain("valueDirectory");
      }
    }
    expect(photograph(files, HOME, VALUES, "/other/values", "/empty")).toEqual(before);
  });

  test("are told apart also when both databases began alike", async () => {
    const { env, rows } = await unpaired();
    const twin = await openPair(env, { valueDirectory: "/twin/values" }, "/twin/db");
    await fill(twin, 0, 10);
    await fill(twin, 200, 300);
    await twin.close();
    env.fileSystem.remove("/twin/values/PAIR");
    const wrong = await errorOf(openPair(env, { valueDirectory: "/twin/values" }));
    expect(wrong?.code).toBe("ERR_CORRUPTION");
    const db = await openPair(env);
    expect(contents(db)).toEqual(rows);
    await db.close();
  });

  test("are paired although some values are damaged, and those are told when they are read", async () => {
    const { env, rows } = await unpaired();
    const path = `${VALUES}/000001.vlog`;
    const bytes = env.fileSystem.readFile(path) as Uint8Array;
    bytes[100] = (bytes[100] as number) ^ 1;
    writeFile(env.fileSystem, path, bytes);
    const db = await openPair(env);
    expect(db.count()).toBe(rows.length);
    expect(await codeOf(() => db.get("key-1"))).toBe("ERR_CORRUPTION");
    expect(Buffer.from(db.get("key-3") ?? "").toString()).toBe(`${LARGE} 3`);
    await db.close();
  });

  test("of which one has nothing to point to are refused while the other holds values", async () => {
    const env = testEnv(new MemoryFileSystem());
    const small = await open(HOME, { ...TINY, workers: "inline", env });
    await small.put("key", "value");
    await small.close();
    const other = await openPair(env, {}, "/other/db");
    await fill(other, 0, 10);
    await other.close();
    env.fileSystem.remove(`${VALUES}/PAIR`);
    const before = photograph(env.fileSystem, HOME, VALUES);
    expect(await codeOf(openPair(env))).toBe("ERR_INVALID_ARGUMENT");
    expect(photograph(env.fileSystem, HOME, VALUES)).toEqual(before);
    const db = await openPair(env, { valueDirectory: "/vacant" });
    await db.put("large", LARGE);
    await db.close();
    expect(env.fileSystem.list("/vacant")).toContain("000001.vlog");
  });

  test("in which a value directory was moved, and its file lost, are paired again", async () => {
    const { env, rows } = await filled();
    const files = env.fileSystem;
    files.makeDirectory("/moved");
    for (const name of files.list(VALUES)) {
      if (name === "PAIR") files.remove(`${VALUES}/${name}`);
      else files.rename(`${VALUES}/${name}`, `/moved/${name}`);
    }
    const db = await openPair(env, { valueDirectory: "/moved" });
    expect(contents(db)).toEqual(rows);
    await db.close();
    expect(await codeOf(openPair(env))).toBe("ERR_CORRUPTION");
  });
});

describe("a value directory on its own", () => {
  test("is no database, whatever lies in it", async () => {
    const { env } = await filled();
    for (const isPaired of [true, false]) {
      if (!isPaired) env.fileSystem.remove(`${VALUES}/PAIR`);
      const before = photograph(env.fileSystem, VALUES);
      const error = await errorOf(open(VALUES, { ...TINY, workers: "inline", env }));
      expect(error?.code).toBe(isPaired ? "ERR_INVALID_ARGUMENT" : "ERR_NOT_A_DATABASE");
      expect(error?.message).toContain(isPaired ? `of the database in ${HOME}` : "000001.vlog");
      expect(photograph(env.fileSystem, VALUES)).toEqual(before);
    }
  });

  test("is not taken for a new database's while it holds anything", async () => {
    const { env } = await filled();
    const before = photograph(env.fileSystem, VALUES);
    expect(await codeOf(openPair(env, {}, "/new/db"))).toBe("ERR_INVALID_ARGUMENT");
    env.fileSystem.remove(`${VALUES}/PAIR`);
    expect(await codeOf(openPair(env, {}, "/new/db"))).toBe("ERR_INVALID_ARGUMENT");
    const { [`${VALUES}/PAIR`]: _, ...others } = before;
    expect(photograph(env.fileSystem, VALUES)).toEqual(others);
    env.fileSystem.makeDirectory("/notes");
    writeFile(env.fileSystem, "/notes/todo.txt", new Uint8Array(1));
    const error = await errorOf(openPair(env, { valueDirectory: "/notes" }, "/new/db"));
    expect(error?.message).toContain("todo.txt");
  });

  test("is no place for a backup", async () => {
    const { env } = await filled();
    const db = await openPair(env);
    expect(await codeOf(db.backup(`${VALUES}/000001.vlog`))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(db.backup(`${VALUES}/backup.bak`))).toBe("ERR_INVALID_ARGUMENT");
    await db.close();
  });
});

test("a kill between the two PAIR files of a new pair leaves one that opens", async () => {
  const { env } = await filled();
  const half = env.fileSystem.readFile(`${VALUES}/PAIR`) as Uint8Array;
  const fresh = testEnv(new MemoryFileSystem());
  fresh.fileSystem.makeDirectory(HOME);
  fresh.fileSystem.makeDirectory(VALUES);
  writeFile(fresh.fileSystem, `${VALUES}/PAIR`, half);
  const db = await openPair(fresh);
  await fill(db, 0, 5);
  await db.close();
  expect(fresh.fileSystem.readFile(`${HOME}/PAIR`)).toEqual(half);
});

test("a damaged PAIR file is an error that names it, and verification lists nothing else", async () => {
  const { env } = await filled();
  const path = `${HOME}/PAIR`;
  const bytes = env.fileSystem.readFile(path) as Uint8Array;
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] as number) ^ (1 << (at & 7));
    writeFile(env.fileSystem, path, damaged);
    const error = await errorOf(openPair(env, { readOnly: true }));
    expect(error).toBeInstanceOf(CorruptionError);
    expect([(error as CorruptionError).file, (error as CorruptionError).offset]).toEqual([
      "PAIR",
      0,
    ]);
  }
  const { findings } = await verifyDirectory(HOME, { env, valueDirectory: VALUES });
  expect(findings).toMatchObject([{ file: "PAIR", offset: 0 }]);
});

describe("on a real disk", () => {
  test("a missing value directory is made for its owner alone, and both are locked", async () => {
    const [home, values] = [join(root, "a", "db"), join(root, "b", "deep", "values")];
    const db = await openPath(home, { valueDirectory: values });
    expect(statSync(values).mode & 0o777).toBe(0o700);
    await db.put("key", LARGE);
    expect(readdirSync(home)).toContain("LOCK");
    expect(readdirSync(values)).toContain("LOCK");
    const rival = await errorOf(openPath(join(root, "c"), { valueDirectory: values }));
    expect(rival?.code).toBe("ERR_INVALID_ARGUMENT");
    const second = await errorOf(openPath(home, { valueDirectory: values }));
    expect(second?.code).toBe("ERR_LOCKED");
    expect((second as LockedError).pid).toBe(process.pid);
    await db.close();
    expect([...readdirSync(home), ...readdirSync(values)]).not.toContain("LOCK");
    const held = new BunFileSystem().lockDirectory(values, "exclusive");
    const error = await errorOf(openPath(home, { valueDirectory: values, readOnly: true }));
    expect(error?.code).toBe("ERR_LOCKED");
    expect(error?.message).toContain(values);
    held.release();
    const readers = [1, 2].map(() => openPath(home, { valueDirectory: values, readOnly: true }));
    for (const reader of await Promise.all(readers)) await reader.close();
    expect(readdirSync(values)).not.toContain("LOCK");
  });

  test("a link, a dot or a slash more leads to the same directory", async () => {
    const home = join(root, "linked");
    mkdirSync(home);
    symlinkSync(home, join(root, "link"));
    for (const path of [home, `${home}/`, `${home}/.`, join(root, "link")]) {
      const db = await openPath(home, { valueDirectory: path });
      await db.put(path, LARGE);
      expect(db.valueDirectory).toBe(home);
      await db.close();
    }
    const db = await openPath(home);
    expect(db.count()).toBe(4);
    await db.close();
  });

  test("one directory may lie inside the other", async () => {
    const inner = join(root, "outer", "values");
    for (const [home, values] of [
      [join(root, "outer"), inner],
      [join(root, "around", "db"), join(root, "around")],
    ] as const) {
      for (let round = 0; round < 2; round++) {
        const db = await openPath(home, { valueDirectory: values });
        await db.put(`key-${round}`, LARGE);
        await db.close();
      }
      const db = await openPath(home, { valueDirectory: values, readOnly: true });
      expect(db.count()).toBe(2);
      await db.close();
    }
  });

  test("a file is no value directory, and memory has none", async () => {
    const home = join(root, "plain");
    const db = await openPath(home);
    await db.close();
    const wrong = { valueDirectory: join(home, "MANIFEST") };
    expect(await codeOf(openPath(home, wrong))).toBe("ERR_INVALID_ARGUMENT");
    expect(await codeOf(openPath(":memory:", { valueDirectory: root }))).toBe(
      "ERR_INVALID_ARGUMENT",
    );
  });
});

test("a copy of both directories is a pair of its own, and each goes its way", async () => {
  const { env, rows } = await filled();
  const files = env.fileSystem;
  for (const [from, to] of [
    [HOME, "/copy/db"],
    [VALUES, "/copy/values"],
  ] as const) {
    files.makeDirectory(to);
    for (const [name, bytes] of readDirectory(files, from))
      writeFile(files, `${to}/${name}`, bytes);
  }
  const copy = await openPair(env, { valueDirectory: "/copy/values" }, "/copy/db");
  await copy.dropAll();
  await copy.close();
  const db = await openPair(env);
  expect(contents(db)).toEqual(rows);
  await db.close();
});
