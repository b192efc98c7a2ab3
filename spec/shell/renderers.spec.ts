import { describe, expect, test } from "bun:test";
import { quoteBytes } from "../../grammar/index.ts";
import { painter } from "../../shell/color.ts";
import type { QueryValue } from "../../shell/engine.ts";
import { RENDERERS } from "../../shell/renderers/modes.ts";
import { MODES, PLAIN, type Mode, type RenderOptions } from "../../shell/renderers/renderer.ts";

const OPTIONS: RenderOptions = {
  keyStyle: "auto",
  valueStyle: "auto",
  headers: true,
  footer: true,
  terminal: false,
  paint: PLAIN,
  quoteBytes,
};

type Rows = readonly (readonly QueryValue[])[];

function render(
  mode: Mode,
  columns: readonly string[],
  batches: readonly Rows[],
  options: Partial<RenderOptions> = {},
): string {
  const renderer = RENDERERS[mode](columns, { ...OPTIONS, ...options });
  const pieces = [
    renderer.begin(),
    ...batches.map((batch) => renderer.rows(batch)),
    renderer.end(),
  ];
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece as string))).toString("utf8");
}

const COLUMNS = ["key", "value", "size"];
const ROWS: Rows = [
  ["user:1", '{"city":"Köln"}', 16],
  [Uint8Array.of(0x00, 0xff), null, null],
  ["日本", "", 0],
  ["a,b|c", 'say "hi"', 1234],
];

describe("renderers", () => {
  test("table aligns by display width, numbers to the right, and marks null", () => {
    expect(render("table", COLUMNS, [ROWS])).toBe(
      [
        " key         │ value           │ size",
        "─────────────┼─────────────────┼──────",
        ' user:1      │ {"city":"Köln"} │   16',
        ' b"\\x00\\xff" │ NULL            │ NULL',
        " 日本        │                 │    0",
        ' a,b|c       │ say "hi"        │ 1234',
        "(4 rows)",
        "",
      ].join("\n"),
    );
  });

  test("table keeps the widths of the first page and cuts nothing off", () => {
    const renderer = RENDERERS.table(["key", "value"], OPTIONS);
    expect(renderer.rows([["a", "b"]])).toBe("");
    expect(renderer.flush()).toBe(" key │ value\n─────┼───────\n a   │ b\n");
    expect(renderer.rows([["longer key", "c"]])).toBe(" longer key │ c\n");
    expect(renderer.end()).toBe("(2 rows)\n");
  });

  test("one very wide cell does not widen the whole table", () => {
    const wide = "w".repeat(500);
    const text = render(
      "table",
      ["a", "b"],
      [
        [
          [wide, "x"],
          ["y", "z"],
        ],
      ],
    );
    expect(text).toContain(` ${wide} │ x\n`);
    expect(text).toContain(` y${" ".repeat(59)} │ z\n`);
  });

  test("an empty table still names its columns", () => {
    expect(render("table", ["key"], [])).toBe(" key\n─────\n(0 rows)\n");
  });

  test("line", () => {
    expect(render("line", COLUMNS, [ROWS.slice(0, 2)])).toBe(
      '  key = user:1\nvalue = {"city":"Köln"}\n size = 16\n\n' +
        '  key = b"\\x00\\xff"\nvalue = NULL\n size = NULL\n',
    );
  });

  test("json keeps bytes, and tells a data object with $bytes apart", () => {
    const text = render(
      "json",
      ["key", "value"],
      [
        [[Uint8Array.of(0, 255), { json: { $bytes: "x", $$bytes: [1] } }]],
        [["\u001b\u009b\u202e", 1.5]],
      ],
    );
    expect(text).toBe(
      '[\n{"key":{"$bytes":"AP8="},"value":{"$$bytes":"x","$$$bytes":[1]}},\n' +
        '{"key":"\\u001b\\u009b\\u202e","value":1.5}\n]\n',
    );
    expect(JSON.parse(text)).toHaveLength(2);
    expect(render("json", ["key"], [])).toBe("[]\n");
  });

  test("jsonl writes one object per line and keeps columns of one name", () => {
    expect(render("jsonl", ["n", "n", "n"], [[[1, null, true]]])).toBe(
      '{"n":1,"n:2":null,"n:3":true}\n',
    );
  });

  test("csv quotes what it must; null and the empty text differ", () => {
    expect(render("csv", COLUMNS, [ROWS])).toBe(
      'key,value,size\nuser:1,"{""city"":""Köln""}",16\n' +
        '"b""\\x00\\xff""",,\n日本,"",0\n"a,b|c","say ""hi""",1234\n',
    );
    expect(render("csv", ["a"], [[["x"]]], { headers: false })).toBe("x\n");
  });

  test("tsv needs no escapes: null is \\N, and text that says so is a byte string", () => {
    expect(
      render(
        "tsv",
        ["a", "b", "c"],
        [
          [
            ["x", null, "\\N"],
            ["t\tt", "n\nn", 1],
          ],
        ],
      ),
    ).toBe('a\tb\tc\nx\t\\N\tb"\\\\N"\nb"t\\tt"\tb"n\\nn"\t1\n');
  });

  test("markdown escapes bars", () => {
    expect(render("markdown", ["a", "b"], [[["x|y", null]]])).toBe(
      "| a | b |\n| --- | --- |\n| x\\|y | NULL |\n",
    );
  });

  test("raw writes exact bytes, but nothing a terminal would act on to a terminal", () => {
    const renderer = RENDERERS.raw(["a", "b"], OPTIONS);
    expect(renderer.rows([[Uint8Array.of(0, 255), "x"]])).toEqual(
      Buffer.from([0, 255, 9, 0x78, 10]),
    );
    const shown = RENDERERS.raw(["a"], { ...OPTIONS, terminal: true });
    expect(() => shown.rows([["\u001b[2J"]])).toThrow("does not write binary data to a terminal");
    expect(Buffer.from(shown.rows([["two\nlines"]])).toString()).toBe("two\nlines\n");
  });

  test("keys and values can be shown in different styles", () => {
    const styles = { keyStyle: "hex", valueStyle: "redacted" } as const;
    expect(render("tsv", ["key", "value"], [[["a", "secret"]]], styles)).toBe(
      "key\tvalue\nx'61'\t<6 bytes>\n",
    );
    expect(render("jsonl", ["key", "value"], [[["a", "secret"]]], styles)).toBe(
      `{"key":"x'61'","value":"<6 bytes>"}\n`,
    );
  });

  test.each(MODES.filter((mode) => mode !== "raw"))(
    "%s never passes on what a terminal would act on, and does not depend on batches",
    (mode) => {
      const nasty: QueryValue[] = [
        "\u001b]0;x\u0007",
        Uint8Array.of(0x1b, 0x9b, 0xc2, 0x9b),
        { json: ["\u001b", "\u2066\u{e0001}"] },
        "\u202e",
        "r\rr",
      ];
      const columns = ["key", "\u001bname", "c", "d", "e"];
      const rows: Rows = [nasty, nasty.toReversed(), nasty];
      const whole = render(mode, columns, [rows]);
      // oxlint-disable-next-line no-control-regex
      expect(whole).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e\u2066\u{e0001}]/u);
      expect(
        render(
          mode,
          columns,
          rows.map((row) => [row]),
        ),
      ).toBe(whole);
    },
  );

  test("colours surround cells and do not disturb their alignment", () => {
    const rows: Rows = [
      ["a", null],
      ["bbb", "x"],
    ];
    const plain = render("table", ["key", "value"], [rows]);
    const painted = render("table", ["key", "value"], [rows], { paint: painter(true) });
    expect(painted).not.toBe(plain);
    expect(Bun.stripANSI(painted)).toBe(plain);
  });
});
