/** Colours a statement while it is typed. Pure, given the grammar's classifier. */

import { sgr } from "../color.ts";
import type { Language } from "../engine.ts";

/** A run of text in one colour; together they are the whole text. */
export interface Run {
  readonly text: string;
  readonly role: string;
}

/** Beyond this the text is left plain: nobody reads so much of it at once. */
const HIGHLIGHT_UNITS_MAX = 20_000;

const ROLES: Readonly<Record<string, string>> = {
  keyword: "keyword",
  function: "function",
  string: "string",
  bytes: "bytes",
  number: "number",
  comment: "comment",
  parameter: "number",
  error: "error",
};

export type Highlighter = (text: string) => Run[];

export const plainHighlighter: Highlighter = (text) => [{ text, role: "" }];

export function highlighter(language: Language): Highlighter {
  return (text) => {
    if (text.length > HIGHLIGHT_UNITS_MAX) return plainHighlighter(text);
    if (text.startsWith(".")) return dotRuns(text);
    const runs: Run[] = [];
    let from = 0;
    for (const { start, end, class: kind } of language.classify(text)) {
      if (start > from) runs.push({ text: text.slice(from, start), role: "" });
      runs.push({ text: text.slice(start, end), role: ROLES[kind] ?? "" });
      from = end;
    }
    if (from < text.length) runs.push({ text: text.slice(from), role: "" });
    return runs;
  };
}

function dotRuns(text: string): Run[] {
  const name = /^\S*/.exec(text)?.[0] ?? "";
  return [
    { text: name, role: "keyword" },
    { text: text.slice(name.length), role: "" },
  ];
}

export function paintRun(text: string, role: string): string {
  return role === "" ? text : sgr(text, role);
}
