/** `meles load DIR [--format jsonl|csv|sql]`: entries from standard input, in a directory made if need be. */

import { Arguments } from "../arguments.ts";
import type { CommandContext, CommandRun } from "../command-table.ts";
import type { Batch, SyncLevel } from "../engine.ts";
import { EXIT_DONE, usageError } from "../exit-codes.ts";
import { type Output, unread, withInput } from "../host.ts";
import { Interruption } from "../interruption.ts";
import { openDatabase } from "../opening.ts";
import { Progress } from "../progress.ts";
import { inputSource } from "../script-source.ts";
import type { DumpFormat } from "../transfer/dump-writers.ts";
import {
  csvReader,
  jsonReader,
  type LoadedEntry,
  type LoadReader,
} from "../transfer/load-records.ts";

export const runLoad: CommandRun = async (context) => {
  const { host } = context;
  if (host.stdin.isTerminal) {
    throw usageError("a dump cannot be typed", "redirect it: meles load DIR < FILE");
  }
  const first = (await host.stdin.read()) ?? new Uint8Array(0);
  const given = context.arguments.value("format") as DumpFormat | undefined;
  const format = given ?? guessFormat(first);
  const whole = { ...context, host: withInput(host, unread(first, host.stdin)) };
  if (format === "sql") {
    // What dump writes as statements is a script like any other; nobody asked for its results.
    const { runShell } = await import("./shell.ts");
    const flags = [...whole.arguments.flags, { name: "no-rc" as const, value: "" }];
    const quiet = {
      ...whole.host,
      stdout: nowhere(),
      onSignal: whole.host.onSignal.bind(whole.host),
    };
    return runShell({
      ...whole,
      host: quiet,
      arguments: new Arguments(whole.arguments.positionals, flags),
    });
  }
  return loadEntries(whole, format === "csv" ? csvReader() : jsonReader());
};

function nowhere(): Output {
  return {
    isTerminal: false,
    size: () => ({ columns: 80, rows: 24 }),
    write: () => Promise.resolve(),
    flush: () => Promise.resolve(),
  };
}

/** By the first characters: an object, the header that dump writes, or else statements. */
function guessFormat(first: Uint8Array): DumpFormat {
  const start = new TextDecoder().decode(first.subarray(0, 64)).trimStart();
  if (start === "" || start.startsWith("{")) return "jsonl";
  return /^(key|value),/.test(start) ? "csv" : "sql";
}

async function loadEntries(
  { host, arguments: given, positionals }: CommandContext,
  reader: LoadReader,
): Promise<number> {
  using interruption = new Interruption(host);
  await using database = await openDatabase(host, given, {
    directory: positionals[0] ?? "",
    readOnly: false,
    create: true,
    sync: given.value("sync") as SyncLevel | undefined,
  });
  const progress = new Progress(host);
  await using source = inputSource("standard input", host.stdin);
  const batch = database.batch();
  let entries = 0;
  let characters = 0;
  try {
    for (;;) {
      const text = await interruption.race(source.read());
      entries += await write(batch, text === undefined ? reader.end() : reader.push(text));
      if (text === undefined) break;
      characters += text.length;
      progress.show(characters, 0, `${entries} entries`);
    }
  } finally {
    // What came before a mistake in the text stays.
    await batch.flush();
    await progress.clear();
  }
  await database.sync();
  await host.stderr.write(`meles: ${entries} ${entries === 1 ? "entry" : "entries"} loaded\n`);
  return EXIT_DONE;
}

async function write(batch: Batch, entries: Iterable<LoadedEntry>): Promise<number> {
  let count = 0;
  for (const { key, value, userMeta, expiresAt } of entries) {
    const pending = batch.put(key, value, { userMeta, expiresAt });
    if (pending !== undefined) await pending;
    count++;
  }
  return count;
}
