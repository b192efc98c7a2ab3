/**
 * `meles salvage DIR NEWDIR`: findings on standard output, progress and summary on standard error. 0 when
 * everything was recovered, 4 when something is lost or may be.
 */

import { realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { CommandRun } from "../command-table.ts";
import { loadEngine, loadLanguage, type SalvageFinding } from "../engine.ts";
import { errorCode, EXIT_CORRUPTION, EXIT_DONE, usageError } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import { formatBytes } from "../messages.ts";
import { checkDirectory, openFailure, readEncryptionKey } from "../opening.ts";
import { Progress } from "../progress.ts";
import { cellOf, escapeJsonText, visibleText } from "../renderers/cell.ts";
import { jsonValue } from "../renderers/json.ts";

export const runSalvage: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [directory = "", newDirectory = ""] = positionals;
  await checkDirectory({ directory, create: false });
  if (newDirectory === "") throw usageError("the new directory's name is empty");
  await requireOutside(directory, newDirectory);
  const encryptionKey = await readEncryptionKey(host, given);
  const valueDirectory = given.value("value-dir");
  const { salvage } = await loadEngine();
  const { quoteBytes } = await loadLanguage();
  using interruption = new Interruption(host);
  const progress = new Progress(host);
  let report: Awaited<ReturnType<typeof salvage>>;
  try {
    // Not raced: it stops by itself, and takes away what it has written.
    report = await salvage(directory, newDirectory, {
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
      ...(valueDirectory === undefined ? {} : { valueDirectory }),
      signal: interruption.signal,
      onProgress: ({ bytes, totalBytes, file }) => progress.show(bytes, totalBytes, file),
    });
  } catch (error) {
    await progress.clear();
    if (interruption.kind !== undefined) throw interruption.exit();
    throw isRefusal(error) ? openFailure(directory, error) : error;
  }
  await progress.clear();
  const keyOf = (key: Uint8Array): unknown => jsonValue(key, "auto", quoteBytes);
  if (given.has("json")) {
    const findings = report.findings.map((finding) => ({
      ...finding,
      ...(finding.smallestKey && { smallestKey: keyOf(finding.smallestKey) }),
      ...(finding.largestKey && { largestKey: keyOf(finding.largestKey) }),
    }));
    await host.stdout.write(`${escapeJsonText(JSON.stringify({ ...report, findings }))}\n`);
  } else {
    for (const finding of report.findings) {
      await host.stdout.write(`${lineOf(finding, quoteBytes)}\n`);
    }
  }
  const { entries, keys, bytesWritten, lost } = report;
  const wrote = `${entries} versions of ${keys} keys recovered, ${formatBytes(bytesWritten)}`;
  const rest = lost ? "something is lost, or may be: see the findings" : "nothing is lost";
  await host.stderr.write(`meles: ${wrote}; ${rest}\n`);
  return lost ? EXIT_CORRUPTION : EXIT_DONE;
};

function isRefusal(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ERR_LOCKED" || code === "ERR_NOT_A_DATABASE" || code === "ERR_ENCRYPTION_KEY";
}

/** Links do not lead into the directory that must not be touched. */
async function requireOutside(directory: string, newDirectory: string): Promise<void> {
  const source = await realpath(directory);
  const target = resolve(newDirectory);
  for (const path of [target, dirname(target)]) {
    const real = await realpath(path).catch(() => undefined);
    if (real !== source && real?.startsWith(`${source}/`) !== true) continue;
    throw usageError(
      `${newDirectory} lies in ${directory}, which is not touched`,
      "name a directory elsewhere",
    );
  }
}

function lineOf(
  { file, offset, reason, lost, smallestKey, largestKey }: SalvageFinding,
  quoteBytes: (bytes: Uint8Array) => string,
): string {
  const shown = (key: Uint8Array): string =>
    cellOf(key, { style: "auto", nullText: "", quoteBytes }).text;
  const range =
    smallestKey === undefined && largestKey === undefined
      ? ""
      : smallestKey !== undefined &&
          largestKey !== undefined &&
          shown(smallestKey) === shown(largestKey)
        ? `; key ${shown(smallestKey)}`
        : `; keys ${smallestKey === undefined ? "" : `from ${shown(smallestKey)} `}` +
          `${largestKey === undefined ? "on" : `to ${shown(largestKey)}`}`;
  return `${lost ? "lost" : "note"}: ${visibleText(file)}:${offset}: ${visibleText(reason)}${range}`;
}
