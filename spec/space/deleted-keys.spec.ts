/**
 * No deleted key returns: random histories of writes, deletes, expiries, snapshots, compactions and
 * collections, in trees of random shapes, with kills and with what Badger leaves behind, against a twin
 * that remembers every version. `bun run fuzz space` goes on for longer.
 */

import { describe, expect, test } from "bun:test";

import { runHistories, seedsFrom } from "./histories.ts";
import { KNOWN_MISTAKES } from "./known-mistakes.ts";

const BATCHES = 10;
const BATCH_SIZE = 200;
const FIRST_RANDOM_SEED = 1_000_000 + (Date.now() % 1_000_000_000);

describe("no deleted key returns, nothing else is lost", () => {
  for (let batch = 0; batch < BATCHES; batch++) {
    // Half of the seeds are new every time; a failure prints its own.
    const first = batch % 2 === 0 ? batch * BATCH_SIZE : FIRST_RANDOM_SEED + batch * BATCH_SIZE;
    test(`${BATCH_SIZE} histories from seed ${first}`, async () => {
      await runHistories(seedsFrom(first, BATCH_SIZE));
    }, 120_000);
  }
});

describe("the histories notice when", () => {
  for (const [name, mistake] of Object.entries(KNOWN_MISTAKES)) {
    test(
      name,
      async () => {
        let message = "";
        try {
          await runHistories(seedsFrom(1, 400), mistake, 60, /came back/);
        } catch (error) {
          message = String(error);
        }
        expect(message).toContain("came back");
        // Shortened to what a person can read.
        expect(message.split("\n").length).toBeLessThan(30);
      },
      120_000,
    );
  }
});
