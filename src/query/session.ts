/**
 * A session runs statements one after the other and holds the transaction between BEGIN and COMMIT.
 *
 * Outside of one, every statement is a transaction of its own: reads run on a snapshot, writes are retried
 * on conflict. A statement's writes are applied only when it has succeeded. After an error inside BEGIN …
 * COMMIT the transaction accepts ROLLBACK alone, so that the rest of a script cannot commit half of it.
 */

import type {
  BeginStatement,
  ExplainStatement,
  SelectStatement,
  Span,
  Statement,
} from "../../grammar/ast.ts";
import { unreachable } from "../base/assert.ts";
import { MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import type { Database, QueryParameters, Transaction } from "../database/contract.ts";
import type { Env } from "../env/env.ts";
import { getColumns, getRows, runBackup, runDrop, runMaintenance, runRestore } from "./commands.ts";
import { writeAlone, writeInto, type WriteOutcome } from "./execute/autocommit.ts";
import { MEMORY_BUDGET_BYTES } from "./execute/memory-budget.ts";
import { formatBytes } from "./value/format-number.ts";
import { runSelect, type RowBatch } from "./execute/select.ts";
import { planWrite } from "./execute/write.ts";
import type { WritePlan } from "./execute/write-plan.ts";
import { Execution, type ProgressListener } from "./execution.ts";
import { analyse, explainStatement } from "./explain-statement.ts";
import { ParameterValues } from "./parameters.ts";
import { counted } from "./value/format-number.ts";
import type { SelectPlan } from "./plan/plan.ts";
import { ConstantScope } from "./plan/scopes.ts";
import { planSelect, versionNumber } from "./plan/select-plan.ts";
import { Problem, toStatementError, type SourceText } from "./problem.ts";
import { RowStream, type StatementResult } from "./result.ts";
import { parseStatement, selectOf } from "./statements.ts";
import { runExport } from "./transfer/export.ts";
import { runImport } from "./transfer/import.ts";

export interface SessionOptions {
  /** Told about the progress of IMPORT, EXPORT and VERIFY. */
  readonly onProgress?: ProgressListener;
  /** Bytes a statement may hold for sorting, grouping and pending writes. Default 256 MiB. */
  readonly memoryBudgetBytes?: number;
}

export interface ExecuteOptions {
  /** Stops the statement with `ERR_ABORTED`; the session goes on. */
  readonly signal?: AbortSignal;
  /** The text that the statement's spans count in, for positions in errors. */
  readonly text?: string;
  /** Name of the file the text is from, and the number of its first line there. */
  readonly file?: string;
  readonly firstLine?: number;
}

/** The transaction between BEGIN and COMMIT. */
export interface SessionTransaction {
  readonly readVersion: Version;
  readonly hasWrites: boolean;
  /** A statement has failed: only ROLLBACK is accepted. */
  readonly failed: boolean;
  readonly readOnly: boolean;
}

interface OpenTransaction {
  readonly handle: Transaction;
  hasWrites: boolean;
  failed: boolean;
}

export class Session {
  readonly #database: Database;
  readonly #env: Env;
  readonly #options: SessionOptions;
  #open: OpenTransaction | undefined;
  #stream: RowStream | undefined;

  constructor(database: Database, env: Env, options: SessionOptions = {}) {
    this.#database = database;
    this.#env = env;
    this.#options = options;
  }

  /** `undefined` outside BEGIN … COMMIT. */
  get transaction(): SessionTransaction | undefined {
    if (this.#open === undefined) return undefined;
    const { handle, hasWrites, failed } = this.#open;
    return { readVersion: handle.readVersion, hasWrites, failed, readOnly: handle.readOnly };
  }

  /**
   * Runs one statement, parsed or as text. Rows are read as they are asked for, until the next call of
   * `execute`. Rejects with `ERR_SYNTAX` (text only), `ERR_QUERY`, or what the database refuses.
   */
  async execute(
    statement: Statement | string,
    parameters?: QueryParameters,
    options: ExecuteOptions = {},
  ): Promise<StatementResult> {
    await this.#endStream();
    const source = sourceOf(statement, options);
    const parsed =
      typeof statement === "string" ? parseStatement(source ?? { text: statement }) : statement;
    try {
      const execution = this.#execution(parameters, source, options.signal);
      execution.pace.check();
      return await this.#dispatch(parsed, execution);
    } catch (error) {
      throw this.#failure(error, source, parsed.span);
    }
  }

  /** Column names of a statement and, for EXPLAIN, its plan, without running it. */
  describe(
    statement: Statement,
    parameters: QueryParameters | undefined,
    source: SourceText,
  ): { readonly columns: readonly string[]; readonly plan: readonly string[] } {
    const execution = this.#execution(parameters, source, undefined);
    try {
      const select = selectOf(statement);
      if (statement.kind === "explain")
        return { columns: ["plan"], plan: this.#explain(statement, execution) };
      if (statement.kind === "get") {
        return { columns: getColumns(statement), plan: explainStatement(statement, execution) };
      }
      const plan = explainStatement(statement, execution);
      if (select === undefined) return { columns: [], plan };
      const { columns } = planSelect(select, this.#database, execution.context);
      return { columns: columns.map((column) => column.name), plan };
    } catch (error) {
      throw translated(error, source, statement.span);
    }
  }

  /**
   * Marks the open transaction as failed, so that it accepts ROLLBACK alone: for a caller that parses
   * statements itself and met one that does not parse.
   */
  fail(): void {
    if (this.#open !== undefined) this.#open.failed = true;
  }

  /** Rolls back what is open and ends unread rows. Idempotent. */
  close(): void {
    void this.#endStream();
    this.#open?.handle.discard();
    this.#open = undefined;
  }

  #execution(
    parameters: QueryParameters | undefined,
    source: SourceText | undefined,
    signal: AbortSignal | undefined,
  ): Execution {
    return new Execution({
      database: this.#database,
      env: this.#env,
      parameters: new ParameterValues(parameters),
      source,
      signal,
      onProgress: this.#options.onProgress,
      budgetBytes: this.#options.memoryBudgetBytes ?? MEMORY_BUDGET_BYTES,
    });
  }

  async #dispatch(statement: Statement, execution: Execution): Promise<StatementResult> {
    if (this.#open?.failed === true && statement.kind !== "rollback") {
      throw new Problem(
        "the transaction has failed and accepts ROLLBACK only",
        statement.span,
        "nothing of it will be written; ROLLBACK, then start again",
      );
    }
    switch (statement.kind) {
      case "select":
      case "scan":
      case "count":
      case "history":
        return this.#select(selectOf(statement) as SelectStatement, execution);
      case "get":
        return this.#get(statement, execution);
      case "insert":
      case "update":
      case "delete":
      case "put":
      case "del": {
        const plan = planWrite(statement, this.#database, execution.context);
        return done(plan, await this.#write(plan, execution), this.#open !== undefined);
      }
      case "begin":
        return this.#begin(statement, execution);
      case "commit":
        return await this.#commit(statement);
      case "rollback":
        return this.#rollback(statement);
      case "explain":
        return await this.#explained(statement, execution);
      case "import":
        this.#refuseInside(statement, "IMPORT writes in batches of its own");
        return await runImport(statement, execution);
      case "export":
        return await runExport(
          statement,
          this.#plan(statement.query, execution),
          execution,
          (plan) => this.#rows(plan, execution),
        );
      case "maintenance":
        return await runMaintenance(statement, execution);
      case "drop":
        this.#refuseInside(statement, "DROP is no part of a transaction");
        return await runDrop(statement, execution);
      case "backup":
        return await runBackup(statement, execution);
      case "restore":
        this.#refuseInside(statement, "RESTORE is no part of a transaction");
        return await runRestore(statement, execution);
      case "watch":
        throw new MelesError("ERR_NOT_SUPPORTED", "WATCH is not built yet");
      default:
        return unreachable(statement);
    }
  }

  // -------------------------------------------------------------------- reads

  #plan(statement: SelectStatement, execution: Execution): SelectPlan {
    return planSelect(statement, this.#database, execution.context);
  }

  #select(statement: SelectStatement, execution: Execution): StatementResult {
    const plan = this.#plan(statement, execution);
    return this.#rowsResult(
      plan.columns.map(({ name }) => name),
      this.#rows(plan, execution),
      execution,
      statement.span,
    );
  }

  #rowsResult(
    columns: readonly string[],
    rows: AsyncGenerator<RowBatch>,
    execution: Execution,
    span: Span,
  ): StatementResult {
    const stream = new RowStream(this.#guarded(rows, execution.source, span));
    this.#stream = stream;
    return {
      kind: "rows",
      columns: columns.map((name) => ({ name })),
      rows: stream,
      note: () => memoryNote(execution),
    };
  }

  /** Rows on the open transaction, or on a snapshot that lives as long as they are read. */
  async *#rows(plan: SelectPlan, execution: Execution): AsyncGenerator<RowBatch> {
    const own = this.#open === undefined ? this.#database.begin({ readOnly: true }) : undefined;
    try {
      yield* runSelect(plan, execution.runOn(own ?? (this.#open as OpenTransaction).handle));
    } finally {
      own?.discard();
    }
  }

  async *#guarded(
    rows: AsyncGenerator<RowBatch>,
    source: SourceText | undefined,
    span: Span,
  ): AsyncGenerator<RowBatch> {
    try {
      yield* rows;
    } catch (error) {
      throw this.#failure(error, source, span);
    }
  }

  #get(statement: Statement & { kind: "get" }, execution: Execution): StatementResult {
    const rows = getRows(statement, this.#open?.handle ?? this.#database, execution);
    if (rows === undefined) return { kind: "missing" };
    async function* batches(): AsyncGenerator<RowBatch> {
      yield rows ?? [];
    }
    return this.#rowsResult(getColumns(statement), batches(), execution, statement.span);
  }

  async #endStream(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined || stream.done) return;
    const message = "another statement was started before all rows of this one were read";
    await stream.supersede(new MelesError("ERR_ABORTED", message));
  }

  // ------------------------------------------------------------------- writes

  async #write(plan: WritePlan, execution: Execution): Promise<WriteOutcome> {
    const open = this.#open;
    if (open === undefined) return await writeAlone(plan, execution);
    const { rowsAffected, written } = await writeInto(open.handle, plan, execution);
    open.hasWrites ||= written;
    return { rowsAffected, version: undefined };
  }

  #begin(statement: BeginStatement, execution: Execution): StatementResult {
    if (this.#open !== undefined) {
      throw new Problem(
        "a transaction is open already",
        statement.span,
        "COMMIT or ROLLBACK it first",
      );
    }
    const { atVersion } = statement;
    const scope = new ConstantScope(execution.context);
    const handle =
      atVersion === undefined
        ? this.#database.begin({ readOnly: statement.readOnly })
        : this.#database.begin({
            readOnly: true,
            at: versionNumber(atVersion, this.#database, scope),
          });
    this.#open = { handle, hasWrites: false, failed: false };
    const kind = handle.readOnly ? "read-only transaction" : "transaction";
    return { kind: "done", message: `${kind} started at version ${handle.readVersion}` };
  }

  async #commit(statement: Statement): Promise<StatementResult> {
    const open = this.#required(statement);
    this.#open = undefined;
    const version = await open.handle.commit();
    return open.hasWrites
      ? { kind: "done", message: `committed as version ${version}`, version }
      : { kind: "done", message: "committed; nothing was written" };
  }

  #rollback(statement: Statement): StatementResult {
    this.#required(statement).handle.discard();
    this.#open = undefined;
    return { kind: "done", message: "rolled back" };
  }

  #required(statement: Statement): OpenTransaction {
    if (this.#open !== undefined) return this.#open;
    throw new Problem("there is no open transaction", statement.span, "BEGIN starts one");
  }

  #refuseInside(statement: Statement, reason: string): void {
    if (this.#open === undefined) return;
    throw new Problem(reason, statement.span, "COMMIT or ROLLBACK first");
  }

  // ------------------------------------------------------------------ explain

  #explain(statement: ExplainStatement, execution: Execution): readonly string[] {
    return explainStatement(statement.statement, execution);
  }

  async #explained(statement: ExplainStatement, execution: Execution): Promise<StatementResult> {
    const { statement: inner } = statement;
    const lines = statement.analyze
      ? await analyse(inner, execution, {
          rows: (plan) => this.#rows(plan, execution),
          write: (plan) => this.#write(plan, execution),
        })
      : this.#explain(statement, execution);
    async function* batches(): AsyncGenerator<RowBatch> {
      yield lines.map((line) => [line]);
    }
    return this.#rowsResult(["plan"], batches(), execution, statement.span);
  }

  // ------------------------------------------------------------------- errors

  /** The error for the caller; an open transaction is marked failed, unless the user stopped the statement. */
  #failure(error: unknown, source: SourceText | undefined, span: Span): unknown {
    const stopped = error instanceof MelesError && error.code === "ERR_ABORTED";
    if (this.#open !== undefined && !stopped) this.#open.failed = true;
    return translated(error, source, span);
  }
}

function sourceOf(statement: Statement | string, options: ExecuteOptions): SourceText | undefined {
  const text = typeof statement === "string" ? statement : options.text;
  if (text === undefined) return undefined;
  return {
    text,
    ...(options.file === undefined ? {} : { file: options.file }),
    ...(options.firstLine === undefined ? {} : { firstLine: options.firstLine }),
  };
}

function translated(error: unknown, source: SourceText | undefined, span: Span): unknown {
  if (error instanceof Problem) return toStatementError(error, source, span);
  if (!(error instanceof RangeError) || !/call stack|string length/i.test(error.message))
    return error;
  // Walking a value, such as JSON with a hundred thousand brackets; expressions are never that deep.
  const reason = /call stack/i.test(error.message) ? "is nested too deeply" : "is too large";
  return toStatementError(new Problem(`a value ${reason}`, span, undefined, error), source, span);
}

function done(plan: WritePlan, outcome: WriteOutcome, inside: boolean): StatementResult {
  const { rowsAffected, version } = outcome;
  const rows = `${counted(rowsAffected, "row")} ${plan.done}`;
  const message = inside || version === undefined ? rows : `${rows}, version ${version}`;
  return {
    kind: "done",
    message,
    rowsAffected,
    ...(version === undefined ? {} : { version }),
  };
}

/** Worth a word when a statement came near the bound. */
function memoryNote(execution: Execution): string | undefined {
  const { peakBytes, limitBytes } = execution.budget;
  if (peakBytes < limitBytes / 2) return undefined;
  return `held ${formatBytes(peakBytes)} of at most ${formatBytes(limitBytes)} in memory`;
}
