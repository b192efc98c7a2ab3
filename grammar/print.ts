/**
 * Trees → canonical text: upper-case keywords, one space, brackets only where the tree needs them.
 * parse(print(s)) is s again apart from spans; positional parameters keep their order.
 */

import type { ImportStatement, InsertStatement, Relation, SelectStatement } from "./ast.ts";
import type { Expression, PutStatement, SelectColumn, Statement } from "./ast.ts";
import { quoted, quoteName } from "./literals.ts";
import { printExpression } from "./print-expression.ts";

export { printExpression };

/** The statement as text, without a semicolon. */
export function print(statement: Statement): string {
  switch (statement.kind) {
    case "select":
      return printSelect(statement);
    case "insert":
      return printInsert(statement);
    case "update":
      return words(
        `UPDATE ${printRelation(statement.relation)} SET`,
        statement.assignments
          .map(({ column, value }) => `${quoteName(column.name)} = ${printExpression(value)}`)
          .join(", "),
        clause("WHERE", statement.where),
      );
    case "delete":
      return words(
        `DELETE FROM ${printRelation(statement.relation)}`,
        clause("WHERE", statement.where),
      );
    case "put":
      return printPut(statement);
    case "get":
      return `GET ${list(statement.keys)}`;
    case "del":
      return `DEL ${list(statement.keys)}`;
    case "scan":
      return words(
        clause("SCAN", statement.prefix) ?? "SCAN",
        clause("LIMIT", statement.limit),
        statement.reverse && "REVERSE",
      );
    case "count":
      return clause("COUNT", statement.prefix) ?? "COUNT";
    case "watch":
      return clause("WATCH", statement.prefix) ?? "WATCH";
    case "history":
      return `HISTORY ${printExpression(statement.key)}`;
    case "begin":
      return words(
        "BEGIN",
        statement.readOnly && "READ ONLY",
        clause("AT VERSION", statement.atVersion),
      );
    case "commit":
      return "COMMIT";
    case "rollback":
      return "ROLLBACK";
    case "explain":
      return words("EXPLAIN", statement.analyze && "ANALYZE", print(statement.statement));
    case "import":
      return printImport(statement);
    case "export":
      return words("EXPORT", printSelect(statement.query), "TO", printFile(statement));
    case "backup":
      return words(`BACKUP TO ${quoted(statement.path, "'")}`, clause("SINCE", statement.since));
    case "restore":
      return `RESTORE FROM ${quoted(statement.path, "'")}`;
    case "maintenance":
      return statement.action.toUpperCase();
    case "drop":
      return `DROP ${clause("PREFIX", statement.prefix) ?? "ALL"}`;
  }
}

type Part = string | false | undefined;

function words(...parts: readonly Part[]): string {
  return parts.filter((part) => typeof part === "string" && part !== "").join(" ");
}

function clause(keyword: string, expression: Expression | undefined): string | undefined {
  return expression === undefined ? undefined : `${keyword} ${printExpression(expression)}`;
}

function list(expressions: readonly Expression[]): string {
  return expressions.map(printExpression).join(", ");
}

function printSelect(select: SelectStatement): string {
  const { from, groupBy, orderBy } = select;
  const order = orderBy.map((term) =>
    words(printExpression(term.expression), term.descending && "DESC"),
  );
  return words(
    "SELECT",
    select.distinct && "DISTINCT",
    select.columns.map(printColumn).join(", "),
    from !== undefined && `FROM ${printRelation(from)}`,
    clause("WHERE", select.where),
    groupBy.length > 0 && `GROUP BY ${list(groupBy)}`,
    clause("HAVING", select.having),
    order.length > 0 && `ORDER BY ${order.join(", ")}`,
    clause("LIMIT", select.limit),
    clause("OFFSET", select.offset),
  );
}

function printColumn(column: SelectColumn): string {
  if (column.kind === "star") return "*";
  const { expression, alias } = column;
  return words(printExpression(expression), alias !== undefined && `AS ${quoteName(alias)}`);
}

function printRelation(relation: Relation): string {
  return words(
    quoteName(relation.name),
    ...inParameterOrder([
      ["PREFIX", relation.prefix],
      ["AT VERSION", relation.atVersion],
    ]),
  );
}

function printInsert(insert: InsertStatement): string {
  const { columns, source, onConflict } = insert;
  const names = columns.map((column) => quoteName(column.name)).join(", ");
  return words(
    `INSERT INTO ${printRelation(insert.relation)}`,
    columns.length > 0 && `(${names})`,
    source.kind === "query"
      ? printSelect(source.query)
      : `VALUES ${source.rows.map((row) => `(${list(row)})`).join(", ")}`,
    onConflict !== "error" && `ON CONFLICT DO ${onConflict.toUpperCase()}`,
  );
}

function printPut(put: PutStatement): string {
  return words(
    `PUT ${standingAlone(put.key)} ${standingAlone(put.value)}`,
    ...inParameterOrder([
      ["TTL", put.ttl],
      ["META", put.meta],
    ]),
  );
}

const CLOSED: ReadonlySet<string> = new Set(["literal", "parameter", "call", "case", "cast"]);

/** Two expressions side by side: neither may run on into the other, as `a -1` and `a starts(1)` would. */
function standingAlone(expression: Expression): string {
  const text = printExpression(expression);
  return CLOSED.has(expression.kind) && !text.startsWith("starts(") ? text : `(${text})`;
}

function printImport(statement: ImportStatement): string {
  return words(
    "IMPORT",
    printFile(statement),
    ...inParameterOrder([
      ["KEY", statement.key],
      ["VALUE", statement.value],
      ["TTL", statement.ttl],
    ]),
    statement.skipErrors && "SKIP ERRORS",
  );
}

function printFile({ path, format }: { path: string; format?: string }): string {
  return words(quoted(path, "'"), format !== undefined && `AS ${format.toUpperCase()}`);
}

/**
 * Clauses that may come in any order, in the usual one, except that those with a `?` come in the order
 * of their parameters: the first `?` of the text must stay the first.
 */
function inParameterOrder(
  clauses: readonly (readonly [keyword: string, expression: Expression | undefined])[],
): readonly Part[] {
  const indexes = clauses.map(([, expression]) => firstParameter(expression));
  const ranked = clauses
    .filter((_, i) => indexes[i] !== undefined)
    .toSorted(([, a], [, b]) => (firstParameter(a) ?? 0) - (firstParameter(b) ?? 0));
  return clauses
    .map((each, i) => (indexes[i] === undefined ? each : (ranked.shift() ?? each)))
    .map(([keyword, expression]) => clause(keyword, expression));
}

/** Lowest index of a `?` below. */
function firstParameter(part: unknown): number | undefined {
  if (typeof part !== "object" || part === null || ArrayBuffer.isView(part)) return undefined;
  if ("kind" in part && part.kind === "parameter" && "index" in part) return part.index as number;
  return Object.values(part)
    .map(firstParameter)
    .reduce(
      (least, each) => (each === undefined ? least : Math.min(least ?? each, each)),
      undefined,
    );
}
