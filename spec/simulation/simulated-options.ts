/** Options that simulated databases are opened with: small enough that everything happens all the time. */

import type { SeededRandom } from "../../src/env/seeded-random.ts";
import type { OpenOptions } from "../../src/options.ts";
import { TINY } from "../suites/open-database.ts";
import { VALUE_DIRECTORY } from "./database-life.ts";

const KEY = new Uint8Array(16).fill(7);
const LONG_KEY = new Uint8Array(32).fill(7);

const VARIANTS: readonly OpenOptions[] = [
  {},
  {},
  { compression: "zstd" },
  { compression: "snappy", versionsToKeep: 3 },
  { encryptionKey: KEY, encryptionKeyRotationMs: 20_000 },
  { encryptionKey: LONG_KEY, authenticatedEncryption: true, encryptionKeyRotationMs: 20_000 },
  { valueThreshold: 1, verifyChecksums: "both" },
  { valueThreshold: 32_768, bloomFalsePositive: 0 },
  { compression: ["none", "zstd"], versionsToKeep: 2, verifyChecksums: "open" },
];

/** What stays the same over a history. */
export function chooseOptions(random: SeededRandom): OpenOptions {
  const sync = (["commit", "interval", "never"] as const)[random.below(3)] as "commit";
  const variant = VARIANTS[random.below(VARIANTS.length)] as OpenOptions;
  return { ...TINY, valueLogFileSize: 1 << 20, syncIntervalMs: 1000, sync, ...variant };
}

/** A value directory of its own in a quarter of the histories; decided apart, so that the others stay as they are. */
export function placeOfValues(seed: number): OpenOptions {
  return Math.imul(seed, 0x9e3779b1) >>> 30 === 0 ? { valueDirectory: VALUE_DIRECTORY } : {};
}

/** The same with other sizes and thresholds: they may change from one opening to the next. */
export function reopenOptions(fixed: OpenOptions, random: SeededRandom): OpenOptions {
  if (random.below(2) === 0) return fixed;
  return {
    ...fixed,
    valueThreshold: pick([0, 1, 64, 200, 32_768], random),
    blockSize: pick([256, 512, 4096], random),
    levelZeroTables: 1 + random.below(4),
    bloomFalsePositive: pick([0, 0.01, 0.5], random),
    blockCacheSize: pick([0, 64 * 1024], random),
    sync: pick(["commit", "interval", "never"] as const, random),
    compression: pick(["none", "snappy", "zstd"] as const, random),
  };
}

function pick<T>(list: readonly T[], random: SeededRandom): T {
  return list[random.below(list.length)] as T;
}
