/**
 * The core workloads of YCSB. A: half updates. B: 5 % updates. C: reads. D: reads of what is new, 5 %
 * inserts. E: short scans (1 … 100), 5 % inserts. F: half read-modify-write. Keys are zipfian over the
 * whole range, in D over the newest.
 */

import { Xorshift } from "./data.ts";
import type { Measure, Workload } from "./job.ts";
import type { Bench } from "./steps.ts";
import { Zipf } from "./zipf.ts";

const SEED = 362_436_069;
const SCAN_LENGTH_MAX = 100;

/** Chances in percent; what is left is a read. */
interface Mix {
  readonly update?: number;
  readonly insert?: number;
  readonly scan?: number;
  readonly modify?: number;
}

const MIXES: Readonly<Record<Workload, Mix>> = {
  A: { update: 50 },
  B: { update: 5 },
  C: {},
  D: { insert: 5 },
  E: { insert: 5, scan: 95 },
  F: { modify: 50 },
};

export async function runYcsb(
  bench: Bench,
  name: string,
  ops: number,
  workload: Workload,
): Promise<Measure> {
  const { update = 0, insert = 0, scan = 0, modify = 0 } = MIXES[workload];
  const { store, keys, values } = bench;
  const random = new Xorshift(SEED);
  const zipf = new Zipf(bench.count, random);
  const newestFirst = workload === "D";
  let missing = 0;
  const start = Bun.nanoseconds();
  for (let i = 0; i < ops; i++) {
    const dice = random.below(100);
    if (dice < insert) {
      const index = bench.count++;
      await store.put(keys.block(index, index + 1), values.at(index));
      continue;
    }
    const index = newestFirst ? bench.count - 1 - zipf.rank() : zipf.scattered();
    if (dice < insert + update) {
      await store.put(keys.block(index, index + 1), values.at(i));
    } else if (dice < insert + update + modify) {
      const key = keys.block(index, index + 1);
      if (store.get(key) === undefined) missing++;
      await store.put(key, values.at(i));
    } else if (dice < insert + update + modify + scan) {
      await store.range(keys.at(index), 1 + random.below(SCAN_LENGTH_MAX));
    } else if (store.get(keys.at(index)) === undefined) {
      missing++;
    }
  }
  const ms = (Bun.nanoseconds() - start) / 1e6;
  if (missing > 0) throw new Error(`${name}: ${missing} keys missing`);
  return { name, ops, ms };
}
