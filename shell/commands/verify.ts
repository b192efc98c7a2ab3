/** `meles verify DIR`: findings on standard output, progress and summary on standard error. */

import type { CommandRun } from "../command-table.ts";
import { EXIT_CORRUPTION, EXIT_DONE } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import { formatBytes } from "../messages.ts";
import { openDatabase } from "../opening.ts";
import { Progress } from "../progress.ts";
import { visibleText } from "../renderers/cell.ts";

export const runVerify: CommandRun = async ({ host, arguments: given, positionals }) => {
  using interruption = new Interruption(host);
  await using database = await openDatabase(host, given, {
    directory: positionals[0] ?? "",
    readOnly: true,
    create: false,
  });
  const progress = new Progress(host);
  const report = await interruption.race(
    database.verify({
      signal: interruption.signal,
      onProgress: ({ bytes, totalBytes, file }) => progress.show(bytes, totalBytes, file),
    }),
  );
  await progress.clear();
  if (given.has("json")) {
    await host.stdout.write(`${JSON.stringify(report)}\n`);
  } else {
    for (const { file, offset, message } of report.findings) {
      await host.stdout.write(`${file}:${offset}: ${visibleText(message)}\n`);
    }
  }
  const checked = `${report.files} files, ${formatBytes(report.bytes)}, ${report.entries} entries checked`;
  const found = report.findings.length;
  await host.stderr.write(
    `meles: ${checked}: ${found === 0 ? "all is well" : `${found} ${found === 1 ? "finding" : "findings"}`}\n`,
  );
  return found === 0 ? EXIT_DONE : EXIT_CORRUPTION;
};
