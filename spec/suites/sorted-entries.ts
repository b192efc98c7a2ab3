/**
 * Entries in internal-key order, made to be nasty, and the slow obvious answers about them: the twin
 * of every structure that keeps entries sorted.
 */

import { compareBytes } from "../../src/base/bytes.ts";
import type { SeededRandom } from "../../src/env/seeded-random.ts";
import { META_DELETE, META_POINTER } from "../../src/format/stored-value.ts";

/** `SEED=… bun test` repeats a run; put it into the names of random specs. */
export const SEED = Number(process.env["SEED"] ?? 20_260_101);

export interface SuiteEntry {
  readonly key: Uint8Array;
  readonly version: number;
  readonly meta: number;
  readonly userMeta: number;
  readonly expiresAt: number;
  readonly value: Uint8Array;
}

/** User key ascending, then newest first. */
export function compareEntries(
  a: { readonly key: Uint8Array; readonly version: number },
  b: { readonly key: Uint8Array; readonly version: number },
): number {
  const byKey = compareBytes(a.key, b.key);
  if (byKey !== 0) return byKey;
  return a.version === b.version ? 0 : b.version - a.version;
}

/** Index of the first entry at or after the target; the number of entries if there is none. */
export function naiveSeek(
  entries: readonly SuiteEntry[],
  key: Uint8Array,
  version: number,
): number {
  const index = entries.findIndex((entry) => compareEntries(entry, { key, version }) >= 0);
  return index === -1 ? entries.length : index;
}

/** The newest entry of a key with at most this version. */
export function naiveGet(
  entries: readonly SuiteEntry[],
  key: Uint8Array,
  version: number,
): SuiteEntry | undefined {
  return entries.find((entry) => compareBytes(entry.key, key) === 0 && entry.version <= version);
}

export function entry(
  key: string | Uint8Array,
  version: number,
  value: string | Uint8Array = "",
  fields: { meta?: number; userMeta?: number; expiresAt?: number } = {},
): SuiteEntry {
  const { meta = 0x40, userMeta = 0, expiresAt = 0 } = fields;
  return { key: bytesOf(key), version, meta, userMeta, expiresAt, value: bytesOf(value) };
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

export type KeyShape = "tiny" | "numbered" | "suffixed" | "binary";

/**
 * Sorted entries without duplicates. Shapes of keys: `tiny` is short words over four letters (many
 * prefixes of each other), `numbered` has long common prefixes, `suffixed` ends in what looks like
 * a version, `binary` is random bytes of 1 to 40.
 */
export function randomEntries(
  random: SeededRandom,
  count: number,
  shape: KeyShape,
  options: { readonly valueSizeMax?: number; readonly versionsMax?: number } = {},
): SuiteEntry[] {
  const { valueSizeMax = 60, versionsMax = 5 } = options;
  const entries = new Map<string, SuiteEntry>();
  for (let attempt = 0; entries.size < count && attempt < 20 * count; attempt++) {
    const key = randomKey(random, shape);
    const versions = 1 + random.below(versionsMax);
    for (let i = 0; i < versions && entries.size < count; i++) {
      const version = randomVersion(random);
      entries.set(`${key.toHex()}@${version}`, randomEntry(random, key, version, valueSizeMax));
    }
  }
  return [...entries.values()].sort(compareEntries);
}

export function randomKey(random: SeededRandom, shape: KeyShape): Uint8Array {
  if (shape === "numbered") {
    return bytesOf(`tenant/0007/user/${String(random.below(5000)).padStart(8, "0")}`);
  }
  const key = new Uint8Array(1 + random.below(shape === "binary" ? 40 : 6));
  random.fill(key);
  if (shape === "binary") return key;
  for (let i = 0; i < key.length; i++)
    key[i] = [0x00, 0x61, 0x62, 0xff][(key[i] as number) & 3] as number;
  if (shape === "tiny") return key;
  const suffixed = new Uint8Array(key.length + random.below(10)).fill(0xff);
  suffixed.set(key);
  if (random.below(2) === 0) suffixed[suffixed.length - 1] = 0xfe - random.below(3);
  return suffixed;
}

function randomVersion(random: SeededRandom): number {
  const kind = random.below(10);
  if (kind === 0) return Number.MAX_SAFE_INTEGER - random.below(3);
  if (kind === 1) return 2 ** 32 - 2 + random.below(4);
  return random.below(40);
}

function randomEntry(
  random: SeededRandom,
  key: Uint8Array,
  version: number,
  valueSizeMax: number,
): SuiteEntry {
  const kind = random.below(8);
  let meta = random.below(2) === 0 ? 0x40 : 0x00;
  let value = new Uint8Array(random.below(valueSizeMax + 1));
  if (kind === 0) {
    meta |= META_DELETE;
    value = new Uint8Array(0);
  } else if (kind === 1) {
    meta |= META_POINTER;
    value = new Uint8Array(12);
    value[0] = 1 + random.below(3);
    value[4] = 40 + random.below(100);
    value[9] = random.below(256);
  } else {
    random.fill(value);
  }
  const expiresAt = random.below(4) === 0 ? random.below(2) * 4_102_444_800 + random.below(200) : 0;
  return { key, version, meta, userMeta: random.below(256), expiresAt, value };
}
