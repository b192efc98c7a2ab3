/** `bun run fuzz format`: spoiled bytes for every decoder of the disk format (spec/format/decoders.ts). */

import { decodeSpoiled } from "../../spec/format/spoiled.ts";
import type { FuzzTarget } from "../fuzz.ts";

export const format: FuzzTarget = {
  summary: "decoders of the disk format, with spoiled bytes",
  run(seed) {
    decodeSpoiled(seed);
    return Promise.resolve(1);
  },
};
