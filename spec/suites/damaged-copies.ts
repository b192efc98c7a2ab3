/** Damaged copies of a directory, and whether each of them is answered from rightly or with typed errors. */

import { expect } from "bun:test";

import { MelesError } from "../../src/base/errors.ts";
import type { Database } from "../../src/database/contract.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { OpenOptions } from "../../src/index.ts";
import { readDirectory, writeFile } from "./copy-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "./open-database.ts";
import { SEED } from "./sorted-entries.ts";

const KEYS = 300;

type Files = ReadonlyMap<string, Uint8Array>;

export interface Original {
  readonly files: Files;
  readonly options: OpenOptions;
  readonly content: ReadonlyMap<string, string>;
}

const keyOf = (number: number): string => `k${number}`;

/** Tables, value logs, versions on top of each other; closed. */
export async function makeOriginal(options: OpenOptions): Promise<Original> {
  const system = new MemoryFileSystem();
  const merged = { ...TINY, ...options };
  const content = new Map<string, string>();
  const random = new SeededRandom(SEED);
  for (let opening = 0; opening < 2; opening++) {
    const db = await openIn(testEnv(system, opening + 1), merged);
    for (let number = 0; number < 500; number++) {
      const key = keyOf(random.below(KEYS));
      if (random.below(6) === 0) {
        await db.delete(key);
        content.delete(key);
      } else {
        const value = `${opening}.${number}`.padEnd(random.below(400), "x");
        await db.put(key, value);
        content.set(key, value);
      }
      if (number === 250) await db.flush();
    }
    if (opening === 0) await db.compact();
    await db.close();
  }
  const files = readDirectory(system, DIRECTORY);
  files.delete("LOCK");
  return { files, options: merged, content };
}

/** Does one thing to one file. */
export function damageOne(files: Files, seed: number): { files: Files; told: string } {
  const random = new SeededRandom(seed);
  const names = [...files.keys()].filter((name) => name !== "DISCARD");
  const name = names[random.below(names.length)] as string;
  const bytes = (files.get(name) as Uint8Array).slice();
  const at = random.below(bytes.length);
  const length = 1 + random.below(600);
  const kind = random.below(5);
  const damaged = new Map(files);
  if (kind === 0) damaged.set(name, bytes.slice(0, at));
  else if (kind === 1) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  else if (kind === 2) bytes.fill(0, at, at + length);
  else if (kind === 3) random.fill(bytes.subarray(at, at + length));
  else damaged.delete(name);
  if (kind > 0 && kind < 4) damaged.set(name, bytes);
  const what = ["cut at", "a bit of", "zeros from", "noise from", "removed:"][kind];
  return { files: damaged, told: `${name} (${bytes.length} bytes), ${what} ${at}` };
}

function typed(error: unknown): void {
  if (!(error instanceof MelesError)) throw error;
}

/** Asks for every key, alone and in a scan; throws for a wrong answer. */
function ask(db: Database, content: ReadonlyMap<string, string>): void {
  const decoder = new TextDecoder();
  for (let number = 0; number < KEYS; number++) {
    const key = keyOf(number);
    let found: Uint8Array | undefined;
    try {
      found = db.get(key);
    } catch (error) {
      typed(error);
      continue;
    }
    const text = found === undefined ? undefined : decoder.decode(found);
    if (text !== content.get(key)) throw new Error(`${key} is ${text?.slice(0, 20)}`);
  }
  const seen = new Map<string, string>();
  try {
    for (const { key, value } of db.scan()) seen.set(decoder.decode(key), decoder.decode(value));
  } catch (error) {
    typed(error);
    return;
  }
  expect(seen).toEqual(new Map([...content].sort()));
}

/** Opens, asks, closes; false when it was refused. Throws for a wrong answer. */
export async function askCopy(
  system: MemoryFileSystem,
  { options, content }: Original,
): Promise<boolean> {
  let db: Database;
  try {
    db = await openIn(testEnv(system), options);
  } catch (error) {
    typed(error);
    return false;
  }
  try {
    ask(db, content);
    await db.compact().catch(typed);
    ask(db, content);
  } finally {
    await db.close().catch(typed);
  }
  return true;
}

/** A file system that holds these files. */
export function filesIn(files: Files): MemoryFileSystem {
  const system = new MemoryFileSystem();
  system.makeDirectory(DIRECTORY);
  for (const [name, bytes] of files) writeFile(system, `${DIRECTORY}/${name}`, bytes);
  return system;
}
