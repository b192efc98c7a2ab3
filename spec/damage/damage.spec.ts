/**
 * Directories of both engines with a flipped bit or a cut file, each read in every way. `bun run fuzz
 * damage` looks for more.
 */

import { expect, test } from "bun:test";
import { runDamageCase } from "./damage-case.ts";
import { makeSubjects } from "./subjects.ts";

const CASES = 400;

test(`one flipped bit or cut file: right data, or an error with its place (${CASES} cases)`, async () => {
  const subjects = await makeSubjects(1);
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= CASES; seed++) {
    const { outcome } = await runDamageCase(subjects, seed);
    outcomes.add(outcome);
  }
  expect([...outcomes].sort()).toEqual(["earlier", "refused", "reported", "right"]);
}, 120_000);
