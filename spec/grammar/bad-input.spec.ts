/** What is said about texts that are not statements: the reports are in a golden file. */

import { describe, expect, test } from "bun:test";
import { diagnose, nearest, parse, type ParseOptions } from "../../grammar/index.ts";
import { golden } from "./golden.ts";

function diagnosis(text: string, options?: ParseOptions) {
  const result = parse(text, options);
  if (result.kind === "ok") throw new Error(`parsed: ${text}`);
  return { kind: result.kind, ...result.diagnostic };
}

describe("a mistake is reported with its place, what was expected and what to do", () => {
  golden("bad-input.golden.txt", (text) => {
    const { kind, report } = diagnosis(text);
    return `${kind} ${report}`;
  });
});

describe("a diagnostic", () => {
  test("has offsets into the text, and lines and columns from 1", () => {
    const text = "PUT 'a' 'b';\n  PUT 'é😀' @";
    expect(diagnosis(text)).toMatchObject({
      offset: text.length - 1,
      length: 1,
      line: 2,
      column: 12,
    });
  });

  test("names the file and counts on from its first line", () => {
    const { line, report } = diagnosis("\nSELEC 1", { file: "load.sql", firstLine: 40 });
    expect(line).toBe(41);
    expect(report).toStartWith("load.sql:41:1: unexpected SELEC\nSELEC 1\n^^^^^\n");
  });

  test("puts the caret under the fault also after wide characters and tabs", () => {
    const [, source, carets] = diagnosis("SELECT\t'日本' ]").report.split("\n");
    expect(source).toBe("SELECT '日本' ]");
    expect(carets).toBe(`${" ".repeat(14)}^`);
  });

  test("shows a part of a long line", () => {
    const { report, column } = diagnosis(`SELECT ${"1, ".repeat(1000)} ]${", 1".repeat(1000)}`);
    const [, source = "", carets = ""] = report.split("\n");
    expect(column).toBe(3009);
    expect(source.length).toBeLessThan(130);
    expect(source).toMatch(/^….*\].*…$/);
    expect(source[carets.indexOf("^")]).toBe("]");
  });

  test("never holds a control character of the text", () => {
    const { report } = diagnosis("SELECT '\u001b[31m\u009b\u202e' \u001b]0;x\u0007 1");
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(report.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  test("expects keywords by name and the rest by kind, what ends the statement last", () => {
    expect(diagnosis("SELECT * FROM kv 1").expected).toEqual([
      "PREFIX",
      "AT",
      "WHERE",
      "GROUP",
      "HAVING",
      "ORDER",
      "LIMIT",
      "OFFSET",
      '";"',
    ]);
    expect(diagnosis("UPDATE").expected).toEqual(["a relation"]);
    expect(diagnosis("INSERT INTO kv (").expected).toEqual(["a column"]);
    expect(diagnosis("SELECT key BETWEEN 1").expected).toEqual(["an operator", "AND"]);
    expect(diagnosis("EXPORT SELECT 1 TO").expected).toEqual(["a file name in quotes"]);
  });

  test("can be made by anyone who has a position", () => {
    const text = "SELECT colour FROM kv";
    const fault = { message: "there is no column colour", offset: 7, length: 6, hint: "look" };
    expect(diagnose({ text, file: "a.sql" }, fault)).toEqual({
      ...fault,
      line: 1,
      column: 8,
      expected: [],
      report: "a.sql:1:8: there is no column colour\nSELECT colour FROM kv\n       ^^^^^^\nlook",
    });
  });

  test("points at the start of a text that begins with a line break", () => {
    const { line, column, report } = diagnose(
      { text: "\nx" },
      { message: "m", offset: 0, length: 0 },
    );
    expect([line, column]).toEqual([1, 1]);
    expect(report).toBe("input:1:1: m\n\n^");
  });
});

describe("a near word", () => {
  test.each([
    ["SLECT", "SELECT"],
    ["selcet", "SELECT"],
    ["fmor", "FROM"],
    ["frm", "FROM"],
    ["fm", undefined],
    ["colour", undefined],
    ["f", undefined],
  ])("of %s is %p", (word, expected) => {
    expect(nearest(word, ["SELECT", "FROM", "BY", "TTL"])).toBe(expected as string);
  });

  test("is the nearest of several", () => {
    expect(nearest("valeu", ["key", "values", "value"])).toBe("value");
  });
});
