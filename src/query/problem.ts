/**
 * What goes wrong while a statement is planned or run, before it has a line and a column. Everything
 * below the session throws a `Problem` with the span of the guilty piece of syntax; the session, which
 * knows the text, turns it into a `StatementError` with a report.
 */

import type { Span } from "../../grammar/ast.ts";
import { diagnose, nearest } from "../../grammar/index.ts";
import { StatementError } from "../base/errors.ts";

/** Where a statement came from, for reports. */
export interface SourceText {
  readonly text: string;
  /** Name of the file the text was read from. */
  readonly file?: string;
  /** Line number of the text's first line in that file. Default 1. */
  readonly firstLine?: number;
}

/** An error in the meaning of a statement. Never leaves `src/query`. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly span: Span | undefined;
  readonly hint: string | undefined;

  constructor(message: string, span?: Span, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.span = span;
    this.hint = hint;
  }
}

/** The hint for an unknown name. */
export function didYouMean(wrong: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const near = nearest(wrong, names);
  return near === undefined ? `there are ${names.join(", ")}` : `did you mean ${near}?`;
}

/**
 * The `ERR_QUERY` that callers see. A problem that concerns the whole statement gets its span. Without a
 * text there is no position: offset 0, line and column 1.
 */
export function toStatementError(
  problem: Problem,
  source: SourceText | undefined,
  statement: Span | undefined,
): StatementError {
  const { message, hint, cause } = problem;
  const span = problem.span ?? statement;
  if (source === undefined || span === undefined) {
    const report = hint === undefined ? message : `${message}\n${hint}`;
    return new StatementError("ERR_QUERY", message, {
      offset: 0,
      line: 1,
      column: 1,
      report,
      cause,
    });
  }
  const { start, end } = span;
  const { offset, line, column, report } = diagnose(source, {
    message,
    offset: start,
    length: end - start,
    hint,
  });
  return new StatementError("ERR_QUERY", message, { offset, line, column, report, cause });
}
