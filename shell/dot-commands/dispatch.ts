/** From a line that starts with "." to the row of the table that runs it. */

import { usageError } from "../exit-codes.ts";
import type { Runner } from "../runner.ts";
import { didYouMean } from "../suggest.ts";
import { DOT_COMMANDS, type DotCommand } from "./dot-command-table.ts";

export async function runDotCommand(
  runner: Runner,
  line: string,
  signal: AbortSignal,
): Promise<void> {
  const { name, rest } = splitName(line);
  const command = findDotCommand(name);
  const words = command.arity === "line" ? [rest] : splitWords(rest);
  checkArity(command, words.length);
  await command.run({ runner, name: command.name, arguments: words, rest, signal });
}

function checkArity({ name, usage, arity }: DotCommand, given: number): void {
  if (arity === "line") return;
  const [fewest, most] = arity;
  if (given >= fewest && given <= most) return;
  const takes = given > most ? (most === 0 ? "no argument" : "fewer arguments") : "an argument";
  throw usageError(`${name} takes ${takes}`, `usage: ${name} ${usage}`.trimEnd());
}

/** Any beginning that fits one command alone stands for it; `.exit` and `.q` are habits. */
function findDotCommand(name: string): DotCommand {
  const wanted = name === ".exit" ? ".quit" : name;
  const exact = DOT_COMMANDS.find((command) => command.name === wanted);
  if (exact !== undefined) return exact;
  const [only, ...others] = DOT_COMMANDS.filter((command) => command.name.startsWith(wanted));
  if (only !== undefined && others.length === 0 && wanted.length > 1) return only;
  const names = DOT_COMMANDS.map((command) => command.name);
  throw usageError(`unknown dot command ${name}${didYouMean(name, names)}`, "see: .help");
}

/** A trailing ";" is a habit too: it is dropped. */
export function splitName(line: string): { name: string; rest: string } {
  const text = line.trim().replace(/\s*;$/, "");
  const space = text.search(/\s/);
  if (space < 0) return { name: text, rest: "" };
  return { name: text.slice(0, space), rest: text.slice(space).trim() };
}

/** Words separated by blanks; '…' and "…" keep blanks together, a doubled quote stands for itself. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  const pattern = /\s*((?:'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\s'"])+|['"][^]*)/y;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const word = match[1] ?? "";
    if (/^['"]/.test(word) && !word.endsWith(word[0] as string)) {
      throw usageError("a quote is not closed", "quote a name with blanks like 'this one'");
    }
    words.push(
      word.replace(/'((?:[^']|'')*)'|"((?:[^"]|"")*)"/g, (_, single?: string, double?: string) =>
        single === undefined ? (double ?? "").replaceAll('""', '"') : single.replaceAll("''", "'"),
      ),
    );
  }
  return words;
}
