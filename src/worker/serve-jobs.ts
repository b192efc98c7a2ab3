/**
 * The thread's side of the protocol: takes jobs, runs them to completion, answers. Called once, from a
 * thread entry, while the entry module is being evaluated: messages that arrive before a handler is
 * installed are lost, so an entry has static imports only and no top-level `await`.
 */

import type { Log } from "../env/env.ts";
import type { RunMessage, ThreadMessage } from "./protocol.ts";
import { serializeError } from "./serialized-error.ts";

declare const self: {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
};

/**
 * Serves until the thread is terminated. What a job has left is collected before the next one: by itself a
 * thread that hardly ever allocates keeps it for long (a load of 2 GB: 397-540 MiB resident, with this
 * 321-404; about 8 ms a job).
 */
export function serveJobs<Job, Result>(runJob: (job: Job) => Result): void {
  self.onmessage = ({ data }) => {
    answer(runJob, data as RunMessage<Job>);
    Bun.gc(true);
  };
  post({ type: "ready" });
}

/** A log whose lines the owner of this thread writes into its own. */
export const ownerLog: Log = (level, message, fields) => {
  try {
    post({ type: "log", level, message, fields });
  } catch {
    // Fields that cannot be cloned: the message alone must do.
    post({ type: "log", level, message, fields: undefined });
  }
};

function answer<Job, Result>(runJob: (job: Job) => Result, message: RunMessage<Job>): void {
  try {
    post({ type: "done", result: runJob(message.job) });
  } catch (error) {
    // Either the job failed, or its result cannot be cloned; both are news for the owner.
    post({ type: "failed", error: serializeError(error) });
  }
}

function post<Result>(message: ThreadMessage<Result>): void {
  self.postMessage(message);
}
