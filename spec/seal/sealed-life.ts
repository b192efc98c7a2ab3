/**
 * The life of an authenticated directory as copies of its files: cleanly closed and killed, early and late,
 * each with what a reader must find in it. What attacks are tried on.
 */

import type { Database } from "../../src/database/contract.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { FrameView, SEALED_HEADER_SIZE } from "../../src/format/sealed-file.ts";
import type { OpenOptions } from "../../src/index.ts";
import { readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";

export const KEY = new Uint8Array(32).map((_, i) => i * 5 + 1);

export type Files = ReadonlyMap<string, Uint8Array>;
export type Contents = ReadonlyMap<string, string>;

export interface Copy {
  readonly files: Files;
  /** What is in it; of a killed one also what was in it after earlier commits of the newest log. */
  readonly contents: readonly Contents[];
}

export interface SealedLife {
  readonly early: Copy;
  readonly earlyKilled: Copy;
  readonly late: Copy;
  readonly lateKilled: Copy;
}

export const SEALED: OpenOptions = { ...TINY, encryptionKey: KEY, authenticatedEncryption: true };

/** Random bytes must differ between openings, as real ones do. */
let openings = 0;

export function openSealed(files: MemoryFileSystem, options: OpenOptions = {}): Promise<Database> {
  return openIn(testEnv(files, ++openings * 7919), { ...SEALED, ...options });
}

export async function liveOnce(): Promise<SealedLife> {
  const disk = new MemoryFileSystem();
  const contents = new Map<string, string>();
  const first = await openSealed(disk);
  await write(first, contents, "a", 260);
  await first.flush();
  await first.compact();
  await write(first, contents, "b", 120);
  await first.flush();
  const earlyKilled = await killed(disk, first, contents);
  await first.close();
  const early = { files: filesOf(disk), contents: [new Map(contents)] };

  const second = await openSealed(disk);
  await write(second, contents, "c", 200);
  for (let i = 0; i < 100; i += 3) {
    await second.delete(`key-${i}`);
    contents.delete(`key-${i}`);
  }
  await second.flush();
  await second.compact();
  await second.dropPrefix("key-1");
  for (const key of contents.keys()) if (key.startsWith("key-1")) contents.delete(key);
  await write(second, contents, "d", 60);
  await second.flush();
  const lateKilled = await killed(disk, second, contents);
  await second.close();
  return { early, earlyKilled, late: { files: filesOf(disk), contents: [contents] }, lateKilled };
}

/** Small and large values, overwriting each other. */
async function write(
  db: Database,
  contents: Map<string, string>,
  mark: string,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const key = `key-${(i * 7) % 130}`;
    const value = `${mark}${i} `.repeat(i % 9 === 0 ? 150 : 4);
    await db.put(key, value);
    contents.set(key, value);
  }
}

/** Some more commits, one by one, and the files while the database is open. */
async function killed(
  disk: MemoryFileSystem,
  db: Database,
  contents: Map<string, string>,
): Promise<Copy> {
  const states = [new Map(contents)];
  for (let i = 0; i < 12; i++) {
    const value = `log ${i} `.repeat(i % 3 === 0 ? 120 : 3);
    await db.put(`key-${i}`, value);
    contents.set(`key-${i}`, value);
    states.push(new Map(contents));
  }
  await db.sync();
  return { files: filesOf(disk), contents: states.reverse() };
}

function filesOf(disk: MemoryFileSystem): Files {
  const files = readDirectory(disk, DIRECTORY);
  files.delete("LOCK");
  return files;
}

/** What comes of opening and reading everything: right, or damage with its place. */
export type Verdict = "right" | "outdated" | "ERR_CORRUPTION";

/**
 * Opens a directory of these files and reads everything. `outdated`: right, but for the last commits.
 * Throws for any other outcome: a wrong answer above all.
 */
export async function verdictOn(files: Files, { contents }: Copy): Promise<Verdict> {
  const disk = new MemoryFileSystem();
  disk.makeDirectory(DIRECTORY);
  for (const [name, bytes] of files) writeFile(disk, `${DIRECTORY}/${name}`, bytes);
  const found = new Map<string, string>();
  try {
    const db = await openSealed(disk, { authenticatedEncryption: false });
    try {
      for (const entry of db.scan()) found.set(Buffer.from(entry.key).toString(), entry.text());
    } finally {
      await db.close();
    }
  } catch (error) {
    return damageIn(error);
  }
  const index = contents.findIndex((expected) => Bun.deepEquals(expected, found));
  if (index < 0) throw new Error(`a wrong answer: ${describe(contents[0] as Contents, found)}`);
  return index === 0 ? "right" : "outdated";
}

function damageIn(error: unknown): "ERR_CORRUPTION" {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_CORRUPTION")) throw error;
  const { file, offset } = error as Error & { file?: unknown; offset?: unknown };
  if (typeof file !== "string" || file === "" || !Number.isInteger(offset)) {
    throw new Error(`damage without a place: ${error.message}`);
  }
  return "ERR_CORRUPTION";
}

function describe(expected: Contents, found: Contents): string {
  const keys = new Set([...expected.keys(), ...found.keys()]);
  const wrong = [...keys].filter((key) => expected.get(key) !== found.get(key));
  return wrong
    .slice(0, 3)
    .map(
      (key) => `${key} is ${found.get(key)?.slice(0, 20)}, not ${expected.get(key)?.slice(0, 20)}`,
    )
    .join("; ");
}

export interface Frame {
  readonly start: number;
  readonly end: number;
}

/** Where the frames of an undamaged sealed file lie. */
export function framesOf(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  const view = new FrameView();
  for (let start = SEALED_HEADER_SIZE; start < bytes.length; start = view.end) {
    if (!view.decode(bytes, start, bytes.length)) throw new Error(`no frame at ${start}`);
    frames.push({ start, end: view.end });
  }
  return frames;
}

/** The same files, one of them changed; `undefined` removes it. */
export function withFile(files: Files, name: string, bytes: Uint8Array | undefined): Files {
  const changed = new Map(files);
  if (bytes === undefined) changed.delete(name);
  else changed.set(name, bytes);
  return changed;
}
