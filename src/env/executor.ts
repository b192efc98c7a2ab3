/**
 * Where background jobs run: on this thread (deterministic, the simulator's mode and the fall-back) or on
 * others (src/worker/worker-pool.ts). A job is a value, and so is its result; a job runs to completion.
 */

import { MelesError } from "../base/errors.ts";

/** `flush` jobs hold up writers and go first; `background` jobs may take long. */
export type JobPriority = "flush" | "background";

export interface Executor<Job, Result> {
  /** How many background jobs can run at the same time; flushes come on top. */
  readonly parallelism: number;
  /**
   * Runs a job. Rejects with what the job threw, with `ERR_CLOSED` after `close`, and with `ERR_ABORTED`
   * if the thread died under it. Default priority: `background`.
   */
  run(job: Job, options?: { readonly priority?: JobPriority }): Promise<Result>;
  /** Lets running jobs finish, rejects waiting ones with `ERR_CLOSED`. Idempotent. */
  close(): Promise<void>;
}

/** Runs each job inside `run` itself, on the caller's thread; the promise it returns is already settled. */
export class InlineExecutor<Job, Result> implements Executor<Job, Result> {
  readonly parallelism = 1;
  readonly #runJob: (job: Job) => Result;
  #closed = false;

  constructor(runJob: (job: Job) => Result) {
    this.#runJob = runJob;
  }

  run(job: Job): Promise<Result> {
    if (this.#closed) return Promise.reject(executorClosed());
    try {
      return Promise.resolve(this.#runJob(job));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}

/** What every executor answers once it is closed. */
export function executorClosed(): MelesError {
  return new MelesError("ERR_CLOSED", "the database is closing; its background jobs no longer run");
}
