/** The completion menu of the line editor: opened by Tab, walked by Tab and the arrows. Pure. */

import type { Key } from "./keys.ts";
import type { EditorContext, EditorState, Menu, Suggestion } from "./editor-state.ts";
import { replace } from "./editor-state.ts";

/** One suggestion is taken at once; several are listed, and their common beginning is taken. */
export function openMenu(state: EditorState, context: EditorContext): EditorState {
  const { start, end, items } = context.suggest(state.text, state.cursor);
  const [only] = items;
  if (only === undefined) return state;
  if (items.length === 1) return replace(state, start, end, only.text);
  const common = commonBeginning(items.map((item) => item.text));
  const typed = state.text.slice(start, end);
  const grows = common.length > typed.length && foldedStart(common, typed);
  const next = grows ? replace(state, start, end, common) : state;
  const menuEnd = grows ? start + common.length : end;
  const before = { text: next.text, cursor: next.cursor };
  return { ...next, menu: { items, selected: -1, start, end: menuEnd, before } };
}

/** `undefined` when the key is not the menu's: it closes, and the key means what it always means. */
export function menuKey(state: EditorState, menu: Menu, key: Key): EditorState | undefined {
  if (key.kind !== "key" || key.control || key.alt) return undefined;
  switch (key.name) {
    case "tab":
    case "down":
    case "right":
      return key.shift
        ? select(state, menu, menu.selected - 1)
        : select(state, menu, menu.selected + 1);
    case "backtab":
    case "up":
    case "left":
      return select(state, menu, menu.selected - 1);
    case "enter":
      return menu.selected < 0 ? undefined : closeMenu(state);
    case "escape":
      return { ...state, ...menu.before, menu: undefined };
    default:
      return undefined;
  }
}

export function closeMenu(state: EditorState): EditorState {
  return { ...state, menu: undefined };
}

function select(state: EditorState, menu: Menu, index: number): EditorState {
  const count = menu.items.length;
  // Before the first item, and before none at all, comes the last one.
  const selected = index < 0 ? count - 1 : index % count;
  const { text } = menu.items[selected] as Suggestion;
  const next = replace(state, menu.start, menu.end, text);
  return { ...next, menu: { ...menu, selected, end: menu.start + text.length } };
}

/** Longest common beginning, never ending inside a surrogate pair. */
export function commonBeginning(texts: readonly string[]): string {
  const [first = ""] = texts;
  let length = first.length;
  for (const text of texts) {
    let i = 0;
    while (i < length && text[i] === first[i]) i++;
    length = i;
  }
  if (length > 0 && (first.charCodeAt(length - 1) & 0xfc00) === 0xd800) length--;
  return first.slice(0, length);
}

/** Keywords may be typed in any case. */
function foldedStart(text: string, start: string): boolean {
  return text.slice(0, start.length).toLowerCase() === start.toLowerCase();
}
