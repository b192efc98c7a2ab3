/** `sortEntries` against `Array.prototype.sort`, over keys made to defeat a radix sort. */

import { describe, expect, test } from "bun:test";
import { compareBytes, concatBytes } from "../../src/base/bytes.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { sortEntries } from "../../src/memtable/entry-sort.ts";
import { compareEntryWith } from "../../src/memtable/entry-table.ts";
import { entry, randomKey, SEED, type SuiteEntry } from "../suites/sorted-entries.ts";
import { replayed } from "./filled-memtable.ts";

/** Key ascending, newest first, and of two equal internal keys the later entry first. */
function naiveOrder(entries: readonly SuiteEntry[], from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i).sort((i, j) => {
    const a = entries[i] as SuiteEntry;
    const b = entries[j] as SuiteEntry;
    return compareBytes(a.key, b.key) || b.version - a.version || j - i;
  });
}

function check(entries: readonly SuiteEntry[], from = 0, to = entries.length): void {
  const table = replayed(entries).entries();
  expect([...sortEntries(table, from, to)]).toEqual(naiveOrder(entries, from, to));
}

type MakeKey = (random: SeededRandom, i: number) => Uint8Array;

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const KEYS: Record<string, MakeKey> = {
  "short words over four letters": (random) => randomKey(random, "tiny"),
  "random bytes of any length": (random) => randomKey(random, "binary"),
  "a long shared prefix": (random) => randomKey(random, "numbered"),
  "one key": () => text("the same key"),
  "one byte": (random) => bytes(random.below(256)),
  "one byte or none behind the shared prefix": (random) =>
    concatBytes(text("prefix"), bytes(...(random.below(4) === 0 ? [] : [random.below(256)]))),
  "zeros only, which look like the padding": (random) => new Uint8Array(1 + random.below(20)),
  "zeros behind eight equal bytes": (random) =>
    concatBytes(text("abcdefgh"), new Uint8Array(random.below(12))),
  "differences only behind the eight sorted bytes": (random) =>
    concatBytes(
      text("x".repeat(30)),
      bytes(random.below(2)),
      text("12345678901"),
      bytes(random.below(256)),
    ),
  "high bits in every byte": (random) =>
    bytes(...Array.from({ length: 9 }, () => 0x7f + random.below(3))),
  "one odd key out of many equal ones": (_, i) => (i === 77 ? bytes(0) : text("equal equal equal")),
  "descending order": (_, i) => text(String(100_000 - i)),
};

describe("sorting entries", () => {
  for (const [name, makeKey] of Object.entries(KEYS)) {
    test(`of ${name} agrees with a comparison sort (seed ${SEED})`, () => {
      const random = new SeededRandom(SEED);
      for (const count of [1, 2, 47, 48, 49, 50, 700]) {
        const entries = Array.from({ length: count }, (_, i) =>
          entry(
            makeKey(random, i),
            random.below(6) === 0 ? random.below(2 ** 32) : random.below(5),
          ),
        );
        check(entries);
      }
    });
  }

  test("of versions around 2^32 and 2^53 puts newer ones first", () => {
    const versions = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 2, 2 ** 53 - 1];
    check(Array.from({ length: 100 }, (_, i) => entry("k", versions[i % 7] as number)));
  });

  test("of equal internal keys puts the later entry first, in small and large inputs", () => {
    for (const count of [10, 200]) check(Array.from({ length: count }, () => entry("k", 3)));
  });

  test(`of a part leaves all other entries out (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    const entries = Array.from({ length: 400 }, () => entry(randomKey(random, "tiny"), 1));
    for (const [from, to] of [
      [0, 0],
      [0, 30],
      [100, 400],
      [399, 400],
      [200, 290],
    ] as const) {
      check(entries, from, to);
    }
  });
});

test("an entry is compared with a key and any version, infinite ones included", () => {
  const table = replayed([entry("key", 7)]).entries();
  const compare = (key: string, version: number): number =>
    Math.sign(compareEntryWith(table, 0, text(key), version));
  expect([Infinity, 8, 7, 6, 0, -1].map((version) => compare("key", version))).toEqual([
    1, 1, 0, -1, -1, -1,
  ]);
  expect(["ke", "key\0", "kez", "a"].map((key) => compare(key, 7))).toEqual([1, -1, -1, 1]);
});
