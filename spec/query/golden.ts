/**
 * Golden scripts: blocks of a statement, a line `----`, and what it printed, parted by empty lines.
 *
 *   PUT 'a' '1';
 *   ----
 *   1 row stored, version 1
 *
 * Lines that start with `#` are remarks. `@other STATEMENT` runs in a second session, `@advance 10` lets
 * seconds pass, `@file NAME` writes the lines that follow into a file, `@cat NAME` prints one.
 * Bytes are printed bare where they are plain text, text in quotes. UPDATE_GOLDEN=1 writes what came out.
 */

import { MelesError, StatementError } from "../../src/base/errors.ts";
import { literalOf } from "../../src/query/plan/literal.ts";
import type { Database } from "../../src/database/contract.ts";
import type { StatementResult } from "../../src/query/result.ts";
import { Session } from "../../src/query/session.ts";
import { isJson, type Datum } from "../../src/query/value/datum.ts";
import { readText, testEnv, writeText, type TestEnv } from "./test-env.ts";

/** Runs a script and gives it back with what was printed now. */
export async function runScript(
  script: string,
  openDatabase: (env: TestEnv) => Database | Promise<Database>,
): Promise<string> {
  const env = testEnv();
  await using database = await openDatabase(env);
  const [session, other] = [new Session(database, env), new Session(database, env)];
  const blocks: string[] = [];
  for (const block of script.trim().split(/\n{2,}/)) {
    const [input = ""] = block.split(/\n----(?:\n|$)/);
    const lines = input.split("\n");
    const remarks = lines.filter((line) => line.startsWith("#"));
    const body = lines.filter((line) => !line.startsWith("#")).join("\n");
    if (body === "") {
      blocks.push(remarks.join("\n"));
      continue;
    }
    const output = await runBlock(body, env, session, other);
    blocks.push([...remarks, body, "----", ...(output === "" ? [] : [output])].join("\n"));
  }
  return `${blocks.join("\n\n")}\n`;
}

async function runBlock(
  body: string,
  env: TestEnv,
  session: Session,
  other: Session,
): Promise<string> {
  const [first = "", ...rest] = body.split("\n");
  const [directive, argument = ""] = first.split(/ (.*)/s);
  switch (directive) {
    case "@other":
      return await printed(other, body.slice("@other ".length));
    case "@advance":
      env.clock.advance(Number(argument) * 1000);
      return "";
    case "@file":
      writeText(env, argument, rest.join("\n").replaceAll("\\n", "\n").replaceAll("\\e", ""));
      return "";
    case "@cat":
      return (readText(env, argument) ?? "no such file").trimEnd();
    default:
      return await printed(session, body);
  }
}

async function printed(session: Session, text: string): Promise<string> {
  try {
    return await render(await session.execute(text));
  } catch (error) {
    if (error instanceof StatementError) return `${error.code}\n${error.report}`;
    if (error instanceof MelesError) return `${error.code} ${error.message}`;
    throw error;
  }
}

async function render(result: StatementResult): Promise<string> {
  if (result.kind === "missing") return "(missing)";
  if (result.kind === "done") return result.message;
  const names = result.columns.map((column) => column.name);
  const rows: string[][] = [];
  for await (const batch of result.rows) for (const row of batch) rows.push(row.map(cell));
  if (names.length === 1 && names[0] === "plan")
    return rows.map(([line]) => unquoted(line)).join("\n");
  const widths = names.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join(" | ")
      .trimEnd();
  const note = result.note();
  return [
    line(names),
    ...rows.map(line),
    rows.length === 1 ? "(1 row)" : `(${rows.length} rows)`,
    ...(note === undefined ? [] : [note]),
  ].join("\n");
}

function unquoted(line = ""): string {
  return line.slice(1, -1).replaceAll("''", "'");
}

function cell(datum: Datum): string {
  if (datum === null) return "NULL";
  if (typeof datum === "string") return `'${datum.replaceAll("'", "''")}'`;
  if (datum instanceof Uint8Array) return literalOf(datum).replace(/^'(.*)'$/, "$1");
  return isJson(datum) ? JSON.stringify(datum.json) : String(datum);
}
