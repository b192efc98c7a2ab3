/** `bun run fuzz damage`: directories with a flipped bit or a cut file, read in every way (spec/damage). */

import { runDamageCase } from "../../spec/damage/damage-case.ts";
import { makeSubjects, type Subject } from "../../spec/damage/subjects.ts";
import type { FuzzTarget } from "../fuzz.ts";

let subjects: Promise<Subject[]> | undefined;

export const damage: FuzzTarget = {
  summary: "directories with a flipped bit or a cut file: an error with its place, or right data",
  async run(seed) {
    subjects ??= makeSubjects(1);
    await runDamageCase(await subjects, seed);
    return 1;
  },
};
