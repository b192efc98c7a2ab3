import { describe, expect, test } from "bun:test";
import { toBytes, toText } from "../../src/base/bytes.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { rangeContains, WHOLE_RANGE } from "../../src/transaction/key-range.ts";
import type { KeyRange } from "../../src/transaction/key-range.ts";
import { rangesContain, ReadSet } from "../../src/transaction/read-set.ts";
import { SeededRandom } from "./seeded-random.ts";

function has(reads: ReadSet, key: string): boolean {
  const bytes = toBytes(key);
  return reads.hasKey(bytes, 0, bytes.length, bloomHash(bytes, 0, bytes.length));
}

function covers(reads: ReadSet, key: string): boolean {
  const bytes = toBytes(key);
  return rangesContain(reads.ranges(), bytes, 0, bytes.length);
}

function range(lower: string, upper: string): KeyRange {
  return {
    lower: toBytes(lower),
    lowerInclusive: true,
    upper: toBytes(upper),
    upperInclusive: false,
  };
}

describe("read set: keys", () => {
  test("starts empty", () => {
    expect(new ReadSet().isEmpty).toBe(true);
  });

  test("keeps a key once however often it is read", () => {
    const reads = new ReadSet();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) reads.addKey(toBytes(`key ${i}`));
    }
    expect(reads.keyCount).toBe(100);
    for (let i = 0; i < 100; i++) {
      expect(has(reads, `key ${i}`)).toBe(true);
      expect(toText(reads.keyBytes.slice(reads.keyStart(i), reads.keyEnd(i)))).toBe(`key ${i}`);
    }
    expect(has(reads, "key 100")).toBe(false);
  });

  test("does not care what happens to the bytes afterwards", () => {
    const reads = new ReadSet();
    const key = toBytes("abc").slice();
    reads.addKey(key);
    key[0] = 0;
    expect(has(reads, "abc")).toBe(true);
  });

  test("agrees with a set of strings", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const reads = new ReadSet();
      const twin = new Set<string>();
      for (let step = 0; step < 500; step++) {
        const key = "k".repeat(random.below(4)) + random.below(100);
        if (random.chance(0.5)) {
          reads.addKey(toBytes(key));
          twin.add(key);
        }
        if (has(reads, key) !== twin.has(key) || reads.keyCount !== twin.size) {
          throw new Error(`seed ${seed}, step ${step}: ${key}`);
        }
      }
    }
  });
});

describe("read set: ranges", () => {
  test("an exhausted scan covers its whole range, in both directions", () => {
    for (const reverse of [false, true]) {
      const reads = new ReadSet();
      reads.openRange(range("b", "f"), reverse).finish("exhausted");
      expect(["a", "b", "c", "e", "f"].map((key) => covers(reads, key))).toEqual([
        false,
        true,
        true,
        true,
        false,
      ]);
    }
  });

  test("a scan that stopped covers up to the last key it saw", () => {
    const reads = new ReadSet();
    const scan = reads.openRange(range("b", "z"), false);
    scan.coverTo(toBytes("xxdxx"), 2, 1);
    scan.finish("stopped");
    expect(["a", "b", "d", "d0", "e"].map((key) => covers(reads, key))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  test("a reverse scan that stopped covers from its end down to the last key it saw", () => {
    const reads = new ReadSet();
    const scan = reads.openRange(range("b", "m"), true);
    scan.coverTo(toBytes("f"), 0, 1);
    scan.finish("stopped");
    expect(["c", "f", "g", "l", "m"].map((key) => covers(reads, key))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  test("a scan that saw nothing and was stopped covers nothing", () => {
    const reads = new ReadSet();
    reads.openRange(WHOLE_RANGE, false).finish("stopped");
    expect(reads.isEmpty).toBe(true);
  });

  test("a scan still open counts up to where it is", () => {
    const reads = new ReadSet();
    const scan = reads.openRange(WHOLE_RANGE, false);
    scan.coverTo(toBytes("c"), 0, 1);
    expect(covers(reads, "c")).toBe(true);
    expect(covers(reads, "d")).toBe(false);
    scan.coverTo(toBytes("e"), 0, 1);
    expect(covers(reads, "d")).toBe(true);
  });

  test("going back takes nothing back", () => {
    const reads = new ReadSet();
    const scan = reads.openRange(WHOLE_RANGE, false);
    scan.coverTo(toBytes("e"), 0, 1);
    scan.coverTo(toBytes("b"), 0, 1);
    expect(covers(reads, "d")).toBe(true);
  });

  test("unites overlapping scans", () => {
    const reads = new ReadSet();
    for (let i = 0; i < 1_000; i++) {
      const key = String(i % 100).padStart(3, "0");
      reads.addRange(toBytes(key), true, toBytes(`${key}~`), true);
      reads.addRange(
        toBytes(`${key}~`),
        false,
        toBytes(String((i % 100) + 1).padStart(3, "0")),
        true,
      );
    }
    expect(reads.ranges()).toHaveLength(1);
  });

  test("an empty range is no read", () => {
    const reads = new ReadSet();
    reads.addRange(toBytes("b"), true, toBytes("a"), true);
    reads.openRange(range("c", "c"), false).finish("exhausted");
    expect(reads.isEmpty).toBe(true);
  });

  test("agrees with a plain list of ranges", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed);
      const reads = new ReadSet();
      const twin: KeyRange[] = [];
      const letter = (): Uint8Array => toBytes(String.fromCharCode(97 + random.below(26)));
      for (let i = 0; i < 60; i++) {
        const bounds: KeyRange = {
          lower: random.chance(0.02) ? undefined : letter(),
          lowerInclusive: random.chance(0.5),
          upper: random.chance(0.02) ? undefined : letter(),
          upperInclusive: random.chance(0.5),
        };
        const reverse = random.chance(0.5);
        const scan = reads.openRange(bounds, reverse);
        if (random.chance(0.5)) {
          scan.finish("exhausted");
          twin.push(bounds);
        } else {
          const last = letter();
          if (!rangeContains(bounds, last, 0, last.length)) continue;
          scan.coverTo(last, 0, last.length);
          if (random.chance(0.8)) scan.finish("stopped");
          const ends = { lower: last, lowerInclusive: true, upper: last, upperInclusive: true };
          twin.push(
            reverse
              ? { ...bounds, lower: ends.lower, lowerInclusive: true }
              : { ...bounds, upper: ends.upper, upperInclusive: true },
          );
        }
        if (i % 10 !== 0) continue;
        for (let probe = 0; probe < 26; probe++) {
          for (const key of [
            String.fromCharCode(97 + probe),
            `${String.fromCharCode(97 + probe)}5`,
          ]) {
            const bytes = toBytes(key);
            const expected = twin.some((one) => rangeContains(one, bytes, 0, bytes.length));
            if (covers(reads, key) !== expected) throw new Error(`seed ${seed}, step ${i}: ${key}`);
          }
        }
      }
    }
  });
});
