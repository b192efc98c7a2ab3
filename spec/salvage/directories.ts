/** Directories to be damaged: many versions, deletions, expiries, large values, logs that were not flushed. */

import type { Database } from "../../src/database/contract.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { OpenOptions } from "../../src/index.ts";
import { readDirectory } from "../suites/copy-file-system.ts";
import { FaultyFileSystem, ioFailure } from "../suites/faulty-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";

export interface Made {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly options: OpenOptions;
  readonly masterKey: Uint8Array | undefined;
}

export const MASTER_KEY = new Uint8Array(16).map((_, i) => i + 1);

/**
 * A directory as a kill leaves it: tables on several levels, value-log files of several openings, and
 * logs that a full disk has kept from being flushed.
 */
export async function makeDirectory(seed: number, more: OpenOptions = {}): Promise<Made> {
  const random = new SeededRandom(seed);
  const system = new FaultyFileSystem(new MemoryFileSystem());
  const env = testEnv(system, seed);
  const options = { ...TINY, levelZeroTables: 3, versionsToKeep: 3, ...more };
  for (let opening = 0; opening < 3; opening++) {
    const db = await openIn(env, options);
    for (let i = 0; i < 130; i++) {
      await commit(db, random);
      if (i % 50 === 49) await db.flush();
      env.clock.advance(10);
    }
    await db.close();
  }
  const db = await openIn(env, { ...options, levelZeroTables: 20, levelZeroTablesStall: 40 });
  for (let i = 0; i < 30; i++) {
    await commit(db, random);
    if (i % 10 === 9) await db.flush();
  }
  system.hook = (operation, path) => {
    if (operation === "create" && path.endsWith(".sst")) throw ioFailure("create", path, "ENOSPC");
  };
  for (let i = 0; i < 3000 && memCount(system) < 2; i++) await commit(db, random);
  for (let i = 0; i < 30; i++) await commit(db, random);
  const files = readDirectory(system, DIRECTORY);
  files.delete("LOCK");
  system.hook = () => undefined;
  await db.close();
  return { files, options, masterKey: more.encryptionKey };
}

function memCount(system: FileSystem): number {
  return system.list(DIRECTORY).filter((name) => name.endsWith(".mem")).length;
}

async function commit(db: Database, random: SeededRandom): Promise<void> {
  const count = random.below(4) === 0 ? 1 + random.below(4) : 1;
  const transaction = db.begin();
  for (let i = 0; i < count; i++) {
    const key = `key-${String(random.below(500)).padStart(3, "0")}`;
    const kind = random.below(10);
    if (kind === 0) {
      transaction.delete(key);
      continue;
    }
    const size = kind < 3 ? 200 + random.below(300) : random.below(80);
    const value = new Uint8Array(size);
    random.fill(value);
    const expires = kind === 4 ? { expiresAt: 4_000_000_000 } : {};
    transaction.put(key, value, { userMeta: random.below(256), ...expires });
  }
  await transaction.commit();
}
