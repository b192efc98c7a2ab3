import { expect, test } from "bun:test";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { LikePattern } from "../../src/query/value/like-pattern.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("patterns agree with the regular expression they stand for", () => {
  const random = new SeededRandom(7);
  const letters = ["a", "b", "é", "😀"];
  const marks = ["%", "_", "\\%", "\\_", "\\\\"];
  const word = (from: readonly string[], length: number): string =>
    Array.from({ length: random.below(length) }, () => from[random.below(from.length)]).join("");
  for (let round = 0; round < 5000; round++) {
    const text = word([...letters, "%", "_", "\\"], 8);
    const pattern = word([...letters, ...marks, "%"], 7);
    const source = pattern.replace(/\\[\s\S]|[\s\S]/gu, (part) => {
      if (part === "%") return "[\\s\\S]*";
      if (part === "_") return "[\\s\\S]";
      return RegExp.escape(part.length > 1 && part.startsWith("\\") ? part.slice(1) : part);
    });
    const expected = new RegExp(`^${source}$`, "u").test(text);
    expect(new LikePattern(pattern).matches(bytes(text)), `${text} LIKE ${pattern}`).toBe(expected);
  }
});

test("a byte that is not UTF-8 counts as one character", () => {
  expect(new LikePattern("a_b").matches(Uint8Array.of(0x61, 0xff, 0x62))).toBe(true);
  expect(new LikePattern("a_b").matches(Uint8Array.of(0x61, 0xc3, 0x62))).toBe(true);
  expect(new LikePattern("a__b").matches(Uint8Array.of(0x61, 0xc3, 0xa9, 0x62))).toBe(false);
});

test("many wildcards against a long text take no exponential time", () => {
  const pattern = new LikePattern(`${"%a".repeat(30)}%b`);
  expect(pattern.matches(bytes("a".repeat(5000)))).toBe(false);
});
