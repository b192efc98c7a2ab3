/** One execution of one statement: its parameters, time, pace and bounds. */

import type { Database, Reader } from "../database/contract.ts";
import type { Env } from "../env/env.ts";
import { MemoryBudget } from "./execute/memory-budget.ts";
import { newCounters, type Counters, type Run } from "./execute/run.ts";
import type { ParameterValues } from "./parameters.ts";
import type { StatementContext } from "./plan/scopes.ts";
import type { SourceText } from "./problem.ts";
import { Pace } from "./yield.ts";

/** Told about the progress of long statements. `done` and `total` are bytes of the file. */
export type ProgressListener = (progress: {
  readonly label: string;
  readonly done: number;
  readonly total?: number;
}) => void;

export class Execution {
  readonly database: Database;
  readonly env: Env;
  readonly source: SourceText | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ProgressListener | undefined;
  readonly context: StatementContext;
  readonly pace: Pace;
  readonly counters: Counters = newCounters();
  readonly #budgetBytes: number;
  #budget: MemoryBudget;

  constructor(parts: {
    database: Database;
    env: Env;
    parameters: ParameterValues;
    source: SourceText | undefined;
    signal: AbortSignal | undefined;
    onProgress: ProgressListener | undefined;
    budgetBytes: number;
  }) {
    this.database = parts.database;
    this.env = parts.env;
    this.source = parts.source;
    this.signal = parts.signal;
    this.onProgress = parts.onProgress;
    this.context = {
      parameters: parts.parameters,
      nowSeconds: Math.floor(parts.env.clock.nowMs() / 1000),
      // Lifetimes are stored rounded up to whole seconds: what is left is counted from the next one.
      nextSecond: Math.ceil(parts.env.clock.nowMs() / 1000),
      source: parts.source,
    };
    this.pace = new Pace(parts.env.clock, parts.signal);
    this.#budgetBytes = parts.budgetBytes;
    this.#budget = new MemoryBudget(parts.budgetBytes);
  }

  get budgetBytes(): number {
    return this.#budgetBytes;
  }

  get budget(): MemoryBudget {
    return this.#budget;
  }

  /** One attempt on a reader; starts with an empty budget. */
  runOn(reader: Reader): Run {
    this.#budget = new MemoryBudget(this.#budgetBytes);
    const { database, pace, counters } = this;
    return { database, reader, pace, budget: this.#budget, counters };
  }
}
