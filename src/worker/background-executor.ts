/** The executor a database gets by default, and the only place that joins the pool, its entry and its jobs. */

import type { Env } from "../env/env.ts";
import { InlineExecutor, type Executor } from "../env/executor.ts";
import { runJob, type Job, type JobResult } from "./jobs.ts";
import { spawnBackgroundWorker } from "./spawn.ts";
import { WorkerPool } from "./worker-pool.ts";

/**
 * `workers`: how many background threads (one more is kept for flushes), or `"inline"` for none. Threads
 * see the real file system whatever `env` says, so an in-memory or simulated one needs `"inline"`.
 */
export function backgroundExecutor(env: Env, workers: number | "inline"): Executor<Job, JobResult> {
  const runInline = (job: Job): JobResult => runJob(job, env);
  if (workers === "inline") return new InlineExecutor(runInline);
  const { clock, log } = env;
  return new WorkerPool({
    parallelism: workers,
    spawn: spawnBackgroundWorker,
    runInline,
    clock,
    log,
  });
}
