/**
 * `meles scan DIR [PREFIX]`: keys and values in order. In a pipe the lines carry no header, so they
 * can be cut and sorted as they are; `--mode csv` names its columns as usual.
 */

import { wantsColor } from "../color.ts";
import type { CommandRun } from "../command-table.ts";
import type { QueryValue } from "../engine.ts";
import { loadLanguage } from "../engine.ts";
import { EXIT_DONE, usageError } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import { argumentBytes } from "../literals.ts";
import { openDatabase } from "../opening.ts";
import { chooseMode, renderOptions } from "../output-choice.ts";
import { RENDERERS } from "../renderers/modes.ts";

/** Between two looks at signals and two writes. */
const BATCH_ROWS = 256;

export const runScan: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [directory = "", prefixArgument = ""] = positionals;
  const language = await loadLanguage();
  const prefix = argumentBytes(given.has("literal") ? language : undefined, prefixArgument);
  const limit = given.value("limit");
  if (limit !== undefined && !/^\d+$/.test(limit)) {
    throw usageError(`--limit ${limit}: not a number of entries`);
  }
  const keysOnly = given.has("keys-only");
  const mode = chooseMode(host, given);
  const color = wantsColor(host, host.stdout, given.value("color"));
  const renderer = RENDERERS[mode](keysOnly ? ["key"] : ["key", "value"], {
    ...renderOptions(host, given, language, color),
    headers: mode === "csv" && !given.has("no-header"),
  });

  using interruption = new Interruption(host);
  await using database = await openDatabase(host, given, {
    directory,
    readOnly: true,
    create: false,
  });
  using scan = database.scan({
    ...(prefix.length === 0 ? {} : { prefix }),
    ...(limit === undefined ? {} : { limit: Number(limit) }),
    reverse: given.has("reverse"),
    keysOnly,
  });
  await host.stdout.write(renderer.begin());
  let batch: QueryValue[][] = [];
  for (const { key, value } of scan) {
    batch.push(keysOnly ? [key] : [key, value]);
    if (batch.length < BATCH_ROWS) continue;
    await host.stdout.write(renderer.rows(batch));
    batch = [];
    await interruption.checkpoint();
  }
  await host.stdout.write(renderer.rows(batch));
  await host.stdout.write(renderer.end());
  return EXIT_DONE;
};
