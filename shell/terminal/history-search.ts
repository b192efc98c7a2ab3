/** Ctrl-R: incremental search backwards through the history. Pure. */

import type { Key } from "./keys.ts";
import type { EditorContext, EditorState, Search } from "./editor-state.ts";
import { alignGrapheme } from "./text-motion.ts";

export function startSearch(state: EditorState, { history }: EditorContext): EditorState {
  const before = { text: state.text, cursor: state.cursor };
  const draft = state.historyIndex === history.length ? state.text : state.draft;
  return { ...state, draft, search: { query: "", index: history.length, failed: false, before } };
}

/** `undefined` when the key ends the search and is to be handled as usual. */
export function searchKey(
  state: EditorState,
  search: Search,
  key: Key,
  context: EditorContext,
): EditorState | undefined {
  if (key.kind !== "key") {
    const query = search.query + key.text.replaceAll("\n", " ");
    return find(
      state,
      { ...search, query },
      Math.min(search.index, context.history.length - 1),
      context,
    );
  }
  if (key.control && key.name === "r") return find(state, search, search.index - 1, context);
  if (key.name === "backspace" && !key.alt) {
    const query = search.query.slice(0, -1);
    return find(state, { ...search, query }, context.history.length - 1, context);
  }
  if (key.name === "escape" || (key.control && key.name === "g")) {
    return { ...state, ...search.before, search: undefined };
  }
  if (key.control && key.name === "c") return { ...state, ...search.before, search: undefined };
  return undefined;
}

/** Shows the newest entry at or before `from` that holds the query. */
function find(
  state: EditorState,
  search: Search,
  from: number,
  { history }: EditorContext,
): EditorState {
  const query = search.query.toLowerCase();
  if (query === "") {
    const next = { ...search, index: history.length, failed: false };
    return { ...state, ...search.before, search: next };
  }
  for (let index = from; index >= 0; index--) {
    const text = history[index] ?? "";
    const found = text.toLowerCase().indexOf(query);
    if (found < 0) continue;
    const cursor = alignGrapheme(text, Math.min(found + query.length, text.length));
    const next = { ...search, index, failed: false };
    return { ...state, text, cursor, historyIndex: index, search: next };
  }
  return { ...state, search: { ...search, failed: true } };
}
