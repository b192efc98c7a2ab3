/**
 * Random histories against the naive twin. `MELES_MODEL_SECONDS=60` goes on with new seeds for so long,
 * `MELES_MODEL_SEED=n` repeats one.
 */

import { describe, expect, test } from "bun:test";

import type { OpenOptions } from "../../src/index.ts";
import { ModelRun } from "../suites/model-run.ts";

const KEY_BYTES = new TextEncoder().encode("0123456789abcdef0123456789abcdef");

const VARIANTS: Readonly<Record<string, OpenOptions>> = {
  plain: {},
  snappy: { compression: "snappy" },
  zstd: { compression: "zstd", versionsToKeep: 3 },
  "a compression per level": { compression: ["none", "snappy", "zstd"], sync: "commit" },
  encrypted: { encryptionKey: KEY_BYTES, encryptionKeyRotationMs: 60_000, compression: "zstd" },
  authenticated: { encryptionKey: KEY_BYTES, authenticatedEncryption: true, compression: "snappy" },
  "values in the value log": { valueThreshold: 1, versionsToKeep: 2, verifyChecksums: "both" },
  "values in the tree": { valueThreshold: 32_768, bloomFalsePositive: 0, blockCacheSize: 0 },
};

const STEPS = 400;
const extraMs = Number(process.env["MELES_MODEL_SECONDS"] ?? 0) * 1000;
const onlySeed = process.env["MELES_MODEL_SEED"];
const firstSeed = onlySeed === undefined ? Date.now() % 1_000_000 : Number(onlySeed);

describe("random histories agree with the naive twin", () => {
  for (const [name, options] of Object.entries(VARIANTS)) {
    for (const seed of onlySeed === undefined ? [1, firstSeed] : [firstSeed]) {
      test(`${name}, seed ${seed}`, async () => {
        const run = await ModelRun.start(seed, options);
        await run.run(STEPS);
        // The fixed seed is known to take every kind of step; a random one takes what it takes.
        expect(run.taken.get("compact") ?? 0).toBeGreaterThan(seed === 1 ? 0 : -1);
      }, 60_000);
    }
  }

  test.skipIf(extraMs === 0)(
    "and go on agreeing for MELES_MODEL_SECONDS",
    async () => {
      const endMs = Date.now() + extraMs;
      const variants = Object.values(VARIANTS);
      for (let seed = firstSeed + 1; Date.now() < endMs; seed++) {
        const run = await ModelRun.start(seed, variants[seed % variants.length] as OpenOptions);
        await run.run(STEPS);
      }
    },
    extraMs + 60_000,
  );
});
