/** Opening databases for specs: on any file system, with a clock and randomness that repeat, on one thread. */

import type { Database } from "../../src/database/contract.ts";
import type { Env } from "../../src/env/env.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { BunFileSystem } from "../../src/env/bun-file-system.ts";
import { open, type OpenOptions } from "../../src/index.ts";
import { TestClock } from "./test-clock.ts";

export interface TestEnv extends Env {
  readonly clock: TestClock;
}

/** An environment with nothing real in it but what `fileSystem` brings. */
export function testEnv(fileSystem: FileSystem = new MemoryFileSystem(), seed = 1): TestEnv {
  return {
    fileSystem,
    clock: new TestClock(),
    random: new SeededRandom(seed),
    log: () => undefined,
  };
}

/** Where specs keep their database in a file system in memory. */
export const DIRECTORY = "/data";

/** Small enough that opening many databases costs little. */
const DEFAULTS: OpenOptions = { memtableSize: 1 << 20, blockCacheSize: 1 << 20 };

/** Opens the database in `DIRECTORY` of the environment's file system. */
export function openIn(env: Env, options: OpenOptions = {}): Promise<Database> {
  return open(DIRECTORY, { ...DEFAULTS, ...options, env });
}

/** Opens a real directory, all work on this thread, and says nothing on standard error. */
export function openPath(path: string, options: OpenOptions = {}): Promise<Database> {
  return open(path, { env: testEnv(new BunFileSystem()), ...DEFAULTS, ...options });
}

/** Options under which flushes and compactions happen all the time. */
export const TINY: OpenOptions = {
  memtableSize: 64 * 1024,
  baseLevelSize: 64 * 1024,
  levelSizeMultiplier: 2,
  levelZeroTables: 2,
  levelZeroTablesStall: 6,
  valueThreshold: 200,
  blockSize: 512,
  blockCacheSize: 64 * 1024,
};
