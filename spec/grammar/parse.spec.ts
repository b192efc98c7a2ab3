/** What each statement and expression of the language is read as; the trees are in two golden files. */

import { describe, expect, test } from "bun:test";
import { parse, print, type Statement } from "../../grammar/index.ts";
import { golden } from "./golden.ts";
import { outline } from "./tree.ts";

function statements(text: string): readonly Statement[] {
  const result = parse(text);
  if (result.kind !== "ok") throw new Error(result.diagnostic.report);
  return result.statements.map(({ statement }) => statement);
}

describe("every statement is read as its tree", () => {
  golden("statements.golden.txt", (text) =>
    statements(text)
      .map((statement) => outline(statement, text))
      .join("\n"),
  );
});

/** All brackets written out: shows how an expression groups. */
function grouped(part: unknown): string {
  if (typeof part !== "object" || part === null) throw new TypeError("not an expression");
  const node = part as Record<string, unknown> & { kind: string };
  const negated = node["negated"] === true ? "NOT " : "";
  const of = (name: string) => grouped(node[name]);
  switch (node.kind) {
    case "unary":
      return `(${String(node["operator"]).toUpperCase()} ${of("operand")})`;
    case "binary":
      return `(${of("left")} ${String(node["operator"]).toUpperCase()} ${of("right")})`;
    case "between":
      return `(${of("operand")} ${negated}BETWEEN ${of("low")} AND ${of("high")})`;
    case "in":
      return `(${of("operand")} ${negated}IN [${(node["items"] as unknown[]).map(grouped).join(" ")}])`;
    case "like":
      return `(${of("operand")} ${negated}LIKE ${of("pattern")})`;
    case "startsWith":
      return `(${of("operand")} ${negated}STARTS ${of("prefix")})`;
    case "isNull":
      return `(${of("operand")} IS ${negated}NULL)`;
    default:
      return print({ kind: "history", key: node } as never).slice("HISTORY ".length);
  }
}

describe("operators group by precedence, from the left", () => {
  golden("precedence.golden.txt", (text) => {
    const [statement] = statements(`HISTORY ${text}`);
    return grouped((statement as { key: unknown }).key);
  });
});

describe("names", () => {
  const columns = (text: string) =>
    statements(text).flatMap((statement) =>
      statement.kind === "select"
        ? statement.columns.map((column) =>
            column.kind === "column" && column.expression.kind === "reference"
              ? column.expression.name
              : column.kind,
          )
        : [],
    );

  test("are lower case unless they are quoted", () => {
    expect(columns('SELECT Key, "Key", "a ""b""", città, _x1')).toEqual([
      "key",
      "Key",
      'a "b"',
      "città",
      "_x1",
    ]);
  });

  test("may be words that are keywords elsewhere", () => {
    const words =
      "all asc at backup begin bytes count csv del desc do drop explain flush get history import " +
      "integer json key meta nothing offset only prefix put read real replace scan since skip starts " +
      "text to ttl value version watch with";
    expect(columns(`SELECT ${words.split(" ").join(", ")} FROM kv`)).toEqual(words.split(" "));
  });

  test("of functions may be keywords too", () => {
    const text = "SELECT count(*), replace(value, 'a', 'b'), text(value), json(value), min(key)";
    expect(statements(text)).toMatchObject([
      {
        columns: ["count", "replace", "text", "json", "min"].map((name) => ({
          expression: { kind: "call", name },
        })),
      },
    ]);
  });

  test("of fields in an IMPORT are free", () => {
    const [statement] = statements("IMPORT 'c.csv' KEY country || ':' || name VALUE lat || lng");
    expect(statement?.kind).toBe("import");
  });
});

describe("a text of several statements", () => {
  const text = "  BEGIN ; -- one\n;; PUT 'a;b' ?; /* ; */ GET :k, ? , :k, :l";
  const result = parse(text);

  test("gives each with the place of its own text", () => {
    if (result.kind !== "ok") throw new Error(result.diagnostic.report);
    expect(result.statements.map(({ start, end }) => text.slice(start, end))).toEqual([
      "BEGIN",
      "PUT 'a;b' ?",
      "GET :k, ? , :k, :l",
    ]);
  });

  test("counts its parameters over all statements", () => {
    expect(result).toMatchObject({ parameters: { positional: 2, named: ["k", "l"] } });
    const get = result.kind === "ok" ? result.statements[2]?.statement : undefined;
    expect(get).toMatchObject({
      keys: [{ name: "k" }, { index: 1 }, { name: "k" }, { name: "l" }],
    });
  });

  test("may be empty", () => {
    for (const empty of ["", " \n", ";", ";;", "-- nothing", "/* nothing */"]) {
      expect(parse(empty)).toEqual({
        kind: "ok",
        statements: [],
        parameters: { positional: 0, named: [] },
      });
    }
  });

  test("numbers ? by its place in the text, not by the clause it is in", () => {
    const [put] = statements("PUT ? ? META ? TTL ?");
    expect(put).toMatchObject({
      key: { index: 0 },
      value: { index: 1 },
      meta: { index: 2 },
      ttl: { index: 3 },
    });
  });
});
