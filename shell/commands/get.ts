/** `meles get DIR KEY` */

import type { CommandRun } from "../command-table.ts";
import { loadLanguage } from "../engine.ts";
import { EXIT_DONE, EXIT_NO } from "../exit-codes.ts";
import { argumentBytes } from "../literals.ts";
import { openDatabase } from "../opening.ts";
import { cellOf } from "../renderers/cell.ts";

export const runGet: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [directory = "", keyArgument = ""] = positionals;
  const key = argumentBytes(given.has("literal") ? await loadLanguage() : undefined, keyArgument);
  await using database = await openDatabase(host, given, {
    directory,
    readOnly: true,
    create: false,
  });
  const value = database.get(key);
  if (value === undefined) return EXIT_NO;
  if (!host.stdout.isTerminal) {
    await host.stdout.write(value);
  } else {
    const { quoteBytes } = await loadLanguage();
    const { text } = cellOf(value, { style: "auto", nullText: "", quoteBytes });
    await host.stdout.write(`${text}\n`);
  }
  return EXIT_DONE;
};
