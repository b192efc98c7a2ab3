import { describe, expect, test } from "bun:test";
import * as language from "../../../grammar/index.ts";
import type { Catalog } from "../../../shell/terminal/completer.ts";
import { suggest } from "../../../shell/terminal/completer.ts";

const catalog: Catalog = {
  keys: (prefix) =>
    [
      { text: "user:", whole: false },
      { text: "it's", whole: true },
    ].filter(({ text }) => text.startsWith(prefix)),
  paths: (path, directoriesOnly) =>
    ["data/", "cities.csv"].filter(
      (name) => name.startsWith(path) && (!directoriesOnly || name.endsWith("/")),
    ),
};

/** The texts that the first suggestions would leave, for a text with the cursor at "|". */
function completed(marked: string): string[] {
  const cursor = marked.indexOf("|");
  const text = marked.replace("|", "");
  const { start, end, items } = suggest(language, catalog, text, cursor);
  return items.map((item) => text.slice(0, start) + item.text + text.slice(end));
}

describe("completion", () => {
  test("offers keywords in the case of what was typed, with the blank that must follow", () => {
    expect(completed("sel|")).toEqual(["select "]);
    expect(completed("SEL|")).toEqual(["SELECT "]);
    expect(completed("SELECT * FROM kv ORD|")).toEqual(["SELECT * FROM kv ORDER BY "]);
  });

  test("offers columns, functions and relations", () => {
    expect(completed("SELECT us| FROM kv")).toEqual(["SELECT user_meta FROM kv"]);
    expect(completed("SELECT * FROM meles_l|")).toEqual(["SELECT * FROM meles_levels"]);
    expect(completed("SELECT json_t|")).toEqual(["SELECT json_type("]);
  });

  test("offers keys inside a string where a key is meant", () => {
    expect(completed("GET 'us|")).toEqual(["GET 'user:"]);
    expect(completed("GET 'a', 'us|")).toEqual(["GET 'a', 'user:"]);
    expect(completed("SCAN '|")).toEqual(["SCAN 'user:", "SCAN 'it''s'"]);
    expect(completed("GET 'it''|'")).toEqual(["GET 'it''s'"]);
    expect(completed("SELECT * FROM kv PREFIX 'u|")).toEqual(["SELECT * FROM kv PREFIX 'user:"]);
    expect(completed("SELECT * FROM kv WHERE key = 'u|")).toEqual([
      "SELECT * FROM kv WHERE key = 'user:",
    ]);
    expect(completed("DELETE FROM kv WHERE key IN ('a', 'u|")).toEqual([
      "DELETE FROM kv WHERE key IN ('a', 'user:",
    ]);
  });

  test("offers no keys where a string is a value, and nothing behind a closed one", () => {
    expect(completed("PUT 'k' 'us|")).toEqual([]);
    expect(completed("SELECT * FROM kv WHERE value = 'us|")).toEqual([]);
    expect(completed("GET 'us'|")).toEqual([]);
  });

  test("offers files where a file is meant", () => {
    expect(completed("IMPORT 'c|")).toEqual(["IMPORT 'cities.csv'"]);
    expect(completed("EXPORT SELECT * FROM kv TO 'd|")).toEqual([
      "EXPORT SELECT * FROM kv TO 'data/",
    ]);
    expect(completed(".read c|")).toEqual([".read cities.csv"]);
    expect(completed(".open |")).toEqual([".open data/"]);
  });

  test("offers dot commands and their arguments", () => {
    expect(completed(".ti|")).toEqual([".timer "]);
    expect(completed(".lev|")).toEqual([".levels"]);
    expect(completed(".mode js|")).toEqual([".mode json", ".mode jsonl"]);
    expect(completed(".nothing x|")).toEqual([]);
  });
});
