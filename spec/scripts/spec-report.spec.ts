/** The reader of `bun test`'s output: what it shows and what it makes of the run. */

import { describe, expect, test } from "bun:test";
import { SpecReport } from "../../scripts/test/report.ts";

function read(text: string): { shown: string[]; report: SpecReport } {
  const report = new SpecReport();
  return { shown: text.split("\n").flatMap((line) => report.take(line)), report };
}

const header = "bun test v1.4.5 (a7733435c)\n\n";
const green = `${header}spec/a.spec.ts:
(pass) a > holds [0.02ms]
(pass) a > holds again

 2 pass
 0 fail
Ran 2 tests across 1 file. [5.00ms]`;

describe("the report on the specs", () => {
  test("a green run passes and shows no passing spec", () => {
    const { shown, report } = read(green);
    expect(report.verdict(0)).toMatchObject({ ok: true, line: "2 passed, 0 failed" });
    expect(shown.some((line) => line.includes("holds"))).toBe(false);
  });

  test("a failing spec is shown under the name of its file", () => {
    const { shown, report } = read(`${header}spec/a.spec.ts:
(pass) a > holds
error: expect(received).toBe(expected)
(fail) a > breaks [0.15ms]

spec/b.spec.ts:
(pass) b > holds

 2 pass
 1 fail
Ran 3 tests across 2 files. [5.00ms]`);
    expect(report.verdict(1)).toMatchObject({ ok: false, line: "2 passed, 1 failed" });
    expect(shown).toContain("spec/a.spec.ts:");
    expect(shown).toContain("(fail) a > breaks [0.15ms]");
    expect(shown).not.toContain("(pass) a > holds");
    expect(shown).not.toContain("spec/b.spec.ts:");
  });

  test("skipped specs are counted", () => {
    const { report } = read(
      " 5 pass\n 1 skip\n 2 todo\n 0 fail\nRan 8 tests across 1 file. [5.00ms]",
    );
    expect(report.verdict(0).line).toBe("5 passed, 0 failed, 3 skipped");
  });

  test("a file that cannot be loaded is a failure", () => {
    const { report } = read(" 5 pass\n 0 fail\n 1 error\nRan 5 tests across 2 files. [5.00ms]");
    expect(report.verdict(1).line).toBe("5 passed, 1 failed");
  });

  test("numbers that a spec prints are not the summary", () => {
    const { report } = read(` 3 fail\n${green}`);
    expect(report.verdict(0).line).toBe("2 passed, 0 failed");
  });

  test("a runner that crashed has failed, with what had passed before", () => {
    const { report } = read(`${header}spec/a.spec.ts:\n(pass) a > holds\npanic: out of luck`);
    expect(report.verdict(132)).toMatchObject({ ok: false, line: "1 passed, 1 failed" });
  });

  test("no spec at all is not a success", () => {
    const { report } = read("No tests found!");
    expect(report.verdict(1)).toMatchObject({ ok: false, line: "0 passed, 1 failed" });
    expect(new SpecReport().verdict(0).ok).toBe(false);
  });
});
