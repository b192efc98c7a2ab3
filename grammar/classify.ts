/**
 * Text → coloured pieces, for highlighting while it is being typed: works on any text, the broken and
 * the unfinished included. An unreserved keyword is a name where the grammar reads it as one.
 */

import type { IToken, TokenType } from "chevrotain";
import { lex } from "./lexer.ts";
import { statementEnd } from "./scan.ts";
import * as T from "./tokens.ts";
import { firstWays, taken, type Way, waysAfter } from "./walk.ts";

export type TokenClass =
  | "keyword"
  | "name"
  | "function"
  | "string"
  | "bytes"
  | "number"
  | "operator"
  | "punctuation"
  | "comment"
  | "parameter"
  | "error";

export interface ClassifiedToken {
  readonly start: number;
  readonly end: number;
  readonly class: TokenClass;
}

/** A longer statement is classified by its tokens alone: nobody sees all of it at once. */
const WALKED_TOKENS_MAX = 5000;

/** The tokens and comments of a text in order; only white space lies between them. */
export function classify(text: string): readonly ClassifiedToken[] {
  const pieces: ClassifiedToken[] = [];
  for (let from = 0; from < text.length;) {
    const end = statementEnd(text, from);
    const to = end < 0 ? text.length : end;
    const { tokens, comments } = lex(text.slice(from, to));
    const classes = classesOf(tokens);
    const all = [
      ...tokens.map((token, i) => piece(token, from, classes[i] as TokenClass)),
      ...comments.map((comment) => piece(comment, from, "comment")),
    ];
    if (comments.length > 0) all.sort((a, b) => a.start - b.start);
    for (const each of all) pieces.push(each);
    from = to;
  }
  return pieces;
}

function piece(token: IToken, base: number, tokenClass: TokenClass): ClassifiedToken {
  const start = base + token.startOffset;
  return { start, end: start + token.image.length, class: tokenClass };
}

function classesOf(tokens: readonly IToken[]): readonly TokenClass[] {
  let ways: readonly Way[] = tokens.length > WALKED_TOKENS_MAX ? [] : firstWays();
  return tokens.map((token, i) => {
    const took = taken(ways, token);
    ways = waysAfter(took);
    return classOf(token, took, tokens[i + 1]);
  });
}

const BY_TYPE = new Map<TokenType, TokenClass>([
  [T.UnfinishedComment, "comment"],
  [T.Text, "string"],
  [T.UnfinishedText, "string"],
  [T.Bytes, "bytes"],
  [T.HexBytes, "bytes"],
  [T.Base64Bytes, "bytes"],
  [T.UnfinishedBytes, "bytes"],
  [T.UnfinishedName, "name"],
  [T.NumberToken, "number"],
  [T.Duration, "number"],
  [T.NamedParameter, "parameter"],
  [T.PositionalParameter, "parameter"],
  [T.LeftParen, "punctuation"],
  [T.RightParen, "punctuation"],
  [T.Comma, "punctuation"],
  [T.Semicolon, "punctuation"],
  [T.BadNumber, "error"],
  [T.BadUnicode, "error"],
  [T.Unknown, "error"],
]);

function classOf(token: IToken, took: readonly Way[], next: IToken | undefined): TokenClass {
  const { tokenType: type } = token;
  const known = BY_TYPE.get(type);
  if (known !== undefined) return known;
  const isName = type.CATEGORIES?.includes(T.Name) === true;
  if (T.isKeyword(type) && !(isName && readAsName(took, next))) return "keyword";
  if (!isName) return "operator";
  const mayBeCalled = took.length === 0 || took.some((way) => way.part === "name");
  return mayBeCalled && next?.tokenType === T.LeftParen ? "function" : "name";
}

/** Where the grammar is lost, a keyword before a bracket is taken for a function. */
function readAsName(took: readonly Way[], next: IToken | undefined): boolean {
  if (took.length === 0) return next?.tokenType === T.LeftParen;
  return took.every((way) => way.type === T.Name);
}
