/**
 * Errors on their way between threads. Structured cloning would keep neither class nor code, so an error
 * crosses as plain fields and is rebuilt as the class its fields belong to. Of the cause only the text
 * crosses; of the stack, all of it, because it names the place in the other thread.
 */

import {
  ConflictError,
  CorruptionError,
  IoError,
  LockedError,
  MelesError,
  StatementError,
  type ErrorCode,
} from "../base/errors.ts";

interface Common {
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: string | undefined;
}

export type SerializedError = Common &
  (
    | { readonly type: "meles"; readonly code: ErrorCode }
    | {
        readonly type: "corruption";
        readonly file: string;
        readonly offset: number;
        readonly expected: string;
        readonly actual: string;
      }
    | {
        readonly type: "io";
        readonly operation: string;
        readonly path: string;
        readonly errno: string;
      }
    | {
        readonly type: "locked";
        readonly pid: number | undefined;
        readonly isThisProcess: boolean;
      }
    | { readonly type: "conflict"; readonly key: Uint8Array }
    | {
        readonly type: "statement";
        readonly code: "ERR_SYNTAX" | "ERR_QUERY";
        readonly offset: number;
        readonly line: number;
        readonly column: number;
        readonly expected: readonly string[];
        readonly report: string;
      }
    /** Anything else: assertion failures, a RangeError, … */
    | { readonly type: "other"; readonly name: string }
  );

/** Takes anything that was thrown; never throws itself. */
export function serializeError(error: unknown): SerializedError {
  if (!(error instanceof Error)) {
    return {
      type: "other",
      name: "Error",
      message: textOf(error),
      stack: undefined,
      cause: undefined,
    };
  }
  const common: Common = {
    message: error.message,
    stack: error.stack,
    cause: error.cause === undefined ? undefined : textOf(error.cause),
  };
  if (error instanceof CorruptionError) {
    const { file, offset, expected, actual } = error;
    return { ...common, type: "corruption", file, offset, expected, actual };
  }
  if (error instanceof IoError) {
    const { operation, path, errno } = error;
    return { ...common, type: "io", operation, path, errno };
  }
  if (error instanceof LockedError) {
    const { pid, isThisProcess } = error;
    return { ...common, type: "locked", pid, isThisProcess };
  }
  if (error instanceof ConflictError) return { ...common, type: "conflict", key: error.key };
  if (error instanceof StatementError) {
    const { offset, line, column, expected, report } = error;
    const code = error.code === "ERR_SYNTAX" ? "ERR_SYNTAX" : "ERR_QUERY";
    return { ...common, type: "statement", code, offset, line, column, expected, report };
  }
  if (error instanceof MelesError) return { ...common, type: "meles", code: error.code };
  return { ...common, type: "other", name: error.name };
}

/** The error again, as `catch` blocks and `instanceof` on this side expect it. */
export function deserializeError(serialized: SerializedError): Error {
  const error = rebuild(serialized);
  if (serialized.stack !== undefined) error.stack = serialized.stack;
  return error;
}

function rebuild(serialized: SerializedError): Error {
  const cause = serialized.cause === undefined ? undefined : new Error(serialized.cause);
  const options = cause === undefined ? undefined : { cause };
  switch (serialized.type) {
    case "corruption":
      return new CorruptionError({ ...serialized, cause });
    case "io":
      return new IoError({ ...serialized, cause });
    case "locked":
      return new LockedError(serialized.message, { ...serialized, cause });
    case "conflict":
      return new ConflictError(serialized.key);
    case "statement":
      return new StatementError(serialized.code, serialized.message, { ...serialized, cause });
    case "meles":
      return new MelesError(serialized.code, serialized.message, options);
    case "other": {
      const error = new Error(serialized.message, options);
      error.name = serialized.name;
      return error;
    }
  }
}

function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  try {
    return String(thrown);
  } catch {
    return "something that has no text";
  }
}
