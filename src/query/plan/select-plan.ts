/**
 * Plans a SELECT: gives names their meaning, turns conditions on `key` into points and ranges, and leaves
 * out whatever the order of the keys makes unnecessary. Reads nothing but the database's latest version.
 */

import type {
  ColumnReference,
  Expression,
  OrderTerm,
  Relation,
  SelectStatement,
} from "../../../grammar/ast.ts";
import { printExpression } from "../../../grammar/index.ts";
import { toBytes } from "../../base/bytes.ts";
import type { Version } from "../../base/ids.ts";
import type { Database } from "../../database/contract.ts";
import { describeDatum, NO_FRAME, type Compiled } from "../expression/compiled.ts";
import { compileCondition } from "../expression/logic.ts";

import { didYouMean, Problem } from "../problem.ts";
import { unboxed, type Datum } from "../value/datum.ts";
import { splitCondition } from "./key-predicate.ts";
import { ALL_KEYS, intersect, NO_KEYS, prefixSet, type KeySet } from "./key-range.ts";
import type { Access, Filter, Grouping, SelectPlan, SortTerm } from "./plan.ts";
import { RELATIONS, type RelationDefinition } from "./relations.ts";
import {
  ConstantScope,
  GroupScope,
  hasAggregate,
  RowScope,
  type StatementContext,
} from "./scopes.ts";

export function planSelect(
  statement: SelectStatement,
  database: Database,
  context: StatementContext,
): SelectPlan {
  const { from } = statement;
  const relation = from === undefined ? undefined : relationOf(from);
  const columns = expandColumns(statement, relation);
  const aliases = new Map(
    columns.flatMap((column) =>
      column.alias === undefined ? [] : [[column.alias.toLowerCase(), column.expression]],
    ),
  );
  const rows = new RowScope(context, relation, aliases);
  const located = locate(from, relation, statement.where, rows, context);
  const grouped = planGroups(statement, columns, rows, context);
  const scope = grouped?.scope ?? rows;
  const outputs = columns.map((column) => ({
    name: nameOf(column, context),
    compiled: scope.compile(column.expression),
  }));
  const terms = statement.orderBy.map((term) => orderExpression(term, columns));
  const having = filterOf(statement.having === undefined ? [] : [statement.having], scope);
  const grouping = grouped === undefined ? undefined : { ...grouped.grouping, having };
  const natural =
    grouping === undefined ? naturalOrder(statement.orderBy, terms, relation, rows) : undefined;
  const sort =
    natural === undefined
      ? terms.map((term, i) => sortTerm(scope.compile(term), statement.orderBy[i]))
      : [];
  const constants = new ConstantScope(context);
  const limit = rowCount(statement.limit, constants, "LIMIT") ?? Number.POSITIVE_INFINITY;
  const offset = rowCount(statement.offset, constants, "OFFSET") ?? 0;
  const streams =
    located.filter === undefined &&
    grouping === undefined &&
    !statement.distinct &&
    sort.length === 0;
  const edge = located.filter === undefined ? edgeOf(grouping, rows) : undefined;
  const access = planAccess({
    relation,
    keys: limit === 0 && grouping === undefined ? NO_KEYS : located.keys,
    at: versionOf(from, relation, database, constants),
    reverse: natural === "reverse" || edge === "last",
    rows,
    limit: edge !== undefined ? 1 : streams && Number.isFinite(limit) ? offset + limit : undefined,
    counts: located.filter === undefined && onlyCounts(grouping),
  });
  return {
    statement,
    access,
    filter: located.filter,
    grouping,
    columns: outputs,
    distinct: statement.distinct,
    sort,
    limit,
    offset,
  };
}

// ------------------------------------------------------------------ relations

function relationOf(from: Relation): RelationDefinition {
  const relation = RELATIONS.get(from.name);
  if (relation === undefined) {
    throw new Problem(
      `there is no relation ${from.name}`,
      from.nameSpan,
      didYouMean(from.name, [...RELATIONS.keys()]),
    );
  }
  if (relation.kind === "system" && (from.prefix ?? from.atVersion) !== undefined) {
    const what = from.prefix === undefined ? "AT VERSION" : "PREFIX";
    throw new Problem(`${from.name} does not take ${what}`, from.span, "kv and history do");
  }
  return relation;
}

/** The version a relation is read at, or `undefined` for the present. */
function versionOf(
  from: Relation | undefined,
  relation: RelationDefinition | undefined,
  database: Database,
  scope: ConstantScope,
): Version | undefined {
  if (from?.atVersion === undefined || relation?.kind === "system") return undefined;
  return versionNumber(from.atVersion, database, scope);
}

/** The value of an `AT VERSION` expression: a version that has been reached. */
export function versionNumber(
  expression: Expression,
  database: Database,
  scope: ConstantScope,
): Version {
  const version = rowCount(expression, scope, "AT VERSION");
  const latest = database.stats().version;
  if (version === undefined) {
    throw new Problem("AT VERSION takes a whole number, found null", expression.span);
  }
  if (version > latest) {
    throw new Problem(
      `version ${version} has not been written yet`,
      expression.span,
      `the latest version is ${latest}`,
    );
  }
  return version;
}

// -------------------------------------------------------------------- columns

interface PlannedColumn {
  readonly expression: Expression;
  readonly alias?: string;
}

function expandColumns(
  statement: SelectStatement,
  relation: RelationDefinition | undefined,
): PlannedColumn[] {
  return statement.columns.flatMap((column): PlannedColumn[] => {
    if (column.kind === "column") return [column];
    if (relation === undefined) throw new Problem("* needs a FROM", column.span);
    return relation.columns.map(({ name }): PlannedColumn => {
      const expression: ColumnReference = { kind: "reference", name, span: column.span };
      return { expression };
    });
  });
}

function nameOf(column: PlannedColumn, context: StatementContext): string {
  const { expression, alias } = column;
  if (alias !== undefined) return alias;
  if (expression.kind === "reference") return expression.name;
  const written = context.source?.text.slice(expression.span.start, expression.span.end);
  return written === undefined || written.includes("\n") ? printExpression(expression) : written;
}

// ----------------------------------------------------------------- conditions

function locate(
  from: Relation | undefined,
  relation: RelationDefinition | undefined,
  where: Expression | undefined,
  rows: RowScope,
  context: StatementContext,
): { keys: KeySet; filter: Filter | undefined } {
  let keys = from?.prefix === undefined ? ALL_KEYS : prefixKeys(from.prefix, context);
  if (where === undefined) return { keys, filter: undefined };
  // First the whole condition: it is checked even where keys alone will answer it.
  const probe = new RowScope(context, relation, rows.aliases);
  compileCondition(where, (expression) => probe.compile(expression));
  if (relation === undefined || relation.kind === "system") {
    return { keys, filter: filterOf([where], rows) };
  }
  const { keys: found, residual } = splitCondition(where, {
    isKey: (expression) => rows.isColumn(expression, "key"),
    constant: (expression) => constantIn(expression, probe),
  });
  keys = intersect(keys, found);
  return { keys, filter: filterOf(residual, rows) };
}

function constantIn(expression: Expression, scope: RowScope): Datum | undefined {
  return scope.compile(expression).folded?.datum;
}

/** The keys under the value of a `PREFIX` expression. */
export function prefixKeys(prefix: Expression, context: StatementContext): KeySet {
  const bytes = prefixBytes(prefix, context);
  return bytes === undefined ? NO_KEYS : prefixSet(bytes);
}

/** The value of a `PREFIX` expression; `undefined` for null. */
export function prefixBytes(prefix: Expression, context: StatementContext): Uint8Array | undefined {
  const datum = valueOf(new ConstantScope(context), prefix);
  if (datum === null) return undefined;
  if (typeof datum === "string" || datum instanceof Uint8Array) return toBytes(datum);
  throw new Problem(`a prefix is text or bytes, found ${describeDatum(datum)}`, prefix.span);
}

/** The value of an expression without columns. */
export function valueOf(scope: ConstantScope, expression: Expression): Datum {
  return unboxed(scope.compile(expression).evaluate(NO_FRAME));
}

function filterOf(
  expressions: readonly Expression[],
  scope: RowScope | GroupScope,
): Filter | undefined {
  const [first, ...rest] = expressions;
  if (first === undefined) return undefined;
  const whole = rest.reduce(
    (left, right): Expression => ({
      kind: "binary",
      operator: "and",
      operatorSpan: right.span,
      left,
      right,
      span: { start: left.span.start, end: right.span.end },
    }),
    first,
  );
  return {
    condition: compileCondition(whole, (expression) => scope.compile(expression)),
    expressions,
  };
}

// --------------------------------------------------------------------- groups

function planGroups(
  statement: SelectStatement,
  columns: readonly PlannedColumn[],
  rows: RowScope,
  context: StatementContext,
): { grouping: Grouping; scope: GroupScope } | undefined {
  const aggregates =
    columns.some((column) => hasAggregate(column.expression)) ||
    hasAggregate(statement.having) ||
    statement.orderBy.some((term) => hasAggregate(term.expression));
  if (statement.groupBy.length === 0 && !aggregates) {
    if (statement.having === undefined) return undefined;
    throw new Problem("HAVING needs GROUP BY or an aggregate", statement.having.span, "use WHERE");
  }
  const keys = statement.groupBy.map((term) => {
    const expression = ordinal(term, columns, "GROUP BY") ?? aliasOf(term, rows) ?? term;
    return { expression, compiled: rows.compile(expression) };
  });
  const scope = new GroupScope(context, rows, keys);
  const grouping: Grouping = {
    keys: keys.map((key) => key.compiled),
    keyExpressions: keys.map((key) => key.expression),
    aggregates: scope.aggregates,
    having: undefined,
  };
  return { grouping, scope };
}

function aliasOf(term: Expression, rows: RowScope): Expression | undefined {
  return term.kind === "reference" ? rows.aliased(term) : undefined;
}

/** `GROUP BY 2`, `ORDER BY 2`: the second column. */
function ordinal(
  term: Expression,
  columns: readonly PlannedColumn[],
  clause: string,
): Expression | undefined {
  if (term.kind !== "literal" || term.type !== "number") return undefined;
  const column = columns[term.value - 1];
  if (column !== undefined) return column.expression;
  throw new Problem(`${clause} ${term.text}: there are ${columns.length} columns`, term.span);
}

// ---------------------------------------------------------------------- order

/** What a term of ORDER BY sorts by: an alias wins over a column of the same name. */
function orderExpression(term: OrderTerm, columns: readonly PlannedColumn[]): Expression {
  const { expression } = term;
  const column = ordinal(expression, columns, "ORDER BY");
  if (column !== undefined) return column;
  if (expression.kind !== "reference") return expression;
  const named = columns.find((candidate) => candidate.alias?.toLowerCase() === expression.name);
  return named?.expression ?? expression;
}

function sortTerm(compiled: Compiled, term: OrderTerm | undefined): SortTerm {
  return { compiled, descending: term?.descending === true };
}

/**
 * Whether the scan gives the order asked for: keys are unique in `kv`, so nothing after `key` matters there;
 * `history` is ordered by key and then by version, newest first.
 */
function naturalOrder(
  orderBy: readonly OrderTerm[],
  terms: readonly Expression[],
  relation: RelationDefinition | undefined,
  rows: RowScope,
): "forward" | "reverse" | undefined {
  const [first, second] = orderBy;
  if (first === undefined) return "forward";
  const [firstTerm, secondTerm] = terms;
  if (firstTerm === undefined || !rows.isColumn(firstTerm, "key")) return undefined;
  if (relation?.kind === "entries") return first.descending ? "reverse" : "forward";
  if (relation?.kind !== "versions" || first.descending) return undefined;
  if (second === undefined || secondTerm === undefined) return "forward";
  return second.descending && rows.isColumn(secondTerm, "version") ? "forward" : undefined;
}

// --------------------------------------------------------------------- access

function planAccess(parts: {
  relation: RelationDefinition | undefined;
  keys: KeySet;
  at: Version | undefined;
  reverse: boolean;
  rows: RowScope;
  limit: number | undefined;
  counts: boolean;
}): Access {
  const { relation, keys, at } = parts;
  if (relation === undefined) return { kind: "none" };
  if (relation.kind === "system") return { kind: "system", relation };
  if (parts.counts && relation.kind === "entries") return { kind: "count", keys, at };
  return {
    kind: "entries",
    versions: relation.kind === "versions",
    keys,
    reverse: parts.reverse,
    needsValue: parts.rows.needsValue,
    needsEntry: parts.rows.needsEntry,
    limit: parts.limit,
    at,
  };
}

/** Whether all a grouped query needs of its rows is how many there are. */
function onlyCounts(grouping: Grouping | undefined): boolean {
  return (
    grouping !== undefined &&
    grouping.keys.length === 0 &&
    grouping.aggregates.every(({ name, argument }) => name === "count" && argument === undefined)
  );
}

/** `min(key)` and `max(key)` alone need the first or last key of each range only. */
function edgeOf(grouping: Grouping | undefined, rows: RowScope): "first" | "last" | undefined {
  const [only, more] = grouping?.aggregates ?? [];
  if (only === undefined || more !== undefined || grouping?.keys.length !== 0) return undefined;
  const [argument] = only.expression.arguments;
  if (argument === undefined || !rows.isColumn(argument, "key")) return undefined;
  return only.name === "min" ? "first" : only.name === "max" ? "last" : undefined;
}

/** The value of LIMIT and the like: a whole number from 0, or `undefined` for null or nothing. */
export function rowCount(
  expression: Expression | undefined,
  scope: ConstantScope,
  clause: string,
): number | undefined {
  if (expression === undefined) return undefined;
  const datum = valueOf(scope, expression);
  if (datum === null) return undefined;
  if (typeof datum === "number" && Number.isSafeInteger(datum) && datum >= 0) return datum;
  const found = typeof datum === "number" ? String(datum) : describeDatum(datum);
  throw new Problem(`${clause} takes a whole number from 0, found ${found}`, expression.span);
}
