/** Fuzz target: no deleted key returns, whatever is flushed, compacted, collected or killed. */

import { runHistories } from "../../spec/space/histories.ts";
import type { FuzzTarget } from "../fuzz.ts";

/** Most histories are short, some are long. */
const STEPS = 30;
const LONG_STEPS = 200;

export const space: FuzzTarget = {
  summary: "deleted keys stay deleted over random level shapes, picks and kills",
  run: async (seed) => {
    await runHistories([seed], {}, seed % 8 === 0 ? LONG_STEPS : STEPS);
    return 1;
  },
};
