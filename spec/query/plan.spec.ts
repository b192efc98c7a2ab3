/**
 * Plans against a naive twin: random conditions over random entries, where the twin looks at every entry
 * and evaluates the condition with a few lines of its own.
 */

import { expect, test } from "bun:test";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { NaiveDatabase } from "../suites/naive-database.ts";
import { testEnv } from "./test-env.ts";

type Truth = boolean | null;

/** A condition as text, and what it says about an entry. */
interface Condition {
  readonly text: string;
  readonly holds: (key: string, value: string) => Truth;
}

const LETTERS = ["a", "b", "ab", "ba", "é"];

function randomText(random: SeededRandom): string {
  const length = random.below(4);
  return Array.from({ length }, () => LETTERS[random.below(LETTERS.length)]).join("");
}

function not(truth: Truth): Truth {
  return truth === null ? null : !truth;
}

/** UTF-8 order; for these letters the order of JavaScript is the same. */
function comparison(operator: string, a: string, b: string): boolean {
  switch (operator) {
    case "=":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    default:
      return a >= b;
  }
}

function likeTwin(text: string, pattern: string): boolean {
  const source = pattern.replace(/[%_]|[^%_]+/g, (part) =>
    part === "%" ? ".*" : part === "_" ? "." : part,
  );
  return new RegExp(`^${source}$`, "su").test(text);
}

function leaf(random: SeededRandom): Condition {
  const column = random.below(4) > 0 ? "key" : "value";
  const pick = (key: string, value: string): string => (column === "key" ? key : value);
  const [a, b] = [randomText(random), randomText(random)];
  switch (random.below(8)) {
    case 0:
      return {
        text: `${column} BETWEEN '${a}' AND '${b}'`,
        holds: (k, v) => a <= pick(k, v) && pick(k, v) <= b,
      };
    case 1:
      return {
        text: `${column} IN ('${a}', '${b}')`,
        holds: (k, v) => [a, b].includes(pick(k, v)),
      };
    case 2:
      return {
        text: `${column} IN ('${a}', null)`,
        holds: (k, v) => (pick(k, v) === a ? true : null),
      };
    case 3:
      return { text: `${column} STARTS WITH '${a}'`, holds: (k, v) => pick(k, v).startsWith(a) };
    case 4: {
      const pattern = [a, `${a}%`, `%${a}`, `${a}_`, `${a}%${b}`, `_${a}%`][random.below(6)] ?? "";
      return {
        text: `${column} LIKE '${pattern}'`,
        holds: (k, v) => likeTwin(pick(k, v), pattern),
      };
    }
    case 5:
      return { text: `${column} = null`, holds: () => null };
    default: {
      const operator = ["=", "!=", "<", "<=", ">", ">="][random.below(6)] ?? "=";
      return random.below(2) === 0
        ? {
            text: `${column} ${operator} '${a}'`,
            holds: (k, v) => comparison(operator, pick(k, v), a),
          }
        : {
            text: `'${a}' ${operator} ${column}`,
            holds: (k, v) => comparison(operator, a, pick(k, v)),
          };
    }
  }
}

function randomCondition(random: SeededRandom, depth: number): Condition {
  if (depth === 0 || random.below(4) === 0) return leaf(random);
  const left = randomCondition(random, depth - 1);
  const right = randomCondition(random, depth - 1);
  switch (random.below(5)) {
    case 0:
      return { text: `NOT (${left.text})`, holds: (k, v) => not(left.holds(k, v)) };
    case 1:
    case 2:
      return {
        text: `(${left.text}) AND (${right.text})`,
        holds: (k, v) => {
          const [a, b] = [left.holds(k, v), right.holds(k, v)];
          return a === false || b === false ? false : a === null || b === null ? null : true;
        },
      };
    default:
      return {
        text: `(${left.text}) OR (${right.text})`,
        holds: (k, v) => {
          const [a, b] = [left.holds(k, v), right.holds(k, v)];
          return a === true || b === true ? true : a === null || b === null ? null : false;
        },
      };
  }
}

const SEED = 20_300_102;

test("a planned query finds the rows, in order, that looking at every entry finds", async () => {
  const random = new SeededRandom(SEED);
  const env = testEnv();
  const database = new NaiveDatabase(env);
  const entries = new Map<string, string>();
  for (let i = 0; i < 60; i++) entries.set(randomText(random), randomText(random));
  entries.delete("");
  for (const [key, value] of entries) await database.put(key, value);
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

  for (let round = 0; round < 800; round++) {
    const condition = randomCondition(random, 3);
    const descending = random.below(2) === 0;
    const [limit, offset] = [random.below(12), random.below(4)];
    const text = `SELECT text(key) AS k FROM kv WHERE ${condition.text} ORDER BY key ${descending ? "DESC" : "ASC"} LIMIT ${limit} OFFSET ${offset}`;
    const found = await database.query(text).all();
    const expected = sorted.filter(([key, value]) => condition.holds(key, value) === true);
    if (descending) expected.reverse();
    const name = `seed ${SEED}, round ${round}: ${text}\n${database.query(text).plan()}`;
    expect(
      found.map((row) => row["k"]),
      name,
    ).toEqual(expected.slice(offset, offset + limit).map(([key]) => key));
    const [count] = await database
      .query(`SELECT count(*) AS n FROM kv WHERE ${condition.text}`)
      .all();
    expect(count?.["n"], name).toBe(expected.length);
  }
});

test("parameters locate keys like literals", async () => {
  const database = new NaiveDatabase(testEnv());
  for (const key of ["a", "b", "c", "d"]) await database.put(key, "x");
  const positional = database.query("SELECT key FROM kv WHERE key >= ? AND ? > key", ["b", "d"]);
  expect(positional.plan()).toContain("key >= 'b' AND key < 'd'");
  expect((await positional.all()).length).toBe(2);
  const named = database.query("SELECT key FROM kv WHERE key IN (:one, :two)", {
    one: "a",
    ":two": new Uint8Array([0x64]),
  });
  expect(named.plan()).toStartWith("Get 2 keys of kv");
  expect((await named.all()).length).toBe(2);
});

test("a long chain of alternatives becomes sorted points without looking at anything else", async () => {
  const database = new NaiveDatabase(testEnv());
  for (let i = 0; i < 50; i++) await database.put(`k${i}`, "x");
  const keys = Array.from({ length: 20_000 }, (_, i) => `'k${i}'`).reverse();
  const query = database.query(`SELECT key FROM kv WHERE key IN (${keys.join()})`);
  expect(query.plan()).toStartWith("Get 20000 keys of kv");
  expect((await query.all()).length).toBe(50);
});
