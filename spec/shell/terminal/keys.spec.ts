import { describe, expect, test } from "bun:test";
import type { Key } from "../../../shell/terminal/keys.ts";
import { key, KeyDecoder } from "../../../shell/terminal/keys.ts";
import { SeededRandom } from "../../transaction/seeded-random.ts";

const text = (value: string): Key => ({ kind: "text", text: value });
const paste = (value: string): Key => ({ kind: "paste", text: value });

function decode(...chunks: readonly string[]): Key[] {
  const decoder = new KeyDecoder();
  const keys = chunks.flatMap((chunk) => decoder.push(Buffer.from(chunk, "utf8")));
  return [...keys, ...decoder.flush()];
}

describe("keys", () => {
  test.each<[string, Key]>([
    ["\r", key("enter")],
    ["\n", key("enter")],
    ["\t", key("tab")],
    ["\x7f", key("backspace")],
    ["\b", key("backspace")],
    ["\x01", key("a", { control: true })],
    ["\x1a", key("z", { control: true })],
    ["\x1b", key("escape")],
    ["\x1b[A", key("up")],
    ["\x1bOD", key("left")],
    ["\x1b[1;5C", key("right", { control: true })],
    ["\x1b[1;3D", key("left", { alt: true })],
    ["\x1b[1;2Z", key("backtab", { shift: true })],
    ["\x1b[Z", key("backtab")],
    ["\x1b[3~", key("delete")],
    ["\x1b[3;5~", key("delete", { control: true })],
    ["\x1b[H", key("home")],
    ["\x1b[4~", key("end")],
    ["\x1bb", key("b", { alt: true })],
    ["\x1b\x7f", key("backspace", { alt: true })],
    ["\x1b\r", key("enter", { alt: true })],
  ])("%j", (sequence, expected) => {
    expect(decode(sequence)).toEqual([expected]);
  });

  test("text comes in runs, between keys", () => {
    expect(decode("añ👍\rb")).toEqual([text("añ👍"), key("enter"), text("b")]);
  });

  test("a paste is one piece, newlines made plain and controls dropped", () => {
    expect(decode("x\x1b[200~a;\r\nb\r\tc\x1b[31m\u009b\x1b[201~y")).toEqual([
      text("x"),
      paste("a;\nb\n\tc[31m"),
      text("y"),
    ]);
  });

  test("unknown sequences are swallowed whole", () => {
    expect(decode("\x1b[?1;2c\x1b[999;1uq")).toEqual([text("q")]);
  });

  test("an escape waits for what follows, and is a key of its own when nothing does", () => {
    const decoder = new KeyDecoder();
    expect(decoder.push(Buffer.from("\x1b"))).toEqual([]);
    expect(decoder.waiting).toBe(true);
    expect(decoder.push(Buffer.from("[A"))).toEqual([key("up")]);
    expect(decoder.waiting).toBe(false);
    expect(decoder.push(Buffer.from("\x1b"))).toEqual([]);
    expect(decoder.flush()).toEqual([key("escape")]);
  });

  test("the same keys come out wherever the bytes are cut", () => {
    const pieces = [
      "a",
      "é",
      "👍",
      "\r",
      "\x1b[A",
      "\x1b[1;5C",
      "\x1bf",
      "\x1b[3~",
      "\x01",
      "\x1b[200~p\nq\x1b[201~",
    ];
    const joined = (keys: readonly Key[]): string =>
      // Runs of text may be cut differently.
      keys.map((each) => (each.kind === "text" ? each.text : JSON.stringify(each))).join("");
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed);
      const stream = Array.from({ length: 10 }, () => random.pick(pieces)).join("");
      const bytes = Buffer.from(stream);
      const decoder = new KeyDecoder();
      const keys: Key[] = [];
      for (let at = 0; at < bytes.length;) {
        const length = 1 + random.below(4);
        keys.push(...decoder.push(bytes.subarray(at, at + length)));
        at += length;
      }
      keys.push(...decoder.flush());
      expect([seed, joined(keys)]).toEqual([seed, joined(decode(stream))]);
    }
  });

  test("any bytes at all are survived", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed);
      const decoder = new KeyDecoder();
      for (let i = 0; i < 20; i++) {
        const bytes = Uint8Array.from({ length: random.below(12) }, () =>
          random.chance(0.3)
            ? random.pick([0x1b, 0x5b, 0x4f, 0x3b, 0x7e, 0x32])
            : random.below(256),
        );
        for (const each of decoder.push(bytes)) {
          // oxlint-disable-next-line no-control-regex
          if (each.kind === "text") expect(each.text).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
        }
      }
      decoder.flush();
    }
  });
});
