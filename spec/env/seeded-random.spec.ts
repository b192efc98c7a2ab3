import { expect, test } from "bun:test";
import { SeededRandom } from "../../src/env/seeded-random.ts";

const take = (seed: number, count: number): number[] => {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

test("a seed fixes the sequence, and another seed gives another", () => {
  expect(take(42, 50)).toEqual(take(42, 50));
  expect(take(42, 50)).not.toEqual(take(43, 50));
});

test("the sequence never changes, or seeds in old failure reports would mean nothing", () => {
  const random = new SeededRandom(1);
  expect([random.below(1000), random.below(1000), random.below(1000)]).toEqual([627, 2, 527]);
});

test("numbers spread evenly over [0, 1)", () => {
  const buckets = new Array<number>(10).fill(0);
  for (const value of take(7, 20_000)) {
    const bucket = Math.floor(value * 10);
    buckets[bucket] = (buckets[bucket] ?? Number.NaN) + 1;
  }
  for (const count of buckets) {
    expect(count).toBeGreaterThan(1_800);
    expect(count).toBeLessThan(2_200);
  }
});

test("below reaches every number under its limit and none at it", () => {
  const random = new SeededRandom(3);
  const seen = new Set(Array.from({ length: 200 }, () => random.below(6)));
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5]);
});

test("fill covers the whole buffer with all byte values", () => {
  const bytes = new Uint8Array(10_000);
  new SeededRandom(5).fill(bytes);
  expect(new Set(bytes).size).toBe(256);
  expect(bytes.subarray(-8).some((byte) => byte !== 0)).toBe(true);
});
