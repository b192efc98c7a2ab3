/**
 * An executor that runs a job when it is told to: so a history decides when background work happens,
 * and in which order jobs that wait side by side end.
 */

import { executorClosed, type Executor } from "../../src/env/executor.ts";
import type { Job, JobResult } from "../../src/worker/jobs.ts";

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: unknown) => void;
}

export class StepExecutor implements Executor<Job, JobResult> {
  readonly parallelism: number;
  readonly #runJob: (job: Job) => JobResult;
  #waiting: Waiting[] = [];
  #isClosed = false;

  constructor(parallelism: number, runJob: (job: Job) => JobResult) {
    this.parallelism = parallelism;
    this.#runJob = runJob;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  run(job: Job): Promise<JobResult> {
    if (this.#isClosed) return Promise.reject(executorClosed());
    return new Promise((resolve, reject) => this.#waiting.push({ job, resolve, reject }));
  }

  /** Runs one waiting job, chosen by any number; false when none waits. */
  step(index = 0): boolean {
    const [chosen] = this.#waiting.splice(index % Math.max(1, this.#waiting.length), 1);
    if (chosen === undefined) return false;
    try {
      chosen.resolve(this.#runJob(chosen.job));
    } catch (error) {
      chosen.reject(error);
    }
    return true;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting) reject(executorClosed());
    this.#waiting = [];
    return Promise.resolve();
  }
}
