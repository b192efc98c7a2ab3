/**
 * The state of the line editor and the one way its text is changed. Shared by the parts of the editor;
 * a state is never changed, only replaced.
 */

import { alignGrapheme, nextGrapheme } from "./text-motion.ts";

export interface Suggestion {
  /** What replaces the completed piece. */
  readonly text: string;
  /** What the menu shows. */
  readonly label: string;
}

export interface Suggestions {
  /** The piece of the text that a suggestion replaces. */
  readonly start: number;
  readonly end: number;
  readonly items: readonly Suggestion[];
}

export interface EditorContext {
  /** Whether Enter runs the text; otherwise it starts a new line. */
  isComplete(text: string): boolean;
  suggest(text: string, cursor: number): Suggestions;
  /** Oldest first. */
  readonly history: readonly string[];
}

export interface EditorState {
  readonly text: string;
  readonly cursor: number;
  /** Column that moving up and down tries to keep; undefined after any other key. */
  readonly goalColumn: number | undefined;
  /** What Ctrl-K, Ctrl-U and Ctrl-W cut, for Ctrl-Y. */
  readonly killed: string;
  /** The last key cut something: the next cut joins it. */
  readonly joinsKill: boolean;
  /** Place in the history, its length for the text being typed. */
  readonly historyIndex: number;
  /** What was being typed before the history was entered. */
  readonly draft: string;
  readonly menu: Menu | undefined;
  readonly search: Search | undefined;
}

export interface Menu {
  readonly items: readonly Suggestion[];
  /** Index of the item in the text; -1 while only the common beginning is. */
  readonly selected: number;
  /** The piece of the text that the items replace, as it stands now. */
  readonly start: number;
  readonly end: number;
  /** Text and cursor to go back to with Escape. */
  readonly before: { readonly text: string; readonly cursor: number };
}

export interface Search {
  readonly query: string;
  /** Index of the entry shown; the history's length before the first match. */
  readonly index: number;
  /** Nothing older matches. */
  readonly failed: boolean;
  /** What to go back to when the search is given up. */
  readonly before: { readonly text: string; readonly cursor: number };
}

export function initialState(historyLength: number, killed = ""): EditorState {
  return {
    text: "",
    cursor: 0,
    goalColumn: undefined,
    killed,
    joinsKill: false,
    historyIndex: historyLength,
    draft: "",
    menu: undefined,
    search: undefined,
  };
}

export function insert(state: EditorState, text: string): EditorState {
  return replace(state, state.cursor, state.cursor, text);
}

/** Puts `text` in place of a piece; the cursor goes behind it. */
export function replace(state: EditorState, start: number, end: number, text: string): EditorState {
  const next = state.text.slice(0, start) + text + state.text.slice(end);
  // A combining mark joins what stands before it: the cursor goes to the end of that grapheme.
  const cursor = start + text.length;
  const aligned = alignGrapheme(next, cursor);
  return { ...state, text: next, cursor: aligned < cursor ? nextGrapheme(next, aligned) : aligned };
}
