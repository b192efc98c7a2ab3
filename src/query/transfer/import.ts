/**
 * IMPORT: reads a file record by record in bounded memory, computes key and value from its fields, and
 * writes in batches. Not atomic: when a record is bad, those before it stay, and the error says how many.
 */

import type { ColumnReference, Expression, ImportStatement, Span } from "../../../grammar/ast.ts";
import { MelesError } from "../../base/errors.ts";
import type { Batch, PutOptions } from "../../database/contract.ts";
import type { Execution } from "../execution.ts";
import { compileExpression } from "../expression/compile.ts";
import type { Compiled, Scope } from "../expression/compiled.ts";
import { Frame } from "../expression/frame.ts";
import { expiryOption, metaOption, storedKey, storedValue, ttlOption } from "../execute/stored.ts";
import { counted, formatCount } from "../value/format-number.ts";
import { Problem } from "../problem.ts";
import type { StatementResult } from "../result.ts";
import { unboxed, type Datum } from "../value/datum.ts";
import { formatOf } from "./format.ts";
import { RecordError } from "./record-file.ts";
import { openRecords, WHOLE_RECORD, type Records, type WantedField } from "./records.ts";

export async function runImport(
  statement: ImportStatement,
  execution: Execution,
): Promise<StatementResult> {
  const { path, span } = statement;
  const format = formatOf(path, statement.format, span);
  const { fileSystem } = execution.env;
  const info = fileSystem.info(path);
  if (info === undefined) throw new Problem(`there is no file ${JSON.stringify(path)}`, span);
  const recipe = new Recipe(statement, execution);
  const file = fileSystem.open(path, { write: false, create: "never" });
  let records: Records;
  try {
    records = openRecords(file, format, recipe.wanted);
  } catch (error) {
    file.close();
    throw error instanceof RecordError ? new Problem(`${path}:1: ${error.message}`, span) : error;
  }
  try {
    const importer = new Importer(statement, execution, recipe, records, info.size);
    return await importer.run();
  } finally {
    records.close();
  }
}

/** Expressions over a record, with the fields they name. */
class Recipe implements Scope {
  readonly wanted: WantedField[] = [];
  readonly nowSeconds: number;
  readonly key: Compiled;
  readonly value: Compiled;
  readonly ttl: Compiled | undefined;
  /** Read from files that EXPORT has written, when the statement has no expressions of its own. */
  readonly expiresAt: Compiled | undefined;
  readonly userMeta: Compiled | undefined;
  readonly keySpan: Span;
  readonly valueSpan: Span;
  readonly ttlSpan: Span;
  readonly #execution: Execution;

  constructor(statement: ImportStatement, execution: Execution) {
    this.#execution = execution;
    this.nowSeconds = execution.context.nowSeconds;
    const { span } = statement;
    const plain = statement.key === undefined && statement.value === undefined;
    const key = statement.key ?? reference("key", span);
    const value =
      statement.value ?? reference(statement.key === undefined ? "value" : WHOLE_RECORD, span);
    this.key = this.#compile(key);
    this.value = this.#compile(value);
    this.ttl = statement.ttl === undefined ? undefined : this.#compile(statement.ttl);
    this.keySpan = key.span;
    this.valueSpan = value.span;
    this.ttlSpan = statement.ttl?.span ?? span;
    if (plain && this.ttl === undefined) this.expiresAt = this.#field("expires_at", span, true);
    if (plain) this.userMeta = this.#field("user_meta", span, true);
  }

  column(node: ColumnReference): Compiled {
    return this.#field(node.name, node.span, false);
  }

  parameter(parameter: number | string, span: Span): Datum {
    return this.#execution.context.parameters.value(parameter, span);
  }

  #compile(expression: Expression): Compiled {
    return compileExpression(expression, this);
  }

  #field(name: string, span: Span, optional: boolean): Compiled {
    const known = this.wanted.findIndex((field) => field.name === name);
    const index = known >= 0 ? known : this.wanted.push({ name, span, optional }) - 1;
    return {
      evaluate: (frame) => frame.fields[index] ?? null,
      type: name === WHOLE_RECORD ? "text" : "any",
      constant: false,
    };
  }
}

function reference(name: string, span: Span): Expression {
  return { kind: "reference", name, span };
}

const PROGRESS_EVERY_MS = 100;

class Importer {
  readonly #statement: ImportStatement;
  readonly #execution: Execution;
  readonly #recipe: Recipe;
  readonly #records: Records;
  readonly #totalBytes: number;
  readonly #frame = new Frame();
  #imported = 0;
  #skipped = 0;
  #reportedMs = 0;
  /** Looking for the next record: an error here is one of the file, and cannot be skipped. */
  #reading = false;

  constructor(
    statement: ImportStatement,
    execution: Execution,
    recipe: Recipe,
    records: Records,
    totalBytes: number,
  ) {
    this.#statement = statement;
    this.#execution = execution;
    this.#recipe = recipe;
    this.#records = records;
    this.#totalBytes = totalBytes;
  }

  async run(): Promise<StatementResult> {
    const batch = this.#execution.database.batch();
    let failure: unknown;
    try {
      await this.#fill(batch);
    } catch (error) {
      failure = this.#stopped(error);
    }
    try {
      // Also after a failure, so that the count in its message is true.
      await batch.flush();
    } catch (error) {
      failure ??= error;
    } finally {
      batch.cancel();
    }
    if (failure !== undefined) throw failure;
    this.#report(true);
    return {
      kind: "done",
      message: `${counted(this.#imported, "record")} imported, ${formatCount(this.#skipped)} skipped`,
      rowsAffected: this.#imported,
    };
  }

  async #fill(batch: Batch): Promise<void> {
    const { pace } = this.#execution;
    for (;;) {
      this.#reading = true;
      if (!this.#records.next()) return;
      this.#reading = false;
      try {
        const pressure = this.#put(batch);
        this.#imported++;
        if (pressure !== undefined) await pressure;
      } catch (error) {
        if (!isAboutRecord(error)) throw error;
        if (!this.#statement.skipErrors) throw error;
        this.#skipped++;
      }
      if (pace.due()) {
        this.#report(false);
        await pace.pause();
      }
    }
  }

  #put(batch: Batch): Promise<void> | undefined {
    const recipe = this.#recipe;
    const frame = this.#frame;
    frame.fields = this.#records.fields();
    const key = recipe.key.evaluate(frame);
    if (key === null) {
      const names = this.#records.names().join(", ");
      throw new Problem("the key is null", recipe.keySpan, `the fields of the record are ${names}`);
    }
    const value = recipe.value.evaluate(frame);
    return batch.put(
      typeof key === "string" ? key : storedKey(key, recipe.keySpan),
      typeof value === "string" ? value : storedValue(value, recipe.valueSpan),
      this.#options(),
    );
  }

  #options(): PutOptions | undefined {
    const { ttl, ttlSpan, expiresAt, userMeta } = this.#recipe;
    if (ttl === undefined && expiresAt === undefined && userMeta === undefined) return undefined;
    const frame = this.#frame;
    const expiry = numeric(expiresAt?.evaluate(frame) ?? null);
    const meta = numeric(userMeta?.evaluate(frame) ?? null);
    return {
      ...(ttl === undefined ? {} : ttlOption(ttl.evaluate(frame), ttlSpan)),
      ...(expiry === null ? {} : expiryOption(expiry, this.#statement.span)),
      ...(meta === null ? {} : metaOption(meta, this.#statement.span)),
    };
  }

  /** The error with its place in the file and what has become of the records before it. */
  #stopped(error: unknown): unknown {
    const count = `${counted(this.#imported, "record")} imported`;
    if (error instanceof MelesError && error.code === "ERR_ABORTED") {
      return new MelesError("ERR_ABORTED", `the import was stopped with ${count}`, {
        cause: error,
      });
    }
    if (!isAboutRecord(error)) return error;
    const { message } = error;
    const problem = error instanceof Problem ? error : undefined;
    const hints = [
      ...(problem?.hint === undefined ? [] : [problem.hint]),
      `${count} before it`,
      ...(this.#reading ? [] : ["SKIP ERRORS leaves such records out"]),
    ];
    return new Problem(
      `${this.#statement.path}:${this.#records.line}: ${message}`,
      problem?.span ?? this.#statement.span,
      hints.join("; "),
      error,
    );
  }

  #report(atEnd: boolean): void {
    const { onProgress, env } = this.#execution;
    if (onProgress === undefined) return;
    const nowMs = env.clock.monotonicMs();
    if (!atEnd && nowMs - this.#reportedMs < PROGRESS_EVERY_MS) return;
    this.#reportedMs = nowMs;
    onProgress({
      label: `import ${this.#statement.path}`,
      done: atEnd ? this.#totalBytes : this.#records.doneBytes,
      total: this.#totalBytes,
    });
  }
}

/** CSV has numbers as text, and an empty cell where there is none. */
function numeric(datum: Datum): Datum {
  const plain = unboxed(datum);
  if (plain === "") return null;
  return typeof plain === "string" && /^\d+$/.test(plain) ? Number(plain) : plain;
}

/** Refusals of one record; everything else is trouble with the file or the database. */
function isAboutRecord(error: unknown): error is Error {
  if (error instanceof RecordError || error instanceof Problem) return true;
  return error instanceof MelesError && RECORD_CODES.has(error.code);
}

const RECORD_CODES: ReadonlySet<string> = new Set([
  "ERR_EMPTY_KEY",
  "ERR_KEY_TOO_LARGE",
  "ERR_VALUE_TOO_LARGE",
  "ERR_RESERVED_KEY",
]);
