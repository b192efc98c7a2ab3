/** `database.query(text, parameters)`. */

import { expect, test } from "bun:test";
import { MelesError } from "../../src/base/errors.ts";
import { NaiveDatabase } from "../suites/naive-database.ts";
import { testEnv } from "./test-env.ts";

async function people(): Promise<NaiveDatabase> {
  const database = new NaiveDatabase(testEnv());
  await database.put("user:ann", '{"age":31}');
  await database.put("user:bob", '{"age":29}');
  return database;
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof MelesError) return error.code;
    throw error;
  }
  return "no error";
}

test("rows are objects by column name; the query can be run again", async () => {
  const database = await people();
  const query = database.query("SELECT text(key) AS key, value ->> '$.age' AS age FROM kv");
  expect(query.columns).toEqual(["key", "age"]);
  const expected = [
    { key: "user:ann", age: 31 },
    { key: "user:bob", age: 29 },
  ];
  expect(await query.all()).toEqual(expected);
  expect(await query.first()).toEqual(expected[0]);
  const seen = [];
  for await (const row of query) seen.push(row);
  expect(seen).toEqual(expected);
});

test("keys and values are bytes, JSON stays JSON", async () => {
  const database = await people();
  const [row] = await database
    .query("SELECT key, value, value -> '$' AS json FROM kv LIMIT 1")
    .all();
  expect(row?.["key"]).toEqual(new TextEncoder().encode("user:ann"));
  expect(row?.["json"]).toEqual({ json: { age: 31 } });
});

test("writing starts when the query is consumed, and tells rows and version", async () => {
  const database = await people();
  const query = database.query("PUT ? ?", ["a", new Uint8Array([1, 2])]);
  expect(database.has("a")).toBe(false);
  expect(query.columns).toEqual([]);
  expect(await query.run()).toEqual({ rowsAffected: 1, version: 3 });
  expect(database.get("a")).toEqual(new Uint8Array([1, 2]));
  expect(await database.query("SELECT 1").run()).toEqual({ rowsAffected: 0, version: undefined });
});

test("several statements run in order and the rows are those of the last", async () => {
  const database = await people();
  const rows = await database
    .query("SELECT 1 AS one; BEGIN; PUT 'x' '1'; DEL 'user:bob'; COMMIT; COUNT;")
    .all();
  expect(rows).toEqual([{ count: 2 }]);
  const { rowsAffected, version } = await database.query("PUT 'y' '1'; DELETE FROM kv;").run();
  expect({ rowsAffected, version }).toEqual({ rowsAffected: 4, version: 5 });
});

test("a text that ends inside a transaction is an error and writes nothing", async () => {
  const database = await people();
  expect(
    await database
      .query("BEGIN; PUT 'x' '1'")
      .run()
      .catch((error) => error.code),
  ).toBe("ERR_QUERY");
  expect(database.has("x")).toBe(false);
  expect(database.snapshots()).toEqual([]);
});

test("a failing statement stops the ones after it", async () => {
  const database = await people();
  const query = database.query("PUT 'x' '1'; SELECT 1 / 0; PUT 'y' '1'");
  expect(await query.all().catch((error) => error.code)).toBe("ERR_QUERY");
  expect([database.has("x"), database.has("y")]).toEqual([true, false]);
});

test("text that cannot be read and parameters that do not fit are refused at once", async () => {
  const database = await people();
  expect(codeOf(() => database.query("SELECT"))).toBe("ERR_SYNTAX");
  expect(codeOf(() => database.query("SELECT 'open"))).toBe("ERR_SYNTAX");
  expect(codeOf(() => database.query("SELECT ?, ?", [1]))).toBe("ERR_INVALID_ARGUMENT");
  expect(codeOf(() => database.query("SELECT ?", [1, 2]))).toBe("ERR_INVALID_ARGUMENT");
  expect(codeOf(() => database.query("SELECT ?"))).toBe("ERR_INVALID_ARGUMENT");
  expect(codeOf(() => database.query("SELECT ?", [Number.NaN]))).toBe("ERR_INVALID_ARGUMENT");
  expect(codeOf(() => database.query("SELECT ?", [{} as string]))).toBe("ERR_INVALID_ARGUMENT");
  expect(codeOf(() => database.query("SELECT :b", { a: 1 }).columns)).toBe("ERR_QUERY");
});

test("every type of parameter arrives as what it is", async () => {
  const database = await people();
  const text =
    "SELECT typeof(?) AS a, typeof(?) AS b, typeof(?) AS c, typeof(?) AS d, typeof(?) AS e, typeof(?) AS f";
  const parameters = [null, true, 1, 1.5, "x", new Uint8Array(1)];
  expect(await database.query(text, parameters).first()).toEqual({
    a: "null",
    b: "boolean",
    c: "integer",
    d: "real",
    e: "text",
    f: "bytes",
  });
});

test("the plan is the text of EXPLAIN, also for a statement that is one", async () => {
  const database = await people();
  const plan = database.query("SELECT key FROM kv WHERE key = 'user:ann'").plan();
  expect(plan).toStartWith("Get one key of kv\n  key = 'user:ann'");
  const explain = database.query("EXPLAIN SELECT key FROM kv WHERE key = 'user:ann'");
  expect(explain.plan()).toBe(plan);
  expect(await explain.all()).toEqual(plan.split("\n").map((line) => ({ plan: line })));
  expect(database.query("").plan()).toBe("");
});

test("a missing key and an empty text have no rows", async () => {
  const database = await people();
  expect(await database.query("GET 'nobody'").all()).toEqual([]);
  expect(await database.query("GET 'nobody'").first()).toBeUndefined();
  expect(await database.query(" -- nothing\n").all()).toEqual([]);
});

test("a column may have any name, and of two with one name the last wins", async () => {
  const database = await people();
  const row = await database.query('SELECT 1 AS "__proto__", 2 AS a, 3 AS a').first();
  expect(Object.entries(row ?? {})).toEqual([
    ["__proto__", 1],
    ["a", 3],
  ]);
});

test("text compares by code point, as its UTF-8 bytes do", async () => {
  const database = new NaiveDatabase(testEnv());
  const row = await database
    .query("SELECT '😀' > '\uffee' AS text, b64'8J+YgA==' > '\uffee' AS bytes")
    .first();
  expect(row).toEqual({ text: true, bytes: true });
});
