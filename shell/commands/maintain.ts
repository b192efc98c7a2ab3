/** `meles gc|flatten|drop DIR`: what the engine does by itself, now; and deleting by prefix. */

import type { CommandContext, CommandRun } from "../command-table.ts";
import { type Database, loadLanguage } from "../engine.ts";
import { EXIT_DONE, EXIT_NO, usageError } from "../exit-codes.ts";
import type { Host } from "../host.ts";
import { Interruption } from "../interruption.ts";
import { argumentBytes } from "../literals.ts";
import { formatBytes } from "../messages.ts";
import { openDatabase } from "../opening.ts";
import { visibleText } from "../renderers/cell.ts";

/** Opens for writing, works, and tells on standard error. */
async function maintain(
  { host, arguments: given, positionals }: CommandContext,
  work: (database: Database) => Promise<string>,
): Promise<number> {
  using interruption = new Interruption(host);
  await using database = await openDatabase(host, given, {
    directory: positionals[0] ?? "",
    readOnly: false,
    create: false,
  });
  const done = await interruption.race(work(database));
  await host.stderr.write(`meles: ${done}\n`);
  return EXIT_DONE;
}

export const runCollect: CommandRun = (context) => {
  const ratio = context.arguments.value("ratio");
  const discardRatio = Number(ratio ?? 0.05);
  if (!(discardRatio > 0 && discardRatio < 1)) {
    throw usageError(`--ratio ${ratio}: not a number between 0 and 1`);
  }
  return maintain(context, async (database) => {
    const { total } = database.size();
    const { files, bytes } = await database.collectGarbage({ discardRatio });
    const removed = `${files} value-log ${files === 1 ? "file" : "files"} removed, ${formatBytes(bytes)}`;
    return `${removed}; ${shrunk(total, database)}`;
  });
};

export const runFlatten: CommandRun = (context) =>
  maintain(context, async (database) => {
    const { total } = database.size();
    await database.compact();
    return shrunk(total, database);
  });

function shrunk(beforeBytes: number, database: Database): string {
  return `the directory had ${formatBytes(beforeBytes)}, it has ${formatBytes(database.size().total)}`;
}

export const runDrop: CommandRun = async (context) => {
  const { host, arguments: given, positionals } = context;
  const argument = positionals[1] ?? "";
  const language = given.has("literal") ? await loadLanguage() : undefined;
  const prefix = argumentBytes(language, argument);
  const what =
    prefix.length === 0 ? "every key" : `every key that begins with ${visibleText(argument)}`;
  if (!given.has("yes") && !(await isConfirmed(host, `delete ${what}`))) return EXIT_NO;
  return maintain(context, async (database) => {
    const count = database.count({ prefix });
    await database.dropPrefix(prefix);
    await database.sync();
    return `${count} ${count === 1 ? "key" : "keys"} deleted`;
  });
};

/** Asks a person; where there is none, `--yes` has to be given. */
async function isConfirmed(host: Host, what: string): Promise<boolean> {
  if (!host.stdin.isTerminal || !host.stderr.isTerminal) {
    throw usageError(`drop would ${what}`, "say --yes to do it");
  }
  await host.stderr.write(`${what}? [y/N] `);
  await host.stderr.flush();
  const answer = await host.stdin.read();
  return answer !== undefined && /^\s*y(es)?\s*$/i.test(new TextDecoder().decode(answer));
}
