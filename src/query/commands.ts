/** Statements that are neither SELECT nor a write of rows: GET, maintenance, DROP. */

import type {
  BackupStatement,
  DropStatement,
  GetStatement,
  MaintenanceStatement,
  RestoreStatement,
} from "../../grammar/ast.ts";
import type { Reader, RestoreOptions } from "../database/contract.ts";
import type { Execution } from "./execution.ts";
import { counted, formatBytes, formatCount } from "./value/format-number.ts";
import { storedKey } from "./execute/stored.ts";
import { NO_FRAME } from "./expression/compiled.ts";
import { literalOf } from "./plan/literal.ts";
import { prefixBytes, rowCount } from "./plan/select-plan.ts";
import { ConstantScope } from "./plan/scopes.ts";
import { Problem } from "./problem.ts";
import type { StatementResult } from "./result.ts";
import type { Datum } from "./value/datum.ts";

/** Columns of GET: the value of one key; keys and values of several. */
export function getColumns(statement: GetStatement): readonly string[] {
  return statement.keys.length === 1 ? ["value"] : ["key", "value"];
}

/** Rows of GET in the order of the keys; `undefined` when not one of them is there. */
export function getRows(
  statement: GetStatement,
  reader: Reader,
  execution: Execution,
): Datum[][] | undefined {
  const scope = new ConstantScope(execution.context);
  const keys = statement.keys.map((key) =>
    storedKey(scope.compile(key).evaluate(NO_FRAME), key.span),
  );
  const values = keys.map((key) => reader.get(key));
  if (values.every((value) => value === undefined)) return undefined;
  return keys.length === 1 ? [[values[0] ?? null]] : keys.map((key, i) => [key, values[i] ?? null]);
}

export async function runDrop(
  statement: DropStatement,
  execution: Execution,
): Promise<StatementResult> {
  const { prefix } = statement;
  if (prefix === undefined) {
    await execution.database.dropAll();
    return { kind: "done", message: "everything dropped" };
  }
  const bytes = prefixBytes(prefix, execution.context);
  if (bytes === undefined || bytes.length === 0) {
    throw new Problem("a prefix to drop is not empty", prefix.span, "DROP ALL removes everything");
  }
  await execution.database.dropPrefix(bytes);
  return { kind: "done", message: `keys that start with ${literalOf(bytes)} dropped` };
}

export async function runMaintenance(
  statement: MaintenanceStatement,
  execution: Execution,
): Promise<StatementResult> {
  const { database } = execution;
  switch (statement.action) {
    case "flush":
      await database.flush();
      return { kind: "done", message: "flushed" };
    case "compact":
      await database.compact();
      return { kind: "done", message: "compacted" };
    case "verify":
      return await verify(execution);
    case "collect": {
      const { files, bytes } = await database.collectGarbage();
      const removed = `${counted(files, "value-log file")} removed`;
      return {
        kind: "done",
        message: files === 0 ? removed : `${removed}, ${formatBytes(bytes)} freed`,
      };
    }
  }
}

/** `BACKUP TO 'file' [SINCE version]`: a snapshot of its own, whatever transaction is open. */
export async function runBackup(
  statement: BackupStatement,
  execution: Execution,
): Promise<StatementResult> {
  const since = rowCount(statement.since, new ConstantScope(execution.context), "SINCE") ?? 0;
  const { version } = await execution.database.backup(statement.path, {
    since,
    ...transferOptions(`backup ${statement.path}`, execution),
  });
  const message = `backed up to ${statement.path}; SINCE ${version} is the next one after it`;
  return { kind: "done", message };
}

export async function runRestore(
  statement: RestoreStatement,
  execution: Execution,
): Promise<StatementResult> {
  const { version, entries } = await execution.database.restore(
    statement.path,
    transferOptions(`restore ${statement.path}`, execution),
  );
  const message = `${formatCount(entries)} versions restored, up to version ${version}`;
  return { kind: "done", message };
}

function transferOptions(label: string, execution: Execution): RestoreOptions {
  const { signal, onProgress } = execution;
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined
      ? {}
      : {
          onProgress: ({ bytes, totalBytes }) =>
            onProgress({ label, done: bytes, ...(totalBytes > 0 ? { total: totalBytes } : {}) }),
        }),
  };
}

async function verify(execution: Execution): Promise<StatementResult> {
  const { signal, onProgress } = execution;
  const report = await execution.database.verify({
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined
      ? {}
      : {
          onProgress: ({ bytes, totalBytes, file }) =>
            onProgress({ label: `verify ${file}`, done: bytes, total: totalBytes }),
        }),
  });
  const { files, bytes, entries, findings } = report;
  const checked = `${formatCount(files)} files, ${formatBytes(bytes)}, ${formatCount(entries)} entries checked`;
  if (findings.length === 0) return { kind: "done", message: `all is well: ${checked}` };
  async function* rows(): AsyncGenerator<Datum[][]> {
    yield findings.map(({ file, offset, message }) => [file, offset, message]);
  }
  return {
    kind: "rows",
    columns: [{ name: "file" }, { name: "offset" }, { name: "message" }],
    rows: rows(),
    note: () => checked,
  };
}
