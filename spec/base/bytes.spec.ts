/** Byte strings: the order of keys, prefixes and their ends, and text that comes back as it went in. */

import { describe, expect, test } from "bun:test";
import {
  commonPrefixLength,
  compareBytes,
  compareRange,
  concatBytes,
  equalBytes,
  keyAfter,
  prefixEnd,
  startsWith,
  toBytes,
  toText,
  toTextStrict,
} from "../../src/base/bytes.ts";

const LETTERS = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];

/** Every string of up to `length` of the letters. */
function strings(length: number): Uint8Array[] {
  if (length === 0) return [new Uint8Array(0)];
  const shorter = strings(length - 1);
  const longest = shorter.filter((one) => one.length === length - 1);
  return [
    ...shorter,
    ...longest.flatMap((one) => LETTERS.map((letter) => new Uint8Array([...one, letter]))),
  ];
}

const ALL = strings(3);

describe("the order of bytes", () => {
  test("is that of memcmp, a proper prefix first, over all short strings", () => {
    for (const a of ALL) {
      for (const b of ALL) {
        const expected = Buffer.compare(a, b);
        if (Math.sign(compareBytes(a, b)) !== expected) {
          throw new Error(`${a.toHex()} and ${b.toHex()} compare to ${compareBytes(a, b)}`);
        }
        expect(equalBytes(a, b)).toBe(expected === 0);
      }
    }
  });

  test("of slices does not see what lies around them", () => {
    const left = Uint8Array.fromHex("ff616263ff");
    const right = Uint8Array.fromHex("0000616263");
    expect(compareRange(left, 1, 3, right, 2, 3)).toBe(0);
    expect(compareRange(left, 1, 2, right, 2, 3)).toBeLessThan(0);
    expect(compareRange(left, 1, 3, right, 2, 2)).toBeGreaterThan(0);
    expect(compareRange(left, 1, 0, right, 4, 0)).toBe(0);
  });
});

describe("prefixes", () => {
  test("are found and measured as a loop would, over all short strings", () => {
    for (const a of ALL) {
      for (const b of ALL) {
        const shared = [...a, -1].findIndex((byte, i) => byte !== b[i]);
        const length = shared === -1 ? a.length : Math.min(shared, a.length, b.length);
        if (commonPrefixLength(a, b) !== length || startsWith(a, b) !== (length === b.length)) {
          throw new Error(`${a.toHex()} and ${b.toHex()}`);
        }
      }
    }
  });

  test("end at the smallest string that sorts after everything that starts with them", () => {
    for (const prefix of ALL) {
      const end = prefixEnd(prefix);
      if (end === undefined) {
        expect(prefix.every((byte) => byte === 0xff)).toBe(true);
        continue;
      }
      for (const one of ALL) {
        if (compareBytes(one, prefix) < 0) continue;
        const isBefore = compareBytes(one, end) < 0;
        if (isBefore !== startsWith(one, prefix)) {
          throw new Error(`${prefix.toHex()} ends at ${end.toHex()}, but ${one.toHex()}`);
        }
      }
    }
  });

  test("are not changed when their end is computed", () => {
    const prefix = Uint8Array.fromHex("61ff");
    expect(prefixEnd(prefix)?.toHex()).toBe("62");
    expect(prefix.toHex()).toBe("61ff");
  });
});

test("no string lies between a key and the key after it", () => {
  for (const key of ALL.filter((one) => one.length < 3)) {
    const after = keyAfter(key);
    expect(compareBytes(key, after)).toBeLessThan(0);
    expect(ALL.filter((one) => compareBytes(key, one) < 0 && compareBytes(one, after) < 0)).toEqual(
      [],
    );
  }
});

test("joining puts parts one behind the other, empty ones and none included", () => {
  expect(concatBytes().length).toBe(0);
  expect(concatBytes(toBytes("a"), toBytes(""), toBytes("bc")).toHex()).toBe("616263");
});

describe("text", () => {
  // A leading U+FEFF was taken for a byte-order mark and dropped, so that a value printed as text did not
  // read back as the same value.
  for (const text of [
    "",
    "plain",
    "ä€😀\0",
    "\uFEFFwith a mark",
    "\uFEFF\uFEFF",
    "in the \uFEFF middle",
  ]) {
    test(`${JSON.stringify(text)} comes back from its bytes`, () => {
      const bytes = toBytes(text);
      expect(toText(bytes)).toBe(text);
      expect(toTextStrict(bytes)).toBe(text);
    });
  }

  test("of bytes that are no UTF-8 is replaced or refused", () => {
    for (const hex of ["ff", "c3", "80", "eda080", "f4908080", "c080", "61e282"]) {
      const bytes = Uint8Array.fromHex(hex);
      expect(toText(bytes)).toContain("\uFFFD");
      expect(toTextStrict(bytes)).toBeUndefined();
    }
  });

  test("is not spoilt by what was decoded before", () => {
    toText(Uint8Array.fromHex("e282"));
    expect(toTextStrict(Uint8Array.fromHex("e2"))).toBeUndefined();
    expect(toTextStrict(toBytes("fine"))).toBe("fine");
    expect(toText(toBytes("fine"))).toBe("fine");
  });

  test("bytes pass through uncopied", () => {
    const bytes = new Uint8Array([1, 2]);
    expect(toBytes(bytes)).toBe(bytes);
  });
});
