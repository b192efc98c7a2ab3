/**
 * INSERT, UPDATE, DELETE, PUT and DEL: what they read and what they buffer. Applying and committing is the
 * session's part.
 */

import type {
  Assignment,
  DeleteStatement,
  DelStatement,
  Expression,
  InsertStatement,
  PutStatement,
  Relation,
  SelectStatement,
  Span,
  UpdateStatement,
} from "../../../grammar/ast.ts";
import { at } from "../../base/assert.ts";
import type { Database, PutOptions } from "../../database/contract.ts";
import { NO_FRAME, type Compiled } from "../expression/compiled.ts";
import type { SelectPlan } from "../plan/plan.ts";
import { planSelect } from "../plan/select-plan.ts";
import { ConstantScope, type StatementContext } from "../plan/scopes.ts";
import { RELATIONS } from "../plan/relations.ts";
import { literalOf } from "../plan/literal.ts";
import { didYouMean, Problem } from "../problem.ts";
import type { Datum } from "../value/datum.ts";
import type { Run } from "./run.ts";
import { runSelect, type RowBatch } from "./select.ts";
import {
  expiryOption,
  isWritable,
  metaOption,
  storedKey,
  storedValue,
  ttlOption,
  WRITABLE_COLUMNS,
  type WritableColumn,
} from "./stored.ts";
import type { WriteBuffer } from "./write-buffer.ts";

export type WriteStatement =
  | InsertStatement
  | UpdateStatement
  | DeleteStatement
  | PutStatement
  | DelStatement;

/** A write that has been checked and is ready to run, once or, after a conflict, again. */
export interface WritePlan {
  /** The rows it goes over, for EXPLAIN; absent when it writes what the text says. */
  readonly select: SelectPlan | undefined;
  /** What is done, for messages: "inserted" … */
  readonly done: "inserted" | "updated" | "deleted" | "stored";
  /** Reads, and buffers the writes; gives how many rows were affected. */
  run(run: Run, writes: WriteBuffer): Promise<number>;
}

export function planWrite(
  statement: WriteStatement,
  database: Database,
  context: StatementContext,
): WritePlan {
  switch (statement.kind) {
    case "insert":
      return planInsert(statement, database, context);
    case "update":
      return planUpdate(statement, database, context);
    case "delete":
      return planDelete(statement, database, context);
    case "put":
      return planPut(statement, context);
    case "del":
      return planDel(statement, context);
  }
}

// --------------------------------------------------------------------- INSERT

type WriteColumn = { readonly name: WritableColumn; readonly span: Span };

function planInsert(
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

function writableName(name: string, span: Span): WritableColumn {
  if (isWritable(name)) return name;
  const known = RELATIONS.get("kv")?.columns.some((column) => column.name === name) === true;
  throw known
    ? new Problem(`the column ${name} cannot be written`, span)
    : new Problem(`there is no column ${name}`, span, didYouMean(name, WRITABLE_COLUMNS));
}

function refuseTwoExpiries(columns: readonly WriteColumn[]): void {
  const expiries = columns.filter(({ name }) => name === "ttl" || name === "expires_at");
  if (expiries.length > 1) {
    throw new Problem("give ttl or expires_at, not both", at(expiries, 1).span);
  }
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

// ----------------------------------------------------------- UPDATE and DELETE

/** A SELECT over the rows that a write goes over. */
function rowsOf(
  relation: Relation,
  where: Expression | undefined,
  columns: readonly string[],
  span: Span,
): SelectStatement {
  return {
    kind: "select",
    distinct: false,
    columns: columns.map((name) => ({
      kind: "column",
      expression: { kind: "reference", name, span },
      span,
    })),
    from: relation,
    ...(where === undefined ? {} : { where }),
    groupBy: [],
    orderBy: [],
    span,
  };
}

function planUpdate(
  statement: UpdateStatement,
  database: Database,
  context: StatementContext,
): WritePlan {
  refuseClauses(statement.relation, ["atVersion"], "UPDATE");
  checkAssignments(statement.assignments);
  // The new values are columns of the SELECT, computed while the row is at hand.
  const base = rowsOf(
    statement.relation,
    statement.where,
    ["key", "value", "expires_at", "user_meta"],
    statement.relation.nameSpan,
  );
  const select = planSelect(
    {
      ...base,
      columns: [
        ...base.columns,
        ...statement.assignments.map(({ value }) => ({
          kind: "column" as const,
          expression: value,
          span: value.span,
        })),
      ],
    },
    database,
    context,
  );
  if (select.grouping !== undefined) {
    throw new Problem(
      "UPDATE takes no aggregates",
      statement.span,
      "compute them with SELECT first",
    );
  }
  return {
    select,
    done: "updated",
    run: async (current, writes) => {
      for await (const batch of runSelect(select, current)) {
        for (const row of batch) updateRow(row, statement.assignments, writes);
      }
      return writes.count;
    },
  };
}

function checkAssignments(assignments: readonly Assignment[]): void {
  const columns = assignments.map(({ column }): WriteColumn => {
    if (column.name === "key") {
      throw new Problem(
        "a key cannot be changed",
        column.span,
        "INSERT INTO kv SELECT … under the new key, then DELETE the old one",
      );
    }
    return { name: writableName(column.name, column.span), span: column.span };
  });
  for (const [i, column] of columns.entries()) {
    if (columns.slice(0, i).some((earlier) => earlier.name === column.name)) {
      throw new Problem(`the column ${column.name} is set twice`, column.span);
    }
  }
  refuseTwoExpiries(columns);
}

function updateRow(
  row: readonly Datum[],
  assignments: readonly Assignment[],
  writes: WriteBuffer,
): void {
  const [key, value, expiresAt, userMeta, ...assigned] = row;
  let stored = value as Uint8Array;
  let options: PutOptions = { userMeta: userMeta as number, expiresAt: Number(expiresAt ?? 0) };
  for (const [i, { column, value: expression }] of assignments.entries()) {
    const datum = assigned[i] ?? null;
    const { span } = expression;
    if (column.name === "value") {
      stored = storedValue(datum, span);
    } else if (column.name === "ttl") {
      const { expiresAt: _, ...others } = options;
      options = { ...others, ...ttlOption(datum, span) };
    } else if (column.name === "expires_at") {
      options = { ...options, ...expiryOption(datum, span) };
    } else {
      options = { ...options, ...metaOption(datum, span) };
    }
  }
  writes.put(key as Uint8Array, stored, options);
}

function planDelete(
  statement: DeleteStatement,
  database: Database,
  context: StatementContext,
): WritePlan {
  refuseClauses(statement.relation, ["atVersion"], "DELETE FROM");
  const { nameSpan } = statement.relation;
  const select = planSelect(
    rowsOf(statement.relation, statement.where, ["key"], nameSpan),
    database,
    context,
  );
  return {
    select,
    done: "deleted",
    run: async (current, writes) => {
      for await (const batch of runSelect(select, current)) deleteRows(batch, writes);
      return writes.count;
    },
  };
}

function deleteRows(batch: RowBatch, writes: WriteBuffer): void {
  for (const [key] of batch) writes.delete(key as Uint8Array);
}

/** Writes go to `kv` as it is now. */
function refuseClauses(
  relation: Relation,
  refused: readonly ("prefix" | "atVersion")[],
  verb: string,
): void {
  if (relation.name !== "kv") {
    const known = RELATIONS.has(relation.name);
    throw known
      ? new Problem(`${relation.name} is read-only`, relation.nameSpan, `${verb} kv`)
      : new Problem(
          `there is no relation ${relation.name}`,
          relation.nameSpan,
          didYouMean(relation.name, ["kv"]),
        );
  }
  if (relation.atVersion !== undefined && refused.includes("atVersion")) {
    throw new Problem("the past cannot be changed", relation.atVersion.span);
  }
  if (relation.prefix !== undefined && refused.includes("prefix")) {
    throw new Problem(`${verb} takes no PREFIX`, relation.prefix.span);
  }
}

// ---------------------------------------------------------------- PUT and DEL

function planPut(statement: PutStatement, context: StatementContext): WritePlan {
  const scope = new ConstantScope(context);
  const evaluate = (expression: Expression): Datum => scope.compile(expression).evaluate(NO_FRAME);
  const key = storedKey(evaluate(statement.key), statement.key.span);
  const value = storedValue(evaluate(statement.value), statement.value.span);
  const { ttl, meta } = statement;
  const options: PutOptions = {
    ...(ttl === undefined ? {} : ttlOption(evaluate(ttl), ttl.span)),
    ...(meta === undefined ? {} : metaOption(evaluate(meta), meta.span)),
  };
  return {
    select: undefined,
    done: "stored",
    run: async (_run, writes) => {
      writes.put(key, value, options);
      return 1;
    },
  };
}

function planDel(statement: DelStatement, context: StatementContext): WritePlan {
  const scope = new ConstantScope(context);
  const keys = statement.keys.map((key) =>
    storedKey(scope.compile(key).evaluate(NO_FRAME), key.span),
  );
  return {
    select: undefined,
    done: "deleted",
    run: async (current, writes) => {
      const deleted = new Set<string>();
      for (const key of keys) {
        if (deleted.has(key.toHex()) || !current.reader.has(key)) continue;
        deleted.add(key.toHex());
        writes.delete(key);
      }
      return deleted.size;
    },
  };
}
