/** Run by worker-pool.spec.ts in a process of its own, to see when that process ends. */

import { systemEnv } from "../../src/env/system-env.ts";
import { WorkerPool } from "../../src/worker/worker-pool.ts";
import { runTestJob, type TestJob } from "./test-jobs.ts";

const { clock, log } = systemEnv({ log: () => undefined });
const pool = new WorkerPool<TestJob, unknown>({
  parallelism: 1,
  spawn: () => new Worker(new URL("./test-jobs.worker.ts", import.meta.url)),
  runInline: runTestJob,
  clock,
  log,
});

process.stdout.write("started");
const say = (word: string) => () => void process.stdout.write(` ${word}`);
switch (process.argv[2] ?? "") {
  case "idle":
    await pool.run({ kind: "echo", value: 0 }).then(say("idle"));
    break;
  case "again":
    await pool.run({ kind: "echo", value: 0 }).then(say("idle"));
    await pool.run({ kind: "echo", value: 0 }).then(say("idle"));
    break;
  case "pending":
    await pool.run({ kind: "echo", value: 0 });
    // Nothing but the running job holds the process: no top-level await, no timer.
    void pool.run({ kind: "linger", durationMs: 100 }).then(say("done"));
    break;
}
