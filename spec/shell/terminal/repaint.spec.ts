import { describe, expect, test } from "bun:test";
import { layOut } from "../../../shell/terminal/layout.ts";
import type { Prompts } from "../../../shell/terminal/layout.ts";
import { menuRows } from "../../../shell/terminal/menu-rows.ts";
import { Repainter } from "../../../shell/terminal/repaint.ts";
import { SeededRandom } from "../../transaction/seeded-random.ts";
import { FakeScreen } from "./screen.ts";

const PROMPTS: Prompts = {
  first: [{ text: "> ", role: "prompt" }],
  continuation: [{ text: ". ", role: "hint" }],
};

const plain = (text: string): string => text;

function paint(screen: FakeScreen, repainter: Repainter, text: string, cursor: number): void {
  const layout = layOut([{ text, role: "" }], cursor, PROMPTS, screen.columns);
  screen.write(repainter.draw(layout, [], { columns: screen.columns, rows: screen.rows }));
}

/** What the text should look like, wrapped character by character. */
function expected(text: string, columns: number): string {
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  const lines = text.split("\n").map((line, i) => (i === 0 ? "> " : ". ") + line);
  return lines
    .flatMap((line) => {
      const rows = [""];
      for (const { segment } of segmenter.segment(line)) {
        const row = rows.at(-1) as string;
        if (Bun.stringWidth(row) + Bun.stringWidth(segment) > columns) rows.push(segment);
        else rows[rows.length - 1] = row + segment;
      }
      return rows;
    })
    .map((row) => row.trimEnd())
    .join("\n")
    .trimEnd();
}

describe("repainting", () => {
  test("shows prompt and text, and puts the cursor where it belongs", () => {
    const screen = new FakeScreen(10);
    paint(screen, new Repainter(plain), "abc\ndef", 5);
    expect(screen.text()).toBe("> abc\n. def");
    expect([screen.row, screen.column]).toEqual([1, 3]);
  });

  test("a cursor behind a full row stands on the next one", () => {
    const screen = new FakeScreen(6);
    paint(screen, new Repainter(plain), "abcd", 4);
    expect([screen.row, screen.column]).toEqual([1, 0]);
    const other = new FakeScreen(6);
    paint(other, new Repainter(plain), "abcdef", 4);
    expect([other.row, other.column]).toEqual([1, 0]);
    expect(other.text()).toBe("> abcd\nef");
  });

  test("wide characters are not cut at the edge", () => {
    const screen = new FakeScreen(5);
    paint(screen, new Repainter(plain), "日本語", 0);
    expect(screen.text()).toBe("> 日\n本語");
    expect([screen.row, screen.column]).toEqual([0, 2]);
  });

  test("control characters in the text are never written", () => {
    const screen = new FakeScreen(40);
    paint(screen, new Repainter(plain), "a\u001b[2Jb\tc\u009bd\u202ee", 0);
    expect(screen.text()).toBe("> a\ufffd[2Jb    c\ufffdd\ufffde");
  });

  test("each frame replaces the one before, whatever was edited", () => {
    const alphabet = ["a", "bc", "\n", "日", "👍", " ", "é"];
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed);
      const screen = new FakeScreen(3 + random.below(12));
      screen.write("earlier output\r\n".slice(0, screen.columns - 1));
      screen.write("\r\n");
      const top = screen.row;
      const repainter = new Repainter(plain);
      for (let i = 0; i < 12; i++) {
        const text = Array.from({ length: random.below(14) }, () => random.pick(alphabet)).join("");
        const stops = [...new Intl.Segmenter().segment(text)].map(({ index }) => index);
        const cursor = random.pick([...stops, text.length]);
        paint(screen, repainter, text, cursor);
        const shown = screen.text().split("\n").slice(top).join("\n");
        expect([seed, shown]).toEqual([seed, expected(text, screen.columns)]);
        // Typing at the cursor would put the next character where the layout says.
        const before = new FakeScreen(screen.columns);
        paint(before, new Repainter(plain), `${text.slice(0, cursor)}`, cursor);
        if (text[cursor] !== "\n" && before.column > 0 && text.slice(cursor) === "") {
          expect([seed, screen.row - top, screen.column]).toEqual([
            seed,
            before.row,
            before.column,
          ]);
        }
      }
    }
  });

  test("a text taller than the screen is shown around the cursor", () => {
    const screen = new FakeScreen(10, 3);
    const repainter = new Repainter(plain);
    const text = "1\n2\n3\n4\n5";
    paint(screen, repainter, text, text.length);
    expect(screen.text()).toBe(". 3\n. 4\n. 5");
    paint(screen, repainter, text, 0);
    expect(screen.text()).toBe("> 1\n. 2\n. 3");
    expect([screen.row, screen.column]).toEqual([0, 2]);
  });

  test("the frame is found again after the terminal was made narrower", () => {
    const repainter = new Repainter(plain);
    const wide = new FakeScreen(20);
    paint(wide, repainter, "abcdefghijklm", 13);
    // The terminal has wrapped the row of 15 cells into three of 6; the cursor is on the last.
    const narrow = new FakeScreen(6);
    narrow.write("> abcd\r\nefghij\r\nklm");
    repainter.resized(6);
    paint(narrow, repainter, "abcdefghijklm", 13);
    expect(narrow.text()).toBe("> abcd\nefghij\nklm");
  });

  test("leaving puts the cursor under the frame", () => {
    const screen = new FakeScreen(10);
    const repainter = new Repainter(plain);
    paint(screen, repainter, "a\nb\nc", 0);
    screen.write(repainter.leave());
    expect([screen.row, screen.column]).toEqual([3, 0]);
  });
});

describe("the menu", () => {
  const items = Array.from({ length: 40 }, (_, i) => ({ text: `item${i}`, label: `item${i}` }));
  const menu = { items, start: 0, end: 0, before: { text: "", cursor: 0 } };
  const lines = (selected: number): string[] =>
    menuRows({ ...menu, selected }, 30).map((row) =>
      row.pieces
        .map((piece) => piece.text)
        .join("")
        .trimEnd(),
    );

  test("lists labels in columns and says how many there are", () => {
    const shown = lines(-1);
    expect(shown[0]).toBe("item0   item1   item2");
    expect(shown.at(-1)).toBe("1 to 18 of 40");
  });

  test("turns the page to the selected item", () => {
    expect(lines(20)[0]).toBe("item18  item19  item20");
    expect(lines(39).at(-1)).toBe("37 to 40 of 40");
  });
});
