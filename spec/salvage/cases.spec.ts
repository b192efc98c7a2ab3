/** Single kinds of damage, each with what exactly comes back and what is told. */

import { beforeAll, describe, expect, test } from "bun:test";
import { toText } from "../../src/base/bytes.ts";
import type { Env } from "../../src/env/env.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import {
  type Database,
  type OpenOptions,
  salvage,
  type SalvageReport,
  verifyDirectory,
} from "../../src/index.ts";
import { codeOf } from "../database/outcomes.ts";
import { readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { findRecords } from "../../src/salvage/record-scan.ts";
import { SEED } from "../suites/sorted-entries.ts";
import { makeDirectory, MASTER_KEY } from "./directories.ts";
import { type Files, takeInventory } from "./inventory.ts";

const TARGET = "/salvaged";
const KEYS = 400;

const keyOf = (i: number): string => `key-${String(i).padStart(4, "0")}`;

/** One table on the last level, nothing else: every key once, small values. */
async function oneTable(options: OpenOptions = {}): Promise<Map<string, Uint8Array>> {
  const fileSystem = new MemoryFileSystem();
  const db = await openIn(testEnv(fileSystem), { ...TINY, memtableSize: 1 << 20, ...options });
  for (let i = 0; i < KEYS; i++) await db.put(keyOf(i), `value ${i} of a few bytes more`);
  await db.compact();
  await db.close();
  return readDirectory(fileSystem, DIRECTORY);
}

interface Outcome {
  readonly report: SalvageReport;
  readonly keys: readonly string[];
  readonly env: Env;
}

async function salvageIn(fileSystem: FileSystem, options: OpenOptions = {}): Promise<Outcome> {
  const env = testEnv(fileSystem);
  const { encryptionKey } = options;
  const key = encryptionKey === undefined ? {} : { encryptionKey };
  const report = await salvage(DIRECTORY, TARGET, { env, ...key });
  const db = await openTarget(env, key);
  try {
    return { report, env, keys: [...db.scan().keys()].map(toText) };
  } finally {
    await db.close();
  }
}

/** The new directory, read through the engine. */
function openTarget(env: Env, options: OpenOptions = {}): Promise<Database> {
  const inner = env.fileSystem;
  const copy = new MemoryFileSystem();
  copy.makeDirectory(DIRECTORY);
  for (const [name, bytes] of readDirectory(inner, TARGET)) {
    writeFile(copy, `${DIRECTORY}/${name}`, bytes);
  }
  return openIn(testEnv(copy), options);
}

function place(files: Files): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory(DIRECTORY);
  for (const [name, bytes] of files) writeFile(fileSystem, `${DIRECTORY}/${name}`, bytes);
  return fileSystem;
}

function changed(
  files: Files,
  name: string,
  change: (bytes: Uint8Array) => void,
): Map<string, Uint8Array> {
  const bytes = (files.get(name) as Uint8Array).slice();
  change(bytes);
  return new Map(files).set(name, bytes);
}

function tableOf(files: Files): string {
  return [...files.keys()].find((name) => name.endsWith(".sst")) as string;
}

const ALL = Array.from({ length: KEYS }, (_, i) => keyOf(i));

describe.each<readonly [string, OpenOptions]>([
  ["plain", {}],
  ["zstd", { compression: "zstd" }],
  ["Snappy", { compression: "snappy" }],
])("a table, %s", (_, options) => {
  let files: Map<string, Uint8Array>;

  beforeAll(async () => {
    files = await oneTable(options);
  });

  test("is found without MANIFEST, and how it is stored is guessed", async () => {
    files = new Map(files);
    const { MANIFEST: _gone, ...rest } = Object.fromEntries(files);
    const { report, keys } = await salvageIn(place(new Map(Object.entries(rest))));
    expect(keys).toEqual(ALL);
    expect(report).toMatchObject({ lost: false, entries: KEYS, keys: KEYS });
    expect(report.findings.map(({ file, lost }) => [file, lost])).toEqual([["MANIFEST", false]]);
  });

  test("whose index is damaged gives all blocks back, found by their looks", async () => {
    const name = tableOf(files);
    for (const hit of [4, 9, 30, 200]) {
      const damaged = changed(files, name, (bytes) => bytes.fill(0xee, bytes.length - hit));
      const { report, keys } = await salvageIn(place(damaged));
      expect(keys).toEqual(ALL);
      expect(report.findings[0]?.reason).toMatch(/^the (index|footer) is damaged/);
      expect(
        report.findings.slice(1).every(({ reason }) => reason.includes("bytes hold no block")),
      ).toBe(true);
    }
  });

  test("with index and a block damaged loses that block, and says which keys it held", async () => {
    const name = tableOf(files);
    const inventory = takeInventory(files, undefined);
    const spans = [...inventory.values()].map(({ copies }) => copies[0]?.spans[0]);
    const block = spans[KEYS >> 1] as { start: number; end: number };
    const inBlock = spans.filter((span) => span?.start === block.start).length;
    const first = spans.findIndex((span) => span?.start === block.start);
    const damaged = changed(files, name, (bytes) => {
      bytes[block.start + 40] = (bytes[block.start + 40] as number) ^ 0xff;
      bytes[bytes.length - 30] = (bytes[bytes.length - 30] as number) ^ 0xff;
    });
    const { report, keys } = await salvageIn(place(damaged));
    expect(keys).toEqual([...ALL.slice(0, first), ...ALL.slice(first + inBlock)]);
    const lost = report.findings.filter((finding) => finding.lost);
    expect(lost).toMatchObject([{ file: name, offset: block.start }]);
    expect(toText(lost[0]?.smallestKey ?? new Uint8Array())).toBe(keyOf(first - 1));
    expect(toText(lost[0]?.largestKey ?? new Uint8Array())).toBe(keyOf(first + inBlock));
  });

  test("of which the disk refuses a stretch gives the rest back", async () => {
    const system = new FaultyFileSystem(place(files));
    const name = tableOf(files);
    const open = system.open.bind(system);
    system.open = (path, mode) => {
      const file = open(path, mode);
      if (!path.endsWith(`${DIRECTORY}/${name}`)) return file;
      const read = file.read.bind(file);
      file.read = (target, offset, length, position) => {
        if (position < 3000 && position + length > 2000) throw ioFailure("read", path, "EIO");
        return read(target, offset, length, position);
      };
      return file;
    };
    const { report, keys } = await salvageIn(system);
    expect(report.lost).toBe(true);
    expect(report.findings[0]?.reason).toContain("not given by the disk (EIO)");
    expect(keys.length).toBeGreaterThan(KEYS / 4);
    expect(keys.at(-1)).toBe(keyOf(KEYS - 1));
  });
});

describe("the newest version", () => {
  test("wins by its number, also where a lower level or an older file holds it", async () => {
    const fileSystem = new MemoryFileSystem();
    const db = await openIn(testEnv(fileSystem), {
      ...TINY,
      versionsToKeep: 9,
      levelZeroTables: 50,
      levelZeroTablesStall: 60,
    });
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 50; i++) await db.put(keyOf(i), `round ${round}`);
      await db.flush();
    }
    const files = readDirectory(fileSystem, DIRECTORY);
    await db.close();
    const tables = [...files.keys()].filter((name) => name.endsWith(".sst"));
    expect(tables.length).toBe(4);
    // Without levels, and with the files renumbered so that the newest data has the smallest number.
    const mixed = new Map(
      [...files].filter(([name]) => !name.endsWith(".sst") && name !== "MANIFEST"),
    );
    tables.forEach((name, i) =>
      mixed.set(tables.at(-1 - i) as string, files.get(name) as Uint8Array),
    );
    const { report, env } = await salvageIn(place(mixed));
    expect(report).toMatchObject({ entries: 200, keys: 50, lost: false });
    const result = await openTarget(env);
    expect(result.getEntry(keyOf(7))?.text()).toBe("round 3");
    expect([...result.scan({ prefix: keyOf(7), allVersions: true })].map((e) => e.text())).toEqual([
      "round 3",
      "round 2",
      "round 1",
      "round 0",
    ]);
    await result.close();
  });

  test("of which the value is lost lets the older one come to light, and is reported", async () => {
    const fileSystem = new MemoryFileSystem();
    const db = await openIn(testEnv(fileSystem), { ...TINY, versionsToKeep: 9 });
    await db.put("k", "old");
    await db.put("k", "n".repeat(500));
    await db.put("other", "o".repeat(500));
    const files = readDirectory(fileSystem, DIRECTORY);
    await db.close();
    const damaged = changed(files, "000001.vlog", (bytes) => {
      bytes[60] = (bytes[60] as number) ^ 1;
    });
    const { report, env } = await salvageIn(place(damaged));
    expect(report.findings).toMatchObject([
      { file: "000001.vlog", offset: 20, reason: "the value of version 2 is damaged", lost: true },
    ]);
    const result = await openTarget(env);
    expect(result.getEntry("k")?.text()).toBe("old");
    expect(result.getEntry("other")?.text()).toBe("o".repeat(500));
    await result.close();
  });
});

describe("a log", () => {
  async function threeCommits(): Promise<Map<string, Uint8Array>> {
    const fileSystem = new MemoryFileSystem();
    const db = await openIn(testEnv(fileSystem), TINY);
    for (const round of [1, 2, 3]) {
      const transaction = db.begin();
      for (const part of ["a", "b", "c"])
        transaction.put(`${part}${round}`, `value of ${part}${round}`);
      await transaction.commit();
    }
    const files = readDirectory(fileSystem, DIRECTORY);
    await db.close();
    return files;
  }

  const at = (bytes: Uint8Array, text: string): number => Buffer.from(bytes).indexOf(text);

  test("damaged in the middle is read on behind the damage", async () => {
    const damaged = changed(await threeCommits(), "00001.mem", (bytes) => {
      bytes[at(bytes, "value of b2")] = 0x56;
    });
    const { report, keys } = await salvageIn(place(damaged));
    expect(keys).toEqual(["a1", "a2", "a3", "b1", "b3", "c1", "c2", "c3"]);
    expect(report.findings).toMatchObject([{ file: "00001.mem", lost: true }]);
    expect(report.findings[0]?.reason).toContain("writes from 2 up to version 2 may be missing");
  });

  test("whose end marker is damaged keeps the transaction if others follow it", async () => {
    const damaged = changed(await threeCommits(), "00001.mem", (bytes) => {
      const marker = at(bytes, "!badger!txn");
      bytes[marker] = 0x3f;
    });
    const { report, keys } = await salvageIn(place(damaged));
    expect(keys.length).toBe(9);
    expect(report.lost).toBe(true);
  });

  test("cut inside its last transaction drops that, as the engine does, and loses nothing else", async () => {
    const files = await threeCommits();
    const bytes = files.get("00001.mem") as Uint8Array;
    const cut = at(bytes, "value of c3") + 3;
    const { report, keys } = await salvageIn(
      place(new Map(files).set("00001.mem", bytes.slice(0, cut))),
    );
    expect(keys).toEqual(["a1", "a2", "b1", "b2", "c1", "c2"]);
    expect(report.findings).toMatchObject([{ lost: false }]);
    expect(report.findings[0]?.reason).toContain("never finished");
  });
});

test("a log that lost its end is told from one that was not written on, if another follows", async () => {
  const made = await makeDirectory(SEED);
  const [older = "", newer = ""] = [...made.files.keys()].filter((name) => name.endsWith(".mem"));
  const bytes = made.files.get(older) as Uint8Array;
  // Exactly between two records: nothing in the log itself is wrong.
  const { offsets } = findRecords(bytes);
  const cut = new Map(made.files).set(older, bytes.slice(0, offsets[offsets.length >> 1]));
  const { report } = await salvageIn(place(cut));
  expect(report).toMatchObject({ lost: true, findings: [{ file: older, lost: true }] });
  expect(report.findings[0]?.reason).toContain(`missing at the end, as ${newer} knows`);
});

describe.each<readonly [string, OpenOptions]>([
  ["in clear", {}],
  ["encrypted", { encryptionKey: MASTER_KEY }],
])("keys that were dropped by prefix, %s", (_, options) => {
  test("stay away, also while the files still hold them", async () => {
    const fileSystem = new MemoryFileSystem();
    const db = await openIn(testEnv(fileSystem), { ...TINY, ...options });
    for (let i = 0; i < 40; i++)
      await db.put(`${i % 2 === 0 ? "gone" : "kept"}:${i}`, "v".repeat(300));
    await db.flush();
    // What somebody still reads cannot go yet.
    const reader = db.begin({ readOnly: true });
    await db.dropPrefix("gone:");
    await db.put("gone:again", "v");
    const files = readDirectory(fileSystem, DIRECTORY);
    expect(reader.count({ prefix: "gone:" })).toBe(20);
    reader.discard();
    await db.close();
    const { report, keys, env } = await salvageIn(place(files), options);
    expect(report.lost).toBe(false);
    expect(keys.length).toBe(21);
    expect(keys[0]).toBe("gone:again");
    const result = await openTarget(env, options);
    // A new line of backups begins here.
    await result.backup(new WritableStream());
    expect(await codeOf(result.backup(new WritableStream(), { since: 3 }))).toBe(
      "ERR_VERSION_GONE",
    );
    await result.close();
  });

  test("stay away while only a log knows of it", async () => {
    const system = new FaultyFileSystem(new MemoryFileSystem());
    const db = await openIn(testEnv(system), { ...TINY, ...options });
    for (let i = 0; i < 40; i++)
      await db.put(`${i % 2 === 0 ? "gone" : "kept"}:${i}`, "v".repeat(300));
    await db.flush();
    system.hook = (operation, path) => {
      if (operation === "write" && path.endsWith("MANIFEST"))
        throw ioFailure("write", path, "ENOSPC");
    };
    await db.dropPrefix("gone:");
    await db.put("gone:again", "v");
    const files = readDirectory(system.inner, DIRECTORY);
    system.hook = () => undefined;
    await db.close();
    const { report, keys } = await salvageIn(place(files), options);
    expect(report.lost).toBe(false);
    expect(keys.length).toBe(21);
    expect(keys[0]).toBe("gone:again");
    const verified = await verifyDirectory(DIRECTORY, { env: testEnv(place(files)), ...options });
    expect(verified.findings).toEqual([]);
  });
});

describe("salvage refuses", () => {
  const refused = async (
    prepare: (fileSystem: MemoryFileSystem) => void,
    options: { encryptionKey?: Uint8Array; target?: string } = {},
    made: OpenOptions = {},
  ): Promise<string | undefined> => {
    const fileSystem = place(await oneTable(made));
    prepare(fileSystem);
    const { target = TARGET, ...rest } = options;
    const code = await codeOf(salvage(DIRECTORY, target, { env: testEnv(fileSystem), ...rest }));
    if (target === TARGET && fileSystem.info(TARGET) !== undefined) {
      expect(fileSystem.list(TARGET).filter((name) => name !== "mine")).toEqual([]);
    }
    return code;
  };

  test("a new directory that is not empty, or lies in the old one", async () => {
    const fill = (fileSystem: MemoryFileSystem): void => {
      fileSystem.makeDirectory(TARGET);
      writeFile(fileSystem, `${TARGET}/mine`, new Uint8Array(1));
    };
    expect(await refused(fill)).toBe("ERR_INVALID_ARGUMENT");
    expect(await refused(() => undefined, { target: `${DIRECTORY}/new` })).toBe(
      "ERR_INVALID_ARGUMENT",
    );
    expect(await refused(() => undefined, { target: DIRECTORY })).toBe("ERR_INVALID_ARGUMENT");
  });

  test("a directory that somebody has open, and one that is no database", async () => {
    const lock = (fileSystem: MemoryFileSystem): void => {
      fileSystem.lockDirectory(DIRECTORY, "exclusive");
    };
    expect(await refused(lock)).toBe("ERR_LOCKED");
    const env = testEnv();
    env.fileSystem.makeDirectory("/empty");
    expect(await codeOf(salvage("/empty", TARGET, { env }))).toBe("ERR_NOT_A_DATABASE");
  });

  test("a wrong, missing or superfluous key", async () => {
    const encrypted = { encryptionKey: MASTER_KEY };
    const wrong = { encryptionKey: new Uint8Array(16).fill(9) };
    expect(await refused(() => undefined, wrong, encrypted)).toBe("ERR_ENCRYPTION_KEY");
    expect(await refused(() => undefined, {}, encrypted)).toBe("ERR_ENCRYPTION_KEY");
    expect(await refused(() => undefined, wrong)).toBe("ERR_ENCRYPTION_KEY");
  });

  test("a full disk, and leaves nothing behind", async () => {
    const system = new FaultyFileSystem(place(await oneTable()));
    system.hook = (operation, path) => {
      if (operation === "write" && path.endsWith(".sst")) throw ioFailure("write", path, "ENOSPC");
    };
    const outcome = codeOf(salvage(DIRECTORY, TARGET, { env: testEnv(system) }));
    expect(await outcome).toBe("ERR_DISK_FULL");
    expect(system.list(TARGET)).toEqual([]);
  });

  test("to go on when it is stopped, and leaves nothing behind", async () => {
    const fileSystem = place(await oneTable());
    const stop = new AbortController();
    const running = salvage(DIRECTORY, TARGET, {
      env: testEnv(fileSystem),
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    expect(await codeOf(running)).toBe("ERR_ABORTED");
    expect(fileSystem.info(TARGET) === undefined || fileSystem.list(TARGET).length === 0).toBe(
      true,
    );
  });
});

test("an encrypted directory whose greeting is damaged is read with the right key only", async () => {
  const files = await oneTable({ encryptionKey: MASTER_KEY });
  const damaged = changed(files, "KEYREGISTRY", (bytes) => bytes.fill(7, 0, 28));
  const { keys, report } = await salvageIn(place(damaged), { encryptionKey: MASTER_KEY });
  expect(keys).toEqual(ALL);
  expect(report.lost).toBe(false);
  const wrong = { env: testEnv(place(damaged)), encryptionKey: new Uint8Array(16).fill(9) };
  expect(await codeOf(salvage(DIRECTORY, TARGET, wrong))).toBe("ERR_ENCRYPTION_KEY");
});

test("versions go on above everything that was ever seen", async () => {
  const files = await oneTable();
  const { env, report } = await salvageIn(place(files));
  const db = await openTarget(env);
  expect(report.newestVersion).toBe(KEYS);
  expect(await db.put("next", "")).toBeGreaterThan(KEYS);
  expect(() => db.begin({ at: 3 })).toThrow("cannot be read any more");
  await db.close();
});

/** It met EISDIR and gave up; of an authenticated directory it did so with a failed assertion. */
test.each([
  ["plain", {}],
  ["authenticated", { encryptionKey: new Uint8Array(32).fill(4), authenticatedEncryption: true }],
] as const)("a directory in the place of a file is passed over (%s)", async (_, options) => {
  const files = await oneTable({ ...options, valueThreshold: 20, valueLogFileSize: 1 << 20 });
  for (const ending of [".sst", ".vlog"]) {
    const name = [...files.keys()].find((one) => one.endsWith(ending)) as string;
    const others = new Map(files);
    others.delete(name);
    const fileSystem = place(others);
    fileSystem.makeDirectory(`${DIRECTORY}/${name}`);
    const env = testEnv(fileSystem);
    const { findings } = await salvage(DIRECTORY, TARGET, { env, ...options });
    const told = findings.find(({ file }) => file === name);
    expect([told?.reason, told?.lost]).toEqual([
      "not read: a directory is in the place of the file",
      true,
    ]);
    expect((await verifyDirectory(DIRECTORY, { env, ...options })).findings.length).toBeGreaterThan(
      0,
    );
  }
});
