/**
 * The vocabulary: every token type of the language, with an explicit name (a minifier mangles class
 * and function names, so nothing here relies on them) and a readable label for diagnostics.
 *
 * Keywords have no pattern of their own: the lexer reads a word once and looks it up here, which is
 * cheaper to start and to run than ninety patterns. An unreserved keyword is also a `Name`, so `key`,
 * `value`, `count` or `json` work as column and function names. Imported by the rest of `grammar/` only.
 */

import { createToken, Lexer, type TokenType } from "chevrotain";
import { blockCommentEnd, bytesLiteralEnd, NAME_PART, NAME_START, quotedEnd } from "./scan.ts";

// ----------------------------------------------------------------- categories

/** What may name a column, a relation, a function or an alias. */
export const Name = category("Name", "a name");
export const ComparisonOperator = category("ComparisonOperator", "a comparison");
/** `|| + - * / % -> ->>`: their precedence is the builder's business. */
export const Operator = category("Operator", "an operator");
export const Sign = category("Sign", "a sign");
/** Text, bytes, numbers, durations, TRUE, FALSE, NULL. */
export const LiteralToken = category("Literal", "a literal");
export const ParameterToken = category("Parameter", "a parameter");

function category(name: string, label: string): TokenType {
  return createToken({ name, label, pattern: Lexer.NA });
}

// ------------------------------------------------------------------- keywords

/** Cannot be used as a bare name; `"order"` can. */
const RESERVED = [
  "AND",
  "AS",
  "BETWEEN",
  "BY",
  "CASE",
  "CAST",
  "DELETE",
  "DISTINCT",
  "ELSE",
  "END",
  "FALSE",
  "FROM",
  "GROUP",
  "HAVING",
  "IN",
  "INSERT",
  "INTO",
  "IS",
  "LIKE",
  "LIMIT",
  "NOT",
  "NULL",
  "ON",
  "OR",
  "ORDER",
  "REVERSE",
  "SELECT",
  "SET",
  "THEN",
  "TRUE",
  "UPDATE",
  "VALUES",
  "WHEN",
  "WHERE",
] as const;

const UNRESERVED = [
  "ALL",
  "ANALYZE",
  "ASC",
  "AT",
  "BACKUP",
  "BEGIN",
  "BYTES",
  "COLLECT",
  "COMMIT",
  "COMPACT",
  "CONFLICT",
  "COUNT",
  "CSV",
  "DEL",
  "DESC",
  "DO",
  "DROP",
  "ERRORS",
  "EXPLAIN",
  "EXPORT",
  "FLUSH",
  "GET",
  "HISTORY",
  "IMPORT",
  "INTEGER",
  "JSON",
  "JSONL",
  "KEY",
  "META",
  "NOTHING",
  "OFFSET",
  "ONLY",
  "PREFIX",
  "PUT",
  "READ",
  "REAL",
  "REPLACE",
  "RESTORE",
  "ROLLBACK",
  "SCAN",
  "SINCE",
  "SKIP",
  "STARTS",
  "TEXT",
  "TO",
  "TSV",
  "TTL",
  "VALUE",
  "VERIFY",
  "VERSION",
  "WATCH",
  "WITH",
] as const;

export type Keyword = (typeof RESERVED)[number] | (typeof UNRESERVED)[number];

const LITERAL_WORDS: readonly Keyword[] = ["TRUE", "FALSE", "NULL"];

function keywordTypes(): Record<Keyword, TokenType> {
  const types = {} as Record<Keyword, TokenType>;
  for (const word of RESERVED) {
    const categories = LITERAL_WORDS.includes(word) ? [LiteralToken] : [];
    types[word] = createToken({ name: word, label: word, pattern: Lexer.NA, categories });
  }
  for (const word of UNRESERVED) {
    types[word] = createToken({ name: word, label: word, pattern: Lexer.NA, categories: [Name] });
  }
  return types;
}

/** Token type of each keyword. */
export const KEYWORD = keywordTypes();

/** Upper-case word → keyword, for the lexer. */
export const KEYWORDS: ReadonlyMap<string, TokenType> = new Map(Object.entries(KEYWORD));
const reservedWords: ReadonlySet<string> = new Set(RESERVED);

/** Whether `word`, in any case, must be quoted to be a name. */
export function isReserved(word: string): boolean {
  return reservedWords.has(word.toUpperCase());
}

export function isKeyword(type: TokenType): boolean {
  return KEYWORDS.get(type.name) === type;
}

// --------------------------------------------------------- what the lexer reads

type EndOf = (text: string, start: number) => number;

/** A token that `endOf` delimits by hand: linear on any input, unlike a backtracking pattern. */
function scanned(name: string, label: string, startChars: string, endOf: EndOf, of?: TokenType) {
  const pattern = (text: string, start: number): [string] | null => {
    const end = endOf(text, start);
    return end < 0 ? null : [text.slice(start, end)];
  };
  const categories = of === undefined ? [] : [of];
  const start_chars_hint = [...startChars];
  return createToken({ name, label, pattern, start_chars_hint, line_breaks: true, categories });
}

function prefixed(prefix: string, endOf: EndOf): EndOf {
  const upper = prefix.toUpperCase();
  return (text, start) =>
    text.startsWith(prefix, start) || text.startsWith(upper, start)
      ? endOf(text, start + prefix.length - 1)
      : -1;
}

/** The same opening with no end in sight: the rest of the text. */
function unfinished(endOf: EndOf, opens: (text: string, start: number) => boolean): EndOf {
  return (text, start) => (opens(text, start) && endOf(text, start) < 0 ? text.length : -1);
}

const opensWith =
  (...openings: string[]) =>
  (text: string, start: number): boolean =>
    openings.some((opening) => text.startsWith(opening, start));

const bytesEnd = prefixed('b"', bytesLiteralEnd);
const hexEnd = prefixed("x'", simpleQuotedEnd);
const base64End = prefixed("b64'", simpleQuotedEnd);

/** `x'…'` and `b64'…'` have no escapes at all. */
function simpleQuotedEnd(text: string, open: number): number {
  return text.indexOf("'", open + 1) + 1 || -1;
}

export const WhiteSpace = createToken({ name: "WhiteSpace", pattern: /\s+/, group: Lexer.SKIPPED });
export const LineComment = createToken({
  name: "LineComment",
  pattern: /--[^\n]*/,
  group: "comments",
});
export const BlockComment = createToken({
  name: "BlockComment",
  pattern: (text: string, start: number): [string] | null => {
    const end = blockCommentEnd(text, start);
    return end < 0 ? null : [text.slice(start, end)];
  },
  start_chars_hint: ["/"],
  line_breaks: true,
  group: "comments",
});
export const UnfinishedComment = scanned(
  "UnfinishedComment",
  "a comment",
  "/",
  unfinished(blockCommentEnd, opensWith("/*")),
);

export const Text = scanned("Text", "a text literal", "'", quotedEnd, LiteralToken);
export const UnfinishedText = scanned(
  "UnfinishedText",
  "a text literal",
  "'",
  unfinished(quotedEnd, opensWith("'")),
);
export const Bytes = scanned("Bytes", 'a b"…" literal', "bB", bytesEnd, LiteralToken);
export const HexBytes = scanned("HexBytes", "an x'…' literal", "xX", hexEnd, LiteralToken);
export const Base64Bytes = scanned(
  "Base64Bytes",
  "a b64'…' literal",
  "bB",
  base64End,
  LiteralToken,
);
export const UnfinishedBytes = scanned("UnfinishedBytes", "a byte string", "bBxX", (text, start) =>
  bytesEnd(text, start) < 0 &&
  hexEnd(text, start) < 0 &&
  base64End(text, start) < 0 &&
  opensWith('b"', 'B"', "x'", "X'", "b64'", "B64'")(text, start)
    ? text.length
    : -1,
);
export const QuotedName = scanned("QuotedName", "a quoted name", '"', quotedEnd, Name);
export const UnfinishedName = scanned(
  "UnfinishedName",
  "a quoted name",
  '"',
  unfinished(quotedEnd, opensWith('"')),
);

const simple = (name: string, label: string, pattern: RegExp | string, of?: TokenType): TokenType =>
  createToken({ name, label, pattern, categories: of === undefined ? [] : [of] });

export const Duration = simple("Duration", "a duration", /\d+[smhd](?![\w.])/, LiteralToken);
export const NumberToken = simple(
  "Number",
  "a number",
  /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/,
  LiteralToken,
);
export const BadNumber = simple("BadNumber", "a number", /\.?\d[\w.]*/);
export const Identifier = simple(
  "Identifier",
  "a name",
  new RegExp(`[${NAME_START}][${NAME_PART}]*`),
  Name,
);
export const NamedParameter = simple(
  "NamedParameter",
  "a parameter",
  new RegExp(`:[${NAME_START}][${NAME_PART}]*`),
  ParameterToken,
);
export const PositionalParameter = simple("PositionalParameter", "?", "?", ParameterToken);

function operator(name: string, image: string, ...of: TokenType[]): TokenType {
  return createToken({ name, label: image, pattern: image, categories: of });
}

export const ArrowText = operator("ArrowText", "->>", Operator);
export const Arrow = operator("Arrow", "->", Operator);
export const Concat = operator("Concat", "||", Operator);
export const Plus = operator("Plus", "+", Operator, Sign);
export const Minus = operator("Minus", "-", Operator, Sign);
export const Star = operator("Star", "*", Operator);
export const Slash = operator("Slash", "/", Operator);
export const Percent = operator("Percent", "%", Operator);
export const NotEqual = simple("NotEqual", "!=", /!=|<>/, ComparisonOperator);
export const LessOrEqual = operator("LessOrEqual", "<=", ComparisonOperator);
export const GreaterOrEqual = operator("GreaterOrEqual", ">=", ComparisonOperator);
export const Equal = operator("Equal", "=", ComparisonOperator);
export const Less = operator("Less", "<", ComparisonOperator);
export const Greater = operator("Greater", ">", ComparisonOperator);
export const LeftParen = operator("LeftParen", "(");
export const RightParen = operator("RightParen", ")");
export const Comma = operator("Comma", ",");
export const Semicolon = operator("Semicolon", ";");
/** Anything else, one code unit at a time: the parser stops there, and nothing is ever skipped. */
export const Unknown = createToken({
  name: "Unknown",
  label: "?",
  // oxlint-disable-next-line no-control-regex -- any code unit at all
  pattern: /[\u0000-\uffff]/,
  line_breaks: true,
});
/** Put in place of the bracket that is one too many; no rule takes it. */
export const TooDeep = createToken({ name: "TooDeep", label: "(", pattern: Lexer.NA });
/** A token that holds half of a surrogate pair; no rule takes it. */
export const BadUnicode = createToken({ name: "BadUnicode", label: "?", pattern: Lexer.NA });

/** In the order in which the lexer tries them. */
export const lexedTokens: TokenType[] = [
  WhiteSpace,
  LineComment,
  BlockComment,
  UnfinishedComment,
  Text,
  UnfinishedText,
  Bytes,
  HexBytes,
  Base64Bytes,
  UnfinishedBytes,
  QuotedName,
  UnfinishedName,
  Duration,
  NumberToken,
  BadNumber,
  Identifier,
  NamedParameter,
  PositionalParameter,
  ArrowText,
  Arrow,
  Concat,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  NotEqual,
  LessOrEqual,
  GreaterOrEqual,
  Equal,
  Less,
  Greater,
  LeftParen,
  RightParen,
  Comma,
  Semicolon,
  Unknown,
];

/** Everything the parser may meet. */
export const vocabulary: TokenType[] = [
  ...lexedTokens,
  ...KEYWORDS.values(),
  Name,
  ComparisonOperator,
  Operator,
  Sign,
  LiteralToken,
  ParameterToken,
  TooDeep,
  BadUnicode,
];

/** How a token type is written, for messages: its fixed image, or what it is. */
export function imageOf(type: TokenType): string {
  return typeof type.PATTERN === "string" ? type.PATTERN : (type.LABEL ?? type.name);
}
