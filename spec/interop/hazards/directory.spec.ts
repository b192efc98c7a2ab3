/** Hazards 1 to 6: what lies in a directory, under which name, and who holds it. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BunFileSystem } from "../../../src/env/bun-file-system.ts";
import { systemEnv } from "../../../src/env/system-env.ts";
import { FaultyFileSystem } from "../../suites/faulty-file-system.ts";
import { withBadger } from "../badger-build.ts";
import { BadgerProcess } from "../badger-process.ts";
import { openMeles } from "../meles-side.ts";
import { ScratchFolder } from "../scratch-folder.ts";
import type { NaiveDirectory } from "../naive-files.ts";
import { Sample, SMALL } from "./sample.ts";

let sample: Sample;
beforeAll(async () => {
  sample = await new Sample().fill();
});
afterAll(() => sample[Symbol.dispose]());

/** Every operation that changed something, in order: `rename MANIFEST-REWRITE`. */
async function recordedOperations(directory: string): Promise<string[]> {
  const operations: string[] = [];
  const fileSystem = new FaultyFileSystem(new BunFileSystem());
  fileSystem.hook = (operation, path) => {
    if (operation !== "read" && operation !== "open") {
      operations.push(`${operation} ${path.slice(directory.length + 1)}`);
    }
  };
  const db = await openMeles(directory, { ...SMALL, env: { ...systemEnv(), fileSystem } });
  using source = new Sample();
  await source.write(db, 300);
  await db.compact();
  await db.close();
  return operations;
}

/** Names, sizes and contents. */
function fingerprint(directory: string): string[] {
  const names = readdirSync(directory).sort();
  return names.map((name) => {
    const path = join(directory, name);
    return `${name} ${statSync(path).size} ${Bun.hash(readFileSync(path))} ${statSync(path).mtimeMs}`;
  });
}

describe("hazard 1: tables without a MANIFEST are deleted", () => {
  test("the MANIFEST is there before anything else, renamed from a synced file", async () => {
    using folder = new ScratchFolder();
    const operations = await recordedOperations(folder.at("data"));
    const steps = operations.filter((one, at) => one !== operations[at - 1]);
    expect(steps.slice(0, 5)).toEqual([
      "create MANIFEST-REWRITE",
      "write MANIFEST-REWRITE",
      "sync MANIFEST-REWRITE",
      "rename MANIFEST-REWRITE",
      "sync directory ",
    ]);
    expect(operations.filter((one) => one === "remove MANIFEST")).toEqual([]);
  });

  test("Meles refuses a directory whose MANIFEST is missing and deletes nothing", async () => {
    const copy = sample.folder.copyOf(sample.directory);
    rmSync(join(copy, "MANIFEST"));
    const before = fingerprint(copy);
    for (const readOnly of [false, true]) {
      const refusal = await openMeles(copy, { readOnly }).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: readOnly ? "ERR_NOT_A_DATABASE" : "ERR_CORRUPTION" });
    }
    expect(fingerprint(copy)).toEqual(before);
  });
});

describe("hazard 2: a table that no MANIFEST names is deleted", () => {
  test("every table is named after a close, and at a kill all named ones are there", async () => {
    const tablesOf = ({ names }: NaiveDirectory) =>
      names.filter((name) => name.endsWith(".sst")).map((name) => parseInt(name, 10));
    const namedIn = ({ manifest }: NaiveDirectory) =>
      [...manifest.tables.keys()].sort((a, b) => a - b);
    using other = new Sample();
    await other.use(async (db) => {
      for (let n = 0; n < 3; n++) {
        await other.write(db, 200);
        if (n === 1) await db.flush();
        const killed = other.read(other.killed(`killed-${n}`));
        const named = namedIn(killed);
        expect(tablesOf(killed).filter((table) => named.includes(table))).toEqual(named);
      }
    });
    expect(namedIn(other.read()).length).toBeGreaterThan(0);
    expect(tablesOf(other.read())).toEqual(namedIn(other.read()));
  });

  test("a table and its name are durable before the MANIFEST names it", async () => {
    using folder = new ScratchFolder();
    const operations = await recordedOperations(folder.at("data"));
    const unsafe = new Set<string>();
    for (const operation of operations) {
      const [, name = ""] = /^(?:create|write) (\d+\.sst)$/.exec(operation) ?? [];
      if (name !== "") unsafe.add(name);
      if (operation.startsWith("sync ")) unsafe.delete(operation.slice(5));
      if (operation === "write MANIFEST") expect([...unsafe]).toEqual([]);
    }
    const writes = operations.flatMap((one, at) => (one === "write MANIFEST" ? [at] : []));
    expect(writes.length).toBeGreaterThan(3);
    for (const at of writes) expect(operations.slice(0, at)).toContain("sync directory ");
  });

  test("Meles leaves one that is not named alone when it only reads", async () => {
    const copy = sample.folder.copyOf(sample.directory);
    writeFileSync(join(copy, "009999.sst"), "not a table");
    await (await openMeles(copy, { readOnly: true })).close();
    expect(readdirSync(copy)).toContain("009999.sst");
  });
});

describe("hazard 3: stray names break the directory", () => {
  test("Meles writes five digits for .mem and six for .sst and .vlog, and no other such name", async () => {
    await sample.use(async (db) => {
      await sample.write(db, 50);
      for (const name of readdirSync(sample.directory)) {
        expect(name).toMatch(
          /^(?:MANIFEST|KEYREGISTRY|DISCARD|LOCK|\d{6}\.sst|\d{6}\.vlog|\d{5}\.mem)$/,
        );
      }
    });
  });

  for (const name of ["old.vlog", "1.vlog", "000001.mem", "x.mem"]) {
    test(`Meles refuses ${name} as Badger does, instead of half reading the directory`, async () => {
      const copy = sample.folder.copyOf(sample.directory);
      writeFileSync(join(copy, name), new Uint8Array(20));
      const refusal = await openMeles(copy).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "ERR_NOT_A_DATABASE" });
    });
  }
});

describe("hazard 4: an empty log breaks the next open", () => {
  test("a log appears by a rename, with its header in it, and goes by an unlink, uncut", async () => {
    using folder = new ScratchFolder();
    const operations = await recordedOperations(folder.at("data"));
    const ofLogs = operations.filter((one) => /\.(?:mem|vlog)/.test(one));
    expect(ofLogs.filter((one) => /^create .*\.(?:mem|vlog)$/.test(one))).toEqual([]);
    expect(ofLogs.filter((one) => one.startsWith("truncate"))).toEqual([]);
    const made = ofLogs.flatMap((one, at) => (one.startsWith("rename") ? [at] : []));
    expect(made.length).toBeGreaterThan(2);
    for (const at of made) expect(ofLogs.slice(at - 2, at)[1]).toMatch(/^write .*\.tmp$/);
    expect(ofLogs.filter((one) => one.startsWith("remove")).length).toBeGreaterThan(1);
  });
});

withBadger("hazard 5: only a flock on the directory keeps the other out", () => {
  test("Badger cannot open what Meles has open, nor Meles what Badger has", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const db = await openMeles(directory);
    await expect(BadgerProcess.open(directory)).rejects.toThrow("Cannot acquire directory lock");
    await expect(BadgerProcess.open(directory, { readOnly: true })).rejects.toThrow("lock");
    await db.close();
    await using badger = await BadgerProcess.open(directory);
    for (const readOnly of [false, true]) {
      const refusal = await openMeles(directory, { readOnly }).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "ERR_LOCKED" });
    }
    await badger.close();
  });

  test("both may read at the same time, and a LOCK file left behind keeps nobody out", async () => {
    const copy = sample.folder.copyOf(sample.directory);
    writeFileSync(join(copy, "LOCK"), "1\n");
    const db = await openMeles(copy, { readOnly: true });
    await using badger = await BadgerProcess.open(copy, { readOnly: true });
    expect((await badger.dump()).live.length).toBe(db.count());
    await badger.close();
    await db.close();
  });
});

withBadger("hazard 6: opening a directory changes it", () => {
  test("Badger's does; that of Meles does not when it only reads, also after a kill", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    await using badger = await BadgerProcess.open(directory, {
      memTableSize: 1 << 20,
      valueThreshold: 30,
      valueLogFileSize: 1 << 20,
    });
    await badger.commit([{ key: Uint8Array.of(1), value: new Uint8Array(100) }]);
    await badger.kill();
    const before = fingerprint(directory);
    const db = await openMeles(directory, { readOnly: true });
    expect(db.get(Uint8Array.of(1))).toEqual(new Uint8Array(100));
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
    expect(fingerprint(directory)).toEqual(before);
    await using again = await BadgerProcess.open(directory);
    await again.close();
    expect(fingerprint(directory)).not.toEqual(before);
  });
});
