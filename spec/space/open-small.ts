/** Opens the engine with settings below what options allow, so that a few entries make many files. */

import { onePlace } from "../../src/format/directory-pair.ts";
import type { Database } from "../../src/database/contract.ts";
import { openDatabase } from "../../src/database/open.ts";
import type { Policies } from "../../src/database/policies.ts";
import type { Settings } from "../../src/database/settings.ts";
import type { Env } from "../../src/env/env.ts";
import { type Executor, InlineExecutor } from "../../src/env/executor.ts";
import { resolveOptions } from "../../src/options.ts";
import { createQuery } from "../../src/query/query.ts";
import { runJob, type Job, type JobResult } from "../../src/worker/jobs.ts";
import { DIRECTORY } from "../suites/open-database.ts";

export const SMALL_SETTINGS: Settings = {
  ...resolveOptions({ workers: "inline" }, { memoryBytes: 1 << 30, cores: 2 }),
  memtableSize: 6000,
  blockCacheSize: 16_000,
  blockSize: 256,
  baseLevelSize: 2000,
  levelSizeMultiplier: 3,
  maxLevels: 4,
  levelZeroTables: 2,
  levelZeroTablesStall: 6,
  valueThreshold: 30,
  valueLogFileSize: 1200,
};

export interface SmallParts {
  readonly settings?: Partial<Settings>;
  readonly policies?: Policies;
  readonly executor?: Executor<Job, JobResult>;
  readonly runJob?: (job: Job) => JobResult;
}

export function openSmall(env: Env, parts: SmallParts = {}): Promise<Database> {
  const run = parts.runJob ?? ((job: Job): JobResult => runJob(job, env));
  return openDatabase(onePlace(DIRECTORY), {
    name: DIRECTORY,
    env,
    outside: env.fileSystem,
    settings: { ...SMALL_SETTINGS, ...parts.settings },
    executor: parts.executor ?? new InlineExecutor(run),
    runInline: run,
    runQuery: (target, text, parameters) => createQuery(target, env, text, parameters),
    ...(parts.policies === undefined ? {} : { policies: parts.policies }),
  });
}
