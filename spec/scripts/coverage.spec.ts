/** Coverage: counters become lines and branches, and the list of what is not reached names real files. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { coverageOf, listedReasons, rangesOf, share } from "../../scripts/coverage/report.ts";

const place = (line: number): { start: { line: number } } => ({ start: { line } });

describe("coverage of a file", () => {
  test("counts lines that have a statement, reached when any of them is", () => {
    const counters = {
      statementMap: { 0: place(1), 1: place(1), 2: place(4), 3: place(9) },
      s: { 0: 0, 1: 2, 2: 0, 3: 1 },
      branchMap: {},
      b: {},
    };
    expect(coverageOf("a.ts", counters)).toEqual({
      file: "a.ts",
      lines: 3,
      linesReached: 2,
      branches: 0,
      branchesReached: 0,
      missing: [4],
    });
  });

  test("counts the arms of branches; an else that is not written lies where its if does", () => {
    const counters = {
      statementMap: { 0: place(3) },
      s: { 0: 5 },
      branchMap: { 0: { loc: place(3), locations: [place(3), {}] } },
      b: { 0: [5, 0] },
    };
    expect(coverageOf("a.ts", counters)).toMatchObject({
      branches: 2,
      branchesReached: 1,
      missing: [3],
    });
  });
});

test("lines are told as ranges, shares with one digit", () => {
  expect(rangesOf([1, 2, 3, 7, 9, 10])).toBe("1-3, 7, 9-10");
  expect(rangesOf([])).toBe("");
  expect([share(1, 3), share(0, 0)]).toEqual(["33.3 %", "100 %"]);
});

test("every file that spec/coverage.md lists is there, once", () => {
  const root = join(import.meta.dir, "../..");
  const text = readFileSync(join(root, "spec/coverage.md"), "utf8");
  const listed = [...listedReasons(text)];
  expect(listed.length).toBeGreaterThan(20);
  expect(listed.filter(([file]) => !existsSync(join(root, file)))).toEqual([]);
  expect(listed.filter(([, reason]) => !/^.+: .+$/.test(reason))).toEqual([]);
  expect(text.match(/^\| `/gm)?.length).toBe(listed.length);
});
