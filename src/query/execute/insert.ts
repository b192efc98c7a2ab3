/** INSERT: rows from VALUES or from a SELECT; a key that exists is an error unless the statement says otherwise. */

import type { Expression, InsertStatement, Span } from "../../../grammar/ast.ts";
import type { Database, PutOptions } from "../../database/contract.ts";
import { NO_FRAME, type Compiled } from "../expression/compiled.ts";
import { literalOf } from "../plan/literal.ts";
import { ConstantScope, type StatementContext } from "../plan/scopes.ts";
import { planSelect } from "../plan/select-plan.ts";
import { Problem } from "../problem.ts";
import type { Datum } from "../value/datum.ts";
import type { Run } from "./run.ts";
import { runSelect } from "./select.ts";
import { expiryOption, metaOption, storedKey, storedValue, ttlOption } from "./stored.ts";
import type { WriteBuffer } from "./write-buffer.ts";
import type { WritePlan } from "./write-plan.ts";
import {
  refuseClauses,
  refuseTwoExpiries,
  writableName,
  type WritableColumn,
  type WriteColumn,
} from "./write-target.ts";

export function planInsert(
  statement: InsertStatement,
  database: Database,
  context: StatementContext,
): WritePlan {
  refuseClauses(statement.relation, ["prefix", "atVersion"], "INSERT INTO");
  const columns = insertColumns(statement);
  const { source } = statement;
  const scope = new ConstantScope(context);
  const select = source.kind === "query" ? planSelect(source.query, database, context) : undefined;
  if (select !== undefined && select.columns.length !== columns.length) {
    throw wrongCount(columns.length, select.columns.length, select.statement.span);
  }
  const values =
    source.kind === "values"
      ? source.rows.map((row) => compileRow(row, columns.length, scope, statement.span))
      : [];
  return {
    select,
    done: "inserted",
    run: async (current, writes) => {
      const insert = new Insertion(statement.onConflict, columns, current, writes);
      for (const row of values) {
        insert.add(
          row.map(({ compiled }) => compiled.evaluate(NO_FRAME)),
          row.map(({ span }) => span),
        );
        if (current.pace.due()) await current.pace.pause();
      }
      if (select !== undefined) {
        const spans = columns.map((column) => column.span);
        for await (const batch of runSelect(select, current)) {
          for (const row of batch) insert.add(row, spans);
        }
      }
      return insert.count;
    },
  };
}

function insertColumns(statement: InsertStatement): WriteColumn[] {
  const { span } = statement.relation;
  const columns: WriteColumn[] =
    statement.columns.length === 0
      ? [
          { name: "key", span },
          { name: "value", span },
        ]
      : statement.columns.map((column) => ({
          name: writableName(column.name, column.span),
          span: column.span,
        }));
  for (const [i, column] of columns.entries()) {
    if (columns.slice(0, i).some((earlier) => earlier.name === column.name)) {
      throw new Problem(`the column ${column.name} is named twice`, column.span);
    }
  }
  for (const needed of ["key", "value"]) {
    if (!columns.some((column) => column.name === needed)) {
      throw new Problem(`INSERT needs the column ${needed}`, span);
    }
  }
  refuseTwoExpiries(columns);
  return columns;
}

function compileRow(
  row: readonly Expression[],
  count: number,
  scope: ConstantScope,
  statementSpan: Span,
): { compiled: Compiled; span: Span }[] {
  if (row.length !== count) {
    const [first, last] = [row[0]?.span ?? statementSpan, row.at(-1)?.span ?? statementSpan];
    throw wrongCount(count, row.length, { start: first.start, end: last.end });
  }
  return row.map((expression) => ({ compiled: scope.compile(expression), span: expression.span }));
}

function wrongCount(columns: number, values: number, span: Span): Problem {
  return new Problem(`${columns} columns are named, but there are ${values} values`, span);
}

/** Inserts row by row; knows the keys of this statement, because its writes are not readable yet. */
class Insertion {
  readonly #onConflict: InsertStatement["onConflict"];
  readonly #columns: readonly WriteColumn[];
  readonly #run: Run;
  readonly #writes: WriteBuffer;
  readonly #inserted = new Set<string>();
  readonly #keyIndex: number;
  readonly #valueIndex: number;
  count = 0;

  constructor(
    onConflict: InsertStatement["onConflict"],
    columns: readonly WriteColumn[],
    run: Run,
    writes: WriteBuffer,
  ) {
    this.#onConflict = onConflict;
    this.#columns = columns;
    this.#run = run;
    this.#writes = writes;
    this.#keyIndex = columns.findIndex((column) => column.name === "key");
    this.#valueIndex = columns.findIndex((column) => column.name === "value");
  }

  add(row: readonly Datum[], spans: readonly Span[]): void {
    const keySpan = spans[this.#keyIndex];
    const key = storedKey(row[this.#keyIndex] ?? null, keySpan);
    if (this.#isTaken(key)) {
      if (this.#onConflict === "nothing") return;
      throw new Problem(
        `the key ${literalOf(key)} exists`,
        keySpan,
        "ON CONFLICT DO NOTHING keeps it, ON CONFLICT REPLACE overwrites it",
      );
    }
    const value = storedValue(row[this.#valueIndex] ?? null, spans[this.#valueIndex]);
    let options: PutOptions = {};
    for (const [i, column] of this.#columns.entries()) {
      options = withColumn(options, column.name, row[i] ?? null, spans[i]);
    }
    this.#writes.put(key, new Uint8Array(value), options);
    this.count++;
  }

  #isTaken(key: Uint8Array): boolean {
    if (this.#onConflict === "replace") return false;
    const id = key.toHex();
    if (this.#inserted.has(id)) return true;
    this.#inserted.add(id);
    return key.length > 0 && this.#run.reader.has(key);
  }
}

/** Options with what one column says. In INSERT a null `user_meta` means none. */
function withColumn(
  options: PutOptions,
  name: WritableColumn,
  datum: Datum,
  span: Span | undefined,
): PutOptions {
  switch (name) {
    case "key":
    case "value":
      return options;
    case "ttl":
      return { ...options, ...ttlOption(datum, span) };
    case "expires_at":
      return { ...options, ...expiryOption(datum, span) };
    case "user_meta":
      return datum === null ? options : { ...options, ...metaOption(datum, span) };
  }
}
