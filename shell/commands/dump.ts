/** `meles dump DIR [--format jsonl|csv|sql]`: all live entries of one snapshot, on standard output. */

import type { CommandRun } from "../command-table.ts";
import { loadLanguage } from "../engine.ts";
import { EXIT_DONE } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import { openDatabase } from "../opening.ts";
import { Progress } from "../progress.ts";
import { type DumpFormat, dumpWriter } from "../transfer/dump-writers.ts";

/** Between two looks at signals and two writes. */
const BATCH_CHARACTERS = 256 * 1024;
const BATCH_ENTRIES = 1024;

export const runDump: CommandRun = async ({ host, arguments: given, positionals }) => {
  const language = await loadLanguage();
  const format = (given.value("format") ?? "jsonl") as DumpFormat;
  const writer = dumpWriter(format, language);
  using interruption = new Interruption(host);
  await using database = await openDatabase(host, given, {
    directory: positionals[0] ?? "",
    readOnly: true,
    create: false,
  });
  using scan = database.scan();
  const progress = new Progress(host);
  let text = writer.begin;
  let entries = 0;
  let bytes = 0;
  for (const entry of scan) {
    text += writer.entry(entry);
    bytes += entry.key.length + entry.value.length;
    if (++entries % BATCH_ENTRIES !== 0 && text.length < BATCH_CHARACTERS) continue;
    await host.stdout.write(text);
    text = "";
    if (!host.stdout.isTerminal) progress.show(bytes, 0, `${entries} entries`);
    await interruption.checkpoint();
  }
  await host.stdout.write(text + writer.end());
  await progress.clear();
  return EXIT_DONE;
};
