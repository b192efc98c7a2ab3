/**
 * Every flag of the executable, one row each. The argument parser, `help` and the completion scripts
 * derive from this table; a command names the rows it accepts.
 */

import { RENDER_STYLES } from "./renderers/cell.ts";
import { MODES } from "./renderers/renderer.ts";

export interface Flag {
  /** One letter, given with a single dash. */
  readonly short?: string;
  /** Name of the value in help; absent for switches. */
  readonly value?: string;
  /** The only values accepted. */
  readonly choices?: readonly string[];
  /** `--flag` alone stands for this value. */
  readonly implied?: string;
  readonly repeatable?: boolean;
  readonly summary: string;
}

export const SYNC_LEVELS = ["commit", "interval", "never"] as const;
export const DUMP_FORMATS = ["jsonl", "csv", "sql"] as const;
export const COLOR_CHOICES = ["auto", "always", "never"] as const;

export const FLAGS = {
  command: {
    short: "c",
    value: "STATEMENTS",
    repeatable: true,
    summary: "run these statements and exit",
  },
  file: { short: "f", value: "FILE", repeatable: true, summary: "run the statements of a file" },
  param: {
    value: "NAME=VALUE",
    repeatable: true,
    summary: "the text that :NAME stands for; NAME:=VALUE for a number, true, false, null, x'00ff'",
  },
  mode: { value: "MODE", choices: MODES, summary: "how results are written" },
  render: { value: "STYLE", choices: RENDER_STYLES, summary: "how keys and values are shown" },
  "no-header": { summary: "leave column names out of csv and tsv" },
  "no-rc": { summary: "do not read the rc file" },
  "keep-going": { summary: "go on after a failed statement" },
  readonly: { summary: "open under a shared lock and write nothing" },
  sync: {
    value: "LEVEL",
    choices: SYNC_LEVELS,
    summary: "when a commit is acknowledged: after a sync, within a second of one, or without",
  },
  "key-file": {
    value: "FILE",
    summary: "file with the encryption key (16, 24 or 32 bytes, raw or hex); also MELES_KEY_FILE",
  },
  "value-dir": {
    value: "DIR",
    summary: "directory of the value log, when it is not the database's own (Badger's ValueDir)",
  },
  database: {
    value: "DIR",
    summary: "directory of the database, when FILE lies in its value directory",
  },
  authenticated: {
    summary: "a new directory also detects tampering (AES-256-GCM); Badger cannot read it",
  },
  "new-key-file": { value: "FILE", summary: "file with the encryption key to change to" },
  json: { summary: "write JSON" },
  literal: { summary: `read KEY and VALUE as literals: 'text', b"\\x00", x'00ff', b64'AAE='` },
  limit: { value: "N", summary: "at most so many entries" },
  reverse: { summary: "last key first" },
  since: { value: "VERSION", summary: "only what is newer than this version" },
  ratio: {
    value: "R",
    summary: "share of garbage, 0 to 1, from which a value-log file is emptied",
  },
  space: { summary: "why every file is still there, and what in it is garbage" },
  yes: { summary: "do not ask" },
  format: {
    value: "FORMAT",
    choices: DUMP_FORMATS,
    summary: "how entries are written as text",
  },
  seconds: { value: "N", summary: "how long" },
  accounts: { value: "N", summary: "how many accounts" },
  "keys-only": { summary: "leave values out" },
  ttl: {
    value: "DURATION",
    summary: "the entry expires after 90s, 15m, 2h, 7d (or plain seconds)",
  },
  meta: { value: "N", summary: "the entry's user byte, 0 to 255" },
  color: {
    value: "WHEN",
    choices: COLOR_CHOICES,
    implied: "always",
    summary: "colours: auto, always or never; NO_COLOR and FORCE_COLOR are obeyed",
  },
  version: { short: "V", summary: "print the version" },
  help: { short: "h", summary: "say what the command does" },
} as const satisfies Readonly<Record<string, Flag>>;

export type FlagName = keyof typeof FLAGS;

export const FLAG_NAMES = Object.keys(FLAGS) as FlagName[];

export function flag(name: FlagName): Flag {
  return FLAGS[name];
}

/** `-c, --command STATEMENTS`, as help shows it. */
export function flagUsage(name: FlagName): string {
  const { short, value, implied } = flag(name);
  const long = `--${name}${value === undefined ? "" : implied === undefined ? ` ${value}` : `[=${value}]`}`;
  return short === undefined ? long : `-${short}, ${long}`;
}
