/** `meles inspect FILE`: one file of a directory, or a backup, as text or JSON; nothing is opened or changed. */

import type { CommandRun } from "../command-table.ts";
import { loadEngine, loadLanguage } from "../engine.ts";
import { EXIT_CORRUPTION, EXIT_DONE } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import { readEncryptionKey } from "../opening.ts";
import { escapeJsonText, isPrintable } from "../renderers/cell.ts";

export const runInspect: CommandRun = async ({ host, arguments: given, positionals }) => {
  const path = positionals[0] ?? "";
  const json = given.has("json");
  const encryptionKey = await readEncryptionKey(host, given);
  const directory = given.value("database");
  const { inspectFile } = await loadEngine();
  const { quoteBytes } = await loadLanguage();
  using interruption = new Interruption(host);
  const { findings } = await inspectFile(path, {
    format: json ? "json" : "text",
    ...(encryptionKey === undefined ? {} : { encryptionKey }),
    ...(directory === undefined ? {} : { directory }),
    quote(bytes) {
      const literal = quoteBytes(bytes);
      return isPrintable(literal) ? literal : `x'${bytes.toHex()}'`;
    },
    async write(text) {
      await host.stdout.write(json ? escapeJsonText(text) : text);
      await interruption.checkpoint();
    },
  });
  return findings === 0 ? EXIT_DONE : EXIT_CORRUPTION;
};
