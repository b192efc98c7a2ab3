/** Sets of keys against their naive twin: the list of all keys, of up to three bytes, that lie in them. */

import { expect, test } from "bun:test";
import { compareBytes, keyAfter, prefixEnd, startsWith } from "../../src/base/bytes.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import {
  ALL_KEYS,
  boundedSet,
  intersect,
  isAll,
  NO_KEYS,
  pointKey,
  pointOf,
  pointSet,
  prefixOf,
  prefixSet,
  uniteAll,
  type KeySet,
} from "../../src/query/plan/key-range.ts";

const ALPHABET = [0x00, 0x61, 0xff];
const UNIVERSE = keysUpTo(3);

function keysUpTo(length: number): Uint8Array[] {
  if (length === 0) return [new Uint8Array(0)];
  const shorter = keysUpTo(length - 1);
  const longest = shorter.filter((key) => key.length === length - 1);
  return [
    ...shorter,
    ...longest.flatMap((key) => ALPHABET.map((byte) => Uint8Array.of(...key, byte))),
  ];
}

function members(set: KeySet): Set<string> {
  const found = UNIVERSE.filter((key) =>
    set.some(
      ({ from, to }) =>
        compareBytes(from, key) <= 0 && (to === undefined || compareBytes(key, to) < 0),
    ),
  );
  return new Set(found.map((key) => key.toHex()));
}

function expectTidy(set: KeySet): void {
  for (const [i, { from, to }] of set.entries()) {
    if (to !== undefined) expect(compareBytes(from, to)).toBeLessThan(0);
    const next = set[i + 1];
    if (next === undefined) continue;
    expect(to).toBeDefined();
    if (to !== undefined) expect(compareBytes(to, next.from)).toBeLessThan(0);
  }
}

const SEED = 20_300_101;

function randomSet(random: SeededRandom): { set: KeySet; twin: Set<string> } {
  const pick = (): Uint8Array => UNIVERSE[random.below(UNIVERSE.length)] as Uint8Array;
  const inUniverse = (test: (key: Uint8Array) => boolean): Set<string> =>
    new Set(UNIVERSE.filter(test).map((key) => key.toHex()));
  const [a, b] = [pick(), pick()];
  const [withLow, withHigh] = [random.below(2) === 0, random.below(2) === 0];
  switch (random.below(4)) {
    case 0:
      return {
        set: pointSet([a, b]),
        twin: inUniverse((key) => [a, b].some((k) => compareBytes(k, key) === 0)),
      };
    case 1:
      return { set: prefixSet(a), twin: inUniverse((key) => startsWith(key, a)) };
    case 2:
      return {
        set: boundedSet([a, withLow], undefined),
        twin: inUniverse((key) => compareBytes(key, a) >= (withLow ? 0 : 1e-9)),
      };
    default:
      return {
        set: boundedSet([a, withLow], [b, withHigh]),
        twin: inUniverse((key) => {
          const [low, high] = [compareBytes(key, a), compareBytes(key, b)];
          return (withLow ? low >= 0 : low > 0) && (withHigh ? high <= 0 : high < 0);
        }),
      };
  }
}

test("unions and intersections hold exactly the keys they should, sorted and apart", () => {
  const random = new SeededRandom(SEED);
  for (let round = 0; round < 2000; round++) {
    const parts = [randomSet(random), randomSet(random), randomSet(random)];
    const [a, b, c] = parts as [(typeof parts)[0], (typeof parts)[0], (typeof parts)[0]];
    const name = `seed ${SEED}, round ${round}`;
    expect(members(a.set), name).toEqual(a.twin);
    const union = uniteAll([a.set, b.set, c.set]);
    expect(members(union), name).toEqual(a.twin.union(b.twin).union(c.twin));
    expectTidy(union);
    const both = intersect(union, intersect(a.set, b.set));
    expect(members(both), name).toEqual(a.twin.intersection(b.twin));
    expectTidy(both);
    expect(members(intersect(a.set, uniteAll([b.set, c.set]))), name).toEqual(
      a.twin.intersection(b.twin.union(c.twin)),
    );
  }
});

test("all keys and no keys are neutral", () => {
  const set = pointSet([Uint8Array.of(1)]);
  expect(intersect(set, ALL_KEYS)).toEqual(set);
  expect(intersect(set, NO_KEYS)).toEqual([]);
  expect(isAll(uniteAll([set, ALL_KEYS]))).toBe(true);
  expect(isAll(set)).toBe(false);
});

test("a point and a prefix are recognised, whatever bytes they end in", () => {
  for (const key of UNIVERSE) {
    expect(pointKey(pointOf(key))).toEqual(key);
    expect(pointKey({ from: key, to: undefined })).toBeUndefined();
    const [range] = prefixSet(key);
    const isRecognisable = key.length > 0 && prefixEnd(key) !== undefined;
    expect(range && prefixOf(range)).toEqual(isRecognisable ? key : undefined);
  }
  expect(
    pointKey({ from: Uint8Array.of(1), to: keyAfter(keyAfter(Uint8Array.of(1))) }),
  ).toBeUndefined();
});
