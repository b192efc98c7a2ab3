import { expect, test } from "bun:test";
import { compareBytes, toBytes } from "../../src/base/bytes.ts";
import { SortedLevel } from "../../src/database/sorted-level.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { TableReader } from "../../src/table/table-reader.ts";
import { SEED } from "../suites/sorted-entries.ts";

/** A level of tables of which only the largest keys matter. */
function levelOf(largestKeys: readonly Uint8Array[]): SortedLevel {
  return new SortedLevel(
    largestKeys.map((largestKey) => ({ meta: { largestKey } }) as TableReader),
  );
}

function naiveFind(largestKeys: readonly Uint8Array[], key: Uint8Array): number {
  const index = largestKeys.findIndex((largest) => compareBytes(largest, key) >= 0);
  return index < 0 ? largestKeys.length : index;
}

test("an empty level has no table for any key", () => {
  expect(levelOf([]).find(toBytes("a"))).toBe(0);
});

test("a key is looked for in the first table that ends at it or behind it", () => {
  const level = levelOf(["b", "d", "f"].map(toBytes));
  const found = ["", "a", "b", "c", "d", "e", "f", "g"].map((key) => level.find(toBytes(key)));
  expect(found).toEqual([0, 0, 0, 1, 1, 2, 2, 3]);
});

test("keys that differ only behind many equal bytes, or by trailing zeros, are told apart", () => {
  const ends = ["user/0000001/a", "user/0000001/b", "user/0000001/b\0", "user/0000001/b\0\0x"];
  const largestKeys = ends.map(toBytes);
  const level = levelOf(largestKeys);
  for (const text of ["", "user", "user/0000001/", ...ends, "user/0000001/b\0\0", "user/1", "v"]) {
    const key = toBytes(text);
    expect(level.find(key), JSON.stringify(text)).toBe(naiveFind(largestKeys, key));
  }
});

test(`any keys in any level agree with looking from the first table on (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const below = (bound: number): number => Math.floor(random.next() * bound);
  for (let round = 0; round < 300; round++) {
    // Few different bytes, so that many share their first ones.
    const symbols = 1 + below(4);
    const randomKey = (): Uint8Array =>
      Uint8Array.from({ length: below(12) }, () => below(symbols) * 85);
    const keys = Array.from({ length: below(30) }, randomKey).sort(compareBytes);
    const largestKeys = keys.filter(
      (key, i) => i === 0 || compareBytes(key, keys[i - 1] as Uint8Array) > 0,
    );
    const level = levelOf(largestKeys);
    for (const key of [...largestKeys, ...Array.from({ length: 20 }, randomKey)]) {
      expect(level.find(key)).toBe(naiveFind(largestKeys, key));
    }
  }
});
