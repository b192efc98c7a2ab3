import { describe, expect, test } from "bun:test";
import { levelTargets } from "../../src/compaction/level-targets.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";
import { BADGER_SHAPE, MIB } from "./tables.ts";

const GIB = 1024 * MIB;
const TIB = 1024 * GIB;

function baseOf(...megabytes: number[]): number {
  return levelTargets(
    megabytes.map((size) => size * MIB),
    BADGER_SHAPE,
  ).baseLevel;
}

describe("base level", () => {
  test("is the last level while the data fits into one level", () => {
    expect(baseOf(0, 0, 0, 0, 0, 0, 0)).toBe(6);
    expect(baseOf(64, 0, 0, 0, 0, 0, 9)).toBe(6);
  });

  test("moves up one level each time the data has grown by the multiplier", () => {
    expect(baseOf(0, 0, 0, 0, 0, 0, 100)).toBe(6);
    expect(baseOf(0, 0, 0, 0, 0, 0, 101)).toBe(5);
    expect(baseOf(0, 0, 0, 0, 0, 40, 400)).toBe(5);
    expect(baseOf(0, 0, 0, 0, 0, 101, 1010)).toBe(4);
    expect(baseOf(0, 0, 0, 0, 101, 1010, 10_100)).toBe(3);
  });

  test("does not depend on whether the level below has just been brought under its target", () => {
    expect(baseOf(0, 0, 0, 0, 0, 500, 5100)).toBe(4);
    expect(baseOf(0, 0, 0, 0, 0, 520, 5100)).toBe(4);
  });

  test("once it holds data stays while the sizes ask for it", () => {
    expect(baseOf(0, 0, 0, 0, 3, 90, 1010)).toBe(4);
    expect(baseOf(0, 0, 0, 0, 0, 90, 1010)).toBe(5);
  });

  test("is never deeper than the first level that holds data (a deleted key came back otherwise)", () => {
    expect(baseOf(0, 0, 0, 1, 0, 0, 5)).toBe(3);
    expect(baseOf(0, 1, 0, 0, 0, 0, 5)).toBe(1);
    const left = levelTargets([0, 0, 0, MIB, 0, 0, 5 * MIB], BADGER_SHAPE);
    expect(left.wantedBaseLevel).toBe(6);
    expect(left.sizeBytes.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("is never 0, however large the last level", () => {
    for (const size of [10 * GIB, 100 * GIB, TIB, 2 * TIB, 20 * TIB, 500 * TIB]) {
      const targets = levelTargets([0, 0, 0, 0, 0, 0, size], BADGER_SHAPE);
      expect(targets.baseLevel).toBeGreaterThanOrEqual(1);
      expect(targets.sizeBytes.slice(targets.baseLevel).every((target) => target > 0)).toBe(true);
    }
    const full = [0, 30 * GIB, 100 * GIB, TIB, 10 * TIB, 100 * TIB, 1000 * TIB];
    expect(levelTargets(full, BADGER_SHAPE).baseLevel).toBe(1);
  });

  test("works with two levels", () => {
    expect(levelTargets([0, 500 * MIB], { ...BADGER_SHAPE, maxLevels: 2 }).baseLevel).toBe(1);
  });

  test("holds its bounds for random shapes", () => {
    const random = new SeededRandom(1);
    for (let i = 0; i < 5_000; i++) {
      const sizes = Array.from({ length: 7 }, (_, level) =>
        level === 0 || random.chance(0.4) ? 0 : 2 ** random.below(52),
      );
      const { baseLevel, wantedBaseLevel, sizeBytes } = levelTargets(sizes, BADGER_SHAPE);
      const firstNonEmpty = sizes.findIndex((size, level) => level > 0 && size > 0);
      expect(baseLevel).toBeGreaterThanOrEqual(1);
      expect(baseLevel).toBeLessThanOrEqual(firstNonEmpty < 0 ? 6 : firstNonEmpty);
      expect(baseLevel).toBeLessThanOrEqual(wantedBaseLevel);
      for (let level = wantedBaseLevel; level < 6; level++) {
        expect(sizeBytes[level]).toBeLessThanOrEqual(sizeBytes[level + 1] as number);
      }
    }
  });
});

describe("sizes", () => {
  test("targets fall by the multiplier from the last level up, not below the minimum", () => {
    const { sizeBytes } = levelTargets([0, 0, 0, 0, 0, 0, 5000 * MIB], BADGER_SHAPE);
    expect(sizeBytes).toEqual([0, 0, 0, 0, 0, 500 * MIB, 5000 * MIB]);
  });

  test("tables double with every level below the base", () => {
    const { baseLevel, tableSizeBytes } = levelTargets(
      [0, 0, 0, 2 * MIB, 11 * MIB, 110 * MIB, 1100 * MIB],
      BADGER_SHAPE,
    );
    expect(baseLevel).toBe(3);
    expect(tableSizeBytes).toEqual([2, 2, 2, 2, 4, 8, 16].map((size) => size * MIB));
  });
});
