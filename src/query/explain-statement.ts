/** EXPLAIN and EXPLAIN ANALYZE: the plan of a statement and, for the latter, what running it really took. */

import type { Statement } from "../../grammar/ast.ts";
import type { Stats } from "../database/contract.ts";
import type { WriteOutcome } from "./execute/autocommit.ts";
import type { RowBatch } from "./execute/select.ts";
import { planWrite, type WriteStatement } from "./execute/write.ts";
import type { WritePlan } from "./execute/write-plan.ts";
import type { Execution } from "./execution.ts";
import { explainSelect } from "./plan/explain.ts";
import { counted, formatCount } from "./value/format-number.ts";
import type { SelectPlan } from "./plan/plan.ts";
import { planSelect } from "./plan/select-plan.ts";
import { Problem } from "./problem.ts";
import { selectOf, selectOfGet } from "./statements.ts";

/** How to really run a planned statement. */
export interface Runner {
  rows(plan: SelectPlan): AsyncIterable<RowBatch>;
  write(plan: WritePlan): Promise<WriteOutcome>;
}

/** The plan as lines of text. */
export function explainStatement(statement: Statement, execution: Execution): readonly string[] {
  const select = readOf(statement);
  if (select !== undefined) {
    return planLines(planSelect(select, execution.database, execution.context), execution);
  }
  if (isWrite(statement)) {
    return writeLines(
      statement,
      planWrite(statement, execution.database, execution.context),
      execution,
    );
  }
  return [STEPS[statement.kind] ?? `Run ${statement.kind.toUpperCase()}`];
}

const STEPS: Readonly<Partial<Record<Statement["kind"], string>>> = {
  begin: "Begin a transaction",
  commit: "Commit the transaction",
  rollback: "Roll the transaction back",
  import: "Read the file record by record, write in batches outside of any transaction",
};

function readOf(statement: Statement) {
  if (statement.kind === "get") return selectOfGet(statement);
  return statement.kind === "export" ? statement.query : selectOf(statement);
}

function isWrite(statement: Statement): statement is WriteStatement {
  return ["insert", "update", "delete", "put", "del"].includes(statement.kind);
}

function planLines(plan: SelectPlan, execution: Execution): readonly string[] {
  return explainSelect(plan, execution.database, execution.budgetBytes);
}

function writeLines(
  statement: WriteStatement,
  plan: WritePlan,
  execution: Execution,
): readonly string[] {
  const rows = plan.select === undefined ? [] : planLines(plan.select, execution);
  return [writeStep(statement), ...rows.map((line) => `  ${line}`)];
}

function writeStep(statement: WriteStatement): string {
  switch (statement.kind) {
    case "insert": {
      const { source, onConflict } = statement;
      const what = source.kind === "values" ? counted(source.rows.length, "row") : "the rows of";
      const how = {
        error: "",
        nothing: ", skipping keys that exist,",
        replace: ", replacing keys that exist,",
      };
      return `Insert${how[onConflict]} ${what}`;
    }
    case "update":
      return `Update ${statement.assignments.map(({ column }) => column.name).join(", ")} of`;
    case "delete":
      return "Delete";
    case "put":
      return "Put one key";
    case "del":
      return `Delete ${counted(statement.keys.length, "key")}`;
  }
}

/** Runs the statement for real and adds what it took. */
export async function analyse(
  statement: Statement,
  execution: Execution,
  runner: Runner,
): Promise<readonly string[]> {
  const { database, env, context } = execution;
  const select = readOf(statement);
  if (select === undefined && !isWrite(statement)) {
    throw new Problem(
      `EXPLAIN ANALYZE cannot run ${statement.kind.toUpperCase()}`,
      statement.span,
      "it runs SELECT, INSERT, UPDATE, DELETE and the short commands",
    );
  }
  const before = database.stats();
  const startMs = env.clock.monotonicMs();
  let lines: readonly string[];
  let affected: string | undefined;
  if (select !== undefined) {
    const plan = planSelect(select, database, context);
    lines = planLines(plan, execution);
    for await (const _ of runner.rows(plan));
  } else {
    const plan = planWrite(statement as WriteStatement, database, context);
    lines = writeLines(statement as WriteStatement, plan, execution);
    const { rowsAffected } = await runner.write(plan);
    affected = `rows ${plan.done}: ${formatCount(rowsAffected)}`;
  }
  const tookMs = env.clock.monotonicMs() - startMs;
  return [
    ...lines,
    "Really",
    ...actualLines(execution, affected, before, tookMs).map((line) => `  ${line}`),
  ];
}

function actualLines(
  execution: Execution,
  affected: string | undefined,
  before: Stats,
  tookMs: number,
): string[] {
  const { scanned, matched, groups, sorted, returned } = execution.counters;
  const after = execution.database.stats();
  const grown = (name: keyof Stats): string => formatCount(after[name] - before[name]);
  return [
    `rows read: ${formatCount(scanned)}, passed the filter: ${formatCount(matched)}`,
    ...(groups > 0 ? [`groups: ${formatCount(groups)}`] : []),
    ...(sorted > 0 ? [`rows sorted: ${formatCount(sorted)}`] : []),
    affected ?? `rows returned: ${formatCount(returned)}`,
    `bloom filter checks: ${grown("bloomChecks")}, tables spared: ${grown("bloomHits")}`,
    `blocks read: ${grown("blockReads")}, found in cache: ${grown("blockCacheHits")}, value log reads: ${grown("valueLogReads")}`,
    `time: ${tookMs.toFixed(1)} ms`,
  ];
}
