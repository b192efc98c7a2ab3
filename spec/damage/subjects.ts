/** Directories to be damaged: every kind of file, closed and killed, and what is in them. */

import type { Database, Entry } from "../../src/database/contract.ts";
import { BunFileSystem } from "../../src/env/bun-file-system.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { OpenOptions } from "../../src/index.ts";
import { disposeFixture, unpackFixture } from "../fixtures/unpack.ts";
import { copyToMemory, readDirectory } from "../suites/copy-file-system.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";

export interface Subject {
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly options: OpenOptions;
  readonly live: readonly string[];
  /** By key in hexadecimal digits, as `live` shows it. */
  readonly lineOf: ReadonlyMap<string, string>;
  readonly versions: readonly string[];
  /** What a crash could have left instead: states after fewer commits, as `live`. Empty for a closed database. */
  readonly earlier: readonly (readonly string[])[];
}

const KEY_16 = new TextEncoder().encode("0123456789abcdef");
const KEY_32 = new TextEncoder().encode("0123456789abcdef0123456789abcdef");

export function lineOf({ key, version, value, userMeta, expiresAt, deleted }: Entry): string {
  const hash = Bun.hash.xxHash64(value).toString(16);
  const shown = deleted ? "gone" : `${value.length}:${hash}`;
  return `${key.toHex()}@${version} ${shown} ${userMeta} ${expiresAt}`;
}

export function keyOf(line: string): string {
  return line.slice(0, line.indexOf("@"));
}

const SETS: Readonly<Record<string, OpenOptions>> = {
  plain: { versionsToKeep: 3 },
  snappy: { compression: "snappy", valueThreshold: 2000, bloomFalsePositive: 0 },
  zstd: { compression: ["none", "zstd"], versionsToKeep: 2, verifyChecksums: "both" },
  encrypted: { encryptionKey: KEY_32, compression: "zstd", encryptionKeyRotationMs: 1 },
  "large values": { valueThreshold: 64, valueLogFileSize: 1 << 20 },
};

const FIXTURES: Readonly<Record<string, OpenOptions>> = {
  "mixed-none-versions": { versionsToKeep: 5 },
  "mixed-zstd-gc": {},
  "mixed-aes256": { encryptionKey: KEY_32, versionsToKeep: 2 },
  "small-snappy-closed": {},
  "small-none-crash": {},
  "small-enc-crash": { encryptionKey: KEY_16 },
};

const COMMITS = 260;

async function commit(db: Database, random: SeededRandom, isLarge: boolean): Promise<void> {
  const transaction = db.begin();
  for (let left = 1 + random.below(3); left > 0; left--) {
    const key = `key-${String(random.below(90)).padStart(3, "0")}`;
    const kind = random.below(8);
    if (kind === 0) {
      transaction.delete(key);
      continue;
    }
    const value = new Uint8Array(kind === 1 && isLarge ? 9000 : random.below(kind < 4 ? 600 : 90));
    random.fill(value);
    const expires = kind === 2 ? { expiresAt: 4_000_000_000 } : {};
    transaction.put(key, value, { userMeta: random.below(256), ...expires });
  }
  await transaction.commit();
}

/** @param logs of a killed one */
async function build(
  name: string,
  set: OpenOptions,
  seed: number,
  isKilled: boolean,
  logs = 1,
): Promise<Subject> {
  const system = new FaultyFileSystem(new MemoryFileSystem());
  const env = testEnv(system, seed);
  const options = { ...TINY, ...set };
  const random = new SeededRandom(seed);
  const earlier: string[][] = [];
  let db = await openIn(env, options);
  for (let i = 0; i < COMMITS; i++) {
    await commit(db, random, name === "large values");
    if (isKilled && i >= COMMITS / 2) earlier.push(db.scan().toArray().map(lineOf));
    env.clock.advance(10);
    if (i === COMMITS / 4) await db.compact();
    if (i === COMMITS / 2) await db.flush();
    if (i !== Math.floor(COMMITS / 3)) continue;
    await db.close();
    db = await openIn(env, options);
  }
  system.hook = (operation, path) => {
    if (!isKilled || operation !== "create" || !path.endsWith(".sst")) return;
    throw ioFailure("create", path, "ENOSPC");
  };
  const logCount = () => system.list(DIRECTORY).filter((file) => file.endsWith(".mem")).length;
  for (let more = 0; isKilled && (logCount() < logs || more < 10); more++) {
    await commit(db, random, name === "large values");
    earlier.push(db.scan().toArray().map(lineOf));
  }
  if (!isKilled) await db.close();
  const files = readDirectory(env.fileSystem, DIRECTORY);
  system.hook = () => undefined;
  if (isKilled) await db.close();
  const state = isKilled ? `killed, ${logs} logs` : "closed";
  return describe(`${name}, ${state}`, files, options, earlier);
}

async function describe(
  name: string,
  files: Map<string, Uint8Array>,
  options: OpenOptions,
  earlier: readonly (readonly string[])[],
): Promise<Subject> {
  files.delete("LOCK");
  const db = await openIn(testEnv(asFileSystem(files)), { ...options, readOnly: true });
  const live = db.scan().toArray().map(lineOf);
  const versions = db.scan({ allVersions: true }).toArray().map(lineOf);
  await db.close();
  const byKey = new Map(live.map((line) => [keyOf(line), line]));
  return { name, files, options, live, lineOf: byKey, versions, earlier };
}

/** A file system in memory that holds these files. */
export function asFileSystem(files: ReadonlyMap<string, Uint8Array>): FileSystem {
  const { fileSystem } = testEnv();
  fileSystem.makeDirectory(DIRECTORY);
  for (const [name, bytes] of files) {
    const file = fileSystem.open(`${DIRECTORY}/${name}`, { write: true, create: "truncate" });
    file.write(bytes, 0, bytes.length, 0);
    file.close();
  }
  return fileSystem;
}

async function load(name: string, options: OpenOptions): Promise<Subject> {
  const folder = unpackFixture(name);
  try {
    const files = readDirectory(copyToMemory(new BunFileSystem(), folder, DIRECTORY), DIRECTORY);
    const all = { ...TINY, ...options, valueThreshold: 128 };
    const earlier = name.endsWith("crash") ? await prefixesOf(files, all) : [];
    return await describe(name, files, all, earlier);
  } finally {
    disposeFixture(folder);
  }
}

/** The states of a killed directory of Badger as of every version. */
async function prefixesOf(
  files: ReadonlyMap<string, Uint8Array>,
  options: OpenOptions,
): Promise<string[][]> {
  const found: string[][] = [[]];
  const db = await openIn(testEnv(asFileSystem(files)), { ...options, readOnly: true });
  for (let at = 1; at <= db.stats().version; at++) {
    using past = db.begin({ at });
    found.push(past.scan().toArray().map(lineOf));
  }
  await db.close();
  return found;
}

export async function makeSubjects(seed: number): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const [name, set] of Object.entries(SETS)) {
    for (const isKilled of [false, true]) subjects.push(await build(name, set, seed, isKilled));
  }
  for (const name of ["plain", "encrypted"]) {
    subjects.push(await build(name, SETS[name] ?? {}, seed + 1, true, 3));
  }
  for (const [name, options] of Object.entries(FIXTURES)) subjects.push(await load(name, options));
  return subjects;
}
