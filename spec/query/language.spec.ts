/** The language as a whole: its catalog, its limits, and what only code can show. */

import { expect, test } from "bun:test";
import { COLUMNS, FUNCTIONS } from "../../grammar/index.ts";
import { MelesError } from "../../src/base/errors.ts";
import { AGGREGATES } from "../../src/query/expression/aggregates.ts";
import { SCALAR_FUNCTIONS } from "../../src/query/expression/functions.ts";
import { RELATIONS } from "../../src/query/plan/relations.ts";
import { NaiveDatabase } from "../suites/naive-database.ts";
import { testEnv } from "./test-env.ts";

test("help and completion know exactly the functions, relations and columns there are", () => {
  const named = (aggregate: boolean): string[] =>
    FUNCTIONS.filter((found) => found.aggregate === aggregate)
      .map((found) => found.name)
      .sort();
  expect(named(true)).toEqual(Object.keys(AGGREGATES).sort());
  expect(named(false)).toEqual([...Object.keys(SCALAR_FUNCTIONS), "coalesce"].sort());
  expect(Object.keys(COLUMNS).sort()).toEqual([...RELATIONS.keys()].sort());
  for (const name of ["kv", "history"]) {
    expect(RELATIONS.get(name)?.columns.map((column) => column.name)).toEqual([
      ...(COLUMNS[name] ?? []),
    ]);
  }
});

test("every system relation can be read", async () => {
  const database = new NaiveDatabase(testEnv());
  await database.put("a", "1");
  for (const name of RELATIONS.keys()) {
    const query = database.query(`SELECT * FROM ${name}`);
    expect(query.columns.length).toBeGreaterThan(1);
    for (const row of await query.all()) expect(Object.keys(row)).toEqual([...query.columns]);
  }
  const bytes = await database
    .query("SELECT value FROM meles_stats WHERE name = 'bytes_written_user'")
    .first();
  expect(bytes).toEqual({ value: 2 });
});

test("an encryption key is never shown", async () => {
  const database = new NaiveDatabase(testEnv());
  database.options = () => ({ encryptionKey: new Uint8Array(16), syncIntervalMs: 5 });
  expect(await database.query("SELECT * FROM meles_options").all()).toEqual([
    { name: "encryptionKey", value: "(set)" },
    { name: "syncIntervalMs", value: 5 },
  ]);
});

const DEEP: Readonly<Record<string, (depth: number) => string>> = {
  parentheses: (depth) => `${"(".repeat(depth)}1${")".repeat(depth)}`,
  signs: (depth) => `${"- ".repeat(depth)}1`,
  negations: (depth) => `${"NOT ".repeat(depth)}true`,
  calls: (depth) => `${"abs(".repeat(depth)}1${")".repeat(depth)}`,
  sums: (depth) => Array.from({ length: depth }, () => "1").join(" + "),
  texts: (depth) => Array.from({ length: depth }, () => "'a'").join(" || "),
  alternatives: (depth) => Array.from({ length: depth }, (_, i) => `key = '${i}'`).join(" OR "),
  cases: (depth) => `${"CASE WHEN true THEN ".repeat(depth)}1${" END".repeat(depth)}`,
  paths: (depth) => `'{}'${" -> '$.a'".repeat(depth)}`,
};

for (const [name, make] of Object.entries(DEEP)) {
  test(`${name} at any depth give an answer or an error, never a stack overflow`, async () => {
    const database = new NaiveDatabase(testEnv());
    await database.put("1", "x");
    for (const depth of [10, 490, 990, 1000, 20_000]) {
      for (const text of [
        `SELECT ${make(depth)} AS x FROM kv`,
        `SELECT key FROM kv WHERE ${make(depth)}`,
        `SELECT ${make(depth)} AS x, count(*) FROM kv GROUP BY x`,
        `EXPLAIN SELECT key FROM kv WHERE ${make(depth)}`,
      ]) {
        try {
          await database.query(text).all();
        } catch (error) {
          expect(error, `${depth}: ${text.slice(0, 80)}`).toBeInstanceOf(MelesError);
        }
      }
    }
  });
}

test("JSON of any depth in a value is no trouble", async () => {
  const database = new NaiveDatabase(testEnv());
  await database.put("deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  expect(await database.query("SELECT json_type(value) AS t FROM kv").all()).toEqual([
    { t: "array" },
  ]);
  const error: unknown = await database
    .query("SELECT value ->> '$[0]' FROM kv")
    .all()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "ERR_QUERY", message: "a value is nested too deeply" });
});
