/**
 * An executor whose jobs end whenever the world lets them: the work is done when the job is handed over
 * or when it ends, as the random source says, and some jobs die, before, amid or after their work. A
 * thread that dies leaves its files as they are; the process lives on.
 */

import { IoError, MelesError } from "../../src/base/errors.ts";
import { executorClosed, type Executor } from "../../src/env/executor.ts";
import { type Job, type JobResult, runJob } from "../../src/worker/jobs.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { type FileOperation, type Gate, ProcessFiles, type Verdict } from "./process-files.ts";
import type { DiskFile } from "./disk-file.ts";
import type { Life, World } from "./world.ts";

export interface LateExecutorOptions {
  readonly parallelism: number;
  /** Share of jobs that die. */
  readonly deaths: number;
  /** What a job's file system is wrapped in. */
  readonly wrap: (files: FileSystem) => FileSystem;
}

export class LateExecutor implements Executor<Job, JobResult> {
  readonly #world: World;
  readonly #life: Life;
  readonly #options: LateExecutorOptions;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;
  /** Jobs that have died so far. */
  deathCount = 0;

  constructor(world: World, options: LateExecutorOptions) {
    this.#world = world;
    this.#life = world.life;
    this.#options = options;
  }

  get parallelism(): number {
    return this.#options.parallelism;
  }

  run(job: Job): Promise<JobResult> {
    if (this.#closed) return Promise.reject(executorClosed());
    const { random } = this.#world;
    const done = random.next() < this.#options.deaths ? this.#die(job) : this.#finish(job);
    const ended = done.catch(() => undefined).finally(() => this.#running.delete(ended));
    this.#running.add(ended);
    return done;
  }

  #finish(job: Job): Promise<JobResult> {
    const { promise, resolve, reject } = Promise.withResolvers<JobResult>();
    const work = (): (() => void) => {
      try {
        const result = runJob(job, this.#life.env(this.#options.wrap(this.#life.files)));
        return () => resolve(result);
      } catch (error) {
        return () => reject(error);
      }
    };
    const early = this.#world.random.below(2) === 0 ? work() : undefined;
    this.#life.later(`${job.kind} ends`, () => (early ?? work())());
    return promise;
  }

  #die(job: Job): Promise<JobResult> {
    const { promise, reject } = Promise.withResolvers<JobResult>();
    const { random, disk } = this.#world;
    this.deathCount++;
    const thread = new DoomedThread(this.#life, random.below(40));
    try {
      runJob(job, this.#life.env(this.#options.wrap(new ProcessFiles(disk, thread))));
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
    }
    this.#life.later(`${job.kind} has died`, () => {
      reject(new MelesError("ERR_ABORTED", "the background thread died"));
    });
    return promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#running);
  }
}

/** A thread that ends after so many file operations, while its process goes on. */
class DoomedThread implements Gate {
  readonly #life: Life;
  #left: number;

  constructor(life: Life, operations: number) {
    this.#life = life;
    this.#left = operations;
  }

  get isAlive(): boolean {
    return this.#left > 0 && this.#life.isAlive;
  }

  judge(operation: FileOperation, path: string, bytes: number): Verdict {
    if (--this.#left <= 0) return { kind: "die", when: "amid", part: 0.5 };
    return this.#life.judge(operation, path, bytes);
  }

  die(): void {
    if (this.#left <= 0) return;
    this.#life.die();
  }

  failSync(file: DiskFile): void {
    this.#life.failSync(file);
  }

  later(what: string, finish: () => void): void {
    this.#life.later(what, finish);
  }
}
