/** What can be fuzzed, by name. A target does one unit of work for a seed and throws if it finds something. */

import { runHistories } from "../../spec/space/histories.ts";

export interface FuzzTarget {
  /** What one seed stands for, in the plural. */
  readonly unit: string;
  /** The same seed always does the same. The error names the seed and shows how to repeat it. */
  readonly run: (seed: number) => Promise<void>;
}

export const targets: Readonly<Record<string, FuzzTarget>> = {
  /** No deleted key returns, whatever is flushed, compacted, collected, killed. */
  space: {
    unit: "histories",
    // Most are short, some are long.
    run: (seed) => runHistories([seed], {}, seed % 8 === 0 ? 200 : 30),
  },
};
