/**
 * `meles verify DIR`: findings on standard output, progress, notes and summary on standard error. The
 * directory is not opened, so damage that would keep it from being opened is listed like any other.
 */

import type { CommandRun } from "../command-table.ts";
import { loadEngine } from "../engine.ts";
import { errorCode, EXIT_CORRUPTION, EXIT_DONE } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import { formatBytes } from "../messages.ts";
import { checkDirectory, openFailure, readEncryptionKey } from "../opening.ts";
import { Progress } from "../progress.ts";
import { escapeJsonText, visibleText } from "../renderers/cell.ts";

export const runVerify: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [directory = ""] = positionals;
  await checkDirectory({ directory, create: false });
  const encryptionKey = await readEncryptionKey(host, given);
  const valueDirectory = given.value("value-dir");
  const { verifyDirectory } = await loadEngine();
  using interruption = new Interruption(host);
  const progress = new Progress(host);
  const verification = verifyDirectory(directory, {
    ...(encryptionKey === undefined ? {} : { encryptionKey }),
    ...(valueDirectory === undefined ? {} : { valueDirectory }),
    signal: interruption.signal,
    onProgress: ({ bytes, totalBytes, file }) => progress.show(bytes, totalBytes, file),
  });
  const report = await interruption.race(
    verification.catch((error: unknown) => {
      throw errorCode(error) === "ERR_ABORTED" ? error : openFailure(directory, error);
    }),
  );
  await progress.clear();
  if (given.has("json")) {
    await host.stdout.write(`${escapeJsonText(JSON.stringify(report))}\n`);
  } else {
    for (const finding of report.findings) await host.stdout.write(`${lineOf(finding)}\n`);
    for (const note of report.notes) await host.stderr.write(`meles: note: ${lineOf(note)}\n`);
  }
  const checked = `${report.files} files, ${formatBytes(report.bytes)}, ${report.entries} entries checked`;
  const found = report.findings.length;
  await host.stderr.write(
    `meles: ${checked}: ${found === 0 ? "all is well" : `${found} ${found === 1 ? "finding" : "findings"}`}\n`,
  );
  return found === 0 ? EXIT_DONE : EXIT_CORRUPTION;
};

function lineOf(place: { file: string; offset: number; message: string }): string {
  return `${visibleText(place.file)}:${place.offset}: ${visibleText(place.message)}`;
}
