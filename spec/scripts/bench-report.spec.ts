/** Figures into text: medians by store, ratios that know which way is better, what was wanted of them. */

import { describe, expect, test } from "bun:test";
import type { Measure, Outcome } from "../../scripts/bench/job.ts";
import { compact, printSection, record, table } from "../../scripts/bench/report.ts";
import { advantage, rateRows, type Row, value } from "../../scripts/bench/row.ts";
import { Series } from "../../scripts/bench/series.ts";
import { judge, type Target } from "../../scripts/bench/targets.ts";

const speed: Row = {
  name: "get",
  unit: "ops/s",
  samples: new Map([
    ["meles", [900, 1000, 1100]],
    ["lmdb", [400, 500]],
  ]),
};
const cost: Row = {
  name: "write amplification",
  unit: "×",
  samples: new Map([
    ["meles", [2]],
    ["badger", [3]],
  ]),
};

function outcome(...measures: Measure[]): Outcome {
  const cost = { maxResidentBytes: 1, writtenBytes: 2, diskBytes: 3, space: [], wallMs: 4 };
  return { measures, ...cost };
}

describe("a row", () => {
  test("has the median of the repetitions", () => {
    expect(value(speed, "meles")).toBe(1000);
    expect(value(speed, "lmdb")).toBe(450);
    expect(value(speed, "badger")).toBeUndefined();
  });

  test("of rates: more is better", () => {
    expect(advantage(speed, 1000, 500)).toBe(2);
  });

  test("of costs: less is better", () => {
    expect(advantage(cost, 2, 3)).toBe(1.5);
  });

  test("against a store that was not measured there is no advantage", () => {
    expect(advantage(speed, 1000, undefined)).toBeUndefined();
  });

  test("of a series has a rate per store and measure, where there is one", () => {
    const series = new Series();
    series.add("meles", outcome({ name: "put", ops: 10, ms: 1 }, { name: "get", ops: 8, ms: 2 }));
    series.add("meles", outcome({ name: "put", ops: 30, ms: 1 }));
    series.add("lmdb", outcome({ name: "put", ops: 5, ms: 1 }));
    const [put, get] = rateRows(series);
    expect(put?.samples).toEqual(
      new Map([
        ["meles", [10_000, 30_000]],
        ["lmdb", [5000]],
      ]),
    );
    expect(get?.samples).toEqual(new Map([["meles", [4000]]]));
  });
});

describe("the tables", () => {
  test("show figures and how many times better Meles is", () => {
    const text = printSection({ title: "Reads", setting: "small", rows: [speed] });
    const lines = text.split("\n");
    expect(lines.slice(0, 2)).toEqual(["Reads", "small"]);
    expect(lines.find((line) => line.startsWith("get"))).toMatch(/ops\/s\s+1\.0 k\s+450/);
    expect(text).toContain("2.22 ×");
  });

  test("columns line up", () => {
    expect(
      table([
        ["a", "1"],
        ["long", "1000"],
      ]),
    ).toBe("a        1\nlong  1000");
  });

  test("numbers are short", () => {
    const figures = [undefined, 0.5, 12.34, 812, 8120, 81_200, 3_200_000];
    expect(figures.map(compact)).toEqual(["–", "0.50", "12.3", "812", "8.1 k", "81 k", "3.20 M"]);
  });

  test("the record keeps every sample", () => {
    expect(record({ title: "t", setting: "s", rows: [cost] })).toEqual({
      title: "t",
      setting: "s",
      figures: [
        {
          name: "write amplification",
          unit: "×",
          medians: { meles: 2, badger: 3 },
          samples: { meles: [2], badger: [3] },
        },
      ],
    });
  });
});

describe("what was wanted", () => {
  const versus = (times: number): Target => ({ text: "x", row: "get", peer: "lmdb", times });

  test("is reached at exactly so many times", () => {
    expect(judge([speed], [versus(1000 / 450)])).toMatchObject([{ ok: true }]);
    expect(judge([speed], [versus(2.3)])).toMatchObject([{ ok: false, measured: "2.22 ×" }]);
  });

  test("is not judged where a side is missing", () => {
    expect(judge([cost], [versus(1)])).toEqual([]);
    expect(judge([speed], [{ text: "x", row: "get", peer: "badger", times: 1 }])).toEqual([]);
  });

  test("a peer counts with the best of its ways", () => {
    const other: Row = { ...speed, name: "get fast", samples: new Map([["lmdb", [2000]]]) };
    const target = { ...versus(1), of: ["get", "get fast"] };
    expect(judge([speed, other], [target])).toMatchObject([{ ok: false, measured: "0.50 ×" }]);
  });

  test("of costs: a smaller one of ours is better", () => {
    const target: Target = { text: "x", row: "write amplification", peer: "badger", times: 1 };
    expect(judge([cost], [target])).toMatchObject([{ ok: true, measured: "1.50 ×" }]);
  });

  test("limits are at most for costs, at least for rates, or beyond a peer", () => {
    const wait: Row = {
      name: "open",
      unit: "ms",
      samples: new Map([
        ["meles", [105]],
        ["lmdb", [10]],
      ]),
    };
    expect(judge([wait], [{ text: "x", row: "open", limit: 100 }])).toMatchObject([{ ok: false }]);
    expect(judge([wait], [{ text: "x", row: "open", limit: 100, beyond: "lmdb" }])).toMatchObject([
      { ok: true },
    ]);
    expect(judge([speed], [{ text: "x", row: "get", limit: 900 }])).toMatchObject([{ ok: true }]);
  });
});
