/**
 * The query language: text → statements, statements → text, completion and highlighting. The only door
 * of `grammar/`; no Chevrotain type goes through it. The parser is built on first use.
 */

export type * from "./ast.ts";
export { parse, type ParsedStatement, type ParseOptions, type ParseResult } from "./parse.ts";
export { diagnose, type Diagnostic, type Fault, type Source } from "./diagnostics.ts";
export { nearest } from "./nearest.ts";
export { statementEnd } from "./scan.ts";
export { quoteBytes, quoteText } from "./literals.ts";
export { classify, type ClassifiedToken, type TokenClass } from "./classify.ts";
export { complete, type Completion, type Suggestion } from "./completion.ts";
export { print, printExpression } from "./print.ts";
export { COLUMNS, FUNCTIONS, type FunctionDescription } from "./catalog.ts";
