/** What one execution of a statement carries along. */

import type { Database, Reader } from "../../database/contract.ts";
import type { Pace } from "../yield.ts";
import type { MemoryBudget } from "./memory-budget.ts";

export interface Run {
  readonly database: Database;
  /** The statement's snapshot with its transaction's own writes. */
  readonly reader: Reader;
  readonly pace: Pace;
  readonly budget: MemoryBudget;
  /** Counted for EXPLAIN ANALYZE. */
  readonly counters: Counters;
}

export interface Counters {
  /** Rows read from the relation. */
  scanned: number;
  /** Rows that passed the filter. */
  matched: number;
  /** Groups formed. */
  groups: number;
  /** Rows that were sorted in memory. */
  sorted: number;
  /** Rows given out. */
  returned: number;
}

export function newCounters(): Counters {
  return { scanned: 0, matched: 0, groups: 0, sorted: 0, returned: 0 };
}
