/**
 * `open`: joins options, environment, threads and the query language into a database. The only place
 * that knows all of them.
 */

import { availableParallelism, totalmem } from "node:os";
import { resolve } from "node:path";

import { MelesError } from "./base/errors.ts";
import type { Database } from "./database/contract.ts";
import { openDatabase } from "./database/open.ts";
import { directoryPair } from "./database/value-directory.ts";
import type { Env } from "./env/env.ts";
import { memoryEnv, systemEnv } from "./env/system-env.ts";
import { type OpenOptions, resolveOptions } from "./options.ts";
import { createQuery } from "./query/query.ts";
import { Session, type SessionOptions } from "./query/session.ts";
import { withSeals } from "./sealed-parts.ts";
import { backgroundExecutor } from "./worker/background-executor.ts";
import { runJob } from "./worker/jobs.ts";

/** The path that stands for a database without files. */
const IN_MEMORY = ":memory:";

const environments = new WeakMap<Database, Env>();

/**
 * Opens the database in a directory, creating it if need be; `":memory:"` opens one without files.
 *
 * @throws MelesError `ERR_LOCKED` when another process (or this one) has it open, `ERR_NOT_A_DATABASE`,
 *   `ERR_UNSUPPORTED_FORMAT`, `ERR_ENCRYPTION_KEY`, `ERR_CORRUPTION`, `ERR_IO`,
 *   `ERR_INVALID_ARGUMENT` for options. Cost: milliseconds, plus the replay of unflushed logs.
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  if (typeof path !== "string" || path === "") {
    throw new MelesError("ERR_INVALID_ARGUMENT", 'open() needs a path, or ":memory:"');
  }
  const isInMemory = path === IN_MEMORY;
  const settings = resolveOptions(options, {
    memoryBytes: totalmem(),
    cores: availableParallelism(),
  });
  if (isInMemory && settings.readOnly) {
    throw new MelesError("ERR_INVALID_ARGUMENT", "an in-memory database cannot be read-only");
  }
  if (isInMemory && settings.valueDirectory !== undefined) {
    const problem = "a database in memory has no directories";
    throw new MelesError("ERR_INVALID_ARGUMENT", `option valueDirectory: ${problem}`);
  }
  const base =
    options.env ?? systemEnv(options.logger === undefined ? {} : { log: options.logger });
  const env = isInMemory ? memoryEnv(base) : base;
  // Threads see the real disk, whatever file system the caller has brought.
  const workers = isInMemory || options.env !== undefined ? "inline" : settings.workers;
  const directory = isInMemory ? "/" : resolve(path);
  const pair = directoryPair(
    env.fileSystem,
    directory,
    settings.valueDirectory === undefined ? undefined : resolve(settings.valueDirectory),
  );
  const parts = withSeals(pair, {
    env,
    settings,
    executor: backgroundExecutor(env, workers),
  });
  const database = await openDatabase(pair, {
    ...parts,
    name: isInMemory ? IN_MEMORY : directory,
    outside: base.fileSystem,
    runInline: (job) => runJob(job, parts.env),
    // IMPORT and EXPORT mean the real disk, also for a database in memory.
    runQuery: (target, text, parameters) => createQuery(target, base, text, parameters),
  });
  environments.set(database, base);
  return database;
}

/** A statement session on a database: holds `BEGIN … COMMIT` state. Close it to roll back. */
export function openSession(database: Database, options?: SessionOptions): Session {
  const env = environments.get(database);
  if (env === undefined) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      "openSession() needs a database that open() returned",
    );
  }
  return new Session(database, env, options);
}
