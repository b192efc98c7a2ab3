/**
 * The errors callers can meet. One class, stable codes; a subclass only where callers branch on its
 * fields. Assertion failures (assert.ts) are deliberately not part of this hierarchy: a `catch` of
 * database errors must not swallow a bug.
 */

export const ERROR_CODES = [
  "ERR_INVALID_ARGUMENT",
  "ERR_EMPTY_KEY",
  "ERR_KEY_TOO_LARGE",
  "ERR_VALUE_TOO_LARGE",
  "ERR_RESERVED_KEY",
  "ERR_CLOSED",
  "ERR_READ_ONLY",
  "ERR_DISCARDED",
  "ERR_CONFLICT",
  "ERR_TRANSACTION_TOO_LARGE",
  "ERR_LOCKED",
  "ERR_NOT_A_DATABASE",
  "ERR_UNSUPPORTED_FORMAT",
  "ERR_CORRUPTION",
  "ERR_ENCRYPTION_KEY",
  "ERR_IO",
  "ERR_DISK_FULL",
  "ERR_BANNED",
  "ERR_OVERFLOW",
  "ERR_VERSION_GONE",
  "ERR_SYNTAX",
  "ERR_QUERY",
  "ERR_ABORTED",
  "ERR_NOT_SUPPORTED",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Every failure the database reports. `code` is stable API, `message` is for people. */
export class MelesError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "MelesError";
    this.code = code;
  }
}

/** A file does not hold what its format, checksum or manifest promises. */
export class CorruptionError extends MelesError {
  /** Name or path of the damaged file; empty until a layer that knows it fills it in. */
  readonly file: string;
  /** Byte offset in the file at which the damage was noticed. */
  readonly offset: number;
  readonly expected: string;
  readonly actual: string;

  constructor(fields: {
    file: string;
    offset: number;
    expected: string;
    actual: string;
    cause?: unknown;
  }) {
    super(
      "ERR_CORRUPTION",
      `${fields.file === "" ? "data" : fields.file} is damaged at byte ${fields.offset}: expected ${fields.expected}, found ${fields.actual}`,
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
    this.name = "CorruptionError";
    this.file = fields.file;
    this.offset = fields.offset;
    this.expected = fields.expected;
    this.actual = fields.actual;
  }
}

/** The operating system refused an operation. ENOSPC and EDQUOT carry `ERR_DISK_FULL`, all else `ERR_IO`. */
export class IoError extends MelesError {
  /** What was tried, e.g. `write`, `fdatasync`, `open`. */
  readonly operation: string;
  readonly path: string;
  /** Symbolic errno, e.g. `ENOENT`; `UNKNOWN` when there is none. */
  readonly errno: string;

  constructor(fields: { operation: string; path: string; errno: string; cause?: unknown }) {
    const full = fields.errno === "ENOSPC" || fields.errno === "EDQUOT";
    super(
      full ? "ERR_DISK_FULL" : "ERR_IO",
      `cannot ${fields.operation} ${fields.path}: ${full ? "the disk is full; free some space, writing then resumes" : fields.errno}`,
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
    this.name = "IoError";
    this.operation = fields.operation;
    this.path = fields.path;
    this.errno = fields.errno;
  }
}

/** A commit lost against another one. Nothing was written; run the transaction again (`db.update` does). */
export class ConflictError extends MelesError {
  /** The key, or the start of the scanned range, that changed since the transaction's read version. */
  readonly key: Uint8Array;

  constructor(key: Uint8Array) {
    super(
      "ERR_CONFLICT",
      "a key or range this transaction read was changed by another commit; run the transaction again",
    );
    this.name = "ConflictError";
    this.key = key;
  }
}

/** Somebody has the directory open. */
export class LockedError extends MelesError {
  /** The process that has it, when that is known. */
  readonly pid: number | undefined;
  /** Whether that is this process: use the database object there is, or close it first. */
  readonly isThisProcess: boolean;

  constructor(
    message: string,
    fields: { pid: number | undefined; isThisProcess: boolean; cause?: unknown },
  ) {
    const { pid, isThisProcess, cause } = fields;
    super("ERR_LOCKED", message, cause === undefined ? undefined : { cause });
    this.name = "LockedError";
    this.pid = pid;
    this.isThisProcess = isThisProcess;
  }
}

/** A statement is wrong. `offset` counts UTF-16 units from the start of the text; line and column from 1. */
export class StatementError extends MelesError {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  /** What the grammar would have taken here; empty for semantic errors. */
  readonly expected: readonly string[];
  /** Several lines ready to print: message, the source line, a caret, a hint. */
  readonly report: string;

  constructor(
    code: "ERR_SYNTAX" | "ERR_QUERY",
    message: string,
    fields: {
      offset: number;
      line: number;
      column: number;
      expected?: readonly string[];
      report?: string;
      cause?: unknown;
    },
  ) {
    super(code, message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = "StatementError";
    this.offset = fields.offset;
    this.line = fields.line;
    this.column = fields.column;
    this.expected = fields.expected ?? [];
    this.report = fields.report ?? message;
  }
}
