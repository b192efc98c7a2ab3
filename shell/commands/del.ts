/** `meles del DIR KEY…`: all keys in one transaction. */

import type { CommandRun } from "../command-table.ts";
import type { SyncLevel } from "../engine.ts";
import { loadLanguage } from "../engine.ts";
import { EXIT_DONE } from "../exit-codes.ts";
import { argumentBytes } from "../literals.ts";
import { openDatabase } from "../opening.ts";

export const runDel: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [directory = "", ...keyArguments] = positionals;
  const language = given.has("literal") ? await loadLanguage() : undefined;
  const keys = keyArguments.map((argument) => argumentBytes(language, argument));
  await using database = await openDatabase(host, given, {
    directory,
    readOnly: false,
    create: false,
    sync: (given.value("sync") as SyncLevel | undefined) ?? "commit",
  });
  await database.update((transaction) => {
    for (const key of keys) transaction.delete(key);
  });
  return EXIT_DONE;
};
