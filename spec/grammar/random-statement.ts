/**
 * Random syntax trees: every kind of statement and expression, awkward names and literals included.
 * Spans are empty. Parts are made in the order of the text, so that `?` gets the index it will be
 * printed at.
 */

import type {
  BinaryOperator,
  Expression,
  FileFormat,
  Literal,
  OrderTerm,
  Relation,
  SelectColumn,
  SelectStatement,
  Statement,
} from "../../grammar/index.ts";

const span = { start: 0, end: 0 };

const NAMES = [
  "key",
  "value",
  "ttl",
  "count",
  "json",
  "prefix",
  "starts",
  "city",
  "_a1",
  "città",
  "日本",
  "😀",
  "order",
  "select",
  "null",
  "reverse",
  "end",
  "Key",
  "two words",
  'a"b',
  "1st",
  "a-b",
  "a.b",
  ";",
  "--",
  "b",
  "x",
  "b64",
];
const TEXTS = [
  "",
  "a",
  "it's",
  "''",
  "a;b",
  "-- no",
  "/* no",
  "\n\t\u0000",
  "é日本😀",
  '"',
  "\\n",
  "?",
];
const NUMBERS = ["0", "7", "42", "4.2e3", ".5", "7.", "1E-3", "9007199254740993", "00"];
const DURATIONS: readonly [string, number][] = [
  ["90s", 90],
  ["15m", 900],
  ["2h", 7200],
  ["7d", 604_800],
];
const BINARY = "or and = != < <= > >= || + - * / % -> ->>".split(" ") as BinaryOperator[];
const FORMATS: readonly FileFormat[] = ["csv", "tsv", "json", "jsonl"];
const TYPES = ["text", "bytes", "integer", "real", "json"] as const;
const ACTIONS = ["flush", "compact", "collect", "verify"] as const;

export class RandomStatements {
  #state: number;
  #parameters = 0;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Below `bound` (mulberry32). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  next(): Statement {
    this.#parameters = 0;
    return this.below(8) === 0
      ? { kind: "explain", analyze: this.#chance(), statement: this.#statement(), span }
      : this.#statement();
  }

  #chance(): boolean {
    return this.below(2) === 0;
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }

  #many<T>(make: () => T, most = 3): T[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }

  /** The named part, or nothing. */
  #maybe<K extends string, V>(name: K, make: () => V): { [key in K]?: V } {
    return this.#chance() ? ({ [name]: make() } as { [key in K]?: V }) : {};
  }

  /** Clauses that may come in any order are made in any order: `?` then counts differently. */
  #shuffled(...names: readonly string[]): Record<string, Expression> {
    const left = [...names];
    const clauses: Record<string, Expression> = {};
    while (left.length > 0) {
      const [name] = left.splice(this.below(left.length), 1);
      if (this.#chance()) clauses[name as string] = this.expression();
    }
    return clauses;
  }

  #statement(): Statement {
    const expression = () => this.expression();
    switch (this.below(19)) {
      case 0:
      case 1:
        return this.#select();
      case 2:
        return {
          kind: "insert",
          relation: this.#relation(),
          columns: this.#chance() ? [] : this.#many(() => this.#identifier()),
          source: this.#chance()
            ? { kind: "values", rows: this.#many(() => this.#many(expression)) }
            : { kind: "query", query: this.#select() },
          onConflict: this.#pick(["error", "nothing", "replace"]),
          span,
        };
      case 3:
        return {
          kind: "update",
          relation: { ...this.#relation(), ...this.#maybe("prefix", expression) },
          assignments: this.#many(() => ({
            kind: "assignment",
            column: this.#identifier(),
            value: this.expression(),
            span,
          })),
          ...this.#maybe("where", expression),
          span,
        };
      case 4:
        return {
          kind: "delete",
          relation: { ...this.#relation(), ...this.#maybe("prefix", expression) },
          ...this.#maybe("where", expression),
          span,
        };
      case 5:
      case 6: {
        const [key, value] = [this.expression(), this.expression()];
        return { kind: "put", key, value, ...this.#shuffled("ttl", "meta"), span };
      }
      case 7:
        return { kind: this.#pick(["get", "del"]), keys: this.#many(expression), span };
      case 8: {
        const prefix = this.#maybe("prefix", expression);
        const limit = this.#maybe("limit", expression);
        return { kind: "scan", ...prefix, ...limit, reverse: this.#chance(), span };
      }
      case 9:
        return { kind: this.#pick(["count", "watch"]), ...this.#maybe("prefix", expression), span };
      case 10:
        return { kind: "history", key: this.expression(), span };
      case 11: {
        const readOnly = this.#chance();
        return { kind: "begin", readOnly, ...this.#maybe("atVersion", expression), span };
      }
      case 12:
        return { kind: this.#pick(["commit", "rollback"]), span };
      case 13:
        return {
          kind: "import",
          path: this.#path(),
          ...this.#maybe("format", () => this.#pick(FORMATS)),
          ...this.#shuffled("key", "value", "ttl"),
          skipErrors: this.#chance(),
          span,
        };
      case 14:
        return {
          kind: "export",
          query: this.#select(),
          path: this.#path(),
          ...this.#maybe("format", () => this.#pick(FORMATS)),
          span,
        };
      case 15:
        return { kind: "backup", path: this.#path(), ...this.#maybe("since", expression), span };
      case 16:
        return { kind: "restore", path: this.#path(), span };
      case 17:
        return { kind: "maintenance", action: this.#pick(ACTIONS), span };
      default:
        return { kind: "drop", ...this.#maybe("prefix", expression), span };
    }
  }

  #path(): string {
    return this.#pick(TEXTS.filter((text) => text !== ""));
  }

  #identifier() {
    return { kind: "identifier", name: this.#pick(NAMES), span } as const;
  }

  #relation(): Relation {
    return { kind: "relation", name: this.#pick(NAMES).toLowerCase(), nameSpan: span, span };
  }

  #select(): SelectStatement {
    const expression = () => this.expression();
    const from = (): Relation => ({
      ...this.#relation(),
      ...this.#shuffled("prefix", "atVersion"),
    });
    return {
      kind: "select",
      distinct: this.#chance(),
      columns: this.#many(() => this.#column()),
      ...this.#maybe("from", from),
      ...this.#maybe("where", expression),
      groupBy: this.#chance() ? [] : this.#many(expression, 2),
      ...this.#maybe("having", expression),
      orderBy: this.#chance() ? [] : this.#many(() => this.#order(), 2),
      ...this.#maybe("limit", expression),
      ...this.#maybe("offset", expression),
      span,
    };
  }

  #column(): SelectColumn {
    if (this.below(6) === 0) return { kind: "star", span };
    const expression = this.expression();
    const alias = this.#maybe("alias", () => this.#pick(NAMES));
    return { kind: "column", expression, ...alias, span };
  }

  #order(): OrderTerm {
    return { kind: "order", expression: this.expression(), descending: this.#chance(), span };
  }

  expression(levels = this.below(5)): Expression {
    if (levels === 0) return this.#leaf();
    const inner = () => this.expression(this.below(levels));
    switch (this.below(12)) {
      case 0:
        return { kind: "unary", operator: this.#pick(["-", "+", "not"]), operand: inner(), span };
      case 1: {
        const operand = inner();
        const [low, high] = [inner(), inner()];
        return { kind: "between", operand, low, high, negated: this.#chance(), span };
      }
      case 2: {
        const operand = inner();
        return { kind: "in", operand, items: this.#many(inner), negated: this.#chance(), span };
      }
      case 3: {
        const operand = inner();
        return { kind: "like", operand, pattern: inner(), negated: this.#chance(), span };
      }
      case 4: {
        const operand = inner();
        return { kind: "startsWith", operand, prefix: inner(), negated: this.#chance(), span };
      }
      case 5:
        return { kind: "isNull", operand: inner(), negated: this.#chance(), span };
      case 6: {
        const operand = this.#maybe("operand", inner);
        const branches = this.#many(() => ({ when: inner(), then: inner() }), 2);
        return { kind: "case", ...operand, branches, ...this.#maybe("otherwise", inner), span };
      }
      case 7:
        return { kind: "cast", operand: inner(), type: this.#pick(TYPES), span };
      case 8:
        return this.#call(inner);
      default: {
        const operator = this.#pick(BINARY);
        const left = inner();
        const right = inner();
        return { kind: "binary", operator, operatorSpan: span, left, right, span };
      }
    }
  }

  #call(inner: () => Expression): Expression {
    const name = this.#pick(NAMES).toLowerCase();
    const form = this.below(4);
    return {
      kind: "call",
      name,
      nameSpan: span,
      star: form === 0,
      distinct: form === 1,
      arguments: form === 0 || form === 2 ? [] : this.#many(inner),
      span,
    };
  }

  #leaf(): Expression {
    switch (this.below(4)) {
      case 0:
        return { kind: "reference", name: this.#pick(NAMES), span };
      case 1:
        return this.#chance()
          ? { kind: "parameter", index: this.#parameters++, span }
          : { kind: "parameter", name: this.#pick(["a", "Name", "_x", "select", "é"]), span };
      default:
        return this.#literal();
    }
  }

  #literal(): Literal {
    const kind = "literal";
    switch (this.below(6)) {
      case 0:
        return { kind, type: "text", value: this.#pick(TEXTS), span };
      case 1: {
        const value = Uint8Array.from({ length: this.below(6) }, () => this.below(256));
        return { kind, type: "bytes", value, form: this.#pick(["b", "x", "b64"]), span };
      }
      case 2: {
        const text = this.#pick(NUMBERS);
        return { kind, type: "number", value: Number(text), text, span };
      }
      case 3: {
        const [text, value] = this.#pick(DURATIONS);
        return { kind, type: "duration", value, text, span };
      }
      case 4:
        return { kind, type: "boolean", value: this.#chance(), span };
      default:
        return { kind, type: "null", value: null, span };
    }
  }
}
