/**
 * The commands of the executable, one row each. Dispatch, `help` and the completion scripts derive
 * from this table. The code of a command is loaded when it runs, so that `version` and `help` start
 * without engine and grammar.
 */

import type { Arguments } from "./arguments.ts";
import type { FlagName } from "./flags.ts";
import type { Host } from "./host.ts";

export interface CommandContext {
  readonly host: Host;
  readonly arguments: Arguments;
  /** As many as the row demands; optional ones may be missing. */
  readonly positionals: readonly string[];
}

/** Resolves with the exit code. Failures are thrown. */
export type CommandRun = (context: CommandContext) => Promise<number>;

export interface Positional {
  readonly name: string;
  readonly optional?: boolean;
  /** Takes all that follow. */
  readonly rest?: boolean;
  /** For completion. */
  readonly completes?: "directory" | "command" | readonly string[];
}

export interface Command {
  readonly name: string;
  readonly positionals: readonly Positional[];
  readonly flags: readonly FlagName[];
  readonly summary: string;
  /** More lines for `help COMMAND`. */
  readonly details?: string;
  readonly load: () => Promise<CommandRun>;
}

const DIR: Positional = { name: "DIR", completes: "directory" };
const KEY: Positional = { name: "KEY" };
const OPEN_FLAGS = ["key-file", "value-dir"] as const;
/** Of commands that make a directory. */
const CREATE_FLAGS = [...OPEN_FLAGS, "authenticated"] as const;
const STATE_FLAGS = ["json", "mode", "color", ...OPEN_FLAGS] as const;

export const COMMANDS: readonly Command[] = [
  {
    name: "shell",
    positionals: [DIR],
    flags: [
      "command",
      "file",
      "param",
      "mode",
      "render",
      "no-header",
      "no-rc",
      "keep-going",
      "readonly",
      "sync",
      "color",
      ...CREATE_FLAGS,
    ],
    summary: "open the interactive shell, or run statements; meles DIR is short for it",
    details: `Without a terminal on standard input, -c or -f, the statements are read from standard input.
Statements end with ";". The first failed one stops the run unless --keep-going is given; then the
exit code is that of the first failure. DIR is created unless --readonly; :memory: opens an empty
database in memory. Results go to standard output, everything else to standard error.
Modes: ${"table line json jsonl csv tsv raw markdown"}; table on a terminal, tsv in a pipe.`,
    load: () => import("./commands/shell.ts").then((module) => module.runShell),
  },
  {
    name: "get",
    positionals: [DIR, KEY],
    flags: ["literal", ...OPEN_FLAGS],
    summary: "write the exact bytes of a value",
    details: `Exits with 1 and writes nothing when there is no such key. On a terminal a newline follows, and a
value that a terminal would act on is shown as a byte string.`,
    load: () => import("./commands/get.ts").then((module) => module.runGet),
  },
  {
    name: "put",
    positionals: [DIR, KEY, { name: "VALUE" }],
    flags: ["literal", "ttl", "meta", "sync", ...CREATE_FLAGS],
    summary: "write one entry; VALUE - reads standard input",
    details: `KEY and VALUE are plain text (their UTF-8 bytes) unless --literal is given. DIR is created if missing.
One-shot writes are synced before they are acknowledged unless --sync says otherwise.`,
    load: () => import("./commands/put.ts").then((module) => module.runPut),
  },
  {
    name: "del",
    positionals: [DIR, { ...KEY, rest: true }],
    flags: ["literal", "sync", ...OPEN_FLAGS],
    summary: "delete keys, all or none",
    load: () => import("./commands/del.ts").then((module) => module.runDel),
  },
  {
    name: "scan",
    positionals: [DIR, { name: "PREFIX", optional: true }],
    flags: [
      "limit",
      "reverse",
      "keys-only",
      "literal",
      "mode",
      "render",
      "no-header",
      "json",
      "color",
      ...OPEN_FLAGS,
    ],
    summary: "list entries in key order",
    load: () => import("./commands/scan.ts").then((module) => module.runScan),
  },
  {
    name: "info",
    positionals: [DIR],
    flags: ["space", ...STATE_FLAGS],
    summary: "what the directory holds, in short; --space: why its files are still there",
    load: () => import("./commands/state.ts").then((module) => module.runInfo),
  },
  {
    name: "stats",
    positionals: [DIR],
    flags: STATE_FLAGS,
    summary: "the engine's counters after opening",
    load: () => import("./commands/state.ts").then((module) => module.runStats),
  },
  {
    name: "levels",
    positionals: [DIR],
    flags: STATE_FLAGS,
    summary: "the levels of the tree",
    load: () => import("./commands/state.ts").then((module) => module.runLevels),
  },
  {
    name: "tables",
    positionals: [DIR],
    flags: STATE_FLAGS,
    summary: "the tables of every level",
    load: () => import("./commands/state.ts").then((module) => module.runTables),
  },
  {
    name: "vlogs",
    positionals: [DIR],
    flags: STATE_FLAGS,
    summary: "the value-log files",
    load: () => import("./commands/state.ts").then((module) => module.runValueLogs),
  },
  {
    name: "verify",
    positionals: [DIR],
    flags: ["json", ...OPEN_FLAGS],
    summary: "read and check every byte; exits with 4 on findings",
    details: `Checks the files of DIR and that they fit together; nothing is opened or changed, so it works on
directories that cannot be opened, too. Findings go to standard output. A note on standard error is what
an interrupted process has left; it is no damage.`,
    load: () => import("./commands/verify.ts").then((module) => module.runVerify),
  },
  {
    name: "salvage",
    positionals: [DIR, { name: "NEWDIR", completes: "directory" }],
    flags: ["json", ...OPEN_FLAGS],
    summary: "build NEWDIR from what can be read of a damaged DIR, and list what cannot",
    details: `DIR is only read. All versions, user bytes, expiry times and deletions are kept. NEWDIR must not exist,
or be empty; that of an encrypted DIR is encrypted under the same key. Works without MANIFEST. Exits with
4 when something is lost, or may be: where entries of a key are, an older version may have come to light.`,
    load: () => import("./commands/salvage.ts").then((module) => module.runSalvage),
  },
  {
    name: "backup",
    positionals: [DIR, { name: "FILE" }],
    flags: ["since", ...OPEN_FLAGS],
    summary: "write a backup that Badger reads, too; FILE - writes to standard output",
    details: `Prints the version to pass as the next --since, for a backup of what has changed after this one.
FILE appears when it is whole; an earlier one stays until then.`,
    load: () => import("./commands/backup.ts").then((module) => module.runBackup),
  },
  {
    name: "restore",
    positionals: [{ name: "FILE" }, DIR],
    flags: ["sync", ...CREATE_FLAGS],
    summary: "read a backup into a directory; FILE - reads standard input",
    details: `Reads Badger's backups and ours, keeps all versions, and prints the newest. DIR is created if missing;
one that holds entries is added to. Restore incremental backups in the order they were made.`,
    load: () => import("./commands/restore.ts").then((module) => module.runRestore),
  },
  {
    name: "inspect",
    positionals: [{ name: "FILE" }],
    flags: ["json", "key-file", "database"],
    summary:
      "print what is in one .sst, .vlog, .mem, MANIFEST, KEYREGISTRY, DISCARD or backup file",
    details: `Reads that file alone, and the MANIFEST and KEYREGISTRY beside it for what a file does not say of itself.
Those of a separate value directory are found by its PAIR file, or with --database. The database may be
open elsewhere. Exits with 4 when it finds damage. Long values are abbreviated.`,
    load: () => import("./commands/inspect.ts").then((module) => module.runInspect),
  },
  {
    name: "dump",
    positionals: [DIR],
    flags: ["format", ...OPEN_FLAGS],
    summary: "write all entries as text that load reads back: jsonl, csv or sql",
    details: `One snapshot, keys in order, without history. jsonl (the default) writes one object per line: key, value,
and unless they are 0 userMeta and expiresAt (unix seconds). What is not UTF-8 is {"$bytes":"<base64>"}.`,
    load: () => import("./commands/dump.ts").then((module) => module.runDump),
  },
  {
    name: "load",
    positionals: [DIR],
    flags: ["format", "sync", ...CREATE_FLAGS],
    summary: "read entries that dump has written from standard input",
    details: `DIR is created if missing; what has the same key is replaced. Without --format the first line decides.
Not atomic: after an error the entries before it stay.`,
    load: () => import("./commands/load.ts").then((module) => module.runLoad),
  },
  {
    name: "gc",
    positionals: [DIR],
    flags: ["ratio", ...OPEN_FLAGS],
    summary: "give the space of garbage back now: compact, and empty value-log files",
    details: `Space comes back by itself; this is for those who cannot wait. --ratio 0.05 is the default.`,
    load: () => import("./commands/maintain.ts").then((module) => module.runCollect),
  },
  {
    name: "flatten",
    positionals: [DIR],
    flags: OPEN_FLAGS,
    summary: "merge all levels into one; drops what nobody can read",
    load: () => import("./commands/maintain.ts").then((module) => module.runFlatten),
  },
  {
    name: "drop",
    positionals: [DIR, { name: "PREFIX" }],
    flags: ["yes", "literal", ...OPEN_FLAGS],
    summary: "delete every key that begins with PREFIX; '' means all",
    details: `Asks on a terminal; elsewhere --yes is needed.`,
    load: () => import("./commands/maintain.ts").then((module) => module.runDrop),
  },
  {
    name: "rotate-key",
    positionals: [DIR],
    flags: ["new-key-file", ...OPEN_FLAGS],
    summary: "encrypt the data keys of DIR under another key, or turn encryption on",
    details: `--key-file names the key so far; without it DIR must not be encrypted yet. The data keys stay, so no other
file is rewritten: what was written in clear stays in clear until compaction rewrites it, and whoever
knew the old key and has an old copy of KEYREGISTRY can still read files written before.`,
    load: () => import("./commands/rotate-key.ts").then((module) => module.runRotateKey),
  },
  {
    name: "bank",
    positionals: [{ name: "ACTION", completes: ["test"] }, DIR],
    flags: ["seconds", "accounts", "sync", ...CREATE_FLAGS],
    summary: "torture: concurrent transfers between accounts, whose sum must not change",
    details: `bank test DIR moves money between accounts under bank: for --seconds (default 10) and checks in every
snapshot that nothing was made or lost; it goes on with the accounts that are there. Exits with 4, and the
history of the first version at which the sum is wrong, if it ever is.`,
    load: () => import("./commands/bank.ts").then((module) => module.runBank),
  },
  {
    name: "completion",
    positionals: [{ name: "SHELL", completes: ["bash", "zsh", "fish"] }],
    flags: [],
    summary: "print a completion script for bash, zsh or fish",
    details: `bash: source <(meles completion bash)    zsh: meles completion zsh > "\${fpath[1]}/_meles"
fish: meles completion fish > ~/.config/fish/completions/meles.fish`,
    load: () => import("./commands/completion.ts").then((module) => module.runCompletion),
  },
  {
    name: "help",
    positionals: [{ name: "COMMAND", optional: true, completes: "command" }],
    flags: ["color"],
    summary: "this text, or a command's",
    load: () => import("./commands/help.ts").then((module) => module.runHelp),
  },
  {
    name: "version",
    positionals: [],
    flags: [],
    summary: "print the version",
    load: () => import("./commands/version.ts").then((module) => module.runVersion),
  },
];

/** Commands of the contract that this version does not have yet: refused by name, absent from help. */
export const UNSUPPORTED_COMMANDS: readonly string[] = ["bench"];

export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** `meles put DIR KEY VALUE [flags]` */
export function commandUsage(command: Command): string {
  const parts = ["meles", command.name];
  for (const { name, optional, rest } of command.positionals) {
    const shown = rest === true ? `${name}…` : name;
    parts.push(optional === true ? `[${shown}]` : shown);
  }
  if (command.flags.length > 0) parts.push("[flags]");
  return parts.join(" ");
}
