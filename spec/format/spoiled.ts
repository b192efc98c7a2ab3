/** Drives one decoder with one spoiled input that follows from a seed. */

import { MelesError } from "../../src/base/errors.ts";
import { DECODERS, type Decoder } from "./decoders.ts";
import { mutated } from "./mutations.ts";
import { Seeded } from "./seeded.ts";

const EVERYTHING = DECODERS.flatMap(({ samples }) => samples);
/** Longer than any of these takes: a loop that follows a number in the input. */
const NANOSECONDS_MAX = 2e9;

/** Throws when a decoder neither returns nor throws a `MelesError`, or takes too long. */
export function decodeSpoiled(seed: number): Decoder {
  const random = new Seeded(seed);
  const decoder = DECODERS[random.below(DECODERS.length)] as Decoder;
  const sample = decoder.samples[random.below(decoder.samples.length)] as Uint8Array;
  const bytes = mutated(sample, EVERYTHING, random);
  const started = Bun.nanoseconds();
  try {
    decoder.decode(bytes.slice());
  } catch (error) {
    if (!(error instanceof MelesError)) {
      const shown = bytes.subarray(0, 400).toHex();
      throw new Error(`${decoder.name}, seed ${seed}: ${String(error)}\n  ${shown}`, {
        cause: error,
      });
    }
  }
  if (Bun.nanoseconds() - started > NANOSECONDS_MAX)
    throw new Error(`${decoder.name}, seed ${seed}: too slow`);
  return decoder;
}
