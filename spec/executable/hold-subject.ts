/**
 * A program with a database, driven from outside: one call per line of standard input, one answer per
 * line of standard output, both JSON. Faults of the real system befall this process, not the spec.
 */

import { readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";

import { type Database, MelesError, open, type OpenOptions } from "../../src/index.ts";
import type { Answer, Call } from "./subject.ts";

const directory = process.argv[2] as string;
let db: Database | undefined;

function database(): Database {
  if (db === undefined) throw new Error("no database is open");
  return db;
}

const calls: Readonly<Record<string, (...values: never[]) => unknown>> = {
  async open(options: OpenOptions) {
    db = await open(directory, { workers: 1, ...options, logger: () => undefined });
  },
  put: (key: string, sizeBytes: number) => database().put(key, `${key}:`.padEnd(sizeBytes, key)),
  get(key: string) {
    const value = database().get(key);
    return value === undefined ? undefined : new TextDecoder().decode(value);
  },
  count: () => database().count(),
  flush: () => database().flush(),
  compact: () => database().compact(),
  sync: () => database().sync(),
  close: () => database().close(),
  verify: async () => (await database().verify()).findings,
  names: () => readdirSync(directory),
  descriptors: () => readdirSync("/proc/self/fd").length,
  // Something else that takes space where the database lies.
  fill: (path: string, sizeBytes: number) => writeFileSync(path, new Uint8Array(sizeBytes)),
  free: (path: string) => rmSync(path),
  run: (...command: string[]) => Bun.spawnSync(command).exitCode,
};

async function answer({ name, values }: Call): Promise<Answer> {
  try {
    const call = calls[name] as (...given: unknown[]) => unknown;
    return { value: await call(...values) };
  } catch (error) {
    if (!(error instanceof MelesError)) return { failure: { code: "", message: String(error) } };
    const { cause } = error;
    return {
      failure: {
        code: error.code,
        message: error.message,
        ...(cause instanceof Error ? { cause: cause.message } : {}),
      },
    };
  }
}

for await (const line of console) {
  if (line === "") continue;
  // Straight to the descriptor: a limit on what this process may do must not hold up the answer.
  writeSync(1, `${JSON.stringify(await answer(JSON.parse(line) as Call))}\n`);
}
