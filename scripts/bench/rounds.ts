/**
 * Repetitions, alternating: every store once, then every store again, the order turning by one, so that
 * a busy moment of the machine does not hit one of them only. Slow peers stop repeating first.
 */

import type { Job, StoreName } from "./job.ts";
import { launch } from "./launch.ts";
import type { Peers } from "./peers.ts";
import { Series } from "./series.ts";

export interface Rounds {
  readonly stores: readonly StoreName[];
  readonly repetitions: number;
  /** A peer that would use up more does not start another repetition. */
  readonly budgetMs: number;
}

export async function alternate(
  rounds: Rounds,
  peers: Peers,
  jobOf: (store: StoreName) => Job,
): Promise<Series> {
  const series = new Series();
  const used = new Map<StoreName, number>();
  for (let round = 0; round < rounds.repetitions; round++) {
    for (let turn = 0; turn < rounds.stores.length; turn++) {
      const store = rounds.stores[(turn + round) % rounds.stores.length] as StoreName;
      const spent = used.get(store) ?? 0;
      const isSpent = round > 0 && spent + spent / round > rounds.budgetMs;
      if (isSpent && store !== "meles") continue;
      const outcome = await launch(jobOf(store), peers);
      used.set(store, spent + outcome.wallMs);
      series.add(store, outcome);
      process.stderr.write(".");
    }
  }
  process.stderr.write("\n");
  return series;
}
