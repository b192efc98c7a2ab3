/**
 * Hostile texts get an error, soon, and never exhaust the stack. The time limit is generous: what is
 * quadratic takes minutes on texts of this size, what is linear far less than a second.
 */

import { describe, expect, test } from "bun:test";
import { classify, complete, parse, statementEnd } from "../../grammar/index.ts";

const SECONDS_MAX = 5;

const many = (piece: string, length = 1_000_000) => piece.repeat(Math.ceil(length / piece.length));

const hostile: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ["a nest of brackets", `SELECT ${many("(", 100_000)}`, /nested more than 200 deep/],
  ["a million brackets", `SELECT ${many("(")}`, /nested more than 200 deep/],
  ["a nest of calls", `SELECT ${many("f(")}`, /nested more than 200 deep/],
  ["a nest of CASE", `SELECT ${many("CASE ")}`, /nested more than 200 deep/],
  ["a nest of IN", `SELECT 1 WHERE ${many("a IN (")}`, /nested more than 200 deep/],
  ["closed brackets", `SELECT ${many("(", 5000)}1${many(")", 5000)}`, /nested more than 200 deep/],
  ["END and brackets", `SELECT ${many("(END ")}`, /unexpected END/],
  ["a chain of NOT", `SELECT ${many("NOT ", 500_000)}1`, /more than 1000 levels deep/],
  ["a chain of signs", `SELECT ${many("- ", 500_000)}1`, /more than 1000 levels deep/],
  ["a chain of +", `SELECT ${many("1+", 500_000)}1`, /more than 1000 levels deep/],
  ["a chain of OR", `SELECT 1 WHERE ${many("a = 1 OR ", 500_000)}1`, /more than 1000 levels deep/],
  ["a chain of arrows", `SELECT a${many("->-a", 500_000)}`, /more than 1000 levels deep/],
  ["two readings of PUT", `PUT ${many("-a", 250_000)}`, /not finished/],
  ["punctuation", many("@#$%^&!~`"), /unexpected "@"/],
  ["words", many("asdf "), /unexpected asdf/],
  ["columns", `SELECT ${many("asdf, ", 500_000)}`, /not finished/],
  ["quotes", many("'", 999_999), /not closed/],
  ["an open string", `SELECT '${many("a")}`, /not closed/],
  ["an open byte string", `SELECT b"${many("\\x")}`, /not closed/],
  ["an open comment", many("/* "), /not closed/],
  ["comments", `${many("/**/")} @`, /unexpected "@"/],
  ["digits", `SELECT ${many("1")}x`, /neither a number nor a duration/],
  ["dots", `SELECT ${many("1.")}`, /neither a number nor a duration/],
  ["lone surrogates", many("\ud800"), /not valid Unicode/],
  ["a lone surrogate in a text", "SELECT 'a\udc00'", /not valid Unicode/],
  ["a lone surrogate in a name", 'SELECT "a\udc00"', /not valid Unicode/],
  ["null characters", many("\u0000"), /unexpected/],
  [
    "a bad row after many",
    `INSERT INTO kv VALUES ${many("('a','b'),", 500_000)} x`,
    /unexpected x/,
  ],
];

describe("a hostile text", () => {
  test.each(hostile)("of %s is an error, soon", (_name, text, message) => {
    const start = performance.now();
    const result = parse(text);
    expect((performance.now() - start) / 1000).toBeLessThan(SECONDS_MAX);
    if (result.kind === "ok") throw new Error("parsed");
    expect(result.diagnostic.message).toMatch(message);
    expect(result.diagnostic.report.length).toBeLessThan(2000);
  });

  test("neither hangs highlighting, nor completion, nor splitting", () => {
    const start = performance.now();
    for (const text of hostile.map(([, whole]) => whole.slice(0, 100_000))) {
      classify(text);
      complete(text, text.length);
      statementEnd(text);
    }
    expect((performance.now() - start) / 1000).toBeLessThan(2 * SECONDS_MAX);
  }, 30_000);
});

describe("the size of a statement", () => {
  test.each([
    ["blanks", `SELECT${many(" ", 9_000_000)}1`, /8 million characters outside of literals/],
    ["null characters", many("\u0000", 9_000_000), /8 million characters outside of literals/],
    ["a list", `SELECT 1 WHERE a IN (${many("1,", 1_300_000)}1)`, /more than 600000 words and/],
    ["a literal", `PUT 'a' '${many("v", (1 << 28) + 1)}'`, /longer than 256 million characters/],
  ])(
    "is bounded: %s",
    (_name, text, message) => {
      const result = parse(text);
      if (result.kind !== "error") throw new Error(result.kind);
      expect(result.diagnostic.message).toMatch(message);
      expect(result.diagnostic.report.length).toBeLessThan(2000);
    },
    20_000,
  );

  test("leaves room for a large value, and counts each statement by itself", () => {
    expect(parse(`PUT 'a' '${many("v", 20_000_000)}'`).kind).toBe("ok");
    expect(
      parse(`PUT 'a' b"${many("\\x00", 20_000_000)}" /* ${many("c", 10_000_000)} */`).kind,
    ).toBe("ok");
    expect(parse(many(`PUT 'a' '${many("v", 5_000_000)}';`, 20_000_000)).kind).toBe("ok");
  });
});

describe("a large but honest text", () => {
  test("nests 199 brackets", () => {
    const text = `SELECT ${"(".repeat(199)}1${")".repeat(199)}`;
    expect(parse(text).kind).toBe("ok");
  });

  test("has a thousand alternatives", () => {
    expect(parse(`SELECT 1 WHERE ${"a = 1 OR ".repeat(990)}b`).kind).toBe("ok");
  });

  test("has long lists, which are not deep", () => {
    expect(parse(`SELECT 1 WHERE a IN (${"1, ".repeat(20_000)}1)`).kind).toBe("ok");
    expect(parse(`INSERT INTO kv VALUES ${"(1, 2), ".repeat(5000)}(3, 4)`).kind).toBe("ok");
  });

  test("holds 20,000 statements", () => {
    const text = Array.from({ length: 20_000 }, (_, i) => `PUT 'key${i}' 'value ${i}';\n`).join("");
    const start = performance.now();
    const result = parse(text);
    expect((performance.now() - start) / 1000).toBeLessThan(SECONDS_MAX);
    expect(result.kind === "ok" && result.statements.length).toBe(20_000);
  });
});
