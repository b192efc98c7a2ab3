/** How much memory a statement may hold for sorting, grouping and pending writes. */

import { Problem } from "../problem.ts";
import { formatBytes } from "../value/format-number.ts";

/** Default bound in bytes. */
export const MEMORY_BUDGET_BYTES = 256 * 1024 * 1024;

export class MemoryBudget {
  readonly limitBytes: number;
  #usedBytes = 0;
  /** The most that was held at any time. */
  peakBytes = 0;

  constructor(limitBytes: number = MEMORY_BUDGET_BYTES) {
    this.limitBytes = limitBytes;
  }

  /** Throws a `Problem` that says what to do when the bound is hit. */
  take(bytes: number, work: "sorting" | "grouping" | "DISTINCT" | "the writes"): void {
    this.#usedBytes += bytes;
    if (this.#usedBytes > this.peakBytes) this.peakBytes = this.#usedBytes;
    if (this.#usedBytes <= this.limitBytes) return;
    throw new Problem(
      `${work} of this statement needs more than ${formatBytes(this.limitBytes)} of memory`,
      undefined,
      ADVICE[work],
    );
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

const ADVICE = {
  sorting:
    "ORDER BY key needs no sorting; LIMIT keeps only the first rows; or narrow the key range",
  grouping: "narrow the key range, or group by something with fewer different values",
  DISTINCT: "narrow the key range, or select fewer columns",
  "the writes": "write smaller ranges of keys one after the other",
};
