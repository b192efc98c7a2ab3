/**
 * Text → statements. Splits the text first, so that a long script costs no more memory than its longest
 * statement and the first mistake ends the work; then lexes, parses and builds one statement at a time.
 */

import type { IToken } from "chevrotain";
import { AstBuilder } from "./ast-builder.ts";
import type { Expression, Span, Statement } from "./ast.ts";
import { node } from "./cst.ts";
import { DEPTH_MAX, tooDeepNode } from "./depth.ts";
import { type Diagnostic, diagnose, type Fault, type Source } from "./diagnostics.ts";
import { lex, limitNesting, numberParameters } from "./lexer.ts";
import { parser } from "./parser.ts";
import { Problem } from "./problem.ts";
import { statementEnd } from "./scan.ts";
import { TOKENS_MAX, tooLong, TOO_MANY_TOKENS } from "./size.ts";
import { expectedFrom, syntaxFault } from "./syntax-error.ts";
import { NamedParameter, Semicolon } from "./tokens.ts";
import { waysAlong } from "./walk.ts";

export interface ParsedStatement {
  readonly statement: Statement;
  /** First character of the first token. */
  readonly start: number;
  /** After the last token before the semicolon. */
  readonly end: number;
}

export type ParseResult =
  | {
      readonly kind: "ok";
      readonly statements: readonly ParsedStatement[];
      /** How many `?`, and the `:name`s without repeats in order of appearance. */
      readonly parameters: { readonly positional: number; readonly named: readonly string[] };
    }
  /** Ends inside a statement, string, comment or bracket: more text could make it valid. */
  | { readonly kind: "incomplete"; readonly diagnostic: Diagnostic }
  | { readonly kind: "error"; readonly diagnostic: Diagnostic };

export interface ParseOptions {
  /** Name for reports; default "input". */
  readonly file?: string;
  /** Number of the text's first line in its file; default 1. */
  readonly firstLine?: number;
  /** Whether the last statement must end in a semicolon too; without one the text is incomplete. */
  readonly requireSemicolon?: boolean;
}

/** Thrown within this file to stop at the first mistake. */
class Stop {
  readonly kind: "incomplete" | "error";
  readonly fault: Fault;

  constructor(kind: "incomplete" | "error", fault: Fault) {
    this.kind = kind;
    this.fault = fault;
  }
}

/**
 * Parses every statement of a text; all or nothing. Empty text is fine and has no statements. Never
 * throws on any text; a short statement costs about 10 µs once warm.
 */
export function parse(text: string, options: ParseOptions = {}): ParseResult {
  const source: Source = { text, file: options.file, firstLine: options.firstLine };
  let positional = 0;
  const named = new Set<string>();
  const statements: ParsedStatement[] = [];
  try {
    for (let from = 0; from < text.length;) {
      const end = statementEnd(text, from);
      const to = end < 0 ? text.length : end;
      const whole = from === 0 && to === text.length ? text : text.slice(from, to);
      const long = tooLong(whole);
      if (long !== undefined) throw new Stop("error", { ...long, offset: from, length: 0 });
      const { tokens } = lex(whole);
      limitNesting(tokens);
      positional = numberParameters(tokens, positional);
      const isCut = tokens.length > TOKENS_MAX;
      if (isCut) tokens.length = TOKENS_MAX;
      const parsed = isCut
        ? refuseCut(tokens, from)
        : parseOne(tokens, from, options.requireSemicolon ?? false);
      if (parsed !== undefined) statements.push(parsed);
      for (const token of tokens) {
        if (token.tokenType === NamedParameter) named.add(token.image.slice(1));
      }
      from = to;
    }
  } catch (stop) {
    if (!(stop instanceof Stop)) throw stop;
    return { kind: stop.kind, diagnostic: diagnose(source, stop.fault) };
  }
  return { kind: "ok", statements, parameters: { positional, named: [...named] } };
}

/** Of a statement with too many tokens: the mistake before the cut, if there is one, or else the cut. */
function refuseCut(tokens: IToken[], base: number): never {
  const offset = base + (tokens.at(-1)?.startOffset ?? 0);
  try {
    parseOne(tokens, base, true);
  } catch (stop) {
    if (!(stop instanceof Stop) || stop.kind === "error") throw stop;
  }
  throw new Stop("error", { ...TOO_MANY_TOKENS, offset, length: 0 });
}

/** One statement with its semicolon, whose text starts at `base`; undefined if it is empty. */
function parseOne(
  tokens: IToken[],
  base: number,
  requireSemicolon: boolean,
): ParsedStatement | undefined {
  const closed = tokens.at(-1)?.tokenType === Semicolon;
  const words = closed ? tokens.length - 1 : tokens.length;
  const instance = parser();
  instance.input = tokens;
  const tree = instance.script();
  const [failure] = instance.errors;
  if (failure !== undefined) {
    const at = tokens.indexOf(failure.token);
    const { fault, incomplete } = syntaxFault(tokens, at < 0 ? tokens.length : at);
    throw new Stop(incomplete ? "incomplete" : "error", { ...fault, offset: base + fault.offset });
  }
  if (words === 0) return undefined;
  const builder = new AstBuilder(base);
  const span = builder.spanOf(tokens[0] as IToken, tokens[words - 1]);
  if (requireSemicolon && !closed) {
    const message = "the statement is not finished: a semicolon ends it";
    const expected = expectedFrom(waysAlong(tokens));
    throw new Stop("incomplete", { message, offset: span.end, length: 0, expected });
  }
  const statement = build(() => builder.statement(node(tree.children, "statement"), span));
  if (words > DEPTH_MAX) refuseDepth(statement);
  return { statement, start: span.start, end: span.end };
}

function build(work: () => Statement): Statement {
  try {
    return work();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    throw stopAt(problem.span, problem.message, problem.hint);
  }
}

/** Whoever walks the tree may recurse: a chain of a hundred thousand ORs must not reach them. */
function refuseDepth(statement: Statement): void {
  const deep: Expression | undefined = tooDeepNode(statement);
  if (deep === undefined) return;
  const message = `an expression is more than ${DEPTH_MAX} levels deep`;
  throw stopAt(
    deep.span,
    message,
    "write key IN (…) for a long chain of OR, or split the expression",
  );
}

function stopAt({ start, end }: Span, message: string, hint: string | undefined): Stop {
  return new Stop("error", { message, offset: start, length: end - start, hint });
}
