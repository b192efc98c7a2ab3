/** `meles completion bash|zsh|fish`: static scripts written from the tables of commands and flags. */

import type { Command, CommandRun } from "../command-table.ts";
import { COMMANDS } from "../command-table.ts";
import { EXIT_DONE, usageError } from "../exit-codes.ts";
import type { FlagName } from "../flags.ts";
import { flag } from "../flags.ts";
import { didYouMean } from "../suggest.ts";

const WRITERS: Readonly<Record<string, () => string>> = { bash, zsh, fish };

export const runCompletion: CommandRun = async ({ host, positionals: [shell = ""] }) => {
  const writer = Object.hasOwn(WRITERS, shell) ? WRITERS[shell] : undefined;
  if (writer === undefined) {
    throw usageError(
      `no completion for ${shell}${didYouMean(shell, Object.keys(WRITERS))}`,
      "one of bash, zsh, fish",
    );
  }
  await host.stdout.write(writer());
  return EXIT_DONE;
};

const COMMAND_NAMES = COMMANDS.map((command) => command.name);

/** Flags as they are typed, short forms included. */
function typedFlags(command: Command): string[] {
  return command.flags.flatMap((name) => {
    const { short } = flag(name);
    return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
  });
}

const takesFile = (name: FlagName): boolean => flag(name).value === "FILE";

/** All flags of all commands, once each. */
const ALL_FLAGS = [...new Set(COMMANDS.flatMap((command) => command.flags))];

function bash(): string {
  const values = ALL_FLAGS.flatMap((name) => {
    const { choices, short, value } = flag(name);
    const pattern = short === undefined ? `--${name}` : `--${name}|-${short}`;
    if (choices !== undefined) {
      return [
        `    ${pattern}) COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$word")); return ;;`,
      ];
    }
    if (takesFile(name)) return [`    ${pattern}) COMPREPLY=($(compgen -f -- "$word")); return ;;`];
    return value === undefined ? [] : [`    ${pattern}) return ;;`];
  });
  const flags = COMMANDS.map(
    (command) => `    ${command.name}) flags="${typedFlags(command).join(" ")}" ;;`,
  );
  const shellFlags = typedFlags(COMMANDS.find(({ name }) => name === "shell") as Command);
  const words = COMMANDS.flatMap(({ name, positionals: [first] }) => {
    if (first === undefined) return [`    ${name}) return ;;`];
    if (first.completes === "command") {
      return [
        `    ${name}) COMPREPLY=($(compgen -W "${COMMAND_NAMES.join(" ")}" -- "$word")); return ;;`,
      ];
    }
    if (typeof first.completes === "string" || first.completes === undefined) return [];
    return [
      `    ${name}) COMPREPLY=($(compgen -W "${first.completes.join(" ")}" -- "$word")); return ;;`,
    ];
  });
  return `# bash completion for meles
_meles() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" flags
  COMPREPLY=()
  case "$previous" in
${values.join("\n")}
  esac
  case "\${COMP_WORDS[1]}" in
${flags.join("\n")}
    *) flags="${shellFlags.join(" ")}" ;;
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
    return
  fi
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${COMMAND_NAMES.join(" ")}" -- "$word") $(compgen -d -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${words.join("\n")}
  esac
  [[ $COMP_CWORD -eq 2 ]] && COMPREPLY=($(compgen -d -- "$word"))
}
complete -o filenames -F _meles meles
`;
}

function zsh(): string {
  const quote = (text: string): string => text.replace(/'/g, "'\\''").replace(/[[\]:]/g, "\\$&");
  const commands = COMMANDS.map(({ name, summary }) => `    '${name}:${quote(summary)}'`);
  const cases = COMMANDS.map((command) => {
    const flags = command.flags.flatMap((name) => {
      const { value, choices, short, summary, repeatable } = flag(name);
      const star = repeatable === true ? "*" : "";
      const action =
        choices !== undefined ? `(${choices.join(" ")})` : takesFile(name) ? "_files" : "";
      const argument = value === undefined ? "" : `:${value}:${action}`;
      const names = short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
      return names.map((each) => `'${star}${each}[${quote(summary)}]${argument}'`);
    });
    const words = command.positionals.map(({ name, completes, optional, rest }, i) => {
      const action =
        completes === "directory"
          ? "_files -/"
          : completes === "command"
            ? `(${COMMAND_NAMES.join(" ")})`
            : completes === undefined
              ? ""
              : `(${completes.join(" ")})`;
      const place = rest === true ? "*" : optional === true ? `${i + 1}:` : `${i + 1}`;
      return `'${place}:${name}:${action}'`;
    });
    return `      ${command.name}) _arguments ${[...flags, ...words].join(" ")} ;;`;
  });
  return `#compdef meles
# zsh completion for meles
_meles() {
  local -a commands
  commands=(
${commands.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _files -/
    return
  fi
  local command=\${words[2]}
  if (( \${commands[(I)$command:*]} )); then
    shift words
    (( CURRENT-- ))
  else
    command=shell
  fi
  case $command in
${cases.join("\n")}
  esac
}
_meles "$@"
`;
}

function fish(): string {
  const quote = (text: string): string => text.replace(/[\\']/g, "\\$&");
  const lines = COMMANDS.flatMap((command) => {
    const condition = `__fish_seen_subcommand_from ${command.name}`;
    const row = `complete -c meles -n __fish_use_subcommand -a ${command.name} -d '${quote(command.summary)}'`;
    const flags = command.flags.map((name) => {
      const { value, choices, short, summary } = flag(name);
      const parts = [`complete -c meles -n '${condition}' -l ${name}`];
      if (short !== undefined) parts.push(`-s ${short}`);
      if (choices !== undefined) parts.push(`-x -a '${choices.join(" ")}'`);
      else if (value !== undefined) parts.push(takesFile(name) ? "-r" : "-x");
      parts.push(`-d '${quote(summary)}'`);
      return parts.join(" ");
    });
    const [first] = command.positionals;
    const words =
      first?.completes === "command"
        ? [`complete -c meles -n '${condition}' -f -a '${COMMAND_NAMES.join(" ")}'`]
        : first?.completes === undefined || first.completes === "directory"
          ? []
          : [`complete -c meles -n '${condition}' -f -a '${first.completes.join(" ")}'`];
    return [row, ...flags, ...words];
  });
  return `# fish completion for meles\n${lines.join("\n")}\n`;
}
