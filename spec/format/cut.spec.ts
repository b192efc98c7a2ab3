/** Cuts: what they hide, which tables they meet and cover, and how the manifest holds them. */

import { describe, expect, test } from "bun:test";

import { toBytes } from "../../src/base/bytes.ts";
import {
  covers,
  type Cut,
  cutLength,
  decodeCut,
  decodeLoggedCut,
  encodeLoggedCut,
  hides,
  meets,
  readCut,
  storeCut,
  writeCut,
} from "../../src/format/cut.ts";
import { ProtobufReader } from "../../src/format/protobuf.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";

const cut = (version: number, ...prefixes: string[]): Cut => ({
  version,
  prefixes: prefixes.map((prefix) => toBytes(prefix)),
});

function isHidden(one: Cut, key: string, version: number): boolean {
  const bytes = toBytes(`<<${key}>>`);
  return hides(one, bytes, 2, bytes.length - 4, version);
}

describe("a cut", () => {
  test("hides versions up to its own, under its prefixes", () => {
    const one = cut(7, "b/", "d");
    expect(isHidden(one, "b/", 7)).toBe(true);
    expect(isHidden(one, "b/x", 1)).toBe(true);
    expect(isHidden(one, "d", 3)).toBe(true);
    expect(isHidden(one, "b/x", 8)).toBe(false);
    expect(isHidden(one, "b", 1)).toBe(false);
    expect(isHidden(one, "c/b/", 1)).toBe(false);
  });

  test("never hides keys of the engine, and with an empty prefix everything else", () => {
    const all = cut(9, "");
    expect(isHidden(all, "a", 9)).toBe(true);
    expect(isHidden(all, "!badger", 9)).toBe(true);
    expect(isHidden(all, "!badger!banned", 1)).toBe(false);
    expect(isHidden(cut(9, "!"), "!badger!banned", 1)).toBe(false);
    expect(isHidden(cut(9, "!"), "!x", 1)).toBe(true);
  });

  test("hides the records of cuts up to its own, so that none is left when it is over", () => {
    expect(isHidden(cut(9, "b"), "!badger!cut", 9)).toBe(true);
    expect(isHidden(cut(9, "b"), "!badger!cut", 10)).toBe(false);
    expect(isHidden(cut(9, "b"), "!badger!cuts", 9)).toBe(false);
    expect(meets(cut(9, "b"), toBytes("!a"), toBytes("!c"))).toBe(true);
    expect(meets(cut(9, "b"), toBytes("!c"), toBytes("a"))).toBe(false);
  });

  test("meets and covers what its naive twin says", () => {
    const alphabet = ["!badger!", "a", "b", "\u{7f}"];
    const random = new SeededRandom(3);
    const word = (): string =>
      Array.from({ length: random.below(3) }, () => alphabet[random.below(4)]).join("");
    const keys = Array.from({ length: 60 }, () => `${word()}${word()}x`).sort((a, b) =>
      Buffer.compare(toBytes(a), toBytes(b)),
    );
    for (let i = 0; i < 3000; i++) {
      const one = cut(5, word(), word());
      const from = random.below(keys.length);
      const to = from + random.below(keys.length - from);
      const smallest = toBytes(keys[from] as string);
      const largest = toBytes(keys[to] as string);
      const inside = keys.slice(from, to + 1).map((key) => isHidden(one, key, 5));
      // A span may be met or not covered for keys that just are not there, never the other way round.
      if (inside.includes(true)) expect(meets(one, smallest, largest)).toBe(true);
      if (inside.includes(false)) expect(covers(one, smallest, largest)).toBe(false);
    }
    const one = cut(5, "b/");
    expect(meets(one, toBytes(""), toBytes("a"))).toBe(true);
    const span = (a: string, b: string): [boolean, boolean] => [
      meets(one, toBytes(a), toBytes(b)),
      covers(one, toBytes(a), toBytes(b)),
    ];
    expect(span("b/1", "b/9")).toEqual([true, true]);
    expect(span("a", "b/9")).toEqual([true, false]);
    expect(span("b/9", "c")).toEqual([true, false]);
    expect(span("a", "z")).toEqual([true, false]);
    expect(span("a", "b")).toEqual([false, false]);
    expect(span("b0", "c")).toEqual([false, false]);
  });

  test("comes back from the manifest as it went in, in clear and encrypted", () => {
    const random = new SeededRandom(1);
    const key = new Uint8Array(32).fill(9);
    for (const prefixes of [[""], ["b/"], ["a", "\u{ff}\u{fe}", "ccc"], []]) {
      for (const dataKey of [undefined, { keyId: 4, key }]) {
        const one = cut(2 ** 40, ...prefixes);
        const stored = storeCut(one, dataKey, random);
        const bytes = new Uint8Array(cutLength(stored) + 2);
        expect(writeCut(bytes, 1, stored)).toBe(bytes.length - 1);
        const decoded = decodeCut(new ProtobufReader(bytes, 1, bytes.length - 1));
        expect(decoded).toEqual(stored);
        expect(readCut(decoded, () => key)).toEqual(one);
        const isClear = Buffer.from(bytes).includes("b/");
        if (prefixes.includes("b/")) expect(isClear).toBe(dataKey === undefined);
      }
    }
  });
});

describe("the log record of a cut", () => {
  test("holds the prefixes, also the empty one", () => {
    for (const prefixes of [["a"], [""], ["a", "bb", "c".repeat(300)]]) {
      const value = encodeLoggedCut(cut(0, ...prefixes).prefixes);
      const bytes = new Uint8Array([9, ...value, 9]);
      expect(decodeLoggedCut(5, bytes, 1, value.length)).toEqual(cut(5, ...prefixes));
    }
  });

  test("without a prefix is of a cut that the manifest holds", () => {
    expect(decodeLoggedCut(5, new Uint8Array(0), 0, 0)).toBeUndefined();
  });
});
