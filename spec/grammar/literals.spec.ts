/** Values written as literals are read back unchanged, and are safe to print. */

import { describe, expect, test } from "bun:test";
import { parse, quoteBytes, quoteText } from "../../grammar/index.ts";
import { RandomStatements } from "./random-statement.ts";

const encoder = new TextEncoder();

/** The bytes that a literal stands for. */
function read(literal: string): Uint8Array {
  const result = parse(`GET ${literal}`);
  if (result.kind !== "ok") throw new Error(result.diagnostic.report);
  const statement = result.statements[0]?.statement;
  const key = statement?.kind === "get" ? statement.keys[0] : undefined;
  if (key?.kind !== "literal") throw new Error(`not a literal: ${literal}`);
  return key.type === "text" ? encoder.encode(key.value) : (key.value as Uint8Array);
}

describe("bytes", () => {
  test.each([
    ["plain", "'plain'"],
    ["", "''"],
    ["it's", "'it''s'"],
    ['say "hi" \\', "'say \"hi\" \\'"],
    ["é日本😀", "'é日本😀'"],
    ["a\u0000b", String.raw`b"a\x00b"`],
    ['\n\t\r"\\', String.raw`b"\n\t\r\"\\"`],
    ["\u001b[31m", String.raw`b"\x1b[31m"`],
    ["é\u0085", 'b"é\\xc2\\x85"'],
    ["a\u202eb", String.raw`b"a\xe2\x80\xaeb"`],
    ["\ufeffa", String.raw`b"\xef\xbb\xbfa"`],
    ["\u007f", String.raw`b"\x7f"`],
  ])("of %j are written %s", (text, literal) => {
    expect(quoteBytes(encoder.encode(text))).toBe(literal);
    expect(quoteText(text)).toBe(literal);
    expect(read(literal)).toEqual(encoder.encode(text));
  });

  test.each([
    [[0xff], String.raw`b"\xff"`],
    [[0x61, 0xc3], String.raw`b"a\xc3"`],
    [[0xc3, 0xa9, 0xc3], 'b"é\\xc3"'],
    [[0xed, 0xa0, 0x80], String.raw`b"\xed\xa0\x80"`],
    [[0xc0, 0x80], String.raw`b"\xc0\x80"`],
    [[0xf0, 0x9f, 0x98, 0x80, 0xf0, 0x9f], 'b"😀\\xf0\\x9f"'],
  ])("that are not UTF-8, %j, are written %s", (bytes, literal) => {
    expect(quoteBytes(Uint8Array.from(bytes))).toBe(literal);
    expect(read(literal)).toEqual(Uint8Array.from(bytes));
  });

  test("of a text with half of a surrogate pair are those of UTF-8", () => {
    expect(read(quoteText("a\udc00"))).toEqual(encoder.encode("a\ufffd"));
  });

  const seed = Number(process.env["SEED"] ?? 3);

  test(`at random are read back, and printed without control characters (seed ${seed})`, () => {
    const random = new RandomStatements(seed);
    const alphabet = Array.from("a'\"\\;é日😀", (char) => encoder.encode(char));
    for (let i = 0; i < 3000; i++) {
      const parts = Array.from({ length: random.below(12) }, () =>
        random.below(3) === 0
          ? [random.below(256)]
          : [...(alphabet[random.below(alphabet.length)] as Uint8Array)],
      );
      const bytes = Uint8Array.from(parts.flat());
      const literal = quoteBytes(bytes);
      expect(read(literal)).toEqual(bytes);
      // oxlint-disable-next-line no-control-regex -- that is what must not be there
      expect(literal).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }
  });
});

describe("every form of literal", () => {
  test.each([
    ["x'00ff'", [0, 255]],
    ["X'00FF'", [0, 255]],
    ["x''", []],
    ["b64'AAE='", [0, 1]],
    ["b64''", []],
    ['b""', []],
    [String.raw`b"\x00\x2A\n"`, [0, 42, 10]],
    ['b"a\nb"', [97, 10, 98]],
    ["'a\nb'", [97, 10, 98]],
  ])("%j is read", (literal, bytes) => {
    expect(read(literal)).toEqual(Uint8Array.from(bytes));
  });
});
