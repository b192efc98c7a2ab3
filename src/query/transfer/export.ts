/**
 * EXPORT: the rows of a SELECT in a file that IMPORT reads back. Written under another name first, so that
 * a failed export leaves an earlier file as it was.
 */

import type { ExportStatement, FileFormat } from "../../../grammar/ast.ts";
import { toBytes } from "../../base/bytes.ts";
import { type File, isStreamTarget } from "../../env/file-system.ts";
import type { Execution } from "../execution.ts";
import type { RowBatch } from "../execute/select.ts";
import { counted } from "../value/format-number.ts";
import type { SelectPlan } from "../plan/plan.ts";
import type { StatementResult } from "../result.ts";
import type { Datum } from "../value/datum.ts";
import { formatOf } from "./format.ts";
import { toCell, toJsonForm } from "./json-form.ts";

export async function runExport(
  statement: ExportStatement,
  plan: SelectPlan,
  execution: Execution,
  rowsOf: (plan: SelectPlan) => AsyncIterable<RowBatch>,
): Promise<StatementResult> {
  const { path } = statement;
  const format = formatOf(path, statement.format, statement.span);
  const { fileSystem } = execution.env;
  const inPlace = isStreamTarget(path, fileSystem);
  const target = inPlace ? path : `${path}.partial`;
  const file = fileSystem.open(target, {
    write: true,
    create: "truncate",
    permissions: 0o666,
    outsideDatabases: true,
    stream: inPlace,
  });
  let count = 0;
  try {
    const sink = new TextSink(file);
    const columns = plan.columns.map((column) => column.name);
    const writer = WRITERS[format](columns);
    sink.write(writer.begin);
    for await (const batch of rowsOf(plan)) {
      for (const row of batch) sink.write(writer.row(row, count++ === 0));
      execution.onProgress?.({ label: `export ${path}`, done: sink.bytes });
    }
    sink.write(count === 0 ? writer.endOfNone : writer.end);
    sink.flush();
    if (!inPlace) file.sync();
    file.close();
    if (!inPlace) {
      fileSystem.rename(target, path);
      fileSystem.syncDirectory(fileSystem.join(path, ".."));
    }
  } catch (error) {
    file.close();
    if (!inPlace) fileSystem.remove(target);
    throw error;
  }
  const message = `${counted(count, "row")} exported to ${path}`;
  return { kind: "done", message, rowsAffected: count };
}

const FLUSH_CHARACTERS = 256 * 1024;

/** Collects text and writes it in large pieces. */
class TextSink {
  readonly #file: File;
  #text = "";
  bytes = 0;

  constructor(file: File) {
    this.#file = file;
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= FLUSH_CHARACTERS) this.flush();
  }

  flush(): void {
    const bytes = toBytes(this.#text);
    this.#file.write(bytes, 0, bytes.length, this.bytes);
    this.bytes += bytes.length;
    this.#text = "";
  }
}

interface RowWriter {
  readonly begin: string;
  readonly end: string;
  /** Instead of `end` when there were no rows. */
  readonly endOfNone: string;
  row(row: readonly Datum[], first: boolean): string;
}

const WRITERS: Readonly<Record<FileFormat, (columns: readonly string[]) => RowWriter>> = {
  csv: (columns) => separated(columns, ","),
  tsv: (columns) => separated(columns, "\t"),
  json: (columns) => {
    const object = objectWriter(columns);
    return {
      begin: "[",
      end: "\n]\n",
      endOfNone: "]\n",
      row: (row, first) => `${first ? "\n" : ",\n"}${object(row)}`,
    };
  },
  jsonl: (columns) => {
    const object = objectWriter(columns);
    return { begin: "", end: "", endOfNone: "", row: (row) => `${object(row)}\n` };
  },
};

function objectWriter(columns: readonly string[]): (row: readonly Datum[]) => string {
  const labels = columns.map((name) => `${JSON.stringify(name)}:`);
  return (row) =>
    `{${row.map((datum, i) => (labels[i] ?? "") + JSON.stringify(toJsonForm(datum))).join()}}`;
}

function separated(columns: readonly string[], separator: string): RowWriter {
  const line = (cells: readonly string[]): string =>
    `${cells.map((cell) => quotedCell(cell, separator)).join(separator)}\n`;
  return {
    begin: line(columns),
    end: "",
    endOfNone: "",
    row: (row) => line(row.map(toCell)),
  };
}

/** An empty cell is quoted: in a file of one column an empty line would be no record. */
function quotedCell(cell: string, separator: string): string {
  const plain = cell !== "" && !cell.includes(separator) && !/["\r\n]/.test(cell);
  return plain ? cell : `"${cell.replaceAll('"', '""')}"`;
}
