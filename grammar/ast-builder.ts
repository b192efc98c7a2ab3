/**
 * Concrete syntax tree → statements. One method per rule of the grammar: `implements` makes a rule
 * without a method a compile error. Says no only to what the grammar cannot express, by throwing a
 * `Problem`.
 */

import type { IToken } from "chevrotain";
import type {
  Assignment,
  BackupStatement,
  BeginStatement,
  DeleteStatement,
  DropStatement,
  ExportStatement,
  Expression,
  FileFormat,
  Identifier,
  ImportStatement,
  InsertStatement,
  MaintenanceStatement,
  OrderTerm,
  PutStatement,
  Relation,
  RestoreStatement,
  ScanStatement,
  SelectColumn,
  SelectStatement,
  Span,
  Statement,
  UpdateStatement,
} from "./ast.ts";
import { between, type Children, node, nodes, type RuleName, token, tokens } from "./cst.ts";
import { ExpressionBuilder } from "./expression-builder.ts";
import { unquote } from "./literals.ts";
import { Problem } from "./problem.ts";

type OneMethodPerRule = Record<Exclude<RuleName, "script">, (...args: never[]) => unknown>;

export class AstBuilder extends ExpressionBuilder implements OneMethodPerRule {
  /** `span` is the statement's own, without the semicolon. */
  statement(c: Children, span: Span): Statement {
    const [explain] = tokens(c, "EXPLAIN");
    if (explain === undefined) return this.#plain(c, span);
    const { EXPLAIN: _explain, ANALYZE: _analyze, ...explained } = c;
    const statement = this.#plain(c, this.#extent(explained));
    return { kind: "explain", analyze: "ANALYZE" in c, statement, span };
  }

  #plain(c: Children, span: Span): Statement {
    if ("select" in c) return this.select(node(c, "select"), span);
    if ("put" in c) return this.put(node(c, "put"), span);
    if ("get" in c) return { kind: "get", keys: this.get(node(c, "get")), span };
    if ("del" in c) return { kind: "del", keys: this.del(node(c, "del")), span };
    if ("scan" in c) return this.scan(node(c, "scan"), span);
    if ("count" in c) return { kind: "count", ...this.count(node(c, "count")), span };
    if ("history" in c) return { kind: "history", key: this.history(node(c, "history")), span };
    if ("insert" in c) return this.insert(node(c, "insert"), span);
    if ("update" in c) return this.update(node(c, "update"), span);
    if ("delete" in c) return this.delete(node(c, "delete"), span);
    if ("watch" in c) return { kind: "watch", ...this.watch(node(c, "watch")), span };
    if ("begin" in c) return this.begin(node(c, "begin"), span);
    if ("COMMIT" in c) return { kind: "commit", span };
    if ("ROLLBACK" in c) return { kind: "rollback", span };
    if ("import" in c) return this.import(node(c, "import"), span);
    if ("export" in c) return this.export(node(c, "export"), span);
    if ("backup" in c) return this.backup(node(c, "backup"), span);
    if ("restore" in c) return this.restore(node(c, "restore"), span);
    if ("drop" in c) return this.drop(node(c, "drop"), span);
    const action = token(c, "maintenance").image.toLowerCase() as MaintenanceStatement["action"];
    return { kind: "maintenance", action, span };
  }

  /** The part `name`, built by `build`, as an object to spread: empty if the part was left out. */
  #optional<K extends string, V>(
    c: Children,
    part: string,
    name: K,
    build: (part: Children) => V,
  ): { [key in K]?: V } {
    const [first] = nodes(c, part);
    return first === undefined ? {} : ({ [name]: build(first) } as { [key in K]?: V });
  }

  readonly #expression = (c: Children): Expression => this.expression(c);

  #all(c: Children, name: string): readonly Expression[] {
    return nodes(c, name).map(this.#expression);
  }

  /** Clauses that may come in any order must still come once. */
  #once(c: Children, ...clauses: readonly (readonly [part: string, word: string])[]): void {
    for (const [part, word] of clauses) {
      if ((c[part]?.length ?? 0) > 1) {
        throw new Problem(`${word} is given twice`, this.#secondSpan(c, part, word));
      }
    }
  }

  #secondSpan(c: Children, part: string, word: string): Span {
    const own = tokens(c, word)[1];
    if (own !== undefined) return this.spanOf(own);
    return this.spanOf(token(nodes(c, part)[1] as Children, word));
  }

  // ---------------------------------------------------------- SQL statements

  select(c: Children, span: Span): SelectStatement {
    return {
      kind: "select",
      distinct: "DISTINCT" in c,
      columns: nodes(c, "selectColumn").map((each) => this.selectColumn(each)),
      ...this.#optional(c, "relation", "from", (each) => this.relation(each)),
      ...this.#optional(c, "where", "where", (each) => this.where(each)),
      groupBy: this.#all(c, "groupBy"),
      ...this.#optional(c, "having", "having", this.#expression),
      orderBy: nodes(c, "orderTerm").map((each) => this.orderTerm(each)),
      ...this.#optional(c, "limit", "limit", (each) => this.limit(each)),
      ...this.#optional(c, "offset", "offset", this.#expression),
      span,
    };
  }

  selectColumn(c: Children): SelectColumn {
    const [star] = tokens(c, "Star");
    if (star !== undefined) return { kind: "star", span: this.spanOf(star) };
    const expression = this.expression(node(c, "expression"));
    const [alias] = tokens(c, "alias");
    if (alias === undefined) return { kind: "column", expression, span: expression.span };
    const span = { start: expression.span.start, end: this.spanOf(alias).end };
    return { kind: "column", expression, alias: this.nameOf(alias), span };
  }

  relation(c: Children): Relation {
    this.#once(c, ["prefix", "PREFIX"], ["atVersion", "AT"]);
    const name = token(c, "relation");
    const nameSpan = this.spanOf(name);
    const prefix = this.#optional(c, "prefix", "prefix", (each) => this.prefix(each));
    const atVersion = this.#optional(c, "atVersion", "atVersion", (each) => this.atVersion(each));
    const ends = [nameSpan.end, prefix.prefix?.span.end ?? 0, atVersion.atVersion?.span.end ?? 0];
    const span = { start: nameSpan.start, end: Math.max(...ends) };
    return {
      kind: "relation",
      name: this.nameOf(name).toLowerCase(),
      nameSpan,
      ...prefix,
      ...atVersion,
      span,
    };
  }

  target(c: Children): Relation {
    return this.relation(c);
  }

  prefix(c: Children): Expression {
    return this.expression(node(c, "expression"));
  }

  atVersion(c: Children): Expression {
    return this.expression(node(c, "expression"));
  }

  where(c: Children): Expression {
    return this.expression(node(c, "expression"));
  }

  orderTerm(c: Children): OrderTerm {
    const expression = this.expression(node(c, "expression"));
    const direction = tokens(c, "ASC")[0] ?? tokens(c, "DESC")[0];
    const end = direction === undefined ? expression.span.end : this.spanOf(direction).end;
    const span = { start: expression.span.start, end };
    return { kind: "order", expression, descending: "DESC" in c, span };
  }

  limit(c: Children): Expression {
    return this.expression(node(c, "expression"));
  }

  insert(c: Children, span: Span): InsertStatement {
    const [query] = nodes(c, "select");
    return {
      kind: "insert",
      relation: this.relation(c),
      columns: tokens(c, "column").map((each) => this.#identifier(each)),
      source:
        query === undefined
          ? { kind: "values", rows: nodes(c, "row").map((each) => this.row(each)) }
          : { kind: "query", query: this.select(query, this.#extent(query)) },
      onConflict: "onConflict" in c ? this.onConflict(node(c, "onConflict")) : "error",
      span,
    };
  }

  /** From the first token below to the last one. */
  #extent(c: Children): Span {
    let [start, end] = [Number.POSITIVE_INFINITY, 0];
    for (const element of Object.values(c).flat()) {
      const its = "image" in element ? this.spanOf(element) : this.#extent(element.children);
      start = Math.min(start, its.start);
      end = Math.max(end, its.end);
    }
    return { start, end };
  }

  #identifier(name: IToken): Identifier {
    return { kind: "identifier", name: this.nameOf(name), span: this.spanOf(name) };
  }

  onConflict(c: Children): InsertStatement["onConflict"] {
    return "NOTHING" in c ? "nothing" : "replace";
  }

  update(c: Children, span: Span): UpdateStatement {
    return {
      kind: "update",
      relation: this.target(node(c, "target")),
      assignments: nodes(c, "assignment").map((each) => this.assignment(each)),
      ...this.#optional(c, "where", "where", (each) => this.where(each)),
      span,
    };
  }

  assignment(c: Children): Assignment {
    const column = this.#identifier(token(c, "column"));
    const value = this.expression(node(c, "expression"));
    return { kind: "assignment", column, value, span: between(column, value) };
  }

  delete(c: Children, span: Span): DeleteStatement {
    return {
      kind: "delete",
      relation: this.target(node(c, "target")),
      ...this.#optional(c, "where", "where", (each) => this.where(each)),
      span,
    };
  }

  // ---------------------------------------------------- key-value statements

  put(c: Children, span: Span): PutStatement {
    this.#once(c, ["ttl", "TTL"], ["meta", "META"]);
    return {
      kind: "put",
      key: this.expression(node(c, "key")),
      value: this.expression(node(c, "value")),
      ...this.#optional(c, "ttl", "ttl", (each) => this.ttl(each)),
      ...this.#optional(c, "meta", "meta", this.#expression),
      span,
    };
  }

  ttl(c: Children): Expression {
    return this.expression(node(c, "expression"));
  }

  get(c: Children): readonly Expression[] {
    return this.#all(c, "expression");
  }

  del(c: Children): readonly Expression[] {
    return this.#all(c, "expression");
  }

  scan(c: Children, span: Span): ScanStatement {
    this.#once(c, ["limit", "LIMIT"], ["REVERSE", "REVERSE"]);
    return {
      kind: "scan",
      ...this.#optional(c, "expression", "prefix", this.#expression),
      ...this.#optional(c, "limit", "limit", (each) => this.limit(each)),
      reverse: "REVERSE" in c,
      span,
    };
  }

  count(c: Children): { prefix?: Expression } {
    return this.#optional(c, "expression", "prefix", this.#expression);
  }

  history(c: Children): Expression {
    return this.expression(node(c, "expression"));
  }

  watch(c: Children): { prefix?: Expression } {
    return this.#optional(c, "expression", "prefix", this.#expression);
  }

  // ----------------------------------------- transactions, files, maintenance

  begin(c: Children, span: Span): BeginStatement {
    return {
      kind: "begin",
      readOnly: "READ" in c,
      ...this.#optional(c, "atVersion", "atVersion", (each) => this.atVersion(each)),
      span,
    };
  }

  import(c: Children, span: Span): ImportStatement {
    this.#once(c, ["key", "KEY"], ["value", "VALUE"], ["ttl", "TTL"], ["SKIP", "SKIP"]);
    return {
      kind: "import",
      path: this.#path(c),
      ...this.#optional(c, "format", "format", (each) => this.format(each)),
      ...this.#optional(c, "key", "key", this.#expression),
      ...this.#optional(c, "value", "value", this.#expression),
      ...this.#optional(c, "ttl", "ttl", (each) => this.ttl(each)),
      skipErrors: "SKIP" in c,
      span,
    };
  }

  #path(c: Children): string {
    const path = token(c, "path");
    if (path.image === "''") throw new Problem("a file name cannot be empty", this.spanOf(path));
    return unquote(path.image);
  }

  export(c: Children, span: Span): ExportStatement {
    const query = node(c, "select");
    return {
      kind: "export",
      query: this.select(query, this.#extent(query)),
      path: this.#path(c),
      ...this.#optional(c, "format", "format", (each) => this.format(each)),
      span,
    };
  }

  format(c: Children): FileFormat {
    return token(c, "format").image.toLowerCase() as FileFormat;
  }

  backup(c: Children, span: Span): BackupStatement {
    return {
      kind: "backup",
      path: this.#path(c),
      ...this.#optional(c, "expression", "since", this.#expression),
      span,
    };
  }

  restore(c: Children, span: Span): RestoreStatement {
    return { kind: "restore", path: this.#path(c), span };
  }

  drop(c: Children, span: Span): DropStatement {
    return {
      kind: "drop",
      ...this.#optional(c, "prefix", "prefix", (each) => this.prefix(each)),
      span,
    };
  }
}
