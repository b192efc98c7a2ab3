/** `database.query(text, parameters)`: a prepared query over one text, which may hold several statements. */

import type { ParsedStatement } from "../../grammar/index.ts";
import { MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import type { Database, Query, QueryParameters, QueryValue, Row } from "../database/contract.ts";
import type { Env } from "../env/env.ts";
import { ParameterValues } from "./parameters.ts";
import { Problem, toStatementError, type SourceText } from "./problem.ts";
import type { StatementResult } from "./result.ts";
import { Session } from "./session.ts";
import { parseText } from "./statements.ts";

/**
 * Prepares a query. Throws `ERR_SYNTAX` for text that cannot be read and `ERR_INVALID_ARGUMENT` for
 * parameters that do not fit it. Nothing runs before the query is consumed, and each consumption runs it
 * anew: all statements in order; the rows are those of the last one.
 */
export function createQuery(
  database: Database,
  env: Env,
  text: string,
  parameters?: QueryParameters,
): Query {
  const source: SourceText = { text };
  const { statements, parameters: wanted } = parseText(source);
  checkCount(wanted.positional, parameters);
  return new PreparedQuery(database, env, source, statements, parameters);
}

function checkCount(wanted: number, parameters: QueryParameters | undefined): void {
  const given = new ParameterValues(parameters).count;
  if (given === wanted || (given === 0 && parameters !== undefined && !Array.isArray(parameters)))
    return;
  throw new MelesError(
    "ERR_INVALID_ARGUMENT",
    `the text has ${wanted} parameters (?), but ${given} values were given`,
  );
}

class PreparedQuery implements Query {
  readonly #database: Database;
  readonly #env: Env;
  readonly #source: SourceText;
  readonly #statements: readonly ParsedStatement[];
  readonly #parameters: QueryParameters | undefined;

  constructor(
    database: Database,
    env: Env,
    source: SourceText,
    statements: readonly ParsedStatement[],
    parameters: QueryParameters | undefined,
  ) {
    this.#database = database;
    this.#env = env;
    this.#source = source;
    this.#statements = statements;
    this.#parameters = parameters;
  }

  get columns(): readonly string[] {
    return this.#describe().columns;
  }

  plan(): string {
    return this.#describe().plan.join("\n");
  }

  async all(): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const batch of this.#batches()) for (const row of batch) rows.push(row);
    return rows;
  }

  async first(): Promise<Row | undefined> {
    for await (const row of this) return row;
    return undefined;
  }

  async run(): Promise<{ rowsAffected: number; version: Version | undefined }> {
    let rowsAffected = 0;
    let version: Version | undefined;
    for await (const result of this.#results()) {
      if (result.kind === "rows") for await (const _ of result.rows);
      if (result.kind !== "done") continue;
      rowsAffected += result.rowsAffected ?? 0;
      version = result.version ?? version;
    }
    return { rowsAffected, version };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    for await (const batch of this.#batches()) yield* batch;
  }

  /** The rows of the last statement. */
  async *#batches(): AsyncGenerator<Row[]> {
    let left = this.#statements.length;
    for await (const result of this.#results()) {
      const isLast = --left === 0;
      if (result.kind !== "rows") continue;
      const toRow = rowMaker(result.columns.map((column) => column.name));
      for await (const batch of result.rows) {
        if (isLast) yield batch.map(toRow);
      }
    }
  }

  /** Runs the statements one after the other on a session of their own. */
  async *#results(): AsyncGenerator<StatementResult> {
    const session = new Session(this.#database, this.#env);
    try {
      for (const { statement } of this.#statements) {
        yield await session.execute(statement, this.#parameters, { text: this.#source.text });
      }
      if (session.transaction !== undefined) {
        const end = this.#source.text.length;
        throw toStatementError(
          new Problem("the text ends inside a transaction", { start: end, end }, "add COMMIT"),
          this.#source,
          undefined,
        );
      }
    } finally {
      session.close();
    }
  }

  #describe(): { readonly columns: readonly string[]; readonly plan: readonly string[] } {
    const last = this.#statements.at(-1);
    if (last === undefined) return { columns: [], plan: [] };
    const session = new Session(this.#database, this.#env);
    return session.describe(last.statement, this.#parameters, this.#source);
  }
}

/** Makes row objects; of columns with the same name the last one wins, as in bun:sqlite. */
function rowMaker(columns: readonly string[]): (values: readonly QueryValue[]) => Row {
  if (columns.includes("__proto__")) {
    return (values) => Object.fromEntries(columns.map((name, i) => [name, values[i] ?? null]));
  }
  return (values) => {
    const row: Row = {};
    for (let i = 0; i < columns.length; i++) row[columns[i] as string] = values[i] as QueryValue;
    return row;
  };
}
