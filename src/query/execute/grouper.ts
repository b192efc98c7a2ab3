/** Collects rows into groups and runs the aggregates, in bounded memory. Groups keep their first row's order. */

import type { Accumulator } from "../expression/aggregates.ts";
import { Distinct } from "../expression/aggregates.ts";
import type { Frame } from "../expression/frame.ts";
import type { Grouping } from "../plan/plan.ts";
import { groupKey, sizeOfDatum, type Datum } from "../value/datum.ts";
import type { MemoryBudget } from "./memory-budget.ts";

interface Group {
  readonly keys: readonly Datum[];
  readonly accumulators: readonly Accumulator[];
}

const GROUP_BYTES = 200;
const ACCUMULATOR_BYTES = 120;

export class Grouper {
  readonly #grouping: Grouping;
  readonly #budget: MemoryBudget;
  readonly #groups = new Map<string, Group>();

  constructor(grouping: Grouping, budget: MemoryBudget) {
    this.#grouping = grouping;
    this.#budget = budget;
    // Without GROUP BY all rows are one group, and no rows are one too.
    if (grouping.keys.length === 0) this.#start("", []);
  }

  add(frame: Frame): void {
    const { keys, aggregates } = this.#grouping;
    const group = keys.length === 0 ? this.#groups.get("") : this.#groupOf(frame);
    if (group === undefined) return;
    for (let i = 0; i < aggregates.length; i++) {
      const aggregate = aggregates[i];
      const accumulator = group.accumulators[i];
      if (aggregate === undefined || accumulator === undefined) return;
      if (aggregate.argument === undefined) {
        accumulator.add(null, null);
        continue;
      }
      const datum = aggregate.argument.evaluate(frame);
      if (datum === null) continue;
      const separator = aggregate.separator?.evaluate(frame) ?? null;
      accumulator.add(frame.owned(datum), separator);
    }
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Fields of the groups: the keys, then the results of the aggregates. */
  *results(): Generator<readonly Datum[]> {
    for (const { keys, accumulators } of this.#groups.values()) {
      yield [...keys, ...accumulators.map((accumulator) => accumulator.result())];
    }
  }

  #groupOf(frame: Frame): Group {
    const data = this.#grouping.keys.map((key) => key.evaluate(frame));
    const id = groupKey(data);
    return (
      this.#groups.get(id) ??
      this.#start(
        id,
        data.map((datum) => frame.owned(datum)),
      )
    );
  }

  #start(id: string, keys: readonly Datum[]): Group {
    const { aggregates } = this.#grouping;
    let bytes = GROUP_BYTES + id.length * 2 + aggregates.length * ACCUMULATOR_BYTES;
    for (const key of keys) bytes += sizeOfDatum(key);
    this.#budget.take(bytes, "grouping");
    const grow = (grown: number): void => this.#budget.take(grown, "grouping");
    const accumulators = aggregates.map(({ definition, distinct, span }) => {
      const accumulator = definition.start(span, grow);
      return distinct ? new Distinct(accumulator, grow) : accumulator;
    });
    const group = { keys, accumulators };
    this.#groups.set(id, group);
    return group;
  }
}
