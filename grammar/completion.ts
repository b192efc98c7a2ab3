/**
 * Text and cursor → what may be typed there. Keywords come from a walk over the grammar, names from the
 * catalog; the shell adds what only it knows (keys, files). Pure.
 */

import type { IToken } from "chevrotain";
import { COLUMNS, FUNCTIONS } from "./catalog.ts";
import { lex } from "./lexer.ts";
import { statementEnd } from "./scan.ts";
import * as T from "./tokens.ts";
import { type Way, waysAfter, waysAlong } from "./walk.ts";

export interface Suggestion {
  /** What to insert in place of the word: `ORDER BY`, `key`, `length(`. */
  readonly text: string;
  readonly kind: "keyword" | "relation" | "column" | "function" | "statement";
}

export interface Completion {
  /** Where the word being completed starts; the offset itself if there is none yet. */
  readonly from: number;
  readonly word: string;
  /** Those that start with the word, whatever its case; columns first. */
  readonly suggestions: readonly Suggestion[];
}

/** What may come at `offset`, given the text before it (and the relation named after it, if any). */
export function complete(text: string, offset: number): Completion {
  const start = startOfStatement(text, offset);
  const before = lex(text.slice(start, offset));
  const tokens = before.tokens.slice();
  const last = tokens.at(-1);
  const touches = last !== undefined && endOf(last) === offset - start;
  const nothing = { from: offset, word: "", suggestions: [] };
  if (insideComment(before.comments, text.slice(start, offset))) return nothing;
  if (touches && !isWord(last) && !endsCleanly(last)) return nothing;
  const word = touches && isWord(last) ? last.image : "";
  if (word !== "") tokens.pop();
  const whole = lex(wholeStatement(text, start, offset)).tokens;
  const all = suggestionsFor(waysAlong(tokens), tokens, whole);
  const wanted = word.toLowerCase();
  const suggestions = all.filter((each) => each.text.toLowerCase().startsWith(wanted));
  return { from: offset - word.length, word, suggestions };
}

function startOfStatement(text: string, offset: number): number {
  const before = text.slice(0, offset);
  let start = 0;
  for (let end = statementEnd(before); end >= 0; end = statementEnd(before, end)) start = end;
  return start;
}

function wholeStatement(text: string, start: number, offset: number): string {
  const end = statementEnd(text, start);
  return text.slice(start, end < offset ? text.length : end);
}

function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

function isWord(token: IToken): boolean {
  return token.tokenType === T.Identifier || T.isKeyword(token.tokenType);
}

/** A token after which another may follow at once; inside a literal nothing is suggested. */
function endsCleanly({ tokenType: type }: IToken): boolean {
  const punctuation = [T.LeftParen, T.RightParen, T.Comma, T.Semicolon];
  const operators = [T.Operator, T.ComparisonOperator];
  return punctuation.includes(type) || operators.some((each) => type.CATEGORIES?.includes(each));
}

function insideComment(comments: readonly IToken[], text: string): boolean {
  const last = comments.at(-1);
  return last?.tokenType === T.LineComment && endOf(last) === text.length;
}

const RANK = ["statement", "column", "relation", "keyword", "function"];

function suggestionsFor(
  ways: readonly Way[],
  before: readonly IToken[],
  whole: readonly IToken[],
): readonly Suggestion[] {
  const starting = ways.some((way) => way.type === T.KEYWORD.COMMIT);
  const found = new Map<string, Suggestion>();
  for (const way of ways) {
    for (const suggestion of suggestionsOf(way, starting, before, whole)) {
      found.set(`${suggestion.kind} ${suggestion.text}`, suggestion);
    }
  }
  return [...found.values()].toSorted((a, b) => RANK.indexOf(a.kind) - RANK.indexOf(b.kind));
}

function suggestionsOf(
  way: Way,
  starting: boolean,
  before: readonly IToken[],
  whole: readonly IToken[],
): readonly Suggestion[] {
  if (T.isKeyword(way.type)) {
    const kind = starting && way.type !== T.KEYWORD.ANALYZE ? "statement" : "keyword";
    return [{ text: keywordsFrom(way), kind }];
  }
  if (way.type === T.LiteralToken) {
    return ["TRUE", "FALSE", "NULL"].map((text) => ({ text, kind: "keyword" }));
  }
  if (way.part === "relation") {
    return Object.keys(COLUMNS).map((text) => ({ text, kind: "relation" }));
  }
  if (way.part === "column") return columns(relationOf(whole));
  if (way.part !== "name") return [];
  const names = readsRows(before) ? columns(relationOf(whole)) : [];
  const fields = before[0]?.tokenType === T.KEYWORD.IMPORT ? columnList(["json"]) : [];
  return [...names, ...fields, ...functions()];
}

/** A keyword with those that must follow it: ORDER BY, STARTS WITH. */
function keywordsFrom(way: Way): string {
  const words = [way.type.name];
  let next = waysAfter([way]);
  while (next.length === 1 && T.isKeyword((next[0] as Way).type)) {
    words.push((next[0] as Way).type.name);
    next = waysAfter(next);
  }
  return words.join(" ");
}

function functions(): readonly Suggestion[] {
  const names = new Set(FUNCTIONS.map(({ name }) => `${name}(`));
  return [...names].toSorted().map((text) => ({ text, kind: "function" }));
}

function columns(relation: string): readonly Suggestion[] {
  return columnList(COLUMNS[relation] ?? []);
}

function columnList(names: readonly string[]): readonly Suggestion[] {
  return names.map((text) => ({ text, kind: "column" }));
}

/** Whether expressions here see the columns of rows. */
function readsRows(before: readonly IToken[]): boolean {
  const { SELECT, UPDATE, DELETE } = T.KEYWORD;
  return before.some(({ tokenType: type }) => [SELECT, UPDATE, DELETE].includes(type));
}

/** The relation that the statement names, before or after the cursor; `kv` until it does. */
function relationOf(whole: readonly IToken[]): string {
  const { FROM, INTO, UPDATE } = T.KEYWORD;
  const at = whole.findLastIndex(({ tokenType: type }) => [FROM, INTO, UPDATE].includes(type));
  const name = at < 0 ? undefined : whole[at + 1]?.image.toLowerCase();
  return name !== undefined && Object.hasOwn(COLUMNS, name) ? name : "kv";
}
