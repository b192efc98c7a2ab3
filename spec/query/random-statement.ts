/** Random statements as text: mostly meaningful, now and then of the wrong type or with an unknown name. */

import type { SeededRandom } from "../../src/env/seeded-random.ts";

const COLUMNS = ["key", "value", "version", "user_meta", "expires_at", "ttl", "size"];
const CONSTANTS = [
  "'a'",
  "'b'",
  "'ab'",
  "''",
  "x'ff'",
  'b"a\\x00"',
  "0",
  "1",
  "-2",
  "2.5",
  "null",
  "true",
  "false",
  "15m",
  "'$.n'",
  "'$.a[0]'",
  "'$['",
  "'{\"n\":1}'",
];
const CALLS = [
  "length(#)",
  "lower(#)",
  "upper(#)",
  "trim(#)",
  "substr(#, #, 2)",
  "replace(#, 'a', #)",
  "hex(#)",
  "base64(#)",
  "text(#)",
  "json(#)",
  "json_set(#, '$.n', #)",
  "json_remove(#, '$.n')",
  "json_type(#, '$.n')",
  "typeof(#)",
  "coalesce(#, #)",
  "nullif(#, #)",
  "abs(#)",
  "round(#, 1)",
  "min(#, #)",
  "max(#, #)",
  "now()",
  "key_after(#)",
  "nope(#)",
  "CAST(# AS text)",
  "CAST(# AS integer)",
  "CAST(# AS json)",
  "CASE WHEN # THEN # ELSE # END",
  "CASE # WHEN # THEN # END",
];
const OPERATIONS = [
  "# || #",
  "# + #",
  "# - #",
  "# * #",
  "# / #",
  "# % #",
  "# -> #",
  "# ->> '$.n'",
  "-#",
];
const CONDITIONS = [
  "# = #",
  "# != #",
  "# < #",
  "# >= #",
  "# IN (#, #)",
  "# NOT IN (#, #)",
  "# BETWEEN # AND #",
  "# LIKE '%a_'",
  "# LIKE 'a%'",
  "# STARTS WITH #",
  "# IS NULL",
  "# IS NOT NULL",
  "NOT #",
  "# AND #",
  "# OR #",
];
const AGGREGATES = [
  "count(*)",
  "count(#)",
  "count(DISTINCT #)",
  "sum(#)",
  "avg(#)",
  "min(#)",
  "max(#)",
  "group_concat(#)",
];

export class RandomStatements {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  statement(): string {
    switch (this.#random.below(12)) {
      case 0:
        return `PUT ${this.#key()} ${this.#constant()}${this.#maybe(" TTL 10s")}${this.#maybe(" META 7")}`;
      case 1:
        return `INSERT INTO kv (key, value) VALUES (${this.#key()}, ${this.expression(1)})${this.#conflict()}`;
      case 2:
        return `INSERT INTO kv (key, value) SELECT ${this.expression(1)}, value FROM ${this.#from()} ${this.#where()}${this.#conflict()}`;
      case 3:
        return `UPDATE kv SET ${this.#pick(["value", "ttl", "user_meta", "expires_at"])} = ${this.expression(2)} ${this.#where()}`;
      case 4:
        return `DELETE FROM kv ${this.#where()}`;
      case 5:
        return this.#pick([
          `GET ${this.#key()}`,
          `DEL ${this.#key()}, ${this.#key()}`,
          `SCAN ${this.#key()} LIMIT 3 REVERSE`,
          `COUNT ${this.#key()}`,
          `HISTORY ${this.#key()}`,
        ]);
      case 6:
        return this.#pick(["BEGIN", "COMMIT", "ROLLBACK", "ROLLBACK"]);
      case 7:
        return this.#grouped();
      default:
        return this.#select();
    }
  }

  /** An expression over the columns of an entry. */
  expression(depth: number): string {
    if (depth === 0 || this.#random.below(3) === 0) {
      return this.#random.below(2) === 0 ? this.#pick(COLUMNS) : this.#constant();
    }
    const shapes = this.#pick([CALLS, OPERATIONS, CONDITIONS]);
    return `(${this.#filled(this.#pick(shapes), depth - 1)})`;
  }

  #select(): string {
    const columns = this.#pick([
      "*",
      "key",
      `key, ${this.expression(2)} AS x`,
      `DISTINCT ${this.expression(1)}`,
    ]);
    const order = this.#pick([
      "",
      " ORDER BY key",
      " ORDER BY key DESC",
      ` ORDER BY ${this.expression(1)} DESC, key`,
    ]);
    const limit = this.#pick(["", " LIMIT 3", " LIMIT 2 OFFSET 1", " LIMIT 0"]);
    return `SELECT ${columns} FROM ${this.#from()} ${this.#where()}${order}${limit}`;
  }

  #grouped(): string {
    const aggregate = (): string => this.#filled(this.#pick(AGGREGATES), 1);
    const by = this.expression(1);
    return this.#pick([
      `SELECT ${aggregate()}, ${aggregate()} FROM ${this.#from()} ${this.#where()}`,
      `SELECT ${by}, ${aggregate()} FROM ${this.#from()} ${this.#where()} GROUP BY ${by} ORDER BY 2, 1`,
      `SELECT ${by} AS g, ${aggregate()} AS n FROM kv GROUP BY g HAVING ${aggregate()} > 1`,
    ]);
  }

  #from(): string {
    return this.#pick(["kv", "kv", "kv", "kv PREFIX 'a'", "history"]);
  }

  #where(): string {
    if (this.#random.below(4) === 0) return "";
    const condition = (): string => this.#filled(this.#pick(CONDITIONS), 1);
    const onKey = `key ${this.#pick(["=", "<", ">=", "STARTS WITH", "LIKE"])} ${this.#key()}`;
    return `WHERE ${this.#pick([condition(), onKey, `${onKey} AND ${condition()}`, `${onKey} OR ${condition()}`])}`;
  }

  #conflict(): string {
    return this.#pick(["", " ON CONFLICT DO NOTHING", " ON CONFLICT REPLACE"]);
  }

  #key(): string {
    return this.#pick(["'a'", "'b'", "'ab'", "'abc'", "'a%'", 'b"a\\x00"', "x'ff'"]);
  }

  #constant(): string {
    return this.#pick(CONSTANTS);
  }

  #filled(shape: string, depth: number): string {
    return shape.replace(/#/g, () => this.expression(depth));
  }

  #maybe(text: string): string {
    return this.#random.below(3) === 0 ? text : "";
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)] as T;
  }
}
