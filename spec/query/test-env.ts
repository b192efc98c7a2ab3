/** What the specs of the query language run on: a naive database, a clock that stands still, files in memory. */

import type { Env } from "../../src/env/env.ts";
import { ManualClock } from "../../src/env/manual-clock.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";

export interface TestEnv extends Env {
  readonly clock: ManualClock;
  readonly fileSystem: MemoryFileSystem;
}

export function testEnv(): TestEnv {
  return {
    clock: new ManualClock(),
    fileSystem: new MemoryFileSystem(),
    random: new SeededRandom(1),
    log: () => {},
  };
}

export function writeText(env: Env, path: string, text: string | Uint8Array): void {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const file = env.fileSystem.open(path, { write: true, create: "truncate" });
  file.write(bytes, 0, bytes.length, 0);
  file.close();
}

export function readText(env: Env, path: string): string | undefined {
  const bytes = env.fileSystem.readFile(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
