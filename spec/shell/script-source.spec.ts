import { describe, expect, test } from "bun:test";
import { Utf8Stream } from "../../shell/script-source.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";

describe("UTF-8 in chunks", () => {
  test("is put together again wherever it was cut", () => {
    const text = "a→b👩‍👩‍👧 é\n日本語\ufeff𝒳".repeat(3);
    const bytes = new TextEncoder().encode(text);
    for (let seed = 1; seed <= 100; seed++) {
      const random = new SeededRandom(seed);
      const stream = new Utf8Stream("stdin");
      let joined = "";
      for (let at = 0; at < bytes.length;) {
        const length = 1 + random.below(5);
        joined += stream.push(bytes.subarray(at, at + length));
        at += length;
      }
      expect([seed, joined + stream.end()]).toEqual([seed, text]);
    }
  });

  test("invalid bytes are refused with their line, after the whole lines before them", () => {
    const stream = new Utf8Stream("data.sql");
    expect(stream.push(Buffer.from("line one\nline two\nbad \xff here\n", "latin1"))).toBe(
      "line one\nline two\n",
    );
    expect(() => stream.push(Uint8Array.of(10))).toThrow(
      "data.sql:3: the input is not valid UTF-8",
    );
  });

  test("a character cut off by the end of the input is refused", () => {
    const stream = new Utf8Stream("stdin");
    expect(stream.push(Uint8Array.of(0x61, 0xe2, 0x82))).toBe("a");
    expect(() => stream.end()).toThrow("stdin:1: the input is not valid UTF-8");
  });
});
