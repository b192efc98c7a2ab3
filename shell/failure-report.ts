/**
 * Failures as text for people. A statement's error keeps its excerpt and caret; its place is told in
 * the coordinates of the whole script, because statements are parsed one by one.
 */

import type { Language } from "./engine.ts";
import { errorCode, ExitError } from "./exit-codes.ts";
import { visibleText } from "./renderers/cell.ts";
import { ClosedPipe, OutputError } from "./sink.ts";
import type { Unit } from "./statement-buffer.ts";

export interface Place {
  readonly file: string;
  readonly unit: Unit;
}

/** What an error in a statement says about its place; `StatementError` of the engine has it too. */
interface Placed extends Error {
  /** From 1, within the text that was parsed. */
  readonly line: number;
  readonly column: number;
  /** `place: message`, the line, a caret, a hint. */
  readonly report: string;
}

type Diagnostic = Exclude<ReturnType<Language["parse"]>, { kind: "ok" }>["diagnostic"];

/** The grammar refused a text. */
export class SyntaxFailure extends Error implements Placed {
  readonly code = "ERR_SYNTAX";
  readonly line: number;
  readonly column: number;
  readonly report: string;

  constructor({ message, line, column, report }: Diagnostic) {
    super(message);
    this.name = "SyntaxFailure";
    this.line = line;
    this.column = column;
    this.report = report;
  }
}

/** One or more lines, ended by a newline. Without a place (interactive) no coordinates are shown. */
export function failureReport(error: unknown, place?: Place): string {
  if (isPlaced(error)) return placedReport(error, place);
  const where =
    place === undefined ? "" : `${place.file}:${place.unit.line}:${place.unit.column}: `;
  if (error instanceof ExitError) {
    const hint = error.hint === undefined ? "" : `  hint: ${error.hint}\n`;
    return `${where}${visibleLines(error.message)}\n${hint}`;
  }
  if (error instanceof Error) {
    if (errorCode(error) !== undefined || error instanceof OutputError) {
      return `${where}${visibleLines(error.message)}\n`;
    }
    return `${where}internal error: ${visibleLines(error.stack ?? error.message)}\n`;
  }
  return `${where}${visibleLines(String(error))}\n`;
}

/** Recognized by its fields: the shell must not load the engine to ask `instanceof`. */
function isPlaced(error: unknown): error is Placed {
  const code = errorCode(error);
  return (
    (code === "ERR_SYNTAX" || code === "ERR_QUERY") &&
    error instanceof Error &&
    "report" in error &&
    typeof error.report === "string"
  );
}

/** The report with the place in the script instead of the place in the statement. */
function placedReport(error: Placed, place: Place | undefined): string {
  const own = error.report.match(/^(?:[^\n:]*:)?(\d+):(\d+): /);
  const isOwn = own?.[1] === String(error.line) && own[2] === String(error.column);
  const body = visibleLines(error.report.slice(isOwn ? own[0].length : 0).trimEnd());
  if (place === undefined) return `${body}\n`;
  const { unit } = place;
  const line = unit.line + error.line - 1;
  const column = error.line === 1 ? unit.column + error.column - 1 : error.column;
  return `${place.file}:${line}:${column}: ${body}\n`;
}

/** Every line made harmless; line ends stay. */
function visibleLines(text: string): string {
  return text.split("\n").map(visibleText).join("\n");
}

/** True for failures that end everything: the output is gone, so going on would be in vain. */
export function isOutputFailure(error: unknown): boolean {
  return error instanceof ClosedPipe || error instanceof OutputError;
}
