/**
 * A diagnostic: what is wrong with a text and where, as plain data that is ready to print. Knows texts
 * and offsets, not grammars; anyone who has a position may make one.
 */

import { visible } from "./literals.ts";

/** What is wrong with a text, ready to print. */
export interface Diagnostic {
  readonly message: string;
  /** UTF-16 units from the start of the text. */
  readonly offset: number;
  /** UTF-16 units; 0 at the end of the text. */
  readonly length: number;
  /** From 1, or from the text's first line if that was given. */
  readonly line: number;
  /** From 1, in characters (code points). */
  readonly column: number;
  /** What could have stood there, readable; empty if the trouble is another one. */
  readonly expected: readonly string[];
  /** What to do, such as "did you mean SELECT?". */
  readonly hint?: string;
  /** `file:line:column: message`, the source line, a caret, what was expected, the hint. */
  readonly report: string;
}

/** Where a text came from. */
export interface Source {
  readonly text: string;
  /** Default "input". */
  readonly file?: string | undefined;
  /** Number of the text's first line in its file; default 1. */
  readonly firstLine?: number | undefined;
}

export interface Fault {
  readonly message: string;
  readonly offset: number;
  readonly length: number;
  readonly expected?: readonly string[] | undefined;
  readonly hint?: string | undefined;
}

/** Width of the source excerpt; a longer line is shown around the fault. */
const EXCERPT_CHARS = 120;
const EXPECTED_SHOWN = 8;

/** Places a fault in its text and words the report. Costs one pass over the text before it. */
export function diagnose(source: Source, fault: Fault): Diagnostic {
  const { text } = source;
  const { message, hint, expected = [] } = fault;
  const offset = Math.min(Math.max(fault.offset, 0), text.length);
  const length = Math.min(Math.max(fault.length, 0), text.length - offset);
  const lineStart = offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
  const line = (source.firstLine ?? 1) + newlinesBefore(text, lineStart);
  const column = characterCount(text.slice(lineStart, offset)) + 1;
  const report = [
    `${source.file ?? "input"}:${line}:${column}: ${message}`,
    ...excerpt(text, lineStart, offset, length),
    ...(expected.length > 0 ? [`expected ${listed(expected)}`] : []),
    ...(hint === undefined ? [] : [hint]),
  ].join("\n");
  const rest = { message, offset, length, line, column, expected, report };
  return hint === undefined ? rest : { ...rest, hint };
}

function newlinesBefore(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** The line with the fault and a line of carets under it, both safe on a terminal. */
function excerpt(text: string, lineStart: number, offset: number, length: number): string[] {
  const newline = text.indexOf("\n", offset);
  const end = newline < 0 ? text.length : newline;
  const from = end - lineStart <= EXCERPT_CHARS ? lineStart : Math.max(lineStart, offset - 60);
  const to = Math.min(end, from + EXCERPT_CHARS);
  const lead = from > lineStart ? "…" : "";
  const tail = to < end ? "…" : "";
  const before = lead + visible(text.slice(from, offset));
  const marked = visible(text.slice(offset, Math.min(offset + length, to)));
  const after = visible(text.slice(offset + marked.length, to).replace(/\r$/, ""));
  const carets = "^".repeat(Math.max(1, Bun.stringWidth(marked)));
  return [before + marked + after + tail, " ".repeat(Bun.stringWidth(before)) + carets];
}

function listed(expected: readonly string[]): string {
  if (expected.length === 1) return expected[0] as string;
  if (expected.length > EXPECTED_SHOWN) {
    return `${expected.slice(0, EXPECTED_SHOWN).join(", ")}, …`;
  }
  return `${expected.slice(0, -1).join(", ")} or ${expected.at(-1)}`;
}
