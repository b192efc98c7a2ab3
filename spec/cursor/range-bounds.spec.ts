/**
 * Ranges as callers write them, by enumeration: every range over a small set of bounds, walked in both
 * directions over every short byte string, against the definition of each bound.
 */

import { describe, expect, test } from "bun:test";
import { compareBytes, startsWith, toBytes } from "../../src/base/bytes.ts";
import { VisibleCursor } from "../../src/cursor/visible-cursor.ts";
import { boundsOf } from "../../src/database/arguments.ts";
import type { Range } from "../../src/database/contract.ts";
import { replayed } from "../memtable/filled-memtable.ts";
import { compareEntries, entry } from "../suites/sorted-entries.ts";

const LETTERS = [0x00, 0x61, 0xfe, 0xff];

/** Every string of up to `length` of the letters, the empty one first. */
function strings(length: number): Uint8Array[] {
  if (length === 0) return [new Uint8Array(0)];
  const shorter = strings(length - 1);
  const longest = shorter.filter((one) => one.length === length - 1);
  return [
    ...shorter,
    ...longest.flatMap((one) => LETTERS.map((letter) => new Uint8Array([...one, letter]))),
  ];
}

const KEYS = strings(3).slice(1).sort(compareBytes);
const MEMTABLE = replayed(KEYS.map((key) => entry(key, 1)).sort(compareEntries));

function isIn(key: Uint8Array, range: Range): boolean {
  const { prefix, gt, gte, lt, lte } = range;
  return (
    (prefix === undefined || startsWith(key, toBytes(prefix))) &&
    (gt === undefined || compareBytes(key, toBytes(gt)) > 0) &&
    (gte === undefined || compareBytes(key, toBytes(gte)) >= 0) &&
    (lt === undefined || compareBytes(key, toBytes(lt)) < 0) &&
    (lte === undefined || compareBytes(key, toBytes(lte)) <= 0)
  );
}

/** What a scan of the range yields, as indexes into the sorted keys. */
function walk(range: Range): number[] {
  const { lower, upper, reverse, isEmpty, allVersions, since } = boundsOf(range);
  if (isEmpty) return [];
  const cursor = new VisibleCursor(MEMTABLE.cursor(), {
    readVersion: 1,
    since,
    allVersions,
    nowSeconds: 0,
    reverse,
    lower,
    upper,
    hidden: new Uint8Array(0),
  });
  const found: number[] = [];
  for (cursor.seekToStart(); cursor.valid; cursor.next()) {
    const { keyBytes, keyOffset, keyLength } = cursor;
    const key = keyBytes.subarray(keyOffset, keyOffset + keyLength);
    found.push(KEYS.findIndex((one) => compareBytes(one, key) === 0));
  }
  return found;
}

function check(range: Range): void {
  const expected = KEYS.flatMap((key, index) => (isIn(key, range) ? [index] : []));
  const bounds = Object.entries(range).map(
    ([name, key]) => `${name} ${(key as Uint8Array).toHex()}`,
  );
  expect(walk(range), bounds.join(", ")).toEqual(expected);
  expect(walk({ ...range, reverse: true }), bounds.join(", ")).toEqual(expected.reverse());
}

const BOUNDS: (Uint8Array | undefined)[] = [undefined, ...strings(2)];
/** Fewer, for combinations of several bounds. */
const FEW = [
  undefined,
  ...["", "61", "6100", "61ff", "fe", "ff", "ffff", "ff00"].map((hex) => Uint8Array.fromHex(hex)),
];

function rangeOf(fields: Record<string, Uint8Array | undefined>): Range {
  return Object.fromEntries(Object.entries(fields).filter(([, key]) => key !== undefined));
}

describe("a range", () => {
  for (const [low, high] of [
    ["gt", "lt"],
    ["gt", "lte"],
    ["gte", "lt"],
    ["gte", "lte"],
  ] as const) {
    test(`of ${low} and ${high} holds exactly the keys between them, in both directions`, () => {
      for (const from of BOUNDS) {
        for (const to of BOUNDS) check(rangeOf({ [low]: from, [high]: to }));
      }
    });
  }

  test("of a prefix holds exactly the keys that start with it, 0xff and the empty one included", () => {
    for (const prefix of BOUNDS) check(rangeOf({ prefix }));
  });

  test("of a prefix and bounds holds what satisfies all of them", () => {
    for (const prefix of FEW) {
      for (const gt of FEW) {
        for (const lte of FEW) check(rangeOf({ prefix, gt, lte }));
        for (const lt of FEW) check(rangeOf({ prefix, gte: gt, lt }));
      }
    }
  });

  test("with both an open and a closed bound takes the stricter one", () => {
    for (const one of FEW) {
      for (const other of FEW) {
        check(rangeOf({ gt: one, gte: other }));
        check(rangeOf({ lt: one, lte: other }));
      }
    }
  });
});

describe("what a range takes", () => {
  test("strings stand for their UTF-8 bytes", () => {
    const { lower, upper } = boundsOf({ gte: "ä", lt: "ö" });
    expect([lower?.toHex(), upper?.toHex()]).toEqual(["c3a4", "c3b6"]);
  });

  test("bounds are copied: what the caller does to its bytes later changes nothing", () => {
    const given = new Uint8Array([1, 2]);
    const bounds = [
      boundsOf({ gte: given, lt: new Uint8Array([9]) }).lower,
      boundsOf({ lt: given }).upper,
      boundsOf({ prefix: given }).lower,
    ];
    given.fill(0xff);
    expect(bounds.map((bound) => bound?.toHex())).toEqual(["0102", "0102", "0102"]);
  });

  test("what is not a key, a limit, a version or a field is refused by name", () => {
    for (const [range, named] of [
      [{ gt: 5 }, "gt"],
      [{ prefix: null }, "prefix"],
      [{ limit: -1 }, "limit"],
      [{ limit: Number.NaN }, "limit"],
      [{ limit: "3" }, "limit"],
      [{ since: "1" }, "since"],
      [{ since: Number.NaN }, "since"],
      [{ from: "a" }, "from"],
    ] as const) {
      expect(() => boundsOf(range as unknown as Range)).toThrow(named);
    }
  });

  test("since counts from 0, which means everything, as in Badger", () => {
    expect([undefined, -5, 0, 1, 7].map((since) => boundsOf({ since } as Range).since)).toEqual([
      -1, -1, -1, 1, 7,
    ]);
  });
});
