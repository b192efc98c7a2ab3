/**
 * What Tab offers: dot commands and their arguments, what the grammar knows, and what only the
 * database and the disk know, keys under a prefix and file names, inside quotes. Pure given a
 * `Catalog`.
 */

import { DOT_COMMANDS } from "../dot-commands/dot-command-table.ts";
import type { Language } from "../engine.ts";
import type { Suggestion, Suggestions } from "./editor-state.ts";

export interface Catalog {
  /** Keys, or beginnings of keys, that start with `prefix`; texts only, in key order. */
  keys(prefix: string): readonly KeyPiece[];
  /** Entries of a directory that complete `path`; directories end with "/". */
  paths(path: string, directoriesOnly: boolean): readonly string[];
}

export interface KeyPiece {
  readonly text: string;
  /** A whole key, not the beginning of several. */
  readonly whole: boolean;
}

const NONE: Suggestions = { start: 0, end: 0, items: [] };

export function suggest(
  language: Language,
  catalog: Catalog,
  text: string,
  cursor: number,
): Suggestions {
  if (text.startsWith(".")) return suggestDot(catalog, text, cursor);
  const quoted = openQuote(language, text, cursor);
  if (quoted !== undefined) return suggestQuoted(catalog, text, cursor, quoted);
  return suggestGrammar(language, text, cursor);
}

function suggestGrammar(language: Language, text: string, cursor: number): Suggestions {
  const { from, word, suggestions } = language.complete(text, cursor);
  const lower = word !== "" && word === word.toLowerCase();
  const items = suggestions.map(({ text: name, kind }): Suggestion => {
    const keyword = kind === "keyword" || kind === "statement";
    const shown = keyword && lower ? name.toLowerCase() : name;
    // A keyword is followed by something, so the blank is typed along.
    const blank = keyword && !/^\s/.test(text.slice(cursor)) ? " " : "";
    return { text: shown + blank, label: shown };
  });
  return { start: from, end: cursor, items };
}

function suggestDot(catalog: Catalog, text: string, cursor: number): Suggestions {
  const head = text.slice(0, cursor);
  const [name = ""] = head.split(/\s/, 1);
  if (name === head) {
    const items = DOT_COMMANDS.filter((command) => command.name.startsWith(name)).map(
      (command) => ({
        text: command.usage === "" ? command.name : `${command.name} `,
        label: `${command.name} ${command.usage}`.trimEnd(),
      }),
    );
    return { start: 0, end: cursor, items };
  }
  const command = DOT_COMMANDS.find((known) => known.name === name);
  if (command?.completes === undefined) return NONE;
  const word = /\S*$/.exec(head)?.[0] ?? "";
  const words =
    typeof command.completes === "string"
      ? catalog.paths(word, command.completes === "directory")
      : command.completes.filter((choice) => choice.startsWith(word));
  return { start: cursor - word.length, end: cursor, items: words.map(plain) };
}

function plain(text: string): Suggestion {
  return { text, label: text };
}

interface OpenQuote {
  /** Offset behind the quote. */
  readonly start: number;
  readonly content: string;
  /** Words before it, upper case, the nearest last. */
  readonly before: readonly string[];
}

/** The `'…` that the cursor stands in, if it stands in one. */
function openQuote(language: Language, text: string, cursor: number): OpenQuote | undefined {
  const head = text.slice(0, cursor);
  const tokens = language.classify(head);
  const last = tokens.at(-1);
  if (last?.class !== "string" || last.end !== cursor) return undefined;
  const body = head.slice(last.start + 1);
  // Closed: the quotes of the body, doubled ones left out, hold one that closes.
  if (body.replaceAll("''", "").includes("'")) return undefined;
  const before = tokens.slice(0, -1).map(({ start, end }) => head.slice(start, end).toUpperCase());
  return { start: last.start + 1, content: body.replaceAll("''", "'"), before };
}

const KEY_COMES_AFTER = [
  "PREFIX",
  "SCAN",
  "GET",
  "PUT",
  "DEL",
  "COUNT",
  "HISTORY",
  "WATCH",
  "WITH",
];
const PATH_COMES_AFTER = ["IMPORT", "TO"];

function suggestQuoted(
  catalog: Catalog,
  text: string,
  cursor: number,
  { start, content, before }: OpenQuote,
): Suggestions {
  const close = text[cursor] === "'" ? "" : "'";
  const items: Suggestion[] = [];
  if (wantsKey(before)) {
    for (const { text: key, whole } of catalog.keys(content)) {
      items.push({ text: key.replaceAll("'", "''") + (whole ? close : ""), label: key });
    }
  } else if (wantsPath(before)) {
    for (const path of catalog.paths(content, false)) {
      const whole = !path.endsWith("/");
      items.push({ text: path.replaceAll("'", "''") + (whole ? close : ""), label: path });
    }
  }
  return { start, end: cursor, items };
}

function wantsKey(before: readonly string[]): boolean {
  const last = before.at(-1) ?? "";
  if (KEY_COMES_AFTER.includes(last)) return true;
  const operator = ["=", "<", "<=", ">", ">=", "!=", "<>", "LIKE", "BETWEEN"].includes(last);
  if (operator && before.at(-2) === "KEY") return true;
  // GET 'a', 'b' and key IN ('a', 'b'): back over the list to what opened it.
  let at = before.length - 1;
  while (at >= 0 && /^[,(]$|^'/.test(before[at] ?? "")) at--;
  const opener = before[at] ?? "";
  if (at === before.length - 1) return false;
  return ["GET", "DEL"].includes(opener) || (opener === "IN" && before[at - 1] === "KEY");
}

function wantsPath(before: readonly string[]): boolean {
  const last = before.at(-1) ?? "";
  return PATH_COMES_AFTER.includes(last) || (last === "FROM" && before.at(-2) === "RESTORE");
}
