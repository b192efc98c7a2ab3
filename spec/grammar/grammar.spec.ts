/** The grammar checks itself: no ambiguity, nothing unused, and its printed form is complete. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toEbnf } from "../../grammar/ebnf.ts";
import { COLUMNS, FUNCTIONS, parse } from "../../grammar/index.ts";
import { lex } from "../../grammar/lexer.ts";
import { MelesParser } from "../../grammar/parser.ts";
import * as tokens from "../../grammar/tokens.ts";

describe("the rules", () => {
  test("pass Chevrotain's checks: no ambiguity, no left recursion, no empty repetition", () => {
    expect(() => new MelesParser(true)).not.toThrow();
  });

  test("use every keyword", () => {
    const used = toEbnf().split("\nLiteral ::=")[0] ?? "";
    const unused = [...tokens.KEYWORDS.keys()].filter((word) => !used.includes(`'${word}'`));
    expect(unused).toEqual(["FALSE", "NULL", "TRUE"].filter((word) => unused.includes(word)));
  });

  test("have tokens with names of their own, all different", () => {
    const names = tokens.vocabulary.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[A-Z]\w+$/);
  });

  test("print as EBNF in which every name is defined", () => {
    const lines = toEbnf()
      .split("\n")
      .filter((line) => line.includes("::="));
    const defined = new Set(lines.map((line) => line.split("::=")[0]?.trim()));
    for (const line of lines) {
      const body = (line.split("::=")[1] ?? "")
        .replaceAll(/\/\*.*?\*\/|'[^']*'|"[^"]*"|\[[^\]]*\]/g, " ")
        .match(/\b[A-Za-z]\w*\b/g);
      for (const name of body ?? []) expect([...defined]).toContain(name);
    }
    expect(lines.length).toBeGreaterThan(50);
  });
});

describe("the lexer", () => {
  test("leaves no character out, whatever it is", () => {
    for (let unit = 0; unit < 0x1_0000; unit++) {
      const char = String.fromCharCode(unit);
      const { tokens: found, comments } = lex(char);
      const blank = char.trim() === "";
      expect([unit, found.length + comments.length]).toEqual([unit, blank ? 0 : 1]);
    }
  });
});

describe("the catalog", () => {
  test("names the columns of kv and history", () => {
    const kv = ["key", "value", "version", "user_meta", "expires_at", "ttl", "size"];
    expect(COLUMNS["kv"]).toEqual(kv);
    expect(COLUMNS["history"]).toEqual([...kv, "deleted"]);
  });

  test("has relations, columns and functions that need no quotes", () => {
    const names = [...Object.keys(COLUMNS), ...Object.values(COLUMNS).flat()];
    for (const name of names) expect(parse(`SELECT ${name} FROM ${name}`).kind).toBe("ok");
    for (const { name, signature } of FUNCTIONS) {
      expect(signature).toStartWith(`${name}(`);
      expect(parse(`SELECT ${name}(1)`)).toMatchObject({
        statements: [{ statement: { columns: [{ expression: { kind: "call", name } }] } }],
      });
    }
  });

  test("has every function of the language", () => {
    const scalars =
      "length lower upper trim substr replace hex base64 text json json_set json_remove json_type " +
      "typeof coalesce nullif abs round min max now key_after";
    const aggregates = "count sum avg min max group_concat";
    const names = (aggregate: boolean) =>
      FUNCTIONS.filter((each) => each.aggregate === aggregate).map(({ name }) => name);
    expect(names(false)).toEqual(scalars.split(" "));
    expect(names(true)).toEqual(aggregates.split(" "));
  });
});

describe("the grammar script", () => {
  const script = join(import.meta.dir, "../../scripts/grammar.ts");

  test("prints the EBNF", () => {
    const { stdout, exitCode } = Bun.spawnSync([process.execPath, script]);
    expect(stdout.toString()).toBe(toEbnf());
    expect(exitCode).toBe(0);
  });

  test("writes a page of diagrams that needs nothing from elsewhere", () => {
    const folder = mkdtempSync(join(tmpdir(), "meles-grammar-"));
    try {
      const path = join(folder, "grammar.html");
      const { exitCode } = Bun.spawnSync([process.execPath, script, "--diagram", path]);
      expect(exitCode).toBe(0);
      const page = readFileSync(path, "utf8");
      expect(page).not.toMatch(/<script[^>]+src=|<link/);
      expect(page).toContain('"name": "selectColumn"');
      expect(page).toContain("drawDiagramsFromSerializedGrammar");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
