/**
 * The exit codes of the executable and which error leads to which. The numbers are public contract:
 * scripts branch on them.
 */

import type { ErrorCode } from "./engine.ts";

export const EXIT_DONE = 0;
/** A truthful "no": `get` found nothing. */
export const EXIT_NO = 1;
/** Usage, statement or output error. */
export const EXIT_ERROR = 2;
export const EXIT_CANNOT_OPEN = 3;
export const EXIT_CORRUPTION = 4;
export const EXIT_CONFLICT = 5;
export const EXIT_INTERRUPTED = 130;
/** 128 + SIGTERM, as shells report it. */
export const EXIT_TERMINATED = 143;

/** The stable code of a database error, or `undefined` for anything else. Needs no engine loaded. */
export function errorCode(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && code.startsWith("ERR_") ? (code as ErrorCode) : undefined;
}

/** Exit code for a failure while a statement or command ran. */
export function exitCodeOf(error: unknown): number {
  switch (errorCode(error)) {
    case "ERR_CONFLICT":
      return EXIT_CONFLICT;
    case "ERR_CORRUPTION":
      return EXIT_CORRUPTION;
    case "ERR_ABORTED":
      return EXIT_INTERRUPTED;
    default:
      return error instanceof ExitError ? error.exitCode : EXIT_ERROR;
  }
}

/** A failure whose message is ready for people and whose exit code is already decided. */
export class ExitError extends Error {
  readonly exitCode: number;
  /** A second line that says what to do instead. */
  readonly hint: string | undefined;

  constructor(exitCode: number, message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ExitError";
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** Wrong flags, wrong arguments, unknown commands. */
export function usageError(message: string, hint = "see: meles help"): ExitError {
  return new ExitError(EXIT_ERROR, message, hint);
}
