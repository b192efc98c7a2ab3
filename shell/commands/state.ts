/** `meles info|stats|levels|tables|vlogs DIR`: the engine's own state, read-only. */

import { wantsColor } from "../color.ts";
import type { CommandContext, CommandRun } from "../command-table.ts";
import type { Database } from "../engine.ts";
import { loadLanguage } from "../engine.ts";
import { EXIT_DONE } from "../exit-codes.ts";
import { openDatabase } from "../opening.ts";
import { chooseMode, renderOptions } from "../output-choice.ts";
import { RENDERERS } from "../renderers/modes.ts";
import type { Mode } from "../renderers/renderer.ts";
import type { StateRows } from "../state-rows.ts";
import {
  infoRows,
  levelRows,
  spaceRows,
  statsRows,
  tableRows,
  valueLogRows,
} from "../state-rows.ts";

export const runInfo: CommandRun = (context) =>
  context.arguments.has("space")
    ? showState(context, spaceRows)
    : showState(context, infoRows, "line");
export const runStats: CommandRun = (context) => showState(context, statsRows, "line");
export const runLevels: CommandRun = (context) => showState(context, levelRows);
export const runTables: CommandRun = (context) => showState(context, tableRows);
export const runValueLogs: CommandRun = (context) => showState(context, valueLogRows);

/**
 * `usualMode` replaces table and tsv where there is exactly one row. JSON output of such a command is
 * one object, of the others an array of objects.
 */
async function showState(
  { host, arguments: given, positionals }: CommandContext,
  read: (database: Database) => StateRows,
  usualMode?: Mode,
): Promise<number> {
  const language = await loadLanguage();
  const chosen = chooseMode(host, given);
  const explicit = given.has("json") || given.has("mode");
  const single = usualMode !== undefined;
  const mode = single && !explicit ? usualMode : single && chosen === "json" ? "jsonl" : chosen;
  const color = wantsColor(host, host.stdout, given.value("color"));
  await using database = await openDatabase(host, given, {
    directory: positionals[0] ?? "",
    readOnly: true,
    create: false,
  });
  const { columns, rows } = read(database);
  const renderer = RENDERERS[mode](columns, renderOptions(host, given, language, color));
  await host.stdout.write(renderer.begin());
  await host.stdout.write(renderer.rows(rows));
  await host.stdout.write(renderer.end());
  return EXIT_DONE;
}
