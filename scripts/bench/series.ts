/** What repetitions of the same job gave, by store. Pure. */

import type { Measure, Outcome, StoreName } from "./job.ts";

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

  /** A figure of every repetition of a measure, for the stores that have it. */
  collect(measure: string, pick: (of: Measure) => number | undefined): Map<StoreName, number[]> {
    return this.collectOutcomes((outcome) => {
      const found = outcome.measures.find(({ name }) => name === measure);
      return found === undefined ? undefined : pick(found);
    });
  }

  /** A figure of every process. */
  collectOutcomes(pick: (of: Outcome) => number | undefined): Map<StoreName, number[]> {
    const collected = new Map<StoreName, number[]>();
    for (const [store, outcomes] of this.#outcomes) {
      const samples = outcomes.map(pick).filter((sample) => sample !== undefined);
      if (samples.length > 0) collected.set(store, samples);
    }
    return collected;
  }
}
