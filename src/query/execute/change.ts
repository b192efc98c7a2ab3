/** UPDATE and DELETE: a SELECT finds the rows, and what is to become of them is buffered. */

import type {
  Assignment,
  DeleteStatement,
  Expression,
  Relation,
  SelectStatement,
  Span,
  UpdateStatement,
} from "../../../grammar/ast.ts";
import type { Database, PutOptions } from "../../database/contract.ts";
import type { StatementContext } from "../plan/scopes.ts";
import { planSelect } from "../plan/select-plan.ts";
import { Problem } from "../problem.ts";
import type { Datum } from "../value/datum.ts";
import { runSelect, type RowBatch } from "./select.ts";
import { expiryOption, metaOption, storedValue, ttlOption } from "./stored.ts";
import type { WriteBuffer } from "./write-buffer.ts";
import type { WritePlan } from "./write-plan.ts";
import {
  refuseClauses,
  refuseTwoExpiries,
  writableName,
  type WriteColumn,
} from "./write-target.ts";

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

export function planUpdate(
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

export function planDelete(
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
