/**
 * Statements that write: what they read and what they buffer. Applying and committing is the session's
 * part.
 */

import type {
  DeleteStatement,
  DelStatement,
  Expression,
  InsertStatement,
  PutStatement,
  UpdateStatement,
} from "../../../grammar/ast.ts";
import type { Database, PutOptions } from "../../database/contract.ts";
import { NO_FRAME } from "../expression/compiled.ts";
import { ConstantScope, type StatementContext } from "../plan/scopes.ts";
import type { Datum } from "../value/datum.ts";
import { planDelete, planUpdate } from "./change.ts";
import { planInsert } from "./insert.ts";
import { metaOption, storedKey, storedValue, ttlOption } from "./stored.ts";
import type { WritePlan } from "./write-plan.ts";

export type WriteStatement =
  | InsertStatement
  | UpdateStatement
  | DeleteStatement
  | PutStatement
  | DelStatement;

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
