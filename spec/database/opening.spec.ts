/** Opening: what is no database, what is locked, what a read-only database leaves untouched. */

import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Database } from "../../src/database/contract.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { copyToMemory, readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { FaultyFileSystem } from "../suites/faulty-file-system.ts";
import { Ledger } from "../suites/ledger.ts";
import { DIRECTORY, openIn, openPath, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf, errorOf } from "./outcomes.ts";

const root = mkdtempSync(join(tmpdir(), "meles-opening-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(root, String(++count));

/** Names, sizes, times and bytes of a directory. */
function photograph(path: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(path)) {
    const { mtimeMs, size } = statSync(join(path, name));
    const hash = new Bun.CryptoHasher("sha256").update(readFileSync(join(path, name)));
    files[name] = `${size} ${mtimeMs} ${hash.digest("hex")}`;
  }
  return files;
}

async function filledPath(): Promise<string> {
  const path = fresh();
  const db = await openPath(path, TINY);
  await db.put("key", "value");
  await db.close();
  return path;
}

describe("what is no database is refused and left as it is", () => {
  test("a file, a missing directory to read from, an empty one to read from", async () => {
    const path = await filledPath();
    expect(await codeOf(openPath(join(path, "MANIFEST")))).toBe("ERR_NOT_A_DATABASE");
    expect(await codeOf(openPath(fresh(), { readOnly: true }))).toBe("ERR_NOT_A_DATABASE");
    const missing = join(root, String(count));
    expect(() => statSync(missing)).toThrow();
    mkdirSync(missing);
    expect(await codeOf(openPath(missing, { readOnly: true }))).toBe("ERR_NOT_A_DATABASE");
    expect(readdirSync(missing)).toEqual([]);
  });

  test("a directory with other people's files", async () => {
    const path = fresh();
    mkdirSync(path);
    writeFileSync(join(path, "thesis.odt"), "precious");
    const error = await errorOf(openPath(path));
    expect(error?.code).toBe("ERR_NOT_A_DATABASE");
    expect(error?.message).toContain("thesis.odt");
    expect(readdirSync(path)).toEqual(["thesis.odt"]);
  });

  test("a manifest of something else, of another format version, with another external magic", async () => {
    const path = await filledPath();
    const manifest = new Uint8Array(readFileSync(join(path, "MANIFEST")));
    const change = (position: number, byte: number): void => {
      const changed = manifest.slice();
      changed[position] = byte;
      writeFileSync(join(path, "MANIFEST"), changed);
    };
    change(0, 0x58);
    expect(await codeOf(openPath(path))).toBe("ERR_NOT_A_DATABASE");
    change(7, 9);
    const newer = await errorOf(openPath(path));
    expect(newer?.code).toBe("ERR_UNSUPPORTED_FORMAT");
    expect(newer?.message).toContain("9");
    change(5, 1);
    expect(await codeOf(openPath(path))).toBe("ERR_UNSUPPORTED_FORMAT");
    const marked = await openPath(path, { externalMagic: 1 });
    expect(marked.count()).toBe(1);
    await marked.close();
  });

  test("tables without a manifest: nothing is deleted", async () => {
    const path = await filledPath();
    rmSync(join(path, "MANIFEST"));
    const before = photograph(path);
    expect(await codeOf(openPath(path))).toBe("ERR_CORRUPTION");
    expect(photograph(path)).toEqual(before);
  });

  test("a table that is missing, cut or damaged: ERR_CORRUPTION with its name, and nothing else opens", async () => {
    for (const [damage, verifyChecksums] of [
      ["missing", "read"],
      ["cut", "read"],
      ["flipped", "both"],
    ] as const) {
      const path = await filledPath();
      const name = readdirSync(path).find((file) => file.endsWith(".sst")) as string;
      const table = join(path, name);
      const bytes = new Uint8Array(readFileSync(table));
      if (damage === "missing") rmSync(table);
      if (damage === "cut") writeFileSync(table, bytes.subarray(0, bytes.length - 10));
      if (damage === "flipped") writeFileSync(table, bytes.with(3, (bytes[3] as number) ^ 1));
      const error = await errorOf(openPath(path, { verifyChecksums }));
      expect(error?.code).toBe("ERR_CORRUPTION");
      expect(error?.message).toContain(name);
      writeFileSync(table, bytes);
      const db = await openPath(path);
      expect(db.count()).toBe(1);
      await db.close();
    }
  });
});

test("a directory with more levels than maxLevels allows is refused, naming the option", async () => {
  const files = new MemoryFileSystem();
  const deep = await openIn(testEnv(files));
  await deep.put("key", "value");
  await deep.compact();
  expect(deep.tables()[0]?.level).toBe(6);
  await deep.close();
  const error = await errorOf(openIn(testEnv(files), { maxLevels: 4 }));
  expect(error?.code).toBe("ERR_INVALID_ARGUMENT");
  expect(error?.message).toContain("maxLevels");
  const again = await openIn(testEnv(files));
  expect(again.count()).toBe(1);
  await again.close();
});

describe("a directory is open once", () => {
  test("a second open in this process says so; readers share", async () => {
    const path = await filledPath();
    const writer = await openPath(path);
    for (const readOnly of [false, true]) {
      const error = await errorOf(openPath(path, { readOnly }));
      expect(error?.code).toBe("ERR_LOCKED");
      expect(error?.message).toContain(String(process.pid));
      expect(error?.message).toContain("this process");
    }
    await writer.close();
    const readers = [
      await openPath(path, { readOnly: true }),
      await openPath(path, { readOnly: true }),
    ];
    expect(readers.map((reader) => reader.count())).toEqual([1, 1]);
    expect(await codeOf(openPath(path))).toBe("ERR_LOCKED");
    for (const reader of readers) await reader.close();
    await (await openPath(path)).close();
  });

  test("another process is named by its pid", async () => {
    const path = await filledPath();
    const holder = Bun.spawn(["bun", join(import.meta.dir, "hold-database.ts"), path], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const reader = holder.stdout.getReader();
    await reader.read();
    const error = await errorOf(openPath(path));
    expect(error?.code).toBe("ERR_LOCKED");
    expect(error?.message).toContain(`pid ${holder.pid}`);
    holder.kill("SIGKILL");
    await holder.exited;
    // A dead owner's LOCK file is no lock.
    const db = await openPath(path);
    expect(db.has("held")).toBe(true);
    await db.close();
  });

  test("a failed open lets go of everything", async () => {
    const path = await filledPath();
    for (let i = 0; i < 3; i++) {
      const refused = openPath(path, { encryptionKey: new Uint8Array(16) });
      expect(await codeOf(refused)).toBe("ERR_ENCRYPTION_KEY");
    }
    await (await openPath(path)).close();
  });
});

describe("a read-only database", () => {
  async function expectUntouched(
    path: string,
    use: (db: Database) => Promise<void>,
  ): Promise<void> {
    const before = photograph(path);
    const db = await openPath(path, { ...TINY, readOnly: true });
    await use(db);
    await db.close();
    expect(photograph(path)).toEqual(before);
  }

  test("changes not a byte, also after a kill with torn files and leftovers", async () => {
    const files = new MemoryFileSystem();
    const ledger = new Ledger(21);
    const live = await openIn(testEnv(files), TINY);
    for (let i = 0; i < 120; i++) {
      await ledger.commit(live);
      if (i === 50) await live.flush();
    }
    const path = fresh();
    mkdirSync(path);
    for (const [name, bytes] of readDirectory(copyToMemory(files, DIRECTORY), DIRECTORY)) {
      const torn = name.endsWith(".mem") || name.endsWith(".vlog") || name === "MANIFEST";
      const tail = torn ? new Uint8Array([1, 2, 3]) : new Uint8Array(0);
      writeFileSync(join(path, name), Buffer.concat([bytes, tail]));
    }
    await live.close();
    writeFileSync(join(path, "000099.sst"), "no manifest names this");
    writeFileSync(join(path, "00077.mem.tmp"), "unfinished");
    writeFileSync(join(path, "000044.vlog"), new Uint8Array(20));
    chmodSync(path, 0o555);
    try {
      await expectUntouched(path, async (db) => {
        expect(db.readOnly).toBe(true);
        expect(ledger.check(db, 120, 120)).toBe(120);
        expect((await db.verify()).findings).toEqual([]);
        db.tables();
        db.valueLogs();
        db.size();
      });
    } finally {
      chmodSync(path, 0o755);
    }
    // And a writer cleans up what the reader left alone.
    const writer = await openPath(path, TINY);
    expect(ledger.check(writer, 120, 120)).toBe(120);
    await writer.close();
    expect(readdirSync(path).filter((name) => /tmp|099|044/.test(name))).toEqual([]);
  });

  test("refuses every write", async () => {
    const path = await filledPath();
    await expectUntouched(path, async (db) => {
      for (const use of [
        () => db.put("a", "b"),
        () => db.delete("a"),
        () => db.batch(),
        () => db.update((transaction) => transaction.put("a", "b")),
        () => db.begin().put("a", "b"),
        () => db.dropPrefix("a"),
        () => db.dropAll(),
        () => db.flush(),
        () => db.compact(),
        () => db.sync(),
      ]) {
        expect(await codeOf(use)).toBe("ERR_READ_ONLY");
      }
    });
  });

  test("calls no operation that writes, whatever lies there", async () => {
    const inner = new MemoryFileSystem();
    const first = await openIn(testEnv(inner), { encryptionKey: new Uint8Array(16) });
    await first.put("key", "value");
    const left = copyToMemory(inner, DIRECTORY);
    await first.close();
    writeFile(left, `${DIRECTORY}/00009.mem.tmp`, new Uint8Array(3));
    const system = new FaultyFileSystem(left);
    const changes: string[] = [];
    system.hook = (operation, path) => {
      if (operation !== "read" && operation !== "open") changes.push(`${operation} ${path}`);
    };
    const env = testEnv(system);
    const db = await openIn(env, {
      readOnly: true,
      encryptionKey: new Uint8Array(16),
      encryptionKeyRotationMs: 1,
    });
    env.clock.advance(86_400_000);
    expect(db.count()).toBe(1);
    await db.close();
    expect(changes).toEqual([]);
  });
});

describe("files of several databases", () => {
  test("in memory, do not meet", async () => {
    const { open } = await import("../../src/index.ts");
    const one = await open(":memory:");
    const two = await open(":memory:");
    await one.put("key", "1");
    expect(two.has("key")).toBe(false);
    expect(one.path).toBe(":memory:");
    await one.close();
    await two.close();
  });

  test("in new, nested directories only their owner may enter", async () => {
    const path = join(fresh(), "deeper", "still");
    const db = await openPath(path);
    await db.put("key", "value");
    await db.flush();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(path)) {
      if (name !== "LOCK") expect(statSync(join(path, name)).mode & 0o077).toBe(0);
    }
    await db.close();
  });
});

// A kill hid that the sync of the last record had failed: the old tables were removed, and then the power
// failed and took the record that named the new ones.
test("the manifest is written once more before files go that it does not name", async () => {
  const system = new FaultyFileSystem(new MemoryFileSystem());
  const db = await openIn(testEnv(system), TINY);
  await db.put("key", "value");
  await db.close();
  writeFile(system, `${DIRECTORY}/000099.sst`, new TextEncoder().encode("no manifest names this"));
  const calls: string[] = [];
  system.hook = (operation, path) => void calls.push(`${operation} ${path.slice(-10)}`);
  const again = await openIn(testEnv(system), TINY);
  const removed = calls.findIndex((call) => call.startsWith("remove") && call.includes("99.sst"));
  const before = calls.slice(0, removed).filter((call) => call.endsWith("MANIFEST"));
  expect(removed).toBeGreaterThan(0);
  expect(before.slice(-2).map((call) => call.split(" ")[0])).toEqual(["write", "sync"]);
  expect(again.has("key")).toBe(true);
  await again.close();
});

/**
 * Before it was refused because of something else, a manifest that had lost its end was cut to its last whole
 * record, and a torn key registry rewritten: what salvage could have told was gone.
 */
test("a directory that is refused keeps torn ends of manifest and key registry, and all else", async () => {
  const fileSystem = new MemoryFileSystem();
  const db = await openIn(testEnv(fileSystem), TINY);
  for (let i = 0; i < 200; i++) await db.put(`key-${i}`, "v".repeat(100));
  await db.flush();
  await db.close();
  const torn = (name: string): void => {
    const path = `${DIRECTORY}/${name}`;
    const bytes = fileSystem.readFile(path) as Uint8Array;
    writeFile(fileSystem, path, new Uint8Array([...bytes, 0, 0, 0, 9, 1, 2]));
  };
  torn("MANIFEST");
  torn("KEYREGISTRY");
  const table = fileSystem.list(DIRECTORY).find((name) => name.endsWith(".sst")) as string;
  fileSystem.remove(`${DIRECTORY}/${table}`);
  const files = (): Map<string, Uint8Array> => {
    const found = readDirectory(fileSystem, DIRECTORY);
    found.delete("LOCK");
    return found;
  };
  const before = files();
  expect(await codeOf(openIn(testEnv(fileSystem), TINY))).toBe("ERR_CORRUPTION");
  expect(files()).toEqual(before);
});
