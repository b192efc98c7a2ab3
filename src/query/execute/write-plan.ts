/** What all writing statements become before they run. */

import type { SelectPlan } from "../plan/plan.ts";
import type { Run } from "./run.ts";
import type { WriteBuffer } from "./write-buffer.ts";

/** A write that has been checked and is ready to run, once or, after a conflict, again. */
export interface WritePlan {
  /** The rows it goes over, for EXPLAIN; absent when it writes what the text says. */
  readonly select: SelectPlan | undefined;
  /** What is done, for messages: "inserted" … */
  readonly done: "inserted" | "updated" | "deleted" | "stored";
  /** Reads, and buffers the writes; gives how many rows were affected. */
  run(run: Run, writes: WriteBuffer): Promise<number>;
}
