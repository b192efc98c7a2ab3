/**
 * What every `EntryCursor` does: each movement is checked against a sorted array. A factory builds
 * the cursor under test over given entries (sorted, no duplicates).
 */

import { describe, expect, test } from "bun:test";
import { compareBytes, concatBytes } from "../../src/base/bytes.ts";
import type { EntryCursor } from "../../src/cursor/cursor.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import {
  compareEntries,
  entry,
  type KeyShape,
  naiveSeek,
  randomEntries,
  randomKey,
  SEED,
  type SuiteEntry,
} from "./sorted-entries.ts";

export interface CursorSuiteOptions {
  /** Whether there can be such a cursor over nothing (not for one table). Default true. */
  readonly allowsEmpty?: boolean;
  /** Entries in the random specs. Default 300. */
  readonly entryCount?: number;
}

export type MakeCursor = (entries: readonly SuiteEntry[]) => EntryCursor;

const SHAPES: readonly KeyShape[] = ["tiny", "numbered", "suffixed", "binary"];
const VERSIONS = [-1, 0, 1, 7, 39, 2 ** 32, Number.MAX_SAFE_INTEGER, Infinity];

export function cursorSuite(
  name: string,
  make: MakeCursor,
  options: CursorSuiteOptions = {},
): void {
  describe(name, () => {
    fixedSpecs(make, options.allowsEmpty ?? true);
    for (const shape of SHAPES) randomSpecs(make, shape, options.entryCount ?? 300);
  });
}

function fixedSpecs(make: MakeCursor, allowsEmpty: boolean): void {
  test("a new cursor is not positioned", () => {
    expect(make([entry("a", 1)]).valid).toBe(false);
  });

  if (allowsEmpty) {
    test("over nothing no movement finds an entry", () => {
      const cursor = make([]);
      const key = new Uint8Array([1]);
      for (const move of [
        () => cursor.seekToFirst(),
        () => cursor.seekToLast(),
        () => cursor.seek(key, 5),
        () => cursor.seekBefore(key, Infinity),
      ]) {
        move();
        expect(cursor.valid).toBe(false);
      }
    });
  }

  test("a proper prefix sorts before its extensions, whatever the versions", () => {
    const entries = [entry("a", 1), entry("aa", 1000), entry("aaa", 2), entry("ab", 1)];
    checkForward(make(entries), entries);
    checkBackward(make(entries), entries);
  });

  test("versions of a key come newest first, and a seek finds the newest at or below its version", () => {
    const entries = [entry("k", 90), entry("k", 50), entry("k", 7), entry("l", 60)];
    const cursor = make(entries);
    const key = new TextEncoder().encode("k");
    for (const [version, expected] of [
      [Infinity, 0],
      [90, 0],
      [89, 1],
      [50, 1],
      [8, 2],
      [7, 2],
      [6, 3],
      [-1, 3],
    ] as const) {
      cursor.seek(key, version);
      checkAt(cursor, entries, expected, `seek k@${version}`);
    }
    cursor.seekBefore(key, Infinity);
    checkAt(cursor, entries, -1, "before all versions of k");
    cursor.seekBefore(key, -1);
    checkAt(cursor, entries, 2, "the last entry up to k");
    cursor.seekBefore(key, 50);
    checkAt(cursor, entries, 0, "before k@50");
  });

  test("walking off either end makes it invalid, and it can be positioned again", () => {
    const entries = [entry("a", 1, "x"), entry("b", 1, "y")];
    const cursor = make(entries);
    cursor.seekToLast();
    cursor.next();
    checkAt(cursor, entries, 2, "behind the last");
    cursor.seekToFirst();
    checkAt(cursor, entries, 0, "again at the first");
    cursor.prev();
    checkAt(cursor, entries, -1, "before the first");
    cursor.seekToLast();
    checkAt(cursor, entries, 1, "again at the last");
  });

  test("long keys and values, empty values, all meta bits and expiries come through", () => {
    const big = new Uint8Array(60_000).fill(0x6b);
    const entries = [
      entry("a", 2 ** 53 - 1, "", { meta: 0xff, userMeta: 255, expiresAt: 4_102_444_800 }),
      entry("a", 0, new Uint8Array(20_000).fill(7), { expiresAt: 1 }),
      entry(big, 2, "v"),
      entry(concatBytes(big, new Uint8Array([0])), 1, new Uint8Array(300)),
      entry("z", 1),
    ];
    checkForward(make(entries), entries);
    checkBackward(make(entries), entries);
    checkSeeks(make(entries), entries, (one) => one.key);
  });

  test("keys that grow longer and longer, each a prefix of the next", () => {
    const entries = [];
    for (let length = 1; length < 3000; length += 61) {
      entries.push(entry(new Uint8Array(length).fill(0x61), length % 5, `value ${length}`));
    }
    checkForward(make(entries), entries);
    checkBackward(make(entries), entries);
    checkSeeks(make(entries), entries, (one) => one.key);
  });

  test("closing twice is harmless", () => {
    const cursor = make([entry("a", 1)]);
    cursor.seekToFirst();
    cursor.close();
    cursor.close();
    expect(cursor.valid).toBe(false);
  });
}

function randomSpecs(make: MakeCursor, shape: KeyShape, entryCount: number): void {
  const makeRandom = (): { entries: SuiteEntry[]; cursor: EntryCursor; random: SeededRandom } => {
    const random = new SeededRandom(SEED + SHAPES.indexOf(shape));
    const entries = randomEntries(random, entryCount, shape);
    return { entries, cursor: make(entries), random };
  };

  test(`walks ${shape} keys forward and backward (seed ${SEED})`, () => {
    const { entries, cursor } = makeRandom();
    checkForward(cursor, entries);
    checkBackward(cursor, entries);
  });

  test(`seeks to, behind and before every one of ${shape} keys (seed ${SEED})`, () => {
    const { entries, cursor } = makeRandom();
    checkSeeks(cursor, entries, (one) => one.key);
    checkSeeks(cursor, entries, (one) => concatBytes(one.key, new Uint8Array([0])));
    checkSeeks(cursor, entries, (one) => one.key.subarray(0, one.key.length - 1));
  });

  test(`follows an array through random movements over ${shape} keys (seed ${SEED})`, () => {
    const { entries, cursor, random } = makeRandom();
    let index = -1;
    for (let step = 0; step < 3000; step++) {
      const move = randomMove(random, cursor, entries, shape, index);
      index = move.index;
      checkAt(cursor, entries, index, `step ${step}: ${move.what}`);
    }
  });
}

/** Moves the cursor and says where it must be. */
function randomMove(
  random: SeededRandom,
  cursor: EntryCursor,
  entries: readonly SuiteEntry[],
  shape: KeyShape,
  index: number,
): { index: number; what: string } {
  const kind = random.below(20);
  const valid = index >= 0 && index < entries.length;
  if (valid && kind < 8) {
    cursor.next();
    return { index: index + 1, what: "next" };
  }
  if (valid && kind < 15) {
    cursor.prev();
    return { index: index - 1, what: "prev" };
  }
  if (kind === 15) {
    cursor.seekToFirst();
    return { index: 0, what: "seekToFirst" };
  }
  if (kind === 16) {
    cursor.seekToLast();
    return { index: entries.length - 1, what: "seekToLast" };
  }
  const near = entries[random.below(entries.length)] as SuiteEntry;
  const key = random.below(2) === 0 ? near.key : randomKey(random, shape);
  const version = random.below(2) === 0 ? near.version : (VERSIONS[random.below(8)] as number);
  const found = naiveSeek(entries, key, version);
  if (kind % 2 === 0) {
    cursor.seek(key, version);
    return { index: found, what: `seek ${key.toHex()}@${version}` };
  }
  cursor.seekBefore(key, version);
  return { index: found - 1, what: `seekBefore ${key.toHex()}@${version}` };
}

function checkForward(cursor: EntryCursor, entries: readonly SuiteEntry[]): void {
  cursor.seekToFirst();
  for (let index = 0; index < entries.length; index++) {
    checkAt(cursor, entries, index, `forward, entry ${index}`);
    cursor.next();
  }
  expect(cursor.valid).toBe(false);
}

function checkBackward(cursor: EntryCursor, entries: readonly SuiteEntry[]): void {
  cursor.seekToLast();
  for (let index = entries.length - 1; index >= 0; index--) {
    checkAt(cursor, entries, index, `backward, entry ${index}`);
    cursor.prev();
  }
  expect(cursor.valid).toBe(false);
}

function checkSeeks(
  cursor: EntryCursor,
  entries: readonly SuiteEntry[],
  targetOf: (entry: SuiteEntry) => Uint8Array,
): void {
  for (const one of entries) {
    const key = targetOf(one);
    for (const version of [Infinity, one.version + 1, one.version, one.version - 1, -1]) {
      const found = naiveSeek(entries, key, version);
      cursor.seek(key, version);
      checkAt(cursor, entries, found, "seek");
      cursor.seekBefore(key, version);
      checkAt(cursor, entries, found - 1, "seekBefore");
    }
  }
}

/** The cursor is on entry `index`; outside the list it is not valid. Fast when it is right. */
function checkAt(
  cursor: EntryCursor,
  entries: readonly SuiteEntry[],
  index: number,
  what: string,
): void {
  const expected = entries[index];
  if (expected === undefined) {
    if (cursor.valid) throw new Error(`${what}: on ${describeCursor(cursor)}, expected none`);
    return;
  }
  if (!cursor.valid) throw new Error(`${what}: no entry, expected ${describeEntry(expected)}`);
  const same =
    compareEntries({ key: keyOf(cursor), version: cursor.version }, expected) === 0 &&
    cursor.meta === expected.meta &&
    cursor.userMeta === expected.userMeta &&
    cursor.expiresAt === expected.expiresAt &&
    compareBytes(valueOf(cursor), expected.value) === 0;
  if (!same) {
    throw new Error(`${what}: on ${describeCursor(cursor)}, expected ${describeEntry(expected)}`);
  }
}

function keyOf(cursor: EntryCursor): Uint8Array {
  return cursor.keyBytes.subarray(cursor.keyOffset, cursor.keyOffset + cursor.keyLength);
}

function valueOf(cursor: EntryCursor): Uint8Array {
  return cursor.valueBytes.subarray(cursor.valueOffset, cursor.valueOffset + cursor.valueLength);
}

function describeEntry(one: SuiteEntry): string {
  const { key, version, meta, userMeta, expiresAt, value } = one;
  return `${shortHex(key)}@${version} meta ${meta} user ${userMeta} expires ${expiresAt} value ${shortHex(value)}`;
}

function describeCursor(cursor: EntryCursor): string {
  const { version, meta, userMeta, expiresAt } = cursor;
  return describeEntry({
    key: keyOf(cursor).slice(),
    version,
    meta,
    userMeta,
    expiresAt,
    value: valueOf(cursor).slice(),
  });
}

function shortHex(bytes: Uint8Array): string {
  if (bytes.length <= 48) return bytes.toHex();
  return `${bytes.subarray(0, 48).toHex()}… (${bytes.length} bytes)`;
}
