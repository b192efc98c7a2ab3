/**
 * `meles restore FILE DIR`: FILE `-` reads standard input. DIR is created, or added to. Every version is
 * kept; a later `open` thins them to what its options say.
 */

import { stat } from "node:fs/promises";
import type { CommandRun } from "../command-table.ts";
import type { SyncLevel } from "../engine.ts";
import { EXIT_DONE, EXIT_ERROR, ExitError, usageError } from "../exit-codes.ts";
import type { Input } from "../host.ts";
import { Interruption } from "../interruption.ts";
import { openDatabase } from "../opening.ts";
import { Progress } from "../progress.ts";

export const runRestore: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [file = "", directory = ""] = positionals;
  const fromInput = file === "-";
  if (fromInput && host.stdin.isTerminal) {
    throw usageError("a backup cannot be typed", "redirect it: meles restore - DIR < FILE");
  }
  // Before DIR is created for nothing.
  if (!fromInput) await requireFile(file);
  using interruption = new Interruption(host);
  await using database = await openDatabase(host, given, {
    directory,
    readOnly: false,
    create: true,
    keepVersions: true,
    sync: given.value("sync") as SyncLevel | undefined,
  });
  const progress = new Progress(host);
  const { version, entries } = await interruption.race(
    database.restore(fromInput ? streamFrom(host.stdin) : file, {
      signal: interruption.signal,
      onProgress: (done) =>
        progress.show(done.bytes, done.totalBytes, `${done.entries} entries restored`),
    }),
  );
  await progress.clear();
  await host.stderr.write(`meles: ${entries} ${entries === 1 ? "entry" : "entries"} restored\n`);
  await host.stdout.write(`${version}\n`);
  return EXIT_DONE;
};

async function requireFile(file: string): Promise<void> {
  try {
    if (!(await stat(file)).isDirectory()) return;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new ExitError(EXIT_ERROR, `cannot read ${file}: ${code}`, undefined, error);
  }
  throw new ExitError(EXIT_ERROR, `${file} is a directory; a backup is a file`);
}

function streamFrom(input: Input): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await input.read();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      },
    },
    { highWaterMark: 0 },
  );
}
