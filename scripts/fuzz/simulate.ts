/** `bun run fuzz simulate`: whole databases, in a world of faults, kills and power losses (spec/simulation). */

import { failureOf, report } from "../../spec/simulation/shrink.ts";
import type { FuzzTarget } from "../fuzz.ts";

export const simulate: FuzzTarget = {
  summary: "random histories of a simulated database",
  async run(seed, { steps }) {
    const options = steps === undefined ? {} : { only: steps };
    const failure = await failureOf(seed, options);
    if (failure !== undefined) throw new Error(await report(failure, options));
    return 1;
  },
};
