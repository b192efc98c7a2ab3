/** Encryption at rest: nothing of keys and values shows in any file, and rotation loses nothing. */

import { describe, expect, test } from "bun:test";

import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { OpenOptions } from "../../src/index.ts";
import { copyToMemory, readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { Ledger } from "../suites/ledger.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf } from "./outcomes.ts";

const KEY = new Uint8Array(32).map((_, i) => i * 7);
const MARKER = "S3CR3T-MARKER";

function filesWith(files: FileSystem, text: string): string[] {
  const wanted = Buffer.from(text);
  const found: string[] = [];
  for (const [name, bytes] of readDirectory(files, DIRECTORY)) {
    if (Buffer.from(bytes).includes(wanted)) found.push(name);
  }
  return found;
}

/** Writes the marker in keys and values, in logs, value log and tables of several levels. */
async function writeMarkers(files: FileSystem, options: OpenOptions): Promise<void> {
  const db = await openIn(testEnv(files), { ...TINY, ...options });
  for (let round = 0; round < 3; round++) {
    const batch = db.batch();
    for (let i = 0; i < 400; i++) {
      await batch.put(`${MARKER}-key-${i}`, `${MARKER} value ${round} `.repeat(1 + (i % 20)));
    }
    await batch.flush();
    if (round < 2) await db.compact();
  }
  await db.put(`${MARKER}-last`, `${MARKER} in the log`);
  expect(db.tables().length).toBeGreaterThan(0);
}

describe("with an encryption key", () => {
  for (const compression of ["none", "snappy", "zstd"] as const) {
    test(`no file shows keys or values (${compression})`, async () => {
      const plain = new MemoryFileSystem();
      await writeMarkers(plain, { compression });
      const shown = filesWith(plain, MARKER);
      for (const kind of [".mem", ".vlog", ".sst"]) {
        expect(shown.some((name) => name.endsWith(kind))).toBe(true);
      }
      const files = new MemoryFileSystem();
      await writeMarkers(files, { compression, encryptionKey: KEY });
      expect(filesWith(files, MARKER)).toEqual([]);
      expect(filesWith(files, "R3T-MARK")).toEqual([]);
      const registry = readDirectory(files, DIRECTORY).get("KEYREGISTRY") as Uint8Array;
      expect(Buffer.from(registry).includes(Buffer.from(KEY))).toBe(false);
    });
  }

  // Drafts, dropped prefixes in log and manifest, statistics: whatever is written at any time.
  test("nothing that is ever written shows them, drafts and dropped prefixes included", async () => {
    const files = new MemoryFileSystem();
    const shown = new Set<string>();
    const written = new Set<string>();
    const open = files.open.bind(files);
    files.open = (path, mode) => {
      const file = open(path, mode);
      const write = file.write.bind(file);
      file.write = (source, offset, length, position) => {
        const bytes = Buffer.from(source.buffer, source.byteOffset + offset, length);
        written.add(path.slice(path.lastIndexOf("/") + 1).replace(/^\d+/, "N"));
        if (bytes.includes(MARKER)) shown.add(path);
        write(source, offset, length, position);
      };
      return file;
    };
    for (const compression of ["none", "zstd"] as const) {
      const options = { ...TINY, compression, encryptionKey: KEY, encryptionKeyRotationMs: 1 };
      const env = testEnv(files);
      const db = await openIn(env, options);
      for (let i = 0; i < 600; i++) {
        env.clock.advance(1);
        await db.put(`${MARKER}/${i % 90}`, `${MARKER} `.repeat(1 + (i % 40)));
        if (i % 150 === 149) await db.compact();
      }
      const reader = db.begin();
      await db.dropPrefix(`${MARKER}/1`);
      await db.flush();
      reader.discard();
      for (let i = 0; i < 60; i++) await db.delete(`${MARKER}/${i}`);
      await db.collectGarbage();
      await db.close();
    }
    expect([...shown]).toEqual([]);
    for (const name of [
      "N.mem.tmp",
      "N.vlog.tmp",
      "N.sst",
      "MANIFEST",
      "REWRITE-KEYREGISTRY",
      "DISCARD",
    ]) {
      expect([...written]).toContain(name);
    }
  });

  test("every key length works, and every other key is refused", async () => {
    for (const length of [16, 24, 32]) {
      const files = new MemoryFileSystem();
      const encryptionKey = KEY.slice(0, length);
      const ledger = new Ledger(length);
      let db = await openIn(testEnv(files), { ...TINY, encryptionKey });
      for (let i = 0; i < 60; i++) {
        await ledger.commit(db);
        if (i % 20 === 10) await db.flush();
      }
      const left = copyToMemory(files, DIRECTORY);
      await db.close();
      for (const wrong of [
        undefined,
        KEY.slice(0, length).reverse(),
        KEY.slice(0, length === 16 ? 24 : 16),
      ]) {
        const options = wrong === undefined ? {} : { encryptionKey: wrong };
        for (const place of [files, left]) {
          expect(await codeOf(openIn(testEnv(place), options))).toBe("ERR_ENCRYPTION_KEY");
        }
      }
      for (const place of [files, left]) {
        db = await openIn(testEnv(place), { encryptionKey });
        ledger.check(db);
        await db.close();
      }
    }
  });

  test("rotation gives new files new keys, and old files stay readable", async () => {
    const files = new MemoryFileSystem();
    const env = testEnv(files);
    const options = { ...TINY, encryptionKey: KEY, encryptionKeyRotationMs: 1000 };
    const ledger = new Ledger(30);
    let db = await openIn(env, options);
    let registryBytes = 0;
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 30; i++) await ledger.commit(db);
      await db.flush();
      const size = files.info(`${DIRECTORY}/KEYREGISTRY`)?.size ?? 0;
      expect(size).toBeGreaterThan(registryBytes);
      registryBytes = size;
      env.clock.advance(2000);
      ledger.check(db);
      if (round % 2 === 1) {
        await db.close();
        db = await openIn(env, options);
      }
    }
    await db.compact();
    ledger.check(db);
    await db.close();
    db = await openIn(env, { encryptionKey: KEY });
    ledger.check(db);
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
  });

  // A new data key was in use although the registry could not be written: its files could never be read.
  test("a data key that did not reach the registry encrypts nothing", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const env = testEnv(system);
    const options = { encryptionKey: KEY, encryptionKeyRotationMs: 1000 };
    const db = await openIn(env, options);
    await db.put("old", "v");
    env.clock.advance(5000);
    system.hook = (operation, path) => {
      if (operation === "write" && path.includes("KEYREGISTRY"))
        throw ioFailure("write", path, "ENOSPC");
    };
    expect(await codeOf(db.flush())).toBe("ERR_DISK_FULL");
    expect(await codeOf(db.put("big", "v".repeat(5000)))).toBe("ERR_DISK_FULL");
    expect(db.tables()).toEqual([]);
    system.hook = () => undefined;
    await db.put("new", "v".repeat(5000));
    await db.close();
    const again = await openIn(testEnv(system.inner), options);
    expect(again.count()).toBe(2);
    expect(again.get("new")?.length).toBe(5000);
    await again.close();
  });

  test("a registry that was torn while a key was added is readable up to there", async () => {
    const files = new MemoryFileSystem();
    const first = await openIn(testEnv(files), { encryptionKey: KEY });
    await first.put("key", "value");
    await first.close();
    const path = `${DIRECTORY}/KEYREGISTRY`;
    const registry = files.readFile(path) as Uint8Array;
    writeFile(files, path, new Uint8Array([...registry, 0, 0, 0, 40, 1, 2]));
    const again = await openIn(testEnv(files), { encryptionKey: KEY });
    expect(again.count()).toBe(1);
    await again.close();
  });
});
