/** Trees print as text that parses back to them. */

import { describe, expect, test } from "bun:test";
import { parse, print, printExpression, type Statement } from "../../grammar/index.ts";
import { RandomStatements } from "./random-statement.ts";
import { withoutSpans } from "./tree.ts";

function only(text: string): Statement {
  const result = parse(text);
  if (result.kind !== "ok") throw new Error(result.diagnostic.report);
  expect(result.statements).toHaveLength(1);
  return result.statements[0]?.statement as Statement;
}

describe("printing", () => {
  const seed = Number(process.env["SEED"] ?? 20_261);

  test(`and parsing again gives the same tree (seed ${seed})`, () => {
    const random = new RandomStatements(seed);
    const kinds = new Set<string>();
    for (let i = 0; i < 3000; i++) {
      const tree = random.next();
      kinds.add(tree.kind);
      const text = print(tree);
      expect({ text, tree: withoutSpans(only(text)) }).toEqual({ text, tree: withoutSpans(tree) });
    }
    expect(kinds.size).toBe(21);
  });

  test(`what was parsed from print is printed the same (seed ${seed})`, () => {
    const random = new RandomStatements(seed + 1);
    for (let i = 0; i < 1000; i++) {
      const text = print(random.next());
      expect(print(only(text))).toBe(text);
    }
  });

  const canonical: readonly (readonly [string, string])[] = [
    [
      "select distinct KEY, value->>'$.a' as City from KV where not(key='a')",
      "SELECT DISTINCT key, value ->> '$.a' AS city FROM kv WHERE NOT key = 'a'",
    ],
    ["select ((1)+(2))*3, 1+(2*3)", "SELECT (1 + 2) * 3, 1 + 2 * 3"],
    ["select a-(b-c), (a-b)-c, - -a, -(a->b)", "SELECT a - (b - c), a - b - c, -(-a), -a -> b"],
    ["select (-a)->b, a->(-1), a->(-(b->c))", "SELECT (-a) -> b, a -> -1, a -> (-b -> c)"],
    ['select "key", "Key", "order", "a b"', 'SELECT key, "Key", "order", "a b"'],
    ["scan reverse limit 5", "SCAN LIMIT 5 REVERSE"],
    ["put 'a' 'b' meta 1 ttl 2", "PUT 'a' 'b' TTL 2 META 1"],
    ["put 'a' 'b' meta ? ttl ?", "PUT 'a' 'b' META ? TTL ?"],
    ["select * from kv at version 1 prefix 'x'", "SELECT * FROM kv PREFIX 'x' AT VERSION 1"],
    ["select * from kv at version ? prefix ?", "SELECT * FROM kv AT VERSION ? PREFIX ?"],
    ["import 'f' ttl ? key ?", "IMPORT 'f' TTL ? KEY ?"],
    [
      "insert into kv values (1) on conflict replace",
      "INSERT INTO kv VALUES (1) ON CONFLICT DO REPLACE",
    ],
    ["select a <> b, X'0A', B64'AAE', B\"\\x41\"", "SELECT a != b, x'0a', b64'AAE=', b\"A\""],
    ["explain  analyze drop all", "EXPLAIN ANALYZE DROP ALL"],
    ["begin read only at version :v", "BEGIN READ ONLY AT VERSION :v"],
  ];

  for (const [written, printed] of canonical) {
    test(`${written} prints as ${printed}`, () => expect(print(only(written))).toBe(printed));
  }

  test("keeps the two expressions of a PUT apart", () => {
    for (const text of [
      "PUT (k) (-1)",
      "PUT (k) (v)",
      "PUT f(k) 'v'",
      "PUT ('a' || k) 10s",
      "PUT 'k' (starts(1))",
    ]) {
      expect(print(only(text))).toBe(text);
    }
  });

  test("an expression prints alone", () => {
    const statement = only("HISTORY a OR (b AND NOT c)");
    expect(statement.kind === "history" && printExpression(statement.key)).toBe("a OR b AND NOT c");
  });
});
