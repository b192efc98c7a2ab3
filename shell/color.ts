/** Whether to colour, decided once per stream from flag, environment and terminal; and the colours. */

import type { Host, Output } from "./host.ts";
import type { Paint } from "./renderers/renderer.ts";
import { PLAIN } from "./renderers/renderer.ts";

export function isDumb(host: Host): boolean {
  const term = host.env["TERM"];
  return term === "dumb" || term === "";
}

/** The flag wins over NO_COLOR, that over FORCE_COLOR, that over what the stream is. */
export function wantsColor(host: Host, output: Output, choice: string | undefined): boolean {
  if (choice === "always") return true;
  if (choice === "never") return false;
  if ((host.env["NO_COLOR"] ?? "") !== "") return false;
  const force = host.env["FORCE_COLOR"];
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  return output.isTerminal && !isDumb(host);
}

/** SGR codes by role; the sixteen standard colours follow the user's own theme. */
const CODES: Readonly<Record<string, string>> = {
  header: "1",
  frame: "2",
  null: "2",
  boolean: "35",
  number: "36",
  bytes: "33",
  // Highlighting of statements.
  keyword: "1;34",
  string: "32",
  comment: "2",
  function: "36",
  name: "",
  error: "31",
  prompt: "1",
  selected: "7",
  hint: "2",
};

export function sgr(text: string, role: string): string {
  const code = CODES[role];
  return code === undefined || code === "" || text === "" ? text : `\x1b[${code}m${text}\x1b[0m`;
}

export function painter(color: boolean): Paint {
  return color ? sgr : PLAIN;
}
