#!/usr/bin/env bun
/**
 * Entry of the executable: arguments → command → exit code. The only place that ends the program, and
 * it does so by setting the exit code after everything is written: output is never cut off.
 */

import { existsSync } from "node:fs";
import type { Arguments } from "./arguments.ts";
import { checkFlags, parseArguments } from "./arguments.ts";
import type { Command } from "./command-table.ts";
import { COMMANDS, commandUsage, findCommand, UNSUPPORTED_COMMANDS } from "./command-table.ts";
import { EXIT_DONE, EXIT_ERROR, exitCodeOf, ExitError, usageError } from "./exit-codes.ts";
import { failureReport } from "./failure-report.ts";
import type { Host } from "./host.ts";
import { processHost, unread, withInput } from "./host.ts";
import { ClosedPipe } from "./sink.ts";
import { didYouMean, nearest } from "./suggest.ts";

/** Runs the program. Resolves with the exit code once all output is written. */
export async function main(vector: readonly string[], host: Host): Promise<number> {
  let exitCode: number;
  try {
    exitCode = await dispatch(vector, host);
    await host.stdout.flush();
  } catch (error) {
    exitCode = await ended(error, host);
  }
  await host.stderr.flush();
  return exitCode;
}

async function ended(error: unknown, host: Host): Promise<number> {
  if (error instanceof ClosedPipe) return EXIT_DONE;
  // Results come before the message; if they cannot be written, the first failure still counts.
  await host.stdout.flush().catch(() => undefined);
  await host.stderr.write(`meles: ${failureReport(error)}`);
  return exitCodeOf(error);
}

async function dispatch(vector: readonly string[], host: Host): Promise<number> {
  const given = parseArguments(vector);
  const [first, ...rest] = given.positionals;
  if (first === undefined) {
    if (given.has("help")) return runRow("help", [], parseArguments([]), host);
    if (given.has("version")) return runRow("version", [], parseArguments([]), host);
    throw usageError("which directory?", "meles DIR opens the shell; see: meles help");
  }
  const command = findCommand(first);
  if (command !== undefined) {
    if (given.has("help")) return runRow("help", [first], parseArguments([]), host);
    return runCommand(command, rest, given, host);
  }
  if (UNSUPPORTED_COMMANDS.includes(first) && !existsSync(first)) {
    throw new ExitError(EXIT_ERROR, `${first} is not supported in this version`);
  }
  refuseSlips(first, rest);
  return runRow("shell", given.positionals, given, await withStatements(first, given, host));
}

/** A new directory named by a bare word is only created when there is something to put in it. */
async function withStatements(word: string, given: Arguments, host: Host): Promise<Host> {
  const scripted = given.has("command") || given.has("file");
  if (host.stdin.isTerminal || scripted || isPlace(word)) return host;
  const first = await host.stdin.read();
  if (first === undefined) throw usageError(`there is no command or directory ${word}`);
  return withInput(host, unread(first, host.stdin));
}

/** Cannot be a mistyped command: a path, or something that is there. */
function isPlace(word: string): boolean {
  return /[/\\:.]/.test(word) || existsSync(word);
}

/**
 * `meles DIR` creates DIR, so a mistyped command must not be taken for one: a word that is one slip away from
 * a command, or is followed by arguments, and is neither a path nor an existing directory.
 */
function refuseSlips(word: string, rest: readonly string[]): void {
  const place = isPlace(word);
  if (place && rest.length === 0) return;
  const names = COMMANDS.map((command) => command.name);
  if (rest.length > 0 || nearest(word, names, 1) !== undefined) {
    throw usageError(
      `there is no command ${word}${didYouMean(word, names)}`,
      place
        ? "statements go after -c; see: meles help shell"
        : `a directory is written ./${word}; see: meles help`,
    );
  }
}

function runRow(
  name: string,
  positionals: readonly string[],
  given: Arguments,
  host: Host,
): Promise<number> {
  return runCommand(findCommand(name) as Command, positionals, given, host);
}

async function runCommand(
  command: Command,
  positionals: readonly string[],
  given: Arguments,
  host: Host,
): Promise<number> {
  const hint = `usage: ${commandUsage(command)}`;
  const required = command.positionals.filter(({ optional }) => optional !== true);
  const missing = required[positionals.length];
  if (missing !== undefined) throw usageError(`${command.name} needs ${missing.name}`, hint);
  const rest = command.positionals.at(-1)?.rest === true;
  if (!rest && positionals.length > command.positionals.length) {
    throw usageError(
      `${command.name} does not take "${positionals[command.positionals.length]}"`,
      hint,
    );
  }
  checkFlags(given, command.name, command.flags);
  const run = await command.load();
  return run({ host, arguments: given, positionals });
}

async function start(): Promise<void> {
  const host = processHost();
  process.exitCode = await main(process.argv.slice(2), host);
  // All output is with the operating system by now, so leaving a pending read behind loses nothing.
  if (host.stdin.isReading) process.exit();
}

// Not awaited here: bytecode has no top-level await, and `main` never rejects.
if (import.meta.main) void start();
