/**
 * `meles backup DIR FILE [--since N]`: the version to pass as the next `--since` goes to standard output,
 * or to standard error when the backup itself is written there (FILE `-`).
 */

import type { CommandRun } from "../command-table.ts";
import { EXIT_DONE, usageError } from "../exit-codes.ts";
import type { Output } from "../host.ts";
import { Interruption } from "../interruption.ts";
import { openDatabase } from "../opening.ts";
import { Progress } from "../progress.ts";

export const runBackup: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [directory = "", file = ""] = positionals;
  const since = parseSince(given.value("since"));
  const toOutput = file === "-";
  if (toOutput && host.stdout.isTerminal) {
    throw usageError(
      "a backup is no text for a terminal",
      "redirect it: meles backup DIR - > FILE",
    );
  }
  using interruption = new Interruption(host);
  await using database = await openDatabase(host, given, {
    directory,
    readOnly: true,
    create: false,
  });
  const progress = new Progress(host);
  const { version } = await interruption.race(
    database.backup(toOutput ? streamTo(host.stdout) : file, {
      since,
      signal: interruption.signal,
      onProgress: ({ bytes, entries }) => progress.show(bytes, 0, `${entries} entries`),
    }),
  );
  await progress.clear();
  if (toOutput) await host.stderr.write(`meles: the next backup goes on with --since ${version}\n`);
  else await host.stdout.write(`${version}\n`);
  return EXIT_DONE;
};

function parseSince(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,16}$/.test(text)) throw usageError(`--since ${text}: not a version`);
  return Number(text);
}

/** Awaits every piece, so a slow reader holds the backup up instead of filling memory. */
function streamTo(output: Output): WritableStream<Uint8Array> {
  return new WritableStream({
    write: (bytes) => output.write(bytes),
    close: () => output.flush(),
  });
}
