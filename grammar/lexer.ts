/**
 * Text → tokens. Adds to what the patterns read: words become keywords; for the parser, `?` gets its
 * index and a bracket too deep ends the stream before the parser could overflow its stack. Never throws
 * and never skips a character: what cannot be read is a token that no rule accepts.
 */

import { type IToken, Lexer } from "chevrotain";
import {
  BadUnicode,
  Identifier,
  KEYWORD,
  KEYWORDS,
  LeftParen,
  lexedTokens,
  PositionalParameter,
  RightParen,
  TooDeep,
  UnfinishedBytes,
  UnfinishedComment,
  UnfinishedName,
  UnfinishedText,
} from "./tokens.ts";

/** Brackets and CASEs open at once; the parser recurses no deeper. */
export const NESTING_MAX = 200;

const UNFINISHED = [UnfinishedText, UnfinishedBytes, UnfinishedName, UnfinishedComment];

let instance: Lexer | undefined;

/** Built on first use: start-up of the executable must not pay for it. */
function lexer(): Lexer {
  instance ??= new Lexer(lexedTokens, {
    positionTracking: "onlyOffset",
    ensureOptimizations: true,
    skipValidations: true,
  });
  return instance;
}

export interface Lexed {
  readonly tokens: IToken[];
  readonly comments: readonly IToken[];
}

/** Every token of a text, in order; what lies between them is white space and comments. */
export function lex(text: string): Lexed {
  const { tokens, groups } = lexer().tokenize(text);
  const wellFormed = text.isWellFormed();
  for (const token of tokens) {
    if (!wellFormed && !token.image.isWellFormed()) {
      if (!UNFINISHED.includes(token.tokenType)) retype(token, BadUnicode);
    } else if (token.tokenType === Identifier) {
      const keyword = KEYWORDS.get(token.image.toUpperCase());
      if (keyword !== undefined) retype(token, keyword);
    }
  }
  return { tokens, comments: groups["comments"] ?? [] };
}

/** Ends the stream at the bracket or CASE that is one too many, if there is one. */
export function limitNesting(tokens: IToken[]): void {
  let [parens, cases] = [0, 0];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as IToken;
    const type = token.tokenType;
    if (type === LeftParen) parens++;
    else if (type === RightParen) parens = Math.max(0, parens - 1);
    else if (type === KEYWORD.CASE) cases++;
    else if (type === KEYWORD.END) cases = Math.max(0, cases - 1);
    if (parens + cases > NESTING_MAX) {
      retype(token, TooDeep);
      tokens.length = i + 1;
    }
  }
}

/** Gives each `?` its index, counting on from `first`; returns the next one. */
export function numberParameters(tokens: readonly IToken[], first: number): number {
  let index = first;
  for (const token of tokens) {
    if (token.tokenType === PositionalParameter) token.payload = index++;
  }
  return index;
}

function retype(token: IToken, type: IToken["tokenType"]): void {
  token.tokenType = type;
  token.tokenTypeIdx = type.tokenTypeIdx as number;
}
