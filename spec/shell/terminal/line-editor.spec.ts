import { describe, expect, test } from "bun:test";
import type { Key } from "../../../shell/terminal/keys.ts";
import { key } from "../../../shell/terminal/keys.ts";
import type {
  EditorContext,
  EditorState,
  Suggestions,
} from "../../../shell/terminal/editor-state.ts";
import { initialState } from "../../../shell/terminal/editor-state.ts";
import type { Effect } from "../../../shell/terminal/line-editor.ts";
import { step } from "../../../shell/terminal/line-editor.ts";
import { SeededRandom } from "../../transaction/seeded-random.ts";

const HISTORY = ["GET 'a';", "PUT 'b'\n  'c';", "SCAN;"];

const context: EditorContext = {
  isComplete: (text) => text.trimEnd().endsWith(";"),
  suggest: (text, cursor): Suggestions => {
    const word = /\w*$/.exec(text.slice(0, cursor))?.[0] ?? "";
    const items = ["select", "selection", "scan", "zebra"]
      .filter((name) => name.startsWith(word))
      .map((name) => ({ text: name, label: name }));
    return { start: cursor - word.length, end: cursor, items };
  },
  history: HISTORY,
};

const text = (value: string): Key => ({ kind: "text", text: value });
const paste = (value: string): Key => ({ kind: "paste", text: value });

/** `C-a`, `A-b`, `enter`, or typed text after a quote. */
function named(name: string): Key {
  if (name.startsWith('"')) return text(name.slice(1));
  const control = name.startsWith("C-");
  const alt = name.startsWith("A-");
  return key(name.slice(control || alt ? 2 : 0), { control, alt });
}

function press(keys: readonly Key[], from = initialState(HISTORY.length)) {
  let state: EditorState = from;
  const effects: Effect[] = [];
  for (const each of keys) {
    const next = step(state, each, context);
    state = next.state;
    effects.push(next.effect);
  }
  return { state, effects };
}

/** The buffer with the cursor as "|". */
function after(...names: readonly string[]): string {
  const { text: buffer, cursor } = press(names.map(named)).state;
  return `${buffer.slice(0, cursor)}|${buffer.slice(cursor)}`;
}

describe("the line editor", () => {
  test.each<[string, string[], string]>([
    ["typing", ['"abc'], "abc|"],
    ["moving left and typing", ['"abc', "left", "left", '"X'], "aX|bc"],
    ["home, end", ['"abc', "home", '"<', "end", '">'], "<abc>|"],
    ["C-a, C-e, C-b, C-f", ['"abc', "C-a", "C-f", '"-', "C-e", "C-b", '"+'], "a-b+|c"],
    ["backspace and delete", ['"abcd', "left", "backspace", "C-a", "delete"], "|bd"],
    ["backspace takes a whole character", ['"a👩‍👩‍👧é', "backspace", "backspace"], "a|"],
    [
      "words",
      ['"one two.three', "A-b", '"|', "A-b", "A-b", '"_', "A-f", '"^'],
      "_one^| two.|three",
    ],
    ["C-k and C-y", ['"one two', "A-b", "C-k", "C-a", "C-y"], "two|one "],
    ["C-k at the end of a line joins the next", ['"a', "enter", '"b', "up", "end", "C-k"], "a|b"],
    ["C-u", ['"one two', "A-b", "C-u"], "|two"],
    [
      "C-w cuts to the blank, A-backspace to the word",
      ['"a b-c d-e', "C-w", '"x', "A-backspace"],
      "a b-c |",
    ],
    ["cuts in a row are put back together", ['"a b c', "C-w", "C-w", "C-y", '"!'], "a b c!|"],
    ["C-d deletes forward when there is text", ['"ab', "home", "C-d"], "|b"],
    ["A-enter always breaks the line", ['"x;', "A-enter", '"y'], "x;\ny|"],
    ["C-home and C-end", ['"a', "enter", '"b', "C-home", '"<', "C-end", '">'], "<a\nb>|"],
    [
      "the column is kept over shorter lines",
      ['"abcd', "enter", "enter", '"efgh', "left", "up", "up", '"|'],
      "abc||d\n\nefgh",
    ],
  ])("%s", (_, keys, expected) => {
    expect(after(...keys)).toBe(expected);
  });

  test("Enter runs a complete statement and breaks the line of any other", () => {
    const { state, effects } = press(['"GET', "enter", `"'a';`, "home", "enter"].map(named));
    expect(effects).toEqual(["none", "none", "none", "none", "submit"]);
    expect(state.text).toBe("GET\n'a';");
    expect(state.cursor).toBe(state.text.length);
  });

  test("a pasted newline never runs anything", () => {
    const { state, effects } = press([paste("GET 'a';\nGET 'b';\n")]);
    expect(effects).toEqual(["none"]);
    expect(state.text).toBe("GET 'a';\nGET 'b';\n");
  });

  test("Ctrl-D ends only an empty input, Ctrl-C always interrupts", () => {
    expect(press([named("C-d")]).effects).toEqual(["end"]);
    expect(press([text("a"), named("home"), named("C-d")]).effects.at(-1)).toBe("none");
    expect(press([text("a"), named("C-c")]).effects.at(-1)).toBe("interrupt");
  });

  test("up and down go through lines, then the history, and back to what was typed", () => {
    expect(after('"new', "up")).toBe("SCAN;|");
    expect(after('"new', "up", "up")).toBe("PUT 'b'\n  'c';|");
    expect(after('"new', "up", "up", "up")).toBe("PUT 'b|'\n  'c';");
    expect(after('"new', "up", "up", "up", "up")).toBe("GET 'a';|");
    expect(after('"new', "up", "up", "up", "up", "up")).toBe("GET 'a';|");
    expect(after('"new', "up", "down")).toBe("new|");
    expect(after('"new', "down")).toBe("new|");
  });

  test("Ctrl-R searches backwards, again for older, Escape gives up", () => {
    expect(after('"typed', "C-r", '"a')).toBe("SCA|N;");
    expect(after('"typed', "C-r", '"a', "C-r")).toBe("GET 'a|';");
    expect(after('"typed', "C-r", '"a', "C-r", "C-r")).toBe("GET 'a|';");
    expect(after('"typed', "C-r", '"a', "escape")).toBe("typed|");
    expect(after('"typed', "C-r", '"zzz')).toBe("typed|");
    expect(after('"typed', "C-r", '"get', "end", '"!')).toBe("GET 'a';!|");
    expect(press(['"x', "C-r", '"scan', "enter"].map(named)).effects.at(-1)).toBe("submit");
    expect(after('"typed', "C-r", '"a', "backspace")).toBe("typed|");
  });

  test("Tab takes a single suggestion at once and the common beginning of several", () => {
    expect(after('"z', "tab")).toBe("zebra|");
    expect(after('"se', "tab")).toBe("select|");
    expect(after('"se', "tab", "tab")).toBe("select|");
    expect(after('"se', "tab", "tab", "tab")).toBe("selection|");
    expect(after('"se', "tab", "tab", "tab", "tab")).toBe("select|");
    expect(after('"se', "tab", "backtab")).toBe("selection|");
    expect(after('"q', "tab")).toBe("q|");
  });

  test("Escape leaves the menu as it was opened, Enter keeps the choice without running it", () => {
    expect(after('"s', "tab", "tab", "tab", "escape")).toBe("s|");
    const { state, effects } = press(['"se', "tab", "tab", "tab", "enter"].map(named));
    expect(state.text).toBe("selection");
    expect(state.menu).toBeUndefined();
    expect(effects.at(-1)).toBe("none");
    expect(after('"se', "tab", "tab", '" x')).toBe("select x|");
  });

  test("does to the text what a list of characters and an index would do", () => {
    const alphabet = ["a", "b", " ", "é", "👍", "e\u0301", "日", "👩‍👩‍👧", ";", "\u0301"];
    const keys = [
      "left",
      "right",
      "home",
      "end",
      "backspace",
      "delete",
      "C-k",
      "C-u",
      "C-y",
      "A-enter",
    ];
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      let state = initialState(HISTORY.length);
      let model: Model = { text: "", cursor: 0, killed: "", joins: false };
      for (let i = 0; i < 60; i++) {
        const pressed = random.chance(0.5) ? text(random.pick(alphabet)) : named(random.pick(keys));
        state = step(state, pressed, context).state;
        model = modelStep(model, pressed);
        expect([seed, i, state.text, state.cursor]).toEqual([seed, i, model.text, model.cursor]);
      }
    }
  });

  test("any keys at all keep the cursor between characters, and change no earlier state", () => {
    const names = [
      "up",
      "down",
      "tab",
      "backtab",
      "escape",
      "enter",
      "C-r",
      "C-w",
      "C-y",
      "A-b",
      "A-f",
      "A-d",
      "A-backspace",
      "C-left",
      "C-right",
      "C-k",
      "C-l",
      "C-p",
      "C-n",
      "C-g",
      "C-home",
      "backspace",
      "f1",
    ];
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      let state = initialState(HISTORY.length);
      for (let i = 0; i < 80; i++) {
        const pressed = random.chance(0.4)
          ? text(random.pick(["s", "se", " ", "\u0301", "👍", "a"]))
          : random.chance(0.1)
            ? paste("x\ny")
            : named(random.pick(names));
        const frozen = JSON.stringify(state);
        const next = step(state, pressed, context).state;
        expect(JSON.stringify(state)).toBe(frozen);
        expect([seed, i, boundaries(next.text).includes(next.cursor)]).toEqual([seed, i, true]);
        state = next;
      }
    }
  });
});

/** The naive twin: everything is recomputed from the list of graphemes. */
interface Model {
  readonly text: string;
  readonly cursor: number;
  readonly killed: string;
  readonly joins: boolean;
}

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

function boundaries(value: string): number[] {
  return [...[...segmenter.segment(value)].map(({ index }) => index), value.length];
}

/** Where the cursor goes when it would stand inside a character: behind it. */
function settled(value: string, cursor: number): number {
  return boundaries(value).find((boundary) => boundary >= cursor) ?? value.length;
}

function spliced(model: Model, start: number, end: number, inserted: string): Model {
  const value = model.text.slice(0, start) + inserted + model.text.slice(end);
  return { ...model, text: value, cursor: settled(value, start + inserted.length), joins: false };
}

function modelStep(model: Model, pressed: Key): Model {
  const { text: value, cursor } = model;
  const stops = boundaries(value);
  const previous = stops.findLast((stop) => stop < cursor) ?? 0;
  const next = stops.find((stop) => stop > cursor) ?? value.length;
  const lineStart = value.slice(0, cursor).split("\n").slice(0, -1).join("\n").length;
  const start = lineStart === 0 && !value.slice(0, cursor).includes("\n") ? 0 : lineStart + 1;
  const end = cursor + (value.slice(cursor).split("\n")[0] ?? "").length;
  if (pressed.kind !== "key") return spliced(model, cursor, cursor, pressed.text);
  const killed = (from: number, to: number, front: boolean): Model => {
    const taken = value.slice(from, to);
    const kept = model.joins ? model.killed : "";
    const joined = taken === "" ? model.killed : front ? taken + kept : kept + taken;
    return { ...spliced(model, from, to, ""), killed: joined, joins: true };
  };
  switch (`${pressed.control ? "C-" : ""}${pressed.alt ? "A-" : ""}${pressed.name}`) {
    case "left":
      return { ...model, cursor: previous, joins: false };
    case "right":
      return { ...model, cursor: next, joins: false };
    case "home":
      return { ...model, cursor: start, joins: false };
    case "end":
      return { ...model, cursor: end, joins: false };
    case "backspace":
      return spliced(model, previous, cursor, "");
    case "delete":
      return spliced(model, cursor, next, "");
    case "C-k":
      return killed(cursor, end === cursor ? Math.min(end + 1, value.length) : end, false);
    case "C-u":
      return killed(start, cursor, true);
    case "C-y":
      return spliced(model, cursor, cursor, model.killed);
    default:
      return spliced(model, cursor, cursor, "\n");
  }
}
