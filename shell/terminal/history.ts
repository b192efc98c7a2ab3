/**
 * What was typed, across sessions: one JSON string per line in a file that only its owner can read.
 * Entries may have many lines; a repeated entry moves to the end; lines that mention encryption keys
 * are never stored. A history that cannot be read or written is no reason to stop the shell.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Host } from "../host.ts";

const ENTRIES_MAX = 5000;
/** A longer entry is remembered for the session only. */
const ENTRY_UNITS_MAX = 64 * 1024;
/** The file is rewritten without duplicates when it has grown beyond this. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const OWNER_ONLY = 0o600;

/** Anything about encryption keys, and what looks like the value of a secret. */
const SECRET = /key[-_ ]?file|encrypt(?:ion)?[-_ ]?key|MELES_KEY|pass(?:word|phrase)|secret/i;

/** MELES_HISTORY names the file, empty switches it off; else the XDG state directory. */
export function historyPath({ env, homeDirectory }: Host): string | undefined {
  const named = env["MELES_HISTORY"];
  if (named !== undefined) return named === "" ? undefined : named;
  const state = env["XDG_STATE_HOME"];
  if (state?.startsWith("/") === true) return join(state, "meles", "history");
  return homeDirectory === ""
    ? undefined
    : join(homeDirectory, ".local", "state", "meles", "history");
}

export class History {
  readonly #path: string | undefined;
  #entries: string[];

  constructor(path: string | undefined) {
    this.#path = path;
    this.#entries = path === undefined ? [] : load(path);
  }

  /** Oldest first. */
  get entries(): readonly string[] {
    return this.#entries;
  }

  add(text: string): void {
    const entry = text.trimEnd();
    if (entry.trim() === "" || SECRET.test(entry)) return;
    this.#entries = this.#entries.filter((known) => known !== entry);
    this.#entries.push(entry);
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
    if (this.#path !== undefined && entry.length <= ENTRY_UNITS_MAX) append(this.#path, entry);
  }
}

function load(path: string): string[] {
  try {
    if (!existsSync(path)) return [];
    const text = readFileSync(path, "utf8");
    const entries = parseHistory(text);
    if (text.length > FILE_BYTES_MAX) rewrite(path, entries);
    return entries;
  } catch {
    return [];
  }
}

/** Lines that are no JSON string are left out: two shells may have written at once. */
export function parseHistory(text: string): string[] {
  const entries = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      const entry: unknown = JSON.parse(line);
      if (typeof entry !== "string") continue;
      // The last place of a repeated entry counts.
      entries.delete(entry);
      entries.add(entry);
    } catch {
      continue;
    }
  }
  return [...entries].slice(-ENTRIES_MAX);
}

function append(path: string, entry: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, `${JSON.stringify(entry)}\n`, { flag: "a", mode: OWNER_ONLY });
    chmodSync(path, OWNER_ONLY);
  } catch {
    // Remembered for this session only.
  }
}

/** The newest entries, as many as half of the allowed size holds. */
function rewrite(path: string, entries: readonly string[]): void {
  let lines = "";
  for (const entry of entries.toReversed()) {
    const line = `${JSON.stringify(entry)}\n`;
    if (lines.length + line.length > FILE_BYTES_MAX / 2) break;
    lines = line + lines;
  }
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, lines, { mode: OWNER_ONLY });
  renameSync(temporary, path);
}
