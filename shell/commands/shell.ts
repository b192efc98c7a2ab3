/** `meles shell DIR` and `meles DIR`: decides between scripts and a person at the keyboard. */

import { Batch } from "../batch.ts";
import { isDumb, painter, wantsColor } from "../color.ts";
import type { CommandContext, CommandRun } from "../command-table.ts";
import { loadLanguage } from "../engine.ts";
import { Interruption } from "../interruption.ts";
import { Outlet } from "../outlet.ts";
import { chooseMode } from "../output-choice.ts";
import { parseAssignment } from "../parameters.ts";
import { runRcFile } from "../rc-file.ts";
import type { RenderStyle } from "../renderers/cell.ts";
import { Runner } from "../runner.ts";
import type { ScriptSource } from "../script-source.ts";
import { fileSource, inputSource, textSource } from "../script-source.ts";
import type { Settings } from "../settings.ts";
import { initialSettings } from "../settings.ts";
import { Workspace } from "../workspace.ts";

export const runShell: CommandRun = async (context) => {
  const { host, arguments: given, positionals } = context;
  const language = await loadLanguage();
  const settings = settingsFrom(context);
  for (const assignment of given.values("param")) {
    const [name, value] = parseAssignment(language, assignment);
    settings.parameters.set(name, value);
  }
  const interactive = isInteractive(context);
  const paint = painter(wantsColor(host, host.stdout, given.value("color")));
  await using workspace = await Workspace.open(host, given, positionals[0] ?? "");
  const outlet = new Outlet(host);
  const runner = new Runner({ host, language, workspace, settings, outlet, interactive, paint });
  try {
    if (!given.has("no-rc")) await runRcFile(runner);
    if (!interactive) return await runScripts(runner, context);
    const { runInteractively } = await import("../interactive.ts");
    return await runInteractively(runner, { plain: isDumb(host) || !host.stdout.isTerminal });
  } finally {
    await outlet.toStandardOutput();
  }
};

function isInteractive({ host, arguments: given }: CommandContext): boolean {
  return host.stdin.isTerminal && !given.has("command") && !given.has("file");
}

function settingsFrom({ host, arguments: given }: CommandContext): Settings {
  const settings = initialSettings(chooseMode(host, given));
  const style = given.value("render") as RenderStyle | undefined;
  if (style !== undefined) settings.keyStyle = settings.valueStyle = style;
  if (given.has("no-header")) settings.headers = false;
  return settings;
}

/** `-c` and `-f` in the order given, or else standard input. */
async function runScripts(runner: Runner, context: CommandContext): Promise<number> {
  const { host, arguments: given } = context;
  using interruption = new Interruption(host);
  const batch = new Batch(runner, interruption, { keepGoing: given.has("keep-going") });
  const scripts = given.flags.filter(({ name }) => name === "command" || name === "file");
  try {
    if (scripts.length === 0) {
      await batch.run(inputSource("stdin", host.stdin));
    }
    for (const { name, value } of scripts) {
      if (runner.quitting) break;
      await using source = await scriptSource(context, name, value);
      if (!(await batch.run(source))) break;
    }
  } catch (error) {
    if (interruption.kind !== undefined) throw interruption.exit();
    throw error;
  }
  await warnOfOpenTransaction(runner);
  return batch.exitCode;
}

function scriptSource(
  { host }: CommandContext,
  flag: string,
  value: string,
): Promise<ScriptSource> {
  if (flag === "command") return Promise.resolve(textSource("-c", value));
  if (value === "-") return Promise.resolve(inputSource("stdin", host.stdin));
  return fileSource(value);
}

async function warnOfOpenTransaction({ parts, quitting }: Runner): Promise<void> {
  const open = parts.workspace.session.transaction;
  if (open === undefined || !open.hasWrites || quitting) return;
  await parts.host.stderr.write(
    "meles: the transaction was not committed; its writes are dropped\n",
  );
}
