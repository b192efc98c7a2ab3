/**
 * One background thread and its life: starting → idle ⇄ busy → gone. Whatever way a thread goes (its entry
 * is missing, it never reports, an uncaught error, `process.exit` inside it), `onGone` hears of it exactly
 * once. Used by worker-pool.ts alone.
 *
 * A busy thread keeps the process alive, an idle one does not.
 */

import { assert } from "../base/assert.ts";
import type { Clock, Log } from "../env/env.ts";
import type { JobPriority } from "../env/executor.ts";
import type { RunMessage, ThreadMessage } from "./protocol.ts";
import { deserializeError } from "./serialized-error.ts";

/** A job on its way, and whom to tell. */
export interface Task<Job, Result> {
  readonly job: Job;
  readonly priority: JobPriority;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface ThreadOwner<Job, Result> {
  readonly clock: Clock;
  readonly log: Log;
  readonly startTimeoutMs: number;
  /** The thread has settled its task and can take another. */
  onIdle(): void;
  /** The thread is no more. `task` is what it had accepted and not settled. */
  onGone(
    thread: WorkerThread<Job, Result>,
    task: Task<Job, Result> | undefined,
    reason: Error,
  ): void;
}

export class WorkerThread<Job, Result> {
  /** Only for jobs of priority `flush`. */
  readonly reserved: boolean;
  readonly #worker: Worker;
  readonly #owner: ThreadOwner<Job, Result>;
  readonly #cancelStartTimer: () => void;
  #task: Task<Job, Result> | undefined;
  #ready = false;
  #gone = false;

  constructor(worker: Worker, reserved: boolean, owner: ThreadOwner<Job, Result>) {
    this.reserved = reserved;
    this.#worker = worker;
    this.#owner = owner;
    worker.addEventListener("message", (event) => this.#receive(event.data));
    worker.addEventListener("messageerror", () => this.#end("sent a result that cannot be read"));
    worker.addEventListener("error", (event) => this.#end(`failed (${headline(event.message)})`));
    worker.addEventListener("close", () => this.#end("ended"));
    const { clock, startTimeoutMs } = owner;
    const timer = clock.after(startTimeoutMs, () =>
      this.#end(`did not start within ${startTimeoutMs} ms`),
    );
    this.#cancelStartTimer = () => timer.cancel();
  }

  /** True once the thread's entry has run. */
  get ready(): boolean {
    return this.#ready;
  }

  get idle(): boolean {
    return this.#task === undefined && !this.#gone;
  }

  /** Accepts a task; a thread that is still starting begins with it. */
  assign(task: Task<Job, Result>): void {
    assert(this.idle, "a thread takes one job at a time");
    this.#task = task;
    this.#worker.ref();
    if (this.#ready) this.#send(task);
  }

  /** Ends the thread and forgets its task; `onGone` is not called. */
  terminate(): void {
    this.#gone = true;
    this.#cancelStartTimer();
    this.#worker.terminate();
  }

  #send(task: Task<Job, Result>): void {
    const message: RunMessage<Job> = { type: "run", job: task.job };
    try {
      this.#worker.postMessage(message);
    } catch (error) {
      this.#release();
      task.reject(error); // The job holds something that cannot be cloned.
      this.#owner.onIdle();
    }
  }

  #receive(message: ThreadMessage<Result>): void {
    if (this.#gone) return;
    switch (message.type) {
      case "ready":
        this.#ready = true;
        this.#cancelStartTimer();
        if (this.#task !== undefined) this.#send(this.#task);
        return;
      case "log":
        this.#owner.log(message.level, message.message, message.fields);
        return;
      case "done":
        this.#release()?.resolve(message.result);
        this.#owner.onIdle();
        return;
      case "failed":
        this.#release()?.reject(deserializeError(message.error));
        this.#owner.onIdle();
        return;
    }
  }

  #release(): Task<Job, Result> | undefined {
    const task = this.#task;
    this.#task = undefined;
    this.#worker.unref();
    return task;
  }

  #end(what: string): void {
    if (this.#gone) return;
    const task = this.#release();
    this.terminate();
    this.#owner.onGone(this, task, new Error(`the background thread ${what}`));
  }
}

/** The message itself out of what Bun reports, which may come with an excerpt of the source around it. */
function headline(report: string): string {
  const lines = report.split("\n");
  return lines.find((line) => /^\w*error: /i.test(line)) ?? lines[0] ?? report;
}
