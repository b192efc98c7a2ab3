/** What is done to an authenticated directory besides opening it: verify, salvage, another master key, options. */

import { beforeAll, describe, expect, test } from "bun:test";

import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { decodeSealedHeader } from "../../src/format/sealed-file.ts";
import { rotateKey, salvage, verifyDirectory } from "../../src/index.ts";
import { codeOf, errorOf } from "../database/outcomes.ts";
import { readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import {
  type Copy,
  type Files,
  framesOf,
  KEY,
  liveOnce,
  openSealed,
  SEALED,
  type SealedLife,
  verdictOn,
  withFile,
} from "./sealed-life.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_124);
const OTHER_KEY = new Uint8Array(32).fill(3);

let life: SealedLife;

beforeAll(async () => {
  life = await liveOnce();
});

function diskOf(files: Files): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  disk.makeDirectory(DIRECTORY);
  for (const [name, bytes] of files) writeFile(disk, `${DIRECTORY}/${name}`, bytes);
  return disk;
}

function verify(files: Files): ReturnType<typeof verifyDirectory> {
  return verifyDirectory(DIRECTORY, { env: testEnv(diskOf(files)), encryptionKey: KEY });
}

describe("verify", () => {
  test("finds nothing in a directory that is sound, closed or killed", async () => {
    for (const { files } of [life.early, life.earlyKilled, life.late, life.lateKilled]) {
      const { findings, entries } = await verify(files);
      expect(findings).toEqual([]);
      expect(entries).toBeGreaterThan(100);
    }
  });

  test(`finds every flipped bit, seed ${SEED}`, async () => {
    const random = new SeededRandom(SEED);
    for (const [name, bytes] of life.late.files) {
      for (let i = 0; i < 12; i++) {
        const place = random.below(bytes.length);
        const changed = bytes.slice();
        changed[place] = (changed[place] as number) ^ (1 << random.below(8));
        const { findings } = await verify(withFile(life.late.files, name, changed));
        const named = findings.filter(({ file }) => file === name);
        if (named.length === 0) throw new Error(`nothing about byte ${place} of ${name}`);
      }
    }
  });

  test("finds a log that is gone, and a manifest that was set back", async () => {
    const { files } = life.lateKilled;
    const manifest = files.get("MANIFEST") as Uint8Array;
    // By the manifest itself, or by tables that it still lists and a compaction has removed.
    for (const { start } of framesOf(manifest).slice(1)) {
      const back = await verify(withFile(files, "MANIFEST", manifest.slice(0, start)));
      expect([start, back.findings.length > 0]).toEqual([start, true]);
    }
  });

  test("needs the key, and says so", async () => {
    const env = testEnv(diskOf(life.late.files));
    expect(await codeOf(verifyDirectory(DIRECTORY, { env }))).toBe("ERR_ENCRYPTION_KEY");
    const wrong = verifyDirectory(DIRECTORY, { env, encryptionKey: OTHER_KEY });
    expect(await codeOf(wrong)).toBe("ERR_ENCRYPTION_KEY");
  });
});

describe("salvage", () => {
  const TARGET = "/salvaged";

  async function salvaged({ files }: Copy): Promise<{ lost: boolean; found: Map<string, string> }> {
    const disk = diskOf(files);
    const env = testEnv(disk, 77);
    const { lost } = await salvage(DIRECTORY, TARGET, { env, encryptionKey: KEY });
    expect(disk.list(TARGET)).toContain("SEAL");
    // Opened without saying that it is authenticated: it says so itself.
    const copy = new MemoryFileSystem();
    copy.makeDirectory(DIRECTORY);
    for (const [name, bytes] of readDirectory(disk, TARGET))
      writeFile(copy, `${DIRECTORY}/${name}`, bytes);
    const found = new Map<string, string>();
    const db = await openSealed(copy, { authenticatedEncryption: false });
    for (const entry of db.scan()) found.set(Buffer.from(entry.key).toString(), entry.text());
    await db.close();
    return { lost, found };
  }

  test("brings everything of a sound directory into a new authenticated one", async () => {
    for (const copy of [life.early, life.late, life.lateKilled]) {
      const { lost, found } = await salvaged(copy);
      expect(lost).toBe(false);
      expect(found).toEqual(new Map(copy.contents[0]));
    }
  });

  test(`loses what does not authenticate, tells so, and makes nothing up, seed ${SEED}`, async () => {
    const random = new SeededRandom(SEED + 1);
    let recovered = 0;
    for (const [name, bytes] of life.early.files) {
      if (name === "SEAL") continue;
      for (let i = 0; i < 4; i++) {
        const changed = bytes.slice();
        const place = 64 + random.below(bytes.length - 64);
        changed[place] = (changed[place] as number) ^ 0x10;
        const files = withFile(life.early.files, name, changed);
        const { lost, found } = await salvaged({ ...life.early, files });
        const expected = life.early.contents[0] as ReadonlyMap<string, string>;
        for (const [key, value] of found) {
          // An older version may stand in for one that is lost.
          if (value !== expected.get(key)) expect(lost).toBe(true);
        }
        if (found.size < expected.size) expect(lost).toBe(true);
        recovered += found.size;
      }
    }
    expect(recovered).toBeGreaterThan(0);
  });
});

describe("rotateKey", () => {
  test("puts the register under the new key and leaves all other files alone", async () => {
    const disk = diskOf(life.late.files);
    const env = testEnv(disk, 99);
    const rotated = await rotateKey(DIRECTORY, { oldKey: KEY, newKey: OTHER_KEY, env });
    expect(rotated).toEqual({ dataKeys: 1, wasEncrypted: true });
    const changed = [...readDirectory(disk, DIRECTORY)].filter(
      ([name, bytes]) => !Buffer.from(bytes).equals(life.late.files.get(name) as Uint8Array),
    );
    expect(changed.map(([name]) => name)).toEqual(["SEAL"]);
    expect(await codeOf(openSealed(disk))).toBe("ERR_ENCRYPTION_KEY");
    const db = await openSealed(disk, { encryptionKey: OTHER_KEY });
    expect(db.count()).toBe((life.late.contents[0] as Map<string, string>).size);
    await db.close();
  });

  test("refuses a wrong old key, and a new one that is too short", async () => {
    const env = testEnv(diskOf(life.late.files));
    const wrong = rotateKey(DIRECTORY, { oldKey: OTHER_KEY, newKey: KEY, env });
    expect(await codeOf(wrong)).toBe("ERR_ENCRYPTION_KEY");
    const short = rotateKey(DIRECTORY, { oldKey: KEY, newKey: new Uint8Array(16), env });
    expect(await codeOf(short)).toBe("ERR_INVALID_ARGUMENT");
    const none = rotateKey(DIRECTORY, { newKey: OTHER_KEY, env });
    expect(await codeOf(none)).toBe("ERR_ENCRYPTION_KEY");
  });
});

describe("opening", () => {
  test("says of an authenticated directory what is missing", async () => {
    const env = testEnv(diskOf(life.late.files));
    for (const options of [
      {},
      { encryptionKey: new Uint8Array(16) },
      { encryptionKey: OTHER_KEY },
    ]) {
      expect(await codeOf(openIn(env, { ...TINY, ...options }))).toBe("ERR_ENCRYPTION_KEY");
    }
  });

  test("refuses to take any other directory for an authenticated one", async () => {
    for (const options of [{}, { encryptionKey: KEY }]) {
      const disk = new MemoryFileSystem();
      await (await openIn(testEnv(disk), options)).close();
      const error = await errorOf(openSealed(disk));
      expect(error?.code).toBe("ERR_INVALID_ARGUMENT");
      expect(error?.message).toContain("authenticatedEncryption");
      expect(disk.list(DIRECTORY)).not.toContain("SEAL");
    }
  });

  test("takes nobody else's file for a register", async () => {
    const disk = new MemoryFileSystem();
    await (await openIn(testEnv(disk))).close();
    writeFile(disk, `${DIRECTORY}/SEAL`, new TextEncoder().encode("a picture of a seal"));
    const db = await openIn(testEnv(disk));
    await db.put("a", "b");
    await db.close();
    const { findings } = await verifyDirectory(DIRECTORY, { env: testEnv(disk) });
    expect(findings).toEqual([]);
    expect(Buffer.from(disk.readFile(`${DIRECTORY}/SEAL`) ?? []).toString()).toContain("picture");
  });

  test("a register that is none any more is damage, for whoever has the key", async () => {
    const spoiled = withFile(life.late.files, "SEAL", new Uint8Array(500).fill(7));
    const error = await errorOf(openSealed(diskOf(spoiled)));
    expect(error).toMatchObject({ code: "ERR_CORRUPTION", file: "SEAL" });
    const { findings } = await verify(spoiled);
    expect(findings.map(({ file }) => file)).toEqual(["SEAL"]);
  });

  test("a manifest without its register is damage, whatever the options", async () => {
    const files = withFile(life.late.files, "SEAL", undefined);
    for (const options of [{}, { encryptionKey: KEY }]) {
      const error = await errorOf(openIn(testEnv(diskOf(files)), { ...TINY, ...options }));
      expect(error).toMatchObject({ code: "ERR_CORRUPTION", file: "SEAL" });
    }
  });

  test("for reading writes nothing, also after a kill", async () => {
    const disk = diskOf(life.lateKilled.files);
    const db = await openSealed(disk, { readOnly: true });
    expect(db.count()).toBe((life.lateKilled.contents[0] as Map<string, string>).size);
    await db.close();
    const after = readDirectory(disk, DIRECTORY);
    expect([...after.keys()]).toEqual([...life.lateKilled.files.keys()]);
    for (const [name, bytes] of after)
      expect(bytes).toEqual(life.lateKilled.files.get(name) as Uint8Array);
  });

  test("a crash before the manifest is there leaves a directory that opens", async () => {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    faulty.hook = (operation, path) => {
      if (path.includes("MANIFEST")) throw ioFailure(operation, path, "EIO");
    };
    expect(await codeOf(openIn(testEnv(faulty), SEALED))).toBe("ERR_IO");
    expect(disk.list(DIRECTORY)).toEqual(["SEAL"]);
    const db = await openSealed(disk);
    await db.put("a", "b");
    await db.close();
    expect(disk.list(DIRECTORY)).toContain("MANIFEST");
  });

  test("new files get a new data key when the newest is old", async () => {
    const disk = new MemoryFileSystem();
    const env = testEnv(disk, 5);
    const db = await openIn(env, {
      ...TINY,
      encryptionKey: KEY,
      authenticatedEncryption: true,
      encryptionKeyRotationMs: 60_000,
    });
    for (let round = 0; round < 3; round++) {
      await db.put(`key-${round}`, "v".repeat(1000));
      await db.flush();
      env.clock.advance(61_000);
    }
    await db.close();
    const keyIds = [...readDirectory(disk, DIRECTORY)]
      .filter(([name]) => name.endsWith(".sst"))
      .map(([, bytes]) => decodeSealedHeader(bytes).keyId);
    expect(new Set(keyIds).size).toBeGreaterThan(1);
    expect((await verify(readDirectory(disk, DIRECTORY))).findings).toEqual([]);
  });

  test("no file shows a key, a value or the master key", () => {
    for (const [name, bytes] of [...life.late.files, ...life.lateKilled.files]) {
      const text = Buffer.from(bytes);
      expect([name, text.includes("key-"), text.includes("log 0"), text.includes(KEY)]).toEqual([
        name,
        false,
        false,
        false,
      ]);
    }
  });
});

test("a directory of a killed process is right after it was opened, closed and opened again", async () => {
  const disk = diskOf(life.lateKilled.files);
  for (let i = 0; i < 3; i++) await (await openSealed(disk)).close();
  const files = readDirectory(disk, DIRECTORY);
  expect(await verdictOn(files, life.lateKilled)).toBe("right");
});
