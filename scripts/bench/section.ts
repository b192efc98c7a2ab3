/** One table of a family, and the plot that goes with it. */

import type { Row } from "./row.ts";

export interface Section {
  readonly title: string;
  /** What was run, in words: counts, sizes, batches, durability. */
  readonly setting: string;
  /** Measures down, stores across. */
  readonly rows: readonly Row[];
}
