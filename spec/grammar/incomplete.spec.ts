/** A text that ends too early is told from one that is wrong: the shell then waits for more. */

import { describe, expect, test } from "bun:test";
import { parse, print } from "../../grammar/index.ts";
import { RandomStatements } from "./random-statement.ts";

describe("more text could make it valid", () => {
  test.each([
    "SELECT",
    "SELECT key FROM kv WHERE",
    "SELECT (",
    "SELECT 'abc",
    "SELECT 'it''",
    'SELECT b"abc',
    "SELECT x'00",
    'SELECT "na',
    "SELECT 1; BEGIN READ",
    "SELECT 1; /*",
    "/* a * b",
    "SELECT CASE WHEN a THEN",
    "PUT 'a'",
    "INSERT INTO kv (key, value)",
    "EXPLAIN",
    "SELECT key -- the rest\n,",
  ])("after %j", (text) => {
    expect(parse(text).kind).toBe("incomplete");
  });
});

describe("no text could make it valid", () => {
  test.each([
    "SELECT;",
    "SELECT 1)",
    "SELECT 1 'abc",
    "SELECT (1;",
    "FOO",
    "SELECT ,",
    "SELECT key FROM kv LIMIT 5 WHERE",
    'SELECT 1 "name',
    "GET 'a' b\"",
  ])("after %j", (text) => {
    expect(parse(text).kind).toBe("error");
  });
});

describe("where a semicolon is required", () => {
  const kind = (text: string) => parse(text, { requireSemicolon: true }).kind;

  test("a statement without one is incomplete", () => {
    expect(kind("SELECT 1")).toBe("incomplete");
    expect(kind("SELECT 1; COMMIT -- done;")).toBe("incomplete");
    const result = parse("SELECT 1  ", { requireSemicolon: true });
    expect(result).toMatchObject({
      diagnostic: { message: "the statement is not finished: a semicolon ends it", offset: 8 },
    });
  });

  test("the rest is as without", () => {
    for (const text of ["SELECT 1;", "", "BEGIN; COMMIT;", "SELECT 1; -- done"]) {
      expect(kind(text)).toBe("ok");
    }
    expect(kind("SELECT 1)")).toBe("error");
  });
});

describe("cutting a valid statement short", () => {
  const seed = Number(process.env["SEED"] ?? 5);

  test(`between two words never makes it wrong (seed ${seed})`, () => {
    const random = new RandomStatements(seed);
    let incomplete = 0;
    for (let i = 0; i < 300; i++) {
      const text = print(random.next());
      for (let at = text.indexOf(" "); at >= 0; at = text.indexOf(" ", at + 1)) {
        const { kind } = parse(text.slice(0, at));
        if (kind === "incomplete") incomplete++;
        expect({ text: text.slice(0, at), kind }).not.toMatchObject({ kind: "error" });
      }
    }
    expect(incomplete).toBeGreaterThan(1000);
  });
});
