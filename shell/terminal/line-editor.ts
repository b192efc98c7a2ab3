/**
 * The line editor as a pure function: (state, key, context) → state and what the loop should do. The
 * buffer is one text with newlines and a cursor; it knows no terminal, no grammar and no database:
 * what it needs of them comes in as `EditorContext`.
 *
 * Invariants: the cursor lies within the text and never inside a grapheme; a state is never changed.
 */

import type { EditorContext, EditorState } from "./editor-state.ts";
import { insert, replace } from "./editor-state.ts";
import type { Key } from "./keys.ts";
import { closeMenu, menuKey, openMenu } from "./completion-menu.ts";
import { searchKey, startSearch } from "./history-search.ts";
import {
  alignGrapheme,
  blankLeft,
  lineEnd,
  lineStart,
  nextGrapheme,
  previousGrapheme,
  wordLeft,
  wordRight,
} from "./text-motion.ts";

export type Effect = "none" | "submit" | "interrupt" | "end" | "clear" | "suspend";

export interface Step {
  readonly state: EditorState;
  readonly effect: Effect;
}

export function step(state: EditorState, key: Key, context: EditorContext): Step {
  if (state.search !== undefined) {
    const searched = searchKey(state, state.search, key, context);
    if (searched !== undefined) return { state: searched, effect: "none" };
    // The key ends the search and then means what it always means.
    return step({ ...state, search: undefined }, key, context);
  }
  if (state.menu !== undefined) {
    const chosen = menuKey(state, state.menu, key);
    if (chosen !== undefined) return { state: chosen, effect: "none" };
    return step(closeMenu(state), key, context);
  }
  if (key.kind !== "key") return edit(insert(state, key.text));
  return pressed(state, key, context);
}

type PressedKey = Extract<Key, { kind: "key" }>;

function pressed(state: EditorState, key: PressedKey, context: EditorContext): Step {
  if (key.name === "enter") return enter(state, key, context);
  if (key.control && !key.alt) {
    const effect = controlEffect(state, key.name);
    if (effect !== undefined) return effect;
  }
  if (key.name === "tab") return { state: openMenu(settle(state), context), effect: "none" };
  if (key.control && key.name === "r") {
    return { state: startSearch(settle(state), context), effect: "none" };
  }
  const moved = verticalMove(state, key, context);
  if (moved !== undefined) return { state: moved, effect: "none" };
  const cut = cutKey(state, key);
  if (cut !== undefined) return { state: cut, effect: "none" };
  return edit(editKey(settle(state), key));
}

function enter(state: EditorState, key: PressedKey, context: EditorContext): Step {
  if (key.alt || !context.isComplete(state.text)) return edit(insert(state, "\n"));
  return { state: { ...settle(state), cursor: state.text.length }, effect: "submit" };
}

function controlEffect(state: EditorState, name: string): Step | undefined {
  switch (name) {
    case "c":
      return { state, effect: "interrupt" };
    case "d":
      return state.text === "" ? { state, effect: "end" } : undefined;
    case "l":
      return { state, effect: "clear" };
    case "z":
      return { state, effect: "suspend" };
    default:
      return undefined;
  }
}

function edit(state: EditorState): Step {
  return { state: settle(state), effect: "none" };
}

/** Forgets what only holds between two keys of a kind. */
function settle(state: EditorState): EditorState {
  return state.goalColumn === undefined && !state.joinsKill
    ? state
    : { ...state, goalColumn: undefined, joinsKill: false };
}

/** Keys that move the cursor in a line or delete one thing. */
function editKey(state: EditorState, key: PressedKey): EditorState {
  const { text, cursor } = state;
  const at = (offset: number): EditorState => ({ ...state, cursor: alignGrapheme(text, offset) });
  switch (keyName(key)) {
    case "left":
    case "C-b":
      return at(previousGrapheme(text, cursor));
    case "right":
    case "C-f":
      return at(nextGrapheme(text, cursor));
    case "home":
    case "C-a":
      return at(lineStart(text, cursor));
    case "end":
    case "C-e":
      return at(lineEnd(text, cursor));
    case "C-home":
      return at(0);
    case "C-end":
      return at(text.length);
    case "C-left":
    case "A-left":
    case "A-b":
      return at(wordLeft(text, cursor));
    case "C-right":
    case "A-right":
    case "A-f":
      return at(wordRight(text, cursor));
    case "backspace":
      return replace(state, previousGrapheme(text, cursor), cursor, "");
    case "delete":
    case "C-d":
      return replace(state, cursor, nextGrapheme(text, cursor), "");
    case "C-y":
      return insert(state, state.killed);
    default:
      return state;
  }
}

/** Keys that cut: what they take can be put back with Ctrl-Y. */
function cutKey(state: EditorState, key: PressedKey): EditorState | undefined {
  const { text, cursor } = state;
  switch (keyName(key)) {
    case "C-k": {
      // At the end of a line the newline goes, so that lines can be joined.
      const end = lineEnd(text, cursor);
      return cut(state, cursor, end === cursor ? Math.min(end + 1, text.length) : end, "after");
    }
    case "C-u":
      return cut(state, lineStart(text, cursor), cursor, "before");
    case "C-w":
      return cut(state, alignGrapheme(text, blankLeft(text, cursor)), cursor, "before");
    case "A-backspace":
      return cut(state, alignGrapheme(text, wordLeft(text, cursor)), cursor, "before");
    case "A-d":
      return cut(state, cursor, wordRight(text, cursor), "after");
    default:
      return undefined;
  }
}

function cut(
  state: EditorState,
  start: number,
  end: number,
  side: "before" | "after",
): EditorState {
  const taken = state.text.slice(start, end);
  const kept = state.joinsKill ? state.killed : "";
  const killed = taken === "" ? state.killed : side === "before" ? taken + kept : kept + taken;
  const next = replace(state, start, end, "");
  return { ...next, killed, joinsKill: true, goalColumn: undefined };
}

/** Up and down: between the lines of the text, then through the history. */
function verticalMove(
  state: EditorState,
  key: PressedKey,
  context: EditorContext,
): EditorState | undefined {
  const name = keyName(key);
  const up = name === "up" || name === "C-p";
  if (!up && name !== "down" && name !== "C-n") return undefined;
  const { text, cursor } = state;
  const start = lineStart(text, cursor);
  const column = state.goalColumn ?? cursor - start;
  if (up && start > 0) {
    const above = lineStart(text, start - 1);
    return move(state, Math.min(above + column, start - 1), column);
  }
  const end = lineEnd(text, cursor);
  if (!up && end < text.length) {
    return move(state, Math.min(end + 1 + column, lineEnd(text, end + 1)), column);
  }
  return recall(settle(state), state.historyIndex + (up ? -1 : 1), context);
}

function move(state: EditorState, offset: number, goalColumn: number): EditorState {
  return { ...state, cursor: alignGrapheme(state.text, offset), goalColumn, joinsKill: false };
}

/** Shows another entry of the history; past the newest one, what was being typed. */
function recall(state: EditorState, index: number, { history }: EditorContext): EditorState {
  if (index < 0 || index > history.length) return state;
  const draft = state.historyIndex === history.length ? state.text : state.draft;
  const text = history[index] ?? draft;
  return { ...state, text, cursor: text.length, historyIndex: index, draft };
}

/** `C-a`, `A-f`, `left`: control and alt as Emacs writes them. Shift alone changes nothing. */
function keyName({ name, control, alt }: PressedKey): string {
  return `${control ? "C-" : ""}${alt ? "A-" : ""}${name}`;
}
