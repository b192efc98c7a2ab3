/**
 * What names mean: `RowScope` for expressions over the rows of a relation, `GroupScope` for those over the
 * groups made of them, `constantScope` where there are no rows at all.
 */

import type { ColumnReference, Expression, FunctionCall, Span } from "../../../grammar/ast.ts";
import { equalBytes } from "../../base/bytes.ts";
import { AGGREGATES, isAggregateCall, type Aggregate } from "../expression/aggregates.ts";
import { compileExpression } from "../expression/compile.ts";
import type { Compiled, Scope, StaticType } from "../expression/compiled.ts";

import type { ParameterValues } from "../parameters.ts";
import { signatureOf } from "../expression/functions.ts";
import { didYouMean, Problem, type SourceText } from "../problem.ts";
import type { Datum } from "../value/datum.ts";
import type { Column, RelationDefinition } from "./relations.ts";

/** What every scope of one statement shares. */
export interface StatementContext {
  readonly parameters: ParameterValues;
  readonly nowSeconds: number;
  /** The next whole second, for lifetimes. */
  readonly nextSecond: number;
  readonly source: SourceText | undefined;
}

abstract class BaseScope implements Scope {
  readonly nowSeconds: number;
  protected readonly nextSecond: number;
  readonly #context: StatementContext;

  constructor(context: StatementContext) {
    this.nowSeconds = context.nowSeconds;
    this.nextSecond = context.nextSecond;
    this.#context = context;
  }

  parameter(parameter: number | string, span: Span): Datum {
    return this.#context.parameters.value(parameter, span);
  }

  abstract column(reference: ColumnReference): Compiled;

  compile(expression: Expression): Compiled {
    return compileExpression(expression, this);
  }

  protected unknown(reference: ColumnReference, names: readonly string[]): Problem {
    const quoted = this.#context.source?.text[reference.span.start] === '"';
    const hint = quoted
      ? `text is written in single quotes: '${reference.name}'`
      : didYouMean(reference.name, names);
    return new Problem(`there is no column ${reference.name}`, reference.span, hint);
  }
}

/** No rows: LIMIT, VALUES, the arguments of commands. */
export class ConstantScope extends BaseScope {
  column(reference: ColumnReference): Compiled {
    throw new Problem(
      `the column ${reference.name} cannot be used here`,
      reference.span,
      `text is written in single quotes: '${reference.name}'`,
    );
  }
}

export type Aliases = ReadonlyMap<string, Expression>;

export class RowScope extends BaseScope {
  readonly #columns: ReadonlyMap<string, Column>;
  readonly #relation: RelationDefinition | undefined;
  readonly aliases: Aliases;
  /** An alias is being replaced: names inside it are columns. */
  #insideAlias = false;
  /** What the compiled expressions need to be read from each entry. */
  needsValue = false;
  needsEntry = false;

  constructor(
    context: StatementContext,
    relation?: RelationDefinition,
    aliases: Aliases = new Map(),
  ) {
    super(context);
    this.#relation = relation;
    this.#columns = new Map(relation?.columns.map((column) => [column.name, column]));
    this.aliases = aliases;
  }

  column(reference: ColumnReference): Compiled {
    const column = this.#columns.get(reference.name);
    if (column !== undefined) return this.#read(column);
    const alias = this.aliased(reference);
    if (alias === undefined) throw this.unknown(reference, this.names());
    this.#insideAlias = true;
    try {
      return this.compile(alias);
    } finally {
      this.#insideAlias = false;
    }
  }

  /** The expression an alias stands for, if the name is one and no column. */
  aliased(reference: ColumnReference): Expression | undefined {
    return this.#insideAlias || this.#columns.has(reference.name)
      ? undefined
      : this.aliases.get(reference.name);
  }

  /** Whether an expression is the column `name`, also by an alias. */
  isColumn(expression: Expression, name: string): boolean {
    if (expression.kind !== "reference" || !this.#columns.has(name)) return false;
    if (expression.name === name) return true;
    const alias = this.aliased(expression);
    return alias?.kind === "reference" && alias.name === name;
  }

  hasColumn(name: string): boolean {
    return this.#columns.has(name);
  }

  names(): readonly string[] {
    return [...this.#columns.keys(), ...this.aliases.keys()];
  }

  /** The length of a stored value is known without reading the value. */
  intercept(expression: Expression): Compiled | undefined {
    if (expression.kind !== "call" || expression.name !== "length") return undefined;
    if (this.#relation === undefined || this.#relation.kind === "system") return undefined;
    const [argument] = expression.arguments;
    if (expression.arguments.length !== 1 || argument === undefined || expression.distinct) {
      return undefined;
    }
    if (!this.isColumn(argument, "value")) return undefined;
    this.needsEntry = true;
    return {
      evaluate: (frame) => (frame.deleted ? null : frame.size),
      type: "integer",
      constant: false,
    };
  }

  #read(column: Column): Compiled {
    if (column.needs === "value") this.needsValue = true;
    if (column.needs === "entry") this.needsEntry = true;
    const { read } = column;
    const now = this.nextSecond;
    return { evaluate: (frame) => read(frame, now), type: column.type, constant: false };
  }
}

/** One aggregate of a grouped query; equal calls share one. */
export interface AggregatePlan {
  readonly definition: Aggregate;
  /** Absent for `count(*)`. */
  readonly argument?: Compiled;
  readonly expression: FunctionCall;
  readonly separator?: Compiled;
  readonly distinct: boolean;
  readonly span: Span;
  readonly name: string;
}

export class GroupScope extends BaseScope {
  readonly #rows: RowScope;
  readonly #keys: readonly Expression[];
  readonly #keyTypes: readonly StaticType[];
  readonly #calls: FunctionCall[] = [];
  #insideAlias = false;
  readonly aggregates: AggregatePlan[] = [];

  constructor(
    context: StatementContext,
    rows: RowScope,
    keys: readonly { readonly expression: Expression; readonly compiled: Compiled }[],
  ) {
    super(context);
    this.#rows = rows;
    this.#keys = keys.map((key) => key.expression);
    this.#keyTypes = keys.map((key) => key.compiled.type);
  }

  intercept(expression: Expression): Compiled | undefined {
    if (expression.kind === "literal" || expression.kind === "parameter") return undefined;
    const index = this.#keys.findIndex((key) => isAlike(key, expression));
    if (index >= 0) return field(index, this.#keyTypes[index] ?? "any");
    return expression.kind === "call" && isAggregateCall(expression)
      ? this.#aggregate(expression)
      : undefined;
  }

  column(reference: ColumnReference): Compiled {
    const alias = this.#insideAlias ? undefined : this.#rows.aliased(reference);
    if (alias !== undefined) {
      this.#insideAlias = true;
      try {
        return this.compile(alias);
      } finally {
        this.#insideAlias = false;
      }
    }
    if (!this.#rows.hasColumn(reference.name)) throw this.unknown(reference, this.#rows.names());
    throw new Problem(
      `${reference.name} has many values in a group`,
      reference.span,
      `put it in GROUP BY, or inside an aggregate: max(${reference.name})`,
    );
  }

  #aggregate(call: FunctionCall): Compiled {
    const definition = AGGREGATES[call.name] as Aggregate;
    const known = this.#calls.findIndex((other) => isAlike(other, call));
    const plan = this.aggregates[known] ?? this.#plan(call, definition);
    if (known < 0) {
      this.aggregates.push(plan);
      this.#calls.push(call);
    }
    const index = known < 0 ? this.aggregates.length - 1 : known;
    const type = definition.type(plan.argument?.type ?? "any", call.span);
    return field(this.#keys.length + index, type);
  }

  #plan(call: FunctionCall, definition: Aggregate): AggregatePlan {
    const [argument, separator, ...more] = call.arguments;
    if (call.star ? call.name !== "count" : argument === undefined) {
      throw new Problem(`${call.name} takes a value`, call.span, signatureOf(call.name, true));
    }
    if (more.length > 0 || call.arguments.length > definition.argumentsMax) {
      throw new Problem(`${call.name} takes one value`, call.span, signatureOf(call.name, true));
    }
    return {
      definition,
      ...(argument === undefined ? {} : { argument: this.#rows.compile(argument) }),
      ...(separator === undefined ? {} : { separator: this.#rows.compile(separator) }),
      expression: call,
      distinct: call.distinct,
      span: call.span,
      name: call.name,
    };
  }
}

function field(index: number, type: StaticType): Compiled {
  return { evaluate: (frame) => frame.fields[index] ?? null, type, constant: false };
}

/** Whether two expressions are written alike, wherever they stand. */
function isAlike(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b);
  const [left, right] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
  if (left["kind"] !== right["kind"]) return false;
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => /[sS]pan$/.test(name) || isAlike(left[name], right[name]));
}

/** Whether an expression contains an aggregate. */
export function hasAggregate(expression: Expression | undefined): boolean {
  if (expression === undefined) return false;
  if (expression.kind === "call" && isAggregateCall(expression)) return true;
  return childrenOf(expression).some(hasAggregate);
}

function childrenOf(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case "unary":
    case "isNull":
    case "cast":
      return [node.operand];
    case "binary":
      return [node.left, node.right];
    case "between":
      return [node.operand, node.low, node.high];
    case "in":
      return [node.operand, ...node.items];
    case "like":
      return [node.operand, node.pattern];
    case "startsWith":
      return [node.operand, node.prefix];
    case "case":
      return [
        ...(node.operand === undefined ? [] : [node.operand]),
        ...node.branches.flatMap(({ when, then }) => [when, then]),
        ...(node.otherwise === undefined ? [] : [node.otherwise]),
      ];
    case "call":
      return node.arguments;
    default:
      return [];
  }
}
