/** The gate's decision: which ratios have fallen, and what a baseline remembers. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Baseline,
  baselineOf,
  decide,
  FLOOR,
  isGreen,
  ratioOf,
} from "../../scripts/bench/gate-decision.ts";

const baseline = { get: 4, put: 2 };

describe("the gate", () => {
  test("is green when every ratio is where it was", () => {
    expect(isGreen(decide(baseline, [{ get: 4, put: 2 }]))).toBe(true);
  });

  test("is green when a ratio has fallen by just a quarter", () => {
    expect(isGreen(decide(baseline, [{ get: 4 * FLOOR, put: 2 }]))).toBe(true);
  });

  test("is red when one ratio has fallen by more than a quarter, and names it", () => {
    const verdicts = decide(baseline, [{ get: 2.9, put: 5 }]);
    expect(isGreen(verdicts)).toBe(false);
    expect(verdicts.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["get"]);
    expect(verdicts[0]?.part).toBeCloseTo(0.725);
  });

  test("judges the median of the rounds, so that one bad moment does not count", () => {
    const rounds = [
      { get: 0.1, put: 2 },
      { get: 4, put: 2 },
      { get: 4.2, put: 0.1 },
    ];
    expect(isGreen(decide(baseline, rounds))).toBe(true);
  });

  test("a ratio that was not measured fails", () => {
    expect(isGreen(decide(baseline, [{ get: 4 }]))).toBe(false);
  });

  test("a ratio that the baseline does not know yet is not judged", () => {
    const verdicts = decide(baseline, [{ get: 4, put: 2, scan: 1 }]);
    expect(verdicts.map(({ name }) => name)).toEqual(["get", "put"]);
  });

  test("an empty baseline holds nothing and is no pass", () => {
    expect(isGreen(decide({}, [{ get: 4 }]))).toBe(false);
  });
});

describe("a ratio of turns", () => {
  test("is how many times less time ours took", () => {
    expect(ratioOf({ name: "x", work: 1, oursNs: [10, 10], theirsNs: [30, 30] })).toBe(3);
  });

  test("counts the work when ours does more of it in a turn", () => {
    expect(ratioOf({ name: "x", work: 64, oursNs: [20], theirsNs: [10] })).toBe(32);
  });

  test("is not moved by a turn that was held up, on either side", () => {
    const oursNs = [10, 900, 10, 10, 10];
    const theirsNs = [30, 30, 30, 4000, 30];
    expect(ratioOf({ name: "x", work: 1, oursNs, theirsNs })).toBe(3);
  });
});

describe("a baseline", () => {
  test("is the lower quartile of the rounds, with their spread", () => {
    const rounds = [1, 2, 3, 4, 5].map((get) => ({ get }));
    const recorded = baselineOf(rounds, "2026-01-02", "a machine");
    expect(recorded).toEqual({
      recorded: "2026-01-02",
      machine: "a machine",
      rounds: 5,
      ratios: { get: 2 },
      spread: { get: 0.667 },
    });
  });

  test("the recorded one is of many rounds and holds ratios above zero only", () => {
    const file = join(import.meta.dir, "../../scripts/bench/baseline.json");
    const recorded: Baseline = JSON.parse(readFileSync(file, "utf8"));
    expect(recorded.rounds).toBeGreaterThanOrEqual(10);
    expect(Object.keys(recorded.ratios).length).toBeGreaterThanOrEqual(10);
    expect(Object.values(recorded.ratios).every((ratio) => ratio > 0)).toBe(true);
  });
});
