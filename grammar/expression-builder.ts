/**
 * Concrete syntax tree → expressions. One method per rule of the grammar; chains are built in loops, so
 * recursion is bounded by the lexer's nesting limit. Used by `ast-builder.ts` only.
 */

import type { CstNode, IToken } from "chevrotain";
import type {
  BinaryOperator,
  Case,
  Cast,
  ColumnReference,
  Expression,
  FunctionCall,
  Literal,
  Parameter,
  Span,
} from "./ast.ts";
import { between, type Children, node, nodes, token, tokens } from "./cst.ts";
import {
  decodeBase64,
  decodeBytes,
  decodeDuration,
  decodeHex,
  type LiteralProblem,
  unquote,
} from "./literals.ts";
import { OPERATOR_PRECEDENCE, type Precedence } from "./precedence.ts";
import { Problem } from "./problem.ts";
import * as T from "./tokens.ts";

/** Operands and the operators between them, read from left to right. */
interface Chain {
  readonly operands: readonly CstNode[];
  readonly operators: readonly IToken[];
  at: number;
}

export class ExpressionBuilder {
  /** Where the statement's own text starts in the whole text. */
  readonly #base: number;

  constructor(base: number) {
    this.#base = base;
  }

  spanOf(first: IToken, last: IToken = first): Span {
    const start = first.startOffset + this.#base;
    return { start, end: last.startOffset + last.image.length + this.#base };
  }

  /** A name as the tree keeps it: lower case unless quoted. */
  nameOf(name: IToken): string {
    if (name.tokenType !== T.QuotedName) return name.image.toLowerCase();
    const unquoted = unquote(name.image);
    if (unquoted === "") throw new Problem("a name cannot be empty", this.spanOf(name));
    return unquoted;
  }

  expression(c: Children): Expression {
    return this.#leftToRight(nodes(c, "conjunction"), tokens(c, "OR"), "or", (each) =>
      this.conjunction(each),
    );
  }

  conjunction(c: Children): Expression {
    return this.#leftToRight(nodes(c, "predicate"), tokens(c, "AND"), "and", (each) =>
      this.predicate(each),
    );
  }

  #leftToRight(
    parts: readonly Children[],
    words: readonly IToken[],
    operator: "and" | "or",
    build: (part: Children) => Expression,
  ): Expression {
    let left = build(parts[0] as Children);
    for (let i = 1; i < parts.length; i++) {
      const operatorSpan = this.spanOf(words[i - 1] as IToken);
      const right = build(parts[i] as Children);
      left = { kind: "binary", operator, operatorSpan, left, right, span: between(left, right) };
    }
    return left;
  }

  predicate(c: Children): Expression {
    const [first, second] = nodes(c, "operation");
    let result = this.operation(first as Children);
    if (second !== undefined) {
      const sign = token(c, T.ComparisonOperator.name);
      const operator = (sign.image === "<>" ? "!=" : sign.image) as BinaryOperator;
      const [left, right] = [result, this.operation(second)];
      const operatorSpan = this.spanOf(sign);
      result = { kind: "binary", operator, operatorSpan, left, right, span: between(left, right) };
    } else if ("IS" in c) {
      const span = { start: result.span.start, end: this.spanOf(token(c, "NULL")).end };
      result = { kind: "isNull", operand: result, negated: "negated" in c, span };
    } else if ("test" in c) {
      result = this.test(node(c, "test"), result, "negated" in c);
    }
    const nots = tokens(c, "NOT");
    for (let i = nots.length - 1; i >= 0; i--) {
      const span = { start: this.spanOf(nots[i] as IToken).start, end: result.span.end };
      result = { kind: "unary", operator: "not", operand: result, span };
    }
    return result;
  }

  test(c: Children, operand: Expression, negated: boolean): Expression {
    if ("IN" in c) {
      const row = node(c, "row");
      const span = { start: operand.span.start, end: this.spanOf(token(row, "RightParen")).end };
      return { kind: "in", operand, items: this.row(row), negated, span };
    }
    const [first, second] = nodes(c, "operation").map((each) => this.operation(each));
    const span = between(operand, (second ?? first) as Expression);
    if ("BETWEEN" in c) {
      const [low, high] = [first as Expression, second as Expression];
      return { kind: "between", operand, low, high, negated, span };
    }
    if ("LIKE" in c) return { kind: "like", operand, pattern: first as Expression, negated, span };
    return { kind: "startsWith", operand, prefix: first as Expression, negated, span };
  }

  row(c: Children): readonly Expression[] {
    return nodes(c, "expression").map((each) => this.expression(each));
  }

  operation(c: Children): Expression {
    const operands = c["operand"] as CstNode[];
    const chain = { operands, operators: tokens(c, T.Operator.name), at: 0 };
    return this.#climb(chain, OPERATOR_PRECEDENCE.loosest);
  }

  /** Precedence climbing; recursion is bounded by the number of precedence levels. */
  #climb(chain: Chain, loosest: Precedence): Expression {
    const afterArrow = loosest > OPERATOR_PRECEDENCE.arrow;
    let left = afterArrow ? this.#nextOperand(chain) : this.#nextSigned(chain);
    for (;;) {
      const word = chain.operators[chain.at - 1];
      if (word === undefined) return left;
      const precedence = OPERATOR_PRECEDENCE.of(word.image);
      if (precedence < loosest) return left;
      left = this.#binary(chain, left, word, precedence);
    }
  }

  #binary(chain: Chain, left: Expression, word: IToken, precedence: Precedence): Expression {
    const right = this.#climb(chain, precedence + 1);
    return {
      kind: "binary",
      operator: word.image as BinaryOperator,
      operatorSpan: this.spanOf(word),
      left,
      right,
      span: between(left, right),
    };
  }

  /** `-a -> b` is `-(a -> b)`: arrows bind before a leading sign does. */
  #nextSigned(chain: Chain): Expression {
    const c = (chain.operands[chain.at] as CstNode).children;
    if (!(T.Sign.name in c)) return this.#nextOperand(chain);
    chain.at++;
    let result = this.primary(c);
    for (;;) {
      const word = chain.operators[chain.at - 1];
      if (word === undefined || !word.image.startsWith("->")) return this.#signed(c, result);
      result = this.#binary(chain, result, word, OPERATOR_PRECEDENCE.arrow);
    }
  }

  /** The operand itself, its own signs included: after an arrow, `-1 -> 'x'` is `(-1) -> 'x'`. */
  #nextOperand(chain: Chain): Expression {
    return this.operand((chain.operands[chain.at++] as CstNode).children);
  }

  operand(c: Children): Expression {
    return this.#signed(c, this.primary(c));
  }

  #signed(c: Children, operand: Expression): Expression {
    let result = operand;
    const signs = tokens(c, T.Sign.name);
    for (let i = signs.length - 1; i >= 0; i--) {
      const sign = signs[i] as IToken;
      const span = { start: this.spanOf(sign).start, end: result.span.end };
      result = { kind: "unary", operator: sign.image as "-" | "+", operand: result, span };
    }
    return result;
  }

  primary(c: Children): Expression {
    if (T.LiteralToken.name in c) return this.#literal(token(c, T.LiteralToken.name));
    if (T.ParameterToken.name in c) return this.#parameter(token(c, T.ParameterToken.name));
    if ("name" in c) {
      const name = token(c, "name");
      return "callArguments" in c
        ? this.callArguments(node(c, "callArguments"), name)
        : this.#reference(name);
    }
    if ("case" in c) return this.case(node(c, "case"));
    if ("cast" in c) return this.cast(node(c, "cast"));
    const span = this.spanOf(token(c, "LeftParen"), token(c, "RightParen"));
    return { ...this.expression(node(c, "expression")), span };
  }

  #literal(word: IToken): Literal {
    const span = this.spanOf(word);
    const { image, tokenType } = word;
    const kind = "literal";
    if (tokenType === T.Text) return { kind, type: "text", value: unquote(image), span };
    if (tokenType === T.NumberToken) return this.#number(image, span);
    if (tokenType === T.Duration) {
      return { kind, type: "duration", value: decodeDuration(image), text: image, span };
    }
    if (tokenType === T.Bytes) return this.#bytes(decodeBytes(image), "b", span);
    if (tokenType === T.HexBytes) return this.#bytes(decodeHex(image), "x", span);
    if (tokenType === T.Base64Bytes) return this.#bytes(decodeBase64(image), "b64", span);
    if (tokenType === T.KEYWORD.NULL) return { kind, type: "null", value: null, span };
    return { kind, type: "boolean", value: tokenType === T.KEYWORD.TRUE, span };
  }

  #number(text: string, span: Span): Literal {
    const value = Number(text);
    if (!Number.isFinite(value)) throw new Problem("this number is too large", span);
    return { kind: "literal", type: "number", value, text, span };
  }

  #bytes(bytes: Uint8Array | LiteralProblem, form: "b" | "x" | "b64", span: Span): Literal {
    if (bytes instanceof Uint8Array) {
      return { kind: "literal", type: "bytes", value: bytes, form, span };
    }
    const start = span.start + bytes.offset;
    throw new Problem(bytes.message, { start, end: start + bytes.length }, bytes.hint);
  }

  #parameter(word: IToken): Parameter {
    const span = this.spanOf(word);
    return word.tokenType === T.NamedParameter
      ? { kind: "parameter", name: word.image.slice(1), span }
      : { kind: "parameter", index: word.payload as number, span };
  }

  #reference(name: IToken): ColumnReference {
    return { kind: "reference", name: this.nameOf(name), span: this.spanOf(name) };
  }

  callArguments(c: Children, name: IToken): FunctionCall {
    return {
      kind: "call",
      name: this.nameOf(name).toLowerCase(),
      nameSpan: this.spanOf(name),
      star: "Star" in c,
      distinct: "DISTINCT" in c,
      arguments: nodes(c, "expression").map((each) => this.expression(each)),
      span: this.spanOf(name, token(c, "RightParen")),
    };
  }

  case(c: Children): Case {
    const build = (name: string) => nodes(c, name).map((each) => this.expression(each));
    const [operand] = build("operand");
    const [otherwise] = build("otherwise");
    const then = build("then");
    return {
      kind: "case",
      ...(operand !== undefined && { operand }),
      branches: build("when").map((when, i) => ({ when, then: then[i] as Expression })),
      ...(otherwise !== undefined && { otherwise }),
      span: this.spanOf(token(c, "CASE"), token(c, "END")),
    };
  }

  cast(c: Children): Cast {
    return {
      kind: "cast",
      operand: this.expression(node(c, "expression")),
      type: token(c, "type").image.toLowerCase() as Cast["type"],
      span: this.spanOf(token(c, "CAST"), token(c, "RightParen")),
    };
  }
}
