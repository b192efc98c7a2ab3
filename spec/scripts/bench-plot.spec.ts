/** The plots: whole SVG documents, with what was measured where it belongs. */

import { describe, expect, test } from "bun:test";
import { barChart } from "../../scripts/bench/plot/bars.ts";
import { lineChart, niceStep } from "../../scripts/bench/plot/lines.ts";
import { COLORS, escapeText } from "../../scripts/bench/plot/svg.ts";

/** Every element closed or empty, every attribute quoted. */
function isWhole(svg: string): boolean {
  const open: string[] = [];
  for (const [, closing, name, , empty] of svg.matchAll(
    /<(\/?)([a-z]+)((?:\s[a-zA-Z0-9-]+="[^"<]*")*)(\/?)>/g,
  )) {
    if (closing === "/") {
      if (open.pop() !== name) return false;
    } else if (empty !== "/") {
      open.push(name as string);
    }
  }
  const outside = svg.replaceAll(/<[^>]*>/g, "");
  return open.length === 0 && !outside.includes("<");
}

function attribute(element: string, name: string): number {
  return Number(new RegExp(` ${name}="([^"]*)"`).exec(element)?.[1]);
}

describe("a bar chart", () => {
  const chart = barChart("Fill & get", "today", [
    {
      name: "fill <random>",
      caption: "ops/s, more is better",
      bars: [
        { store: "meles", value: 400, text: "400" },
        { store: "lmdb", value: 100, text: "100" },
      ],
    },
    { name: "empty", caption: "", bars: [{ store: "badger", value: 0, text: "0" }] },
  ]);
  const bars = [...chart.matchAll(/<rect [^>]*>/g)].map(([element]) => element);

  test("is a whole document", () => {
    expect(chart.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')).toBe(true);
    expect(isWhole(chart)).toBe(true);
  });

  test("has a bar per store, as long as its figure", () => {
    expect(bars).toHaveLength(3);
    const [meles, lmdb] = bars.map((bar) => attribute(bar, "width"));
    expect(meles).toBeCloseTo(4 * (lmdb as number), 5);
  });

  test("a figure of nothing still has a bar to be seen", () => {
    expect(attribute(bars[2] as string, "width")).toBe(1);
  });

  test("gives each store its colour", () => {
    expect(bars[0]).toContain(COLORS.meles);
    expect(bars[1]).toContain(COLORS.lmdb);
  });

  test("escapes what it is given", () => {
    expect(chart).toContain("Fill &amp; get");
    expect(chart).toContain("fill &lt;random&gt;");
    expect(escapeText("<&>")).toBe("&lt;&amp;&gt;");
  });
});

describe("a line chart", () => {
  const text = (value: number) => String(value);
  const chart = lineChart("Space", "today", [
    {
      name: "space",
      x: { name: "seconds", scale: "linear", text },
      y: { name: "MiB", scale: "linear", text },
      curves: [
        {
          store: "meles",
          points: [
            [0, 0],
            [5, 50],
            [10, 100],
          ],
        },
        {
          store: "badger",
          points: [
            [0, 100],
            [10, 0],
          ],
        },
      ],
    },
  ]);
  const curves = [...chart.matchAll(/points="([^"]*)"/g)].map(([, points]) =>
    (points as string).split(" ").map((point) => point.split(",").map(Number)),
  );

  test("is a whole document", () => {
    expect(isWhole(chart)).toBe(true);
  });

  test("draws every point, larger values to the right and above", () => {
    const [meles, badger] = curves;
    expect(meles).toHaveLength(3);
    const [[x0, y0], [x1, y1], [x2, y2]] = meles as [number, number][] as [
      [number, number],
      [number, number],
      [number, number],
    ];
    expect(x1 - x0).toBeCloseTo(x2 - x1, 5);
    expect(y0 - y1).toBeCloseTo(y1 - y2, 5);
    expect(y2).toBeLessThan(y0);
    expect(badger?.[0]?.[1]).toBeCloseTo(y2, 5);
  });

  test("a logarithmic axis gives equal room to equal factors", () => {
    const logarithmic = lineChart("Sweep", "", [
      {
        name: "get",
        x: { name: "bytes", scale: "log", text },
        y: { name: "MB/s", scale: "log", text },
        curves: [
          {
            store: "meles",
            points: [
              [64, 1],
              [256, 10],
              [1024, 100],
            ],
          },
        ],
      },
    ]);
    const [points] = [...logarithmic.matchAll(/points="([^"]*)"/g)].map(([, found]) =>
      (found as string).split(" ").map((point) => point.split(",").map(Number)),
    );
    const xs = (points as number[][]).map(([x]) => x as number);
    expect((xs[1] as number) - (xs[0] as number)).toBeCloseTo(
      (xs[2] as number) - (xs[1] as number),
      1,
    );
  });

  test("ticks are round numbers", () => {
    expect([0.07, 1, 1.1, 3, 7, 70, 4000].map(niceStep)).toEqual([0.1, 1, 2, 5, 10, 100, 5000]);
  });

  test("nothing measured is an empty plot, not a failure", () => {
    const axis = { name: "", scale: "linear", text } as const;
    const empty = lineChart("None", "", [{ name: "", x: axis, y: axis, curves: [] }]);
    expect(isWhole(empty)).toBe(true);
    expect(empty).not.toContain("NaN");
  });
});
