/**
 * An executor whose jobs are done for an authenticated directory: each takes along what its thread needs to read
 * and write sealed files. Keys cross to the threads of this process, in memory, and go nowhere else.
 */

import type { Executor, JobPriority } from "../env/executor.ts";
import type { SealGrant } from "../seal/authority.ts";
import type { Job, JobResult } from "./jobs.ts";

export class SealedExecutor implements Executor<Job, JobResult> {
  readonly #executor: Executor<Job, JobResult>;
  readonly #grant: () => SealGrant;

  constructor(executor: Executor<Job, JobResult>, grant: () => SealGrant) {
    this.#executor = executor;
    this.#grant = grant;
  }

  get parallelism(): number {
    return this.#executor.parallelism;
  }

  async run(job: Job, options?: { readonly priority?: JobPriority }): Promise<JobResult> {
    return this.#executor.run({ kind: "sealed", grant: this.#grant(), job }, options);
  }

  close(): Promise<void> {
    return this.#executor.close();
  }
}
