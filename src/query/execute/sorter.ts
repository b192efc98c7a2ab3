/**
 * Sorts rows in bounded memory. When only the first rows are wanted it never holds more than twice as
 * many. Stable: rows that compare equal stay in the order they came in.
 */

import { at } from "../../base/assert.ts";
import type { SortTerm } from "../plan/plan.ts";
import { sizeOfDatum, sortData, type Datum } from "../value/datum.ts";
import type { MemoryBudget } from "./memory-budget.ts";

interface SortRow {
  readonly by: readonly Datum[];
  readonly row: readonly Datum[];
  readonly order: number;
  readonly bytes: number;
}

/** Below this many wanted rows, cutting back early is not worth a sort. */
const CUT_ROWS_MIN = 1024;

export class Sorter {
  readonly #descending: readonly boolean[];
  readonly #wanted: number;
  readonly #budget: MemoryBudget;
  #rows: SortRow[] = [];
  #count = 0;

  /** `wanted`: how many of the first rows will be asked for. */
  constructor(terms: readonly SortTerm[], wanted: number, budget: MemoryBudget) {
    this.#descending = terms.map((term) => term.descending);
    this.#wanted = wanted;
    this.#budget = budget;
  }

  get count(): number {
    return this.#count;
  }

  add(by: readonly Datum[], row: readonly Datum[]): void {
    let bytes = 120;
    for (const datum of by) bytes += sizeOfDatum(datum);
    for (const datum of row) bytes += sizeOfDatum(datum);
    this.#rows.push({ by, row, order: this.#count++, bytes });
    this.#budget.take(bytes, "sorting");
    if (this.#rows.length >= Math.max(CUT_ROWS_MIN, this.#wanted * 2)) this.#cut();
  }

  /** The wanted rows in order. Nothing may be added afterwards. */
  sorted(): (readonly Datum[])[] {
    this.#cut();
    return this.#rows.map((entry) => entry.row);
  }

  #cut(): void {
    this.#rows.sort((a, b) => this.#compare(a, b));
    if (this.#rows.length <= this.#wanted) return;
    for (let i = this.#wanted; i < this.#rows.length; i++) {
      this.#budget.release(at(this.#rows, i).bytes);
    }
    this.#rows.length = this.#wanted;
  }

  #compare(a: SortRow, b: SortRow): number {
    for (let i = 0; i < this.#descending.length; i++) {
      const order = sortData(a.by[i] as Datum, b.by[i] as Datum);
      if (order !== 0) return this.#descending[i] === true ? -order : order;
    }
    return a.order - b.order;
  }
}
