import { describe, expect, test } from "bun:test";
import { parse, quoteBytes } from "../../grammar/index.ts";
import type { Cell, RenderStyle } from "../../shell/renderers/cell.ts";
import { cellOf, isPrintable } from "../../shell/renderers/cell.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function cell(value: Parameters<typeof cellOf>[0], style: RenderStyle = "auto"): Cell {
  return cellOf(value, { style, nullText: "NULL", quoteBytes });
}

/** What a person would make of a cell: text as it stands, or the byte string that the parser reads. */
function readBack({ kind, text }: Cell): Uint8Array {
  if (kind === "text") return utf8(text);
  const parsed = parse(`SELECT ${text}`);
  if (parsed.kind !== "ok") throw new Error(`does not parse: ${text}`);
  const statement = parsed.statements[0]?.statement;
  const column = statement?.kind === "select" ? statement.columns[0] : undefined;
  const literal = column?.kind === "column" ? column.expression : undefined;
  if (literal?.kind !== "literal") throw new Error(`is no literal: ${text}`);
  return typeof literal.value === "string" ? utf8(literal.value) : (literal.value as Uint8Array);
}

describe("a cell", () => {
  test("shows printable text as it is, in any script", () => {
    for (const text of ["user:1", "", "it's", "naïve", "日本語", "👩‍👩‍👧", 'say "hi"', "back\\slash"]) {
      expect(cell(utf8(text))).toEqual({ kind: "text", text });
      expect(cell(text)).toEqual({ kind: "text", text });
    }
  });

  test.each([
    ["a newline", "a\nb"],
    ["an escape code", "\u001b[31mred"],
    ["a C1 control", "\u009b31m"],
    ["a direction override", "abc\u202edef"],
    ["an isolate", "\u2066x"],
    ["a byte order mark", "\ufeffx"],
    ["a line separator", "a\u2028b"],
    ["a tag character", "x\u{e0041}"],
    ["DEL", "\u007f"],
  ])("shows text with %s as a byte string", (_, text) => {
    const shown = cell(utf8(text));
    expect(shown.kind).toBe("bytes");
    expect(isPrintable(shown.text)).toBe(true);
    expect(readBack(shown)).toEqual(utf8(text));
  });

  test("keeps text apart from the byte strings and the null it looks like", () => {
    for (const text of ['b"x"', "x'00'", "b64'AAE='", "NULL", 'B"\\"']) {
      const shown = cell(text);
      expect(shown.kind).toBe("bytes");
      expect(readBack(shown)).toEqual(utf8(text));
    }
    expect(cell(null)).toEqual({ kind: "null", text: "NULL" });
  });

  test("reads back as the same bytes, whatever they are, and is always safe to show", () => {
    for (let seed = 1; seed <= 400; seed++) {
      const random = new SeededRandom(seed);
      const alphabet = random.pick([256, 128, 40]);
      const value = Uint8Array.from({ length: random.below(24) }, () => random.below(alphabet));
      const shown = cell(value);
      expect([seed, readBack(shown)]).toEqual([seed, value]);
      expect([seed, isPrintable(shown.text)]).toEqual([seed, true]);
    }
  });

  test("shows numbers, truth values and documents as what they are", () => {
    expect(cell(42)).toEqual({ kind: "number", text: "42" });
    expect(cell(true)).toEqual({ kind: "boolean", text: "true" });
    expect(cell({ json: { a: ["\u202e", "\u001b"] } })).toEqual({
      kind: "json",
      text: String.raw`{"a":["\u202e","\u001b"]}`,
    });
  });

  test("follows the style", () => {
    const value = bytes(0x00, 0x61);
    expect(cell(value, "hex").text).toBe("x'0061'");
    expect(cell(value, "base64").text).toBe("b64'AGE='");
    expect(cell(value, "redacted").text).toBe("<2 bytes>");
    expect(cell(value, "text").text).toBe("\\u{0}a");
    expect(cell(bytes(0xff), "text").text).toBe("\ufffd");
    expect(cell(utf8('{ "a" : 1 }'), "json")).toEqual({ kind: "json", text: '{"a":1}' });
    expect(cell(utf8("no json"), "json")).toEqual({ kind: "text", text: "no json" });
    expect(cell({ json: { secret: 1 } }, "redacted").text).toBe("<json>");
  });
});
