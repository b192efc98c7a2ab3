/**
 * A plan as indented text: the last step first, what it works on indented under it, down to how the keys
 * are found.
 */

import type { Expression } from "../../../grammar/ast.ts";
import { printExpression } from "../../../grammar/index.ts";
import type { Database } from "../../database/contract.ts";
import { estimateKeys } from "./estimate.ts";
import { pointKey, type KeySet } from "./key-range.ts";
import { describeRange } from "./literal.ts";
import { counted, formatBytes, formatCount } from "../value/format-number.ts";
import type { Access, EntryAccess, Filter, SelectPlan } from "./plan.ts";

/** Ranges shown one by one; more are counted. */
const RANGES_SHOWN = 8;

export function explainSelect(
  plan: SelectPlan,
  database: Database,
  budgetBytes: number,
): readonly string[] {
  const steps: string[] = [];
  const { limit, offset, statement, grouping } = plan;
  if (Number.isFinite(limit) || offset > 0) {
    const parts = [
      ...(Number.isFinite(limit) ? [`limit ${formatCount(limit)}`] : []),
      ...(offset > 0 ? [`offset ${formatCount(offset)}`] : []),
    ];
    steps.push(capital(parts.join(", ")));
  }
  if (plan.sort.length > 0) {
    const terms = statement.orderBy.map(
      (term) => `${printExpression(term.expression)}${term.descending ? " DESC" : ""}`,
    );
    steps.push(`Sort by ${terms.join(", ")} in memory, at most ${formatBytes(budgetBytes)}`);
  }
  if (plan.distinct) steps.push("Distinct rows");
  if (grouping?.having !== undefined)
    steps.push(`Keep groups where ${conditionText(grouping.having)}`);
  if (grouping !== undefined && plan.access.kind !== "count") {
    const keys = grouping.keyExpressions.map(printExpression).join(", ");
    steps.push(keys === "" ? "Aggregate all rows" : `Group by ${keys}`);
  }
  if (plan.filter !== undefined) steps.push(`Filter ${conditionText(plan.filter)}`);
  const lines = steps.map((step, depth) => indented(step, depth));
  for (const line of accessLines(plan.access, database)) lines.push(indented(line, steps.length));
  return lines;
}

function accessLines(access: Access, database: Database): string[] {
  switch (access.kind) {
    case "none":
      return ["One row, no relation"];
    case "system":
      return [`List ${access.relation.name}`];
    case "count":
      return [`Count the keys of kv${versionText(access)}`, ...keyLines(access.keys, database)];
    case "entries":
      return [entriesLine(access), ...keyLines(access.keys, database)];
  }
}

function entriesLine(access: EntryAccess): string {
  const relation = `${access.versions ? "history" : "kv"}${versionText(access)}`;
  if (access.keys.length === 0) return `Nothing to read from ${relation}`;
  const points = access.keys.every((range) => pointKey(range) !== undefined);
  if (points && !access.versions) {
    return `Get ${access.keys.length === 1 ? "one key" : `${access.keys.length} keys`} of ${relation}`;
  }
  const what = access.needsValue ? "keys and values" : "keys only";
  const order = access.reverse ? ", backwards" : "";
  const stop = access.limit === undefined ? "" : `, stopping after ${counted(access.limit, "row")}`;
  return `Scan ${relation}, ${what}${order}${stop}`;
}

function versionText(access: { readonly at: number | undefined }): string {
  return access.at === undefined ? "" : ` at version ${access.at}`;
}

function keyLines(keys: KeySet, database: Database): string[] {
  if (keys.length === 0) return [];
  const shown = keys.slice(0, RANGES_SHOWN).map((range) => `  ${describeRange(range)}`);
  if (keys.length > RANGES_SHOWN) {
    shown.push(`  … and ${formatCount(keys.length - RANGES_SHOWN)} more`);
  }
  const { rows, tables, tablesTouched, levels } = estimateKeys(keys, database.tables());
  const perLevel = levels.map(
    ({ level, touched, tables: all }) => `L${level}: ${touched} of ${all}`,
  );
  const detail = perLevel.length === 0 ? "" : ` (${perLevel.join(", ")})`;
  const { memtableBytes } = database.stats();
  const memory = memtableBytes === 0 ? "" : `, and ${formatBytes(memtableBytes)} in memory`;
  return [
    ...shown,
    `  tables touched: ${tablesTouched} of ${tables}${detail}${memory}`,
    `  rows estimated: ${formatCount(rows)}`,
  ];
}

function conditionText(filter: Filter): string {
  return filter.expressions.map((part) => inAnd(part, filter.expressions.length > 1)).join(" AND ");
}

/** OR binds weaker than the AND it is printed in. */
function inAnd(expression: Expression, several: boolean): string {
  const text = printExpression(expression);
  const isOr = expression.kind === "binary" && expression.operator === "or";
  return several && isOr ? `(${text})` : text;
}

function indented(line: string, depth: number): string {
  return "  ".repeat(depth) + line;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
