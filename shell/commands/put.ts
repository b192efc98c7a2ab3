/** `meles put DIR KEY VALUE` */

import type { CommandRun } from "../command-table.ts";
import type { SyncLevel } from "../engine.ts";
import { loadLanguage } from "../engine.ts";
import { EXIT_DONE, usageError } from "../exit-codes.ts";
import type { Input } from "../host.ts";
import { argumentBytes } from "../literals.ts";
import { openDatabase } from "../opening.ts";

export const runPut: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [directory = "", keyArgument = "", valueArgument = ""] = positionals;
  const language = given.has("literal") ? await loadLanguage() : undefined;
  const key = argumentBytes(language, keyArgument);
  const ttl = given.value("ttl");
  const meta = given.value("meta");
  const options = {
    ...(ttl === undefined ? {} : { ttl: parseDuration(ttl) }),
    ...(meta === undefined ? {} : { userMeta: parseMeta(meta) }),
  };
  const value =
    valueArgument === "-" ? await readAll(host.stdin) : argumentBytes(language, valueArgument);
  await using database = await openDatabase(host, given, {
    directory,
    readOnly: false,
    create: true,
    sync: (given.value("sync") as SyncLevel | undefined) ?? "commit",
  });
  await database.put(key, value, options);
  return EXIT_DONE;
};

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90s 15m 2h 7d`, or plain seconds. */
function parseDuration(text: string): number {
  const match = /^(\d+)([smhd]?)$/.exec(text);
  if (match === null) throw usageError(`--ttl ${text}: not a duration such as 90s, 15m, 2h, 7d`);
  return Number(match[1]) * (SECONDS_PER_UNIT[match[2] || "s"] as number);
}

function parseMeta(text: string): number {
  const meta = Number(text);
  if (!/^\d+$/.test(text) || meta > 255) {
    throw usageError(`--meta ${text}: not a number from 0 to 255`);
  }
  return meta;
}

async function readAll(input: Input): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await input.read();
    if (piece === undefined) return Buffer.concat(pieces);
    pieces.push(piece);
  }
}
