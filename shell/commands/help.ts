/** `meles help [COMMAND]`, written from the tables of commands and flags. */

import { sgr, wantsColor } from "../color.ts";
import type { Command, CommandRun } from "../command-table.ts";
import { COMMANDS, commandUsage, findCommand } from "../command-table.ts";
import { EXIT_DONE, usageError } from "../exit-codes.ts";
import type { FlagName } from "../flags.ts";
import { flag, flagUsage } from "../flags.ts";
import { didYouMean } from "../suggest.ts";

type Heading = (text: string) => string;

export const runHelp: CommandRun = async ({ host, arguments: given, positionals }) => {
  const color = wantsColor(host, host.stdout, given.value("color"));
  const heading: Heading = (text) => (color ? sgr(text, "header") : text);
  const [name] = positionals;
  if (name === undefined) {
    await host.stdout.write(overview(heading));
    return EXIT_DONE;
  }
  const command = findCommand(name);
  if (command === undefined) {
    const names = COMMANDS.map((known) => known.name);
    throw usageError(`there is no command ${name}${didYouMean(name, names)}`);
  }
  await host.stdout.write(commandHelp(command, heading));
  return EXIT_DONE;
};

export function overview(heading: Heading): string {
  const width = Math.max(...COMMANDS.map((command) => usageOf(command).length));
  const lines = COMMANDS.map(
    (command) => `  ${usageOf(command).padEnd(width)}  ${command.summary}\n`,
  );
  return `${heading("meles")}: an embedded, transactional, ordered key-value database

${heading("Usage")}
  meles DIR [flags]
  meles COMMAND …

${heading("Commands")}
${lines.join("")}
${heading("Exit codes")}
  0 done   1 no such key   2 usage, statement or output error   3 cannot open
  4 corruption found   5 conflict after retries   130 interrupted

meles help COMMAND tells more; in the shell, .help does.
`;
}

/** The usage without program name and flags, to fit the list. */
function usageOf(command: Command): string {
  return commandUsage(command).replace("meles ", "").replace(" [flags]", "");
}

export function commandHelp(command: Command, heading: Heading): string {
  let text = `${heading(commandUsage(command))}\n  ${command.summary}\n`;
  if (command.details !== undefined) text += `\n${command.details}\n`;
  if (command.flags.length > 0) text += `\n${heading("Flags")}\n${flagList(command.flags)}`;
  return text;
}

function flagList(names: readonly FlagName[]): string {
  const width = Math.max(...names.map((name) => flagUsage(name).length));
  return names
    .map((name) => {
      const { summary, choices } = flag(name);
      const values = choices === undefined ? "" : ` (${choices.join(", ")})`;
      return `  ${flagUsage(name).padEnd(width)}  ${summary}${name === "color" ? "" : values}\n`;
    })
    .join("");
}
