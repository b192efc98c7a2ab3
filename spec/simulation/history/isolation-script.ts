/**
 * Scripts of interleaved transactions, after the cases of the Hermitage test suite: a step per line, what
 * it printed indented below. Cases are parted by empty lines; `# …` says what a case shows.
 *
 *     setup 1=10 2=20
 *     T1 begin
 *     T1 get 1
 *       10
 *     T1 put 1 11
 *     T1 commit
 *       committed
 *
 * The same script runs through the programming interface and through SQL, and must print the same.
 */

import { MelesError } from "../../../src/base/errors.ts";
import type { Database, Transaction } from "../../../src/database/contract.ts";
import { openSession } from "../../../src/index.ts";
import type { Session } from "../../../src/query/session.ts";

/** One transaction's side of a script; every answer is a line. */
export interface Side {
  begin(): Promise<void>;
  get(key: string): Promise<string>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** Lines `key=value` of keys in [from, to), with this value if one is given. */
  scan(range: { from?: string; to?: string; value?: string }): Promise<string>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export class ApiSide implements Side {
  readonly #db: Database;
  #transaction: Transaction | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  get #open(): Transaction {
    if (this.#transaction === undefined) throw new Error("the script forgot to begin");
    return this.#transaction;
  }

  async begin(): Promise<void> {
    this.#transaction = this.#db.begin();
  }

  async get(key: string): Promise<string> {
    const value = this.#open.get(key);
    return value === undefined ? "missing" : Buffer.from(value).toString();
  }

  async put(key: string, value: string): Promise<void> {
    this.#open.put(key, value);
  }

  async delete(key: string): Promise<void> {
    this.#open.delete(key);
  }

  async scan({ from, to, value }: { from?: string; to?: string; value?: string }): Promise<string> {
    const range = {
      ...(from === undefined ? {} : { gte: from }),
      ...(to === undefined ? {} : { lt: to }),
    };
    const lines: string[] = [];
    for (const entry of this.#open.scan(range)) {
      const found = entry.text();
      if (value === undefined || found === value)
        lines.push(`${Buffer.from(entry.key).toString()}=${found}`);
    }
    return lines.join(" ");
  }

  async commit(): Promise<void> {
    await this.#open.commit();
  }

  async rollback(): Promise<void> {
    this.#open.discard();
  }
}

export class SqlSide implements Side {
  readonly #session: Session;

  constructor(db: Database) {
    this.#session = openSession(db);
  }

  async #run(text: string): Promise<string[][]> {
    const result = await this.#session.execute(text);
    const rows: string[][] = [];
    if (result.kind !== "rows") return rows;
    for await (const batch of result.rows) {
      for (const row of batch) rows.push(row.map((cell) => textOf(cell)));
    }
    return rows;
  }

  async begin(): Promise<void> {
    await this.#run("BEGIN");
  }

  async get(key: string): Promise<string> {
    const [row] = await this.#run(`SELECT value FROM kv WHERE key = '${key}'`);
    return row?.[0] ?? "missing";
  }

  async put(key: string, value: string): Promise<void> {
    await this.#run(`PUT '${key}' '${value}'`);
  }

  async delete(key: string): Promise<void> {
    await this.#run(`DEL '${key}'`);
  }

  async scan({ from, to, value }: { from?: string; to?: string; value?: string }): Promise<string> {
    const conditions = [
      ...(from === undefined ? [] : [`key >= '${from}'`]),
      ...(to === undefined ? [] : [`key < '${to}'`]),
      ...(value === undefined ? [] : [`value = '${value}'`]),
    ];
    const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
    const rows = await this.#run(`SELECT key, value FROM kv${where}`);
    return rows.map((row) => row.join("=")).join(" ");
  }

  async commit(): Promise<void> {
    await this.#run("COMMIT");
  }

  async rollback(): Promise<void> {
    await this.#run("ROLLBACK");
  }
}

function textOf(cell: unknown): string {
  return cell instanceof Uint8Array ? Buffer.from(cell).toString() : String(cell);
}

/** Runs a script and gives it back with what each step printed. */
export async function runScript(
  script: string,
  openDatabase: () => Promise<Database>,
  sideOf: (db: Database) => Side,
): Promise<string> {
  const cases: string[] = [];
  for (const text of script.trim().split(/\n{2,}/)) {
    const db = await openDatabase();
    const sides = new Map<string, Side>();
    const lines: string[] = [];
    for (const line of text.split("\n")) {
      if (line.startsWith("  ")) continue;
      lines.push(line);
      if (line.startsWith("#")) continue;
      const printed = await step(line, db, sides, sideOf);
      if (printed !== undefined) lines.push(`  ${printed}`.trimEnd());
    }
    cases.push(lines.join("\n"));
    await db.close();
  }
  return `${cases.join("\n\n")}\n`;
}

async function step(
  line: string,
  db: Database,
  sides: Map<string, Side>,
  sideOf: (db: Database) => Side,
): Promise<string | undefined> {
  const [who = "", command = "", ...words] = line.split(" ");
  if (who === "setup") {
    for (const pair of [command, ...words]) {
      const [key = "", value = ""] = pair.split("=");
      await db.put(key, value);
    }
    return undefined;
  }
  const side = sides.get(who) ?? sideOf(db);
  sides.set(who, side);
  try {
    return await carryOut(side, command, words);
  } catch (error) {
    if (error instanceof MelesError) return error.code;
    throw error;
  }
}

async function carryOut(
  side: Side,
  command: string,
  words: readonly string[],
): Promise<string | undefined> {
  const [first = "", second = ""] = words;
  switch (command) {
    case "begin":
      await side.begin();
      return undefined;
    case "get":
      return side.get(first);
    case "put":
      await side.put(first, second);
      return undefined;
    case "delete":
      await side.delete(first);
      return undefined;
    case "scan":
      return orNothing(await side.scan({}));
    case "range":
      return orNothing(await side.scan({ from: first, to: second }));
    case "find":
      return orNothing(await side.scan({ value: first }));
    case "commit":
      await side.commit();
      return "committed";
    case "rollback":
      await side.rollback();
      return "rolled back";
    default:
      throw new Error(`the script says ${command}`);
  }
}

function orNothing(found: string): string {
  return found === "" ? "nothing" : found;
}
