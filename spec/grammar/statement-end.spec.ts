/** Splitting a text into statements agrees with the lexer on what is inside a string or a comment. */

import { describe, expect, test } from "bun:test";
import { classify, parse, statementEnd } from "../../grammar/index.ts";
import { lex } from "../../grammar/lexer.ts";
import { Semicolon } from "../../grammar/tokens.ts";
import { RandomStatements } from "./random-statement.ts";

describe("the end of a statement", () => {
  test.each([
    ["SELECT 1;", 9],
    ["SELECT 1", -1],
    ["", -1],
    [";", 1],
    ["SELECT ';' ;", 12],
    ["SELECT 'it''s;' ;", 17],
    ['SELECT "a;""b;" ;', 17],
    [String.raw`SELECT b"a\";" ;`, 16],
    ['SELECT ab"a\\";', 14],
    ["SELECT x'00;' ;", 15],
    ["-- a;b\n;", 8],
    ["/* ;' */;", 9],
    ["/* /* */;", 9],
    ["SELECT 'open;", -1],
    ['SELECT b"open\\";', -1],
    ["/* open;", -1],
    ["-- open;", -1],
    ["a->--b;\n;", 9],
    [":b';';", 6],
  ])("of %j is %i", (text, end) => {
    expect(statementEnd(text)).toBe(end);
  });

  test("is looked for from an offset", () => {
    const text = "BEGIN; PUT 'a;' 'b'; COMMIT";
    expect(statementEnd(text, 6)).toBe(20);
    expect(statementEnd(text, 20)).toBe(-1);
    expect(statementEnd(text, 999)).toBe(-1);
  });
});

const SOUP = [
  ..."'\"\\;;bBxX64-/*.:?1e+ \n$@aé😀(".split(/(?:)/u),
  'b"',
  "x'",
  "b64'",
  "''",
  "--",
  "/*",
  "*/",
  "\ud800",
];

describe("over random soups of quotes, comments and semicolons", () => {
  const seed = Number(process.env["SEED"] ?? 77);
  const random = new RandomStatements(seed);
  const soup = () =>
    Array.from({ length: random.below(40) }, () => SOUP[random.below(SOUP.length)]).join("");

  test(`the first end is the first semicolon that the lexer sees (seed ${seed})`, () => {
    let found = 0;
    for (let i = 0; i < 20_000; i++) {
      const text = soup();
      const end = statementEnd(text);
      if (end >= 0) found++;
      const lexed = lexedEnd(text);
      expect({ text, end }).toEqual({ text, end: lexed });
    }
    expect(found).toBeGreaterThan(1000);
  });

  test(`highlighting covers everything but white space, in order (seed ${seed})`, () => {
    for (let i = 0; i < 5000; i++) {
      const text = soup();
      let at = 0;
      for (const { start, end } of classify(text)) {
        expect(end).toBeGreaterThan(start);
        expect(text.slice(at, start).trim()).toBe("");
        expect(start).toBeGreaterThanOrEqual(at);
        at = end;
      }
      expect(text.slice(at).trim()).toBe("");
    }
  });

  test(`parsing never throws, and points into the text (seed ${seed})`, () => {
    for (let i = 0; i < 5000; i++) {
      const text = soup();
      const result = parse(text);
      if (result.kind === "ok") continue;
      const { offset, length, line, column } = result.diagnostic;
      expect(offset + length).toBeLessThanOrEqual(text.length);
      expect(line).toBeGreaterThanOrEqual(1);
      expect(column).toBeGreaterThanOrEqual(1);
    }
  });
});

/** The slow twin: tokens of ever longer beginnings, until one ends in a semicolon of its own. */
function lexedEnd(text: string): number {
  for (let at = text.indexOf(";"); at >= 0; at = text.indexOf(";", at + 1)) {
    const last = lex(text.slice(0, at + 1)).tokens.at(-1);
    if (last?.tokenType === Semicolon && last.startOffset === at) return at + 1;
  }
  return -1;
}
