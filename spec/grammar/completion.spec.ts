/** Completion is a function of the text and the cursor. */

import { describe, expect, test } from "bun:test";
import { COLUMNS, complete, type Suggestion } from "../../grammar/index.ts";

/** Suggestions at the bar. */
function at(marked: string, kind?: Suggestion["kind"]): string[] {
  const offset = marked.indexOf("|");
  const { suggestions } = complete(marked.slice(0, offset) + marked.slice(offset + 1), offset);
  return suggestions
    .filter((suggestion) => kind === undefined || suggestion.kind === kind)
    .map(({ text }) => text);
}

describe("keywords", () => {
  test.each([
    ["SEL|", ["SELECT"]],
    ["sel|", ["SELECT"]],
    ["B|", ["BEGIN", "BACKUP TO"]],
    ["BEGIN; CO|", ["COUNT", "COMMIT", "COMPACT", "COLLECT"]],
    ["BEGIN; |READ", undefined],
    ["BEGIN |", ["READ ONLY", "AT VERSION"]],
    ["SELECT * |", ["FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "OFFSET"]],
    ["SELECT * FROM kv o|", ["ORDER BY", "OFFSET"]],
    ["SELECT * FROM kv ORDER |", ["BY"]],
    ["INSERT |", ["INTO"]],
    ["INSERT INTO kv VALUES (1) ON CONFLICT |", ["DO", "NOTHING", "REPLACE"]],
    ["DROP |", ["PREFIX", "ALL"]],
    [
      "SCAN 'a' |",
      ["OR", "AND", "IS", "NOT", "BETWEEN", "IN", "LIKE", "STARTS WITH", "LIMIT", "REVERSE"],
    ],
    ["SELECT key NOT |", ["BETWEEN", "IN", "LIKE", "STARTS WITH"]],
    ["SELECT CAST(key AS |", ["TEXT", "BYTES", "INTEGER", "REAL", "JSON"]],
    ["IMPORT 'a' AS j|", ["JSON", "JSONL"]],
    ["EXPORT |", ["SELECT"]],
    ["SELECT n|", ["NOT", "NULL", "nullif(", "now("]],
  ] as const)("%s", (marked, expected) => {
    if (expected !== undefined) expect(at(marked).toSorted()).toEqual([...expected].toSorted());
    else expect(at(marked)).toContain("SELECT");
  });

  test("at the start of a statement are statements", () => {
    expect(at("|", "statement")).toHaveLength(24);
    expect(at("|", "keyword")).toEqual([]);
    expect(at("EXPLAIN |", "statement")).toContain("DELETE FROM");
    expect(at("EXPLAIN |", "keyword")).toEqual(["ANALYZE"]);
  });
});

describe("names", () => {
  test("of relations come where a relation is read or written", () => {
    for (const marked of ["SELECT * FROM |", "UPDATE |", "DELETE FROM |", "INSERT INTO |"]) {
      expect(at(marked)).toEqual(Object.keys(COLUMNS));
    }
    expect(at("SELECT * FROM meles_s|")).toEqual(["meles_stats", "meles_snapshots"]);
  });

  test("of columns are those of the relation, named before or after the cursor", () => {
    expect(at("SELECT | FROM kv", "column")).toEqual([...(COLUMNS["kv"] ?? [])]);
    expect(at("SELECT del| FROM history", "column")).toEqual(["deleted"]);
    expect(at("SELECT del| FROM kv", "column")).toEqual([]);
    expect(at("SELECT ke|", "column")).toEqual(["key"]);
    expect(at("SELECT * FROM kv WHERE v|", "column")).toEqual(["value", "version"]);
    expect(at("INSERT INTO kv (key, v|")).toEqual(["value", "version"]);
    expect(at("UPDATE kv SET tt|")).toEqual(["ttl"]);
  });

  test("of columns do not come where no row is read", () => {
    expect(at("PUT |", "column")).toEqual([]);
    expect(at("GET |", "function")).toContain("length(");
    expect(at("IMPORT 'a.csv' KEY |", "column")).toEqual(["json"]);
  });

  test("of functions come with their bracket, each once", () => {
    expect(at("SELECT mi|")).toEqual(["min("]);
    expect(at("SELECT * FROM kv WHERE json|")).toEqual([
      "json(",
      "json_remove(",
      "json_set(",
      "json_type(",
    ]);
  });
});

describe("the word being completed", () => {
  test("ends at the cursor", () => {
    expect(complete("SELECT ke FROM kv", 9)).toMatchObject({ from: 7, word: "ke" });
    expect(complete("SELECT ke FROM kv", 8)).toMatchObject({ from: 7, word: "k" });
    expect(complete("SELECT ", 7)).toMatchObject({ from: 7, word: "" });
    expect(complete("a; SEL", 6)).toMatchObject({ from: 3, word: "SEL" });
  });

  test("is nothing inside strings, comments, numbers and parameters", () => {
    for (const text of [
      "GET 'SEL",
      "GET 'a'",
      'GET b"',
      'SELECT "k',
      "-- SEL",
      "/* SEL",
      "GET :k",
      "SCAN 1",
    ]) {
      expect(complete(text, text.length)).toEqual({ from: text.length, word: "", suggestions: [] });
    }
    expect(at("-- SEL\n|")).toContain("SELECT");
    expect(at("/* a */|")).toContain("SELECT");
  });

  test("has no completion after a mistake", () => {
    expect(at("SELECT FROM |")).toEqual([]);
    expect(at("FOO |")).toEqual([]);
  });

  test("may follow an operator at once", () => {
    expect(at("SELECT * FROM kv WHERE key=v|", "column")).toEqual(["value", "version"]);
    expect(at("SELECT length(|", "column")).toContain("key");
  });
});
