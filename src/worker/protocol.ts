/**
 * What the owner of a background thread and the thread say to each other. A thread does one job at a time,
 * so there is nothing to correlate: `run` is answered by one `done` or `failed` before the next `run`.
 */

import type { LogLevel } from "../env/env.ts";
import type { SerializedError } from "./serialized-error.ts";

/** Owner to thread. */
export interface RunMessage<Job> {
  readonly type: "run";
  readonly job: Job;
}

/** Thread to owner. `ready` comes first, once, when the thread can take jobs. */
export type ThreadMessage<Result> =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly result: Result }
  | { readonly type: "failed"; readonly error: SerializedError }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Record<string, unknown> | undefined;
    };
