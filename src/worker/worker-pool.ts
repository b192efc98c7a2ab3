/**
 * An executor on background threads: `parallelism` of them for any job, and one more that only takes
 * flushes, so that a long compaction never delays a flush and with it the writers. Threads start when
 * they are first needed and stay.
 *
 * A thread that dies fails its job with `ERR_ABORTED` and is replaced when the next job comes. If threads
 * cannot start at all (a compiled program without the thread entry, a limit of the system), jobs run on
 * the calling thread from then on, after one warning: slower, never wrong.
 */

import { assert } from "../base/assert.ts";
import { MelesError } from "../base/errors.ts";
import type { Clock, Log } from "../env/env.ts";
import { executorClosed, type Executor, type JobPriority } from "../env/executor.ts";
import { WorkerThread, type Task, type ThreadOwner } from "./worker-thread.ts";

export interface WorkerPoolOptions<Job, Result> {
  /** Threads for any job, at least 1; the thread for flushes comes on top. */
  readonly parallelism: number;
  /** Starts a thread whose entry calls `serveJobs`. */
  readonly spawn: () => Worker;
  /** Does a job on the calling thread, should threads not start. */
  readonly runInline: (job: Job) => Result;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a thread may take until it is ready. Default 10,000: far beyond the usual 10 ms. */
  readonly startTimeoutMs?: number;
}

const START_TIMEOUT_MS = 10_000;

export class WorkerPool<Job, Result> implements Executor<Job, Result> {
  readonly #options: WorkerPoolOptions<Job, Result>;
  readonly #owner: ThreadOwner<Job, Result>;
  readonly #threads = new Set<WorkerThread<Job, Result>>();
  readonly #waiting: Record<JobPriority, Task<Job, Result>[]> = { flush: [], background: [] };
  /** False once a thread failed to start: those that run go on, none is added. */
  #canStart = true;
  #closing: Promise<void> | undefined;
  /** Set while `close` waits for running jobs. */
  #reportIdle: (() => void) | undefined;

  constructor(options: WorkerPoolOptions<Job, Result>) {
    assert(options.parallelism >= 1, "a pool has at least one thread for any job");
    this.#options = options;
    this.#owner = {
      clock: options.clock,
      log: options.log,
      startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
      onIdle: () => this.#dispatch(),
      onGone: (thread, task, reason) => this.#forget(thread, task, reason),
    };
  }

  get parallelism(): number {
    if (this.#canStart) return this.#options.parallelism;
    let count = 0;
    for (const thread of this.#threads) if (!thread.reserved) count++;
    return Math.max(1, count);
  }

  run(job: Job, options: { readonly priority?: JobPriority } = {}): Promise<Result> {
    if (this.#closing !== undefined) return Promise.reject(executorClosed());
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const priority = options.priority ?? "background";
    this.#waiting[priority].push({ job, priority, resolve, reject });
    this.#dispatch();
    return promise;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const queue of Object.values(this.#waiting)) {
      for (const task of queue.splice(0)) task.reject(executorClosed());
    }
    if (this.#isBusy()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#reportIdle = resolve;
      await promise;
    }
    for (const thread of this.#threads) thread.terminate();
    this.#threads.clear();
  }

  /** Hands waiting jobs to threads, flushes first, until one side runs out. */
  #dispatch(): void {
    this.#handOut("flush");
    this.#handOut("background");
    if (!this.#isBusy()) this.#reportIdle?.();
  }

  #handOut(priority: JobPriority): void {
    const queue = this.#waiting[priority];
    while (queue.length > 0) {
      const thread = this.#threadFor(priority);
      if (thread === undefined && this.#isServed(priority)) return;
      const task = queue.shift();
      if (task === undefined) return;
      if (thread === undefined) this.#runInline(task);
      else thread.assign(task);
    }
  }

  /** A thread that is free for such a job, started if there may be one more. */
  #threadFor(priority: JobPriority): WorkerThread<Job, Result> | undefined {
    const reserved = priority === "flush" ? this.#freeThread(true, 1) : undefined;
    return reserved ?? this.#freeThread(false, this.#options.parallelism);
  }

  #freeThread(reserved: boolean, limit: number): WorkerThread<Job, Result> | undefined {
    let count = 0;
    for (const thread of this.#threads) {
      if (thread.reserved !== reserved) continue;
      if (thread.idle) return thread;
      count++;
    }
    return count < limit && this.#canStart ? this.#start(reserved) : undefined;
  }

  /** Is there a thread, busy at the moment, that will come for such a job? */
  #isServed(priority: JobPriority): boolean {
    for (const thread of this.#threads) {
      if (priority === "flush" || !thread.reserved) return true;
    }
    return false;
  }

  #isBusy(): boolean {
    for (const thread of this.#threads) if (!thread.idle) return true;
    return false;
  }

  #start(reserved: boolean): WorkerThread<Job, Result> | undefined {
    try {
      const thread = new WorkerThread(this.#options.spawn(), reserved, this.#owner);
      this.#threads.add(thread);
      return thread;
    } catch (error) {
      this.#stopStarting(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  #runInline(task: Task<Job, Result>): void {
    try {
      task.resolve(this.#options.runInline(task.job));
    } catch (error) {
      task.reject(error);
    }
  }

  /** A thread is gone: its job fails, or waits again if it had not begun. */
  #forget(
    thread: WorkerThread<Job, Result>,
    task: Task<Job, Result> | undefined,
    reason: Error,
  ): void {
    this.#threads.delete(thread);
    if (!thread.ready) this.#stopStarting(reason);
    if (task !== undefined) {
      if (thread.ready) task.reject(jobLost(reason));
      else if (this.#closing !== undefined) task.reject(executorClosed());
      else this.#waiting[task.priority].unshift(task);
    }
    this.#dispatch();
  }

  #stopStarting(reason: Error): void {
    if (!this.#canStart) return;
    this.#canStart = false;
    this.#options.log(
      "warn",
      "cannot start a background thread, so flushes and compactions run on the calling thread and hold it up; " +
        "a compiled program must be built with the thread entry of Meles as an extra entry point",
      { reason: reason.message },
    );
  }
}

function jobLost(reason: Error): MelesError {
  const message = `${reason.message} before it finished its job; nothing of the job counts`;
  return new MelesError("ERR_ABORTED", message, { cause: reason });
}
