/** What repetitions of the same measures gave, by store. Pure. */

import type { Measure, Outcome, StoreName } from "./job.ts";
import { median } from "./statistics.ts";

export class Series {
  readonly #outcomes = new Map<StoreName, Outcome[]>();

  add(store: StoreName, outcome: Outcome): void {
    const list = this.#outcomes.get(store);
    if (list === undefined) this.#outcomes.set(store, [outcome]);
    else list.push(outcome);
  }

  get stores(): StoreName[] {
    return [...this.#outcomes.keys()];
  }

  /** In the order in which they were first seen. */
  get measures(): string[] {
    const names = new Set<string>();
    for (const outcomes of this.#outcomes.values()) {
      for (const { measures } of outcomes) for (const { name } of measures) names.add(name);
    }
    return [...names];
  }

  outcomes(store: StoreName): readonly Outcome[] {
    return this.#outcomes.get(store) ?? [];
  }

  samples(store: StoreName, measure: string): Measure[] {
    return this.outcomes(store).flatMap(({ measures }) =>
      measures.filter(({ name }) => name === measure),
    );
  }

  /** Median operations per second; `undefined` where nothing was measured. */
  rate(store: StoreName, measure: string): number | undefined {
    const samples = this.samples(store, measure);
    return samples.length === 0
      ? undefined
      : median(samples.map(({ ops, ms }) => (ops / ms) * 1000));
  }

  /** Median of another figure. */
  figure(store: StoreName, measure: string, pick: (of: Measure) => number | undefined) {
    const values = this.samples(store, measure)
      .map(pick)
      .filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values);
  }
}
