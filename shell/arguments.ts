/**
 * From the argument vector to flags and positionals. Written by hand rather than with
 * `util.parseArgs`, because `-c` must take any next argument (also one that starts with a dash), the
 * order of `-c` and `-f` matters, and a wrong flag deserves "did you mean". Pure.
 */

import { usageError } from "./exit-codes.ts";
import type { FlagName } from "./flags.ts";
import { flag, FLAG_NAMES } from "./flags.ts";
import { didYouMean } from "./suggest.ts";

export class Arguments {
  readonly positionals: readonly string[];
  /** In the order given; switches have the value "". */
  readonly flags: readonly { readonly name: FlagName; readonly value: string }[];

  constructor(positionals: readonly string[], flags: Arguments["flags"]) {
    this.positionals = positionals;
    this.flags = flags;
  }

  has(name: FlagName): boolean {
    return this.flags.some((given) => given.name === name);
  }

  /** The last one given counts. */
  value(name: FlagName): string | undefined {
    return this.flags.findLast((given) => given.name === name)?.value;
  }

  /** The same with this flag given once, or not at all. */
  replacing(name: FlagName, value: string | undefined): Arguments {
    const others = this.flags.filter((given) => given.name !== name);
    return new Arguments(
      this.positionals,
      value === undefined ? others : [...others, { name, value }],
    );
  }

  values(name: FlagName): string[] {
    return this.flags.filter((given) => given.name === name).map((given) => given.value);
  }
}

/** Splits a vector by the table of flags. Which flags a command takes is checked by `checkFlags`. */
export function parseArguments(vector: readonly string[]): Arguments {
  const positionals: string[] = [];
  const flags: { name: FlagName; value: string }[] = [];
  let position = 0;
  while (position < vector.length) {
    const argument = vector[position++] as string;
    if (argument === "--") {
      positionals.push(...vector.slice(position));
      break;
    }
    if (argument === "-" || !argument.startsWith("-")) {
      positionals.push(argument);
      continue;
    }
    const { name, inline } = splitFlag(argument);
    const row = flag(name);
    let value = inline;
    if (row.value === undefined) {
      if (value !== undefined) throw usageError(`--${name} takes no value`);
      value = "";
    } else if (value === undefined) {
      const next = vector[position];
      if (row.implied === undefined || (next !== undefined && row.choices?.includes(next))) {
        if (next === undefined) throw usageError(`${argument} needs a value: ${row.value}`);
        value = next;
        position++;
      } else {
        value = row.implied;
      }
    }
    if (row.choices !== undefined && !row.choices.includes(value)) {
      throw usageError(
        `--${name} ${value}: not one of ${row.choices.join(", ")}${didYouMean(value, row.choices)}`,
      );
    }
    flags.push({ name, value });
  }
  return new Arguments(positionals, flags);
}

/** `--mode=json`, `--mode`, `-c`, `-cSELECT`. */
function splitFlag(argument: string): { name: FlagName; inline: string | undefined } {
  if (argument.startsWith("--")) {
    const equals = argument.indexOf("=");
    const long = equals < 0 ? argument.slice(2) : argument.slice(2, equals);
    const inline = equals < 0 ? undefined : argument.slice(equals + 1);
    if (long === "no-color") return { name: "color", inline: "never" };
    const name = FLAG_NAMES.find((candidate) => candidate === long);
    if (name !== undefined) return { name, inline };
  } else {
    const name = FLAG_NAMES.find((candidate) => flag(candidate).short === argument[1]);
    if (name !== undefined) {
      return { name, inline: argument.length > 2 ? argument.slice(2) : undefined };
    }
  }
  const known = FLAG_NAMES.map((name) => `--${name}`);
  throw usageError(`unknown flag ${argument}${didYouMean(argument, known)}`);
}

/** Refuses flags that the command would ignore. */
export function checkFlags(given: Arguments, command: string, accepted: readonly FlagName[]): void {
  for (const { name } of given.flags) {
    if (!accepted.includes(name)) {
      throw usageError(`${command} has no flag --${name}`, `see: meles help ${command}`);
    }
  }
}
