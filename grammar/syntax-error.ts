/**
 * From "the parser stopped at this token" to words: what stands there, what could have, and what the
 * writer probably meant. Also tells a text that merely ends too early from one that is wrong.
 */

import type { IToken, TokenType } from "chevrotain";
import type { Fault } from "./diagnostics.ts";
import { guessAt, habitOf } from "./habits.ts";
import { NESTING_MAX } from "./lexer.ts";
import { visible } from "./literals.ts";
import { nearest } from "./nearest.ts";
import * as T from "./tokens.ts";
import { accepts, type Way, waysAlong } from "./walk.ts";

export interface SyntaxFault {
  readonly fault: Fault;
  /** More text could still make it valid. */
  readonly incomplete: boolean;
}

/** What each unfinished token would have become. */
const WOULD_BE = new Map<TokenType, readonly TokenType[]>([
  [T.UnfinishedText, [T.Text]],
  [T.UnfinishedBytes, [T.Bytes, T.HexBytes, T.Base64Bytes]],
  [T.UnfinishedName, [T.QuotedName]],
]);

/**
 * Describes the parser's stop at `tokens[index]`, or at the end of the text if there is no such token.
 * Offsets count from the start of the statement's text.
 */
export function syntaxFault(tokens: readonly IToken[], index: number): SyntaxFault {
  const ways = waysAlong(tokens.slice(0, index));
  const found = tokens[index];
  if (found === undefined) {
    const message = "the statement is not finished";
    const last = tokens.at(-1);
    const offset = last === undefined ? 0 : last.startOffset + last.image.length;
    const fault = { message, offset, length: 0, expected: expectedFrom(ways) };
    return { fault, incomplete: true };
  }
  const lexical = lexicalFault(found, ways);
  if (lexical !== undefined) return lexical;
  return { fault: at(found, unexpected(tokens, index, ways)), incomplete: false };
}

type Words = Pick<Fault, "message" | "expected" | "hint">;

function at(token: IToken, words: Words): Fault {
  return { ...words, offset: token.startOffset, length: token.image.length };
}

function unexpected(tokens: readonly IToken[], index: number, ways: readonly Way[]): Words {
  const habit = habitOf(tokens, index, ways);
  if (habit?.message !== undefined) return { message: habit.message, hint: habit.hint };
  const found = tokens[index] as IToken;
  const expected = expectedFrom(ways);
  const hint = habit?.hint ?? nearKeyword(found, ways) ?? guessAt(tokens, index, ways);
  const message =
    found.tokenType === T.Semicolon
      ? "the statement is not finished"
      : `unexpected ${shown(found.image)}`;
  return { message, expected, hint };
}

/** "Did you mean" the keyword that could stand here and is written almost like this word. */
function nearKeyword(found: IToken, ways: readonly Way[]): string | undefined {
  const isWord = found.tokenType === T.Identifier || T.isKeyword(found.tokenType);
  if (!isWord) return undefined;
  const keywords = ways.filter((way) => T.isKeyword(way.type)).map((way) => way.type.name);
  const near = nearest(found.image, keywords);
  return near === undefined ? undefined : `did you mean ${near}?`;
}

const UNFINISHED_AS_QUOTED = "a quote inside is written twice";

/** Tokens that no rule takes. */
function lexicalFault(found: IToken, ways: readonly Way[]): SyntaxFault | undefined {
  const { tokenType: type, image, startOffset: offset } = found;
  const wrong = (words: Words) => ({ fault: at(found, words), incomplete: false });
  if (type === T.UnfinishedComment) {
    const message = "a comment is not closed: */ is missing";
    return { fault: { message, offset, length: 2 }, incomplete: true };
  }
  const wouldBe = WOULD_BE.get(type);
  if (wouldBe !== undefined) {
    const fits = wouldBe.some((each) => ways.some((way) => accepts(way, each)));
    const what = type === T.UnfinishedName ? "quoted name" : "literal";
    const message = `a ${what} is not closed: ${quoteOf(image)} is missing`;
    const hint = type === T.UnfinishedBytes ? undefined : UNFINISHED_AS_QUOTED;
    const expected = fits ? undefined : expectedFrom(ways);
    return { fault: { message, offset, length: 1, expected, hint }, incomplete: fits };
  }
  if (type === T.TooDeep) {
    const message = `brackets and CASEs are nested more than ${NESTING_MAX} deep`;
    return wrong({ message, hint: "split the expression, or remove brackets that do nothing" });
  }
  if (type === T.BadUnicode) {
    return wrong({
      message: "the text is not valid Unicode here: half of a surrogate pair",
      hint: 'bytes that are not text are written b"\\xNN"',
    });
  }
  if (type === T.BadNumber) return wrong(badNumber(image));
  return undefined;
}

function quoteOf(image: string): string {
  return /["']/.exec(image)?.[0] ?? "'";
}

const LIKE_DURATION =
  /^[\d.]+(?:[smhdwy]|[mun]s|mo|sec|min|hour|hr|day|week|month|year)s?\d*[smhd]?$/i;

function badNumber(image: string): Words {
  const message = `${shown(image)} is neither a number nor a duration`;
  if (/^0x/i.test(image)) return { message, hint: "bytes are written x'00ff'" };
  if (LIKE_DURATION.test(image)) {
    return { message, hint: "durations are whole numbers with s, m, h or d, such as 90s or 15m" };
  }
  return { message, hint: "a name that starts with a digit is written in double quotes" };
}

/** A piece of the text for a message: short and without control characters. */
function shown(image: string): string {
  const short = image.length > 40 ? `${image.slice(0, 40)}…` : image;
  const text = visible(short);
  return /^[\p{L}\d_'"]/u.test(text) ? text : `"${text}"`;
}

// ------------------------------------------------------------ what was expected

const PARTS: Readonly<Record<string, string>> = {
  relation: "a relation",
  column: "a column",
  alias: "a name",
  path: "a file name in quotes",
};

const EXPRESSIONS: ReadonlySet<string> = new Set([
  "expression",
  "operation",
  "operand",
  "case",
  "cast",
]);
const LOGICAL: readonly TokenType[] = [T.KEYWORD.OR, T.KEYWORD.AND, T.KEYWORD.IS, T.KEYWORD.NOT];

/** Readable names of the ways, without repeats; what ends the statement last. */
export function expectedFrom(ways: readonly Way[]): readonly string[] {
  const whole = ways.some((way) => way.type === T.KEYWORD.COMMIT);
  const afterOperand = ways.some((way) => way.type === T.Operator);
  const labels = new Set<string>();
  for (const way of ways) {
    if (whole && way.type !== T.KEYWORD.ANALYZE && way.type !== T.Semicolon) {
      labels.add("a statement");
    } else if (startsExpression(way)) labels.add("an expression");
    else if (afterOperand && isOperatorLike(way)) labels.add("an operator");
    else if (way.starts !== "callArguments") labels.add(labelOf(way));
  }
  if (labels.delete('";"') && !whole) labels.add('";"');
  return [...labels];
}

function startsExpression({ type, starts, rule }: Way): boolean {
  if (starts !== undefined) return EXPRESSIONS.has(starts);
  return rule === "operand" && type !== T.RightParen;
}

function isOperatorLike({ type, starts, rule }: Way): boolean {
  if (type === T.Operator || type === T.ComparisonOperator || starts === "test") return true;
  return LOGICAL.includes(type) && rule !== "test";
}

function labelOf({ type, part }: Way): string {
  return PARTS[part] ?? (T.isKeyword(type) ? type.name : `"${T.imageOf(type)}"`);
}
