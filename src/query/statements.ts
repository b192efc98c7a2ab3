/** The short commands in terms of SELECT, and text with a single statement as that statement. */

import type {
  CountStatement,
  Expression,
  GetStatement,
  HistoryStatement,
  Relation,
  ScanStatement,
  SelectColumn,
  SelectStatement,
  Span,
  Statement,
} from "../../grammar/ast.ts";
import { parse, type ParseOptions, type ParseResult } from "../../grammar/index.ts";
import { StatementError } from "../base/errors.ts";
import type { SourceText } from "./problem.ts";

/** Parses a text or throws `ERR_SYNTAX`; text that stops in the middle is an error here. */
export function parseText(source: SourceText): ParseResult & { kind: "ok" } {
  const options: ParseOptions = {
    ...(source.file === undefined ? {} : { file: source.file }),
    ...(source.firstLine === undefined ? {} : { firstLine: source.firstLine }),
  };
  const result = parse(source.text, options);
  if (result.kind === "ok") return result;
  const { message, ...fields } = result.diagnostic;
  throw new StatementError("ERR_SYNTAX", message, fields);
}

/** The one statement of a text. */
export function parseStatement(source: SourceText): Statement {
  const { statements } = parseText(source);
  const [first, second] = statements;
  if (first !== undefined && second === undefined) return first.statement;
  const message =
    first === undefined
      ? "there is no statement"
      : "there is more than one statement; run them one after the other";
  throw new StatementError("ERR_SYNTAX", message, {
    offset: second?.start ?? 0,
    line: source.firstLine ?? 1,
    column: 1,
  });
}

function selectFrom(
  name: "kv" | "history",
  span: Span,
  parts: Partial<SelectStatement> & { prefix?: Expression | undefined },
): SelectStatement {
  const { prefix, ...others } = parts;
  const from: Relation = {
    kind: "relation",
    name,
    nameSpan: span,
    span,
    ...(prefix === undefined ? {} : { prefix }),
  };
  const star: SelectColumn = { kind: "star", span };
  return {
    kind: "select",
    distinct: false,
    columns: [star],
    from,
    groupBy: [],
    orderBy: [],
    span,
    ...others,
  };
}

function reference(name: string, span: Span): Expression {
  return { kind: "reference", name, span };
}

function named(names: readonly string[], span: Span): SelectColumn[] {
  return names.map((name) => ({ kind: "column", expression: reference(name, span), span }));
}

function selectOfScan(statement: ScanStatement): SelectStatement {
  const { span, prefix, limit, reverse } = statement;
  return selectFrom("kv", span, {
    prefix,
    columns: named(["key", "value"], span),
    orderBy: [{ kind: "order", expression: reference("key", span), descending: reverse, span }],
    ...(limit === undefined ? {} : { limit }),
  });
}

function selectOfCount(statement: CountStatement): SelectStatement {
  const { span, prefix } = statement;
  const count: Expression = {
    kind: "call",
    name: "count",
    nameSpan: span,
    star: true,
    distinct: false,
    arguments: [],
    span,
  };
  return selectFrom("kv", span, {
    prefix,
    columns: [{ kind: "column", expression: count, alias: "count", span }],
  });
}

function selectOfHistory(statement: HistoryStatement): SelectStatement {
  const { span, key } = statement;
  return selectFrom("history", span, {
    where: {
      kind: "binary",
      operator: "=",
      operatorSpan: key.span,
      left: reference("key", span),
      right: key,
      span,
    },
  });
}

/** For EXPLAIN only: GET itself reads its keys in the order they are written. */
export function selectOfGet(statement: GetStatement): SelectStatement {
  const { span, keys } = statement;
  return selectFrom("kv", span, {
    columns: named(["key", "value"], span),
    where: { kind: "in", operand: reference("key", span), items: keys, negated: false, span },
  });
}

/** The SELECT that a statement which gives rows stands for. */
export function selectOf(statement: Statement): SelectStatement | undefined {
  switch (statement.kind) {
    case "select":
      return statement;
    case "scan":
      return selectOfScan(statement);
    case "count":
      return selectOfCount(statement);
    case "history":
      return selectOfHistory(statement);
    default:
      return undefined;
  }
}
