import { describe, expect, test } from "bun:test";
import { toBytes } from "../../src/base/bytes.ts";
import {
  isEmptyRange,
  rangeContains,
  rangesOverlap,
  uniteRanges,
  WHOLE_RANGE,
} from "../../src/transaction/key-range.ts";
import type { KeyRange } from "../../src/transaction/key-range.ts";

/** Bounds on even letters, probes on all: every place between bounds has a key. */
const BOUNDS = [undefined, "b", "d", "f"];
const PROBES = ["a", "b", "c", "d", "e", "f", "g"].map(toBytes);

function* allRanges(): Generator<KeyRange> {
  for (const lower of BOUNDS) {
    for (const upper of BOUNDS) {
      for (const lowerInclusive of [true, false]) {
        for (const upperInclusive of [true, false]) {
          yield {
            lower: lower === undefined ? undefined : toBytes(lower),
            lowerInclusive,
            upper: upper === undefined ? undefined : toBytes(upper),
            upperInclusive,
          };
        }
      }
    }
  }
}

const RANGES = [...allRanges()];
const held = (range: KeyRange): string =>
  PROBES.map((key) => (rangeContains(range, key, 0, key.length) ? "1" : "0")).join("");

describe("key range", () => {
  test("is empty exactly when no probe lies in it", () => {
    for (const range of RANGES) expect(isEmptyRange(range)).toBe(!held(range).includes("1"));
  });

  test("overlaps another exactly when a probe lies in both", () => {
    for (const a of RANGES) {
      for (const b of RANGES) {
        const common = PROBES.some(
          (key) => rangeContains(a, key, 0, key.length) && rangeContains(b, key, 0, key.length),
        );
        expect(rangesOverlap(a, b)).toBe(common);
      }
    }
  });

  test("unites to disjoint ranges that hold the same keys", () => {
    for (const a of RANGES) {
      for (const b of RANGES) {
        const united = uniteRanges([a, b]);
        for (const key of PROBES) {
          const before = [a, b].some((range) => rangeContains(range, key, 0, key.length));
          const after = united.filter((range) => rangeContains(range, key, 0, key.length));
          expect(after.length).toBe(before ? 1 : 0);
        }
      }
    }
  });

  test("unites ranges that touch", () => {
    const half = (lowerInclusive: boolean): KeyRange => ({
      lower: toBytes("d"),
      lowerInclusive,
      upper: undefined,
      upperInclusive: true,
    });
    const below: KeyRange = {
      lower: undefined,
      lowerInclusive: true,
      upper: toBytes("d"),
      upperInclusive: false,
    };
    expect(uniteRanges([half(true), below])).toHaveLength(1);
    expect(uniteRanges([half(false), below])).toHaveLength(2);
    expect(uniteRanges([half(false), below, WHOLE_RANGE])).toHaveLength(1);
  });
});
