/** What a snapshot sees, against the obvious filter over a sorted array. */

import { describe, expect, test } from "bun:test";
import { compareBytes, startsWith } from "../../src/base/bytes.ts";
import { VERSION_MAX } from "../../src/base/ids.ts";
import { MergeCursor } from "../../src/cursor/merge-cursor.ts";
import { VisibleCursor, type Visibility } from "../../src/cursor/visible-cursor.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { META_DELETE, META_POINTER } from "../../src/format/stored-value.ts";
import {
  pointerFile,
  VALUE_POINTER_SIZE,
  writeValuePointer,
} from "../../src/format/value-pointer.ts";
import { replayed } from "../memtable/filled-memtable.ts";
import {
  compareEntries,
  entry,
  randomEntries,
  randomKey,
  SEED,
  type SuiteEntry,
} from "../suites/sorted-entries.ts";

const EVERYTHING: Visibility = {
  readVersion: VERSION_MAX,
  since: -1,
  allVersions: false,
  nowSeconds: 100,
  reverse: false,
  lower: undefined,
  upper: undefined,
  hidden: new Uint8Array(0),
};

/** Own writes of a transaction carry the largest version and are seen at any read version. */
function naiveVisible(entries: readonly SuiteEntry[], options: Visibility): SuiteEntry[] {
  const { readVersion, since, allVersions, nowSeconds, reverse, lower, upper, hidden } = options;
  const candidates = entries.filter(
    ({ key, version }) =>
      (version <= readVersion || version === VERSION_MAX) &&
      (lower === undefined || compareBytes(key, lower) >= 0) &&
      (upper === undefined || compareBytes(key, upper) < 0) &&
      (hidden.length === 0 || !startsWith(key, hidden)),
  );
  const chosen = candidates.filter((one, i) => {
    if (one.version <= since) return false;
    if (allVersions) return true;
    const newer = candidates[i - 1];
    if (newer !== undefined && compareBytes(newer.key, one.key) === 0) return false;
    const isExpired = one.expiresAt !== 0 && one.expiresAt <= nowSeconds;
    return (one.meta & META_DELETE) === 0 && !isExpired;
  });
  return reverse ? chosen.reverse() : chosen;
}

function over(entries: readonly SuiteEntry[], options: Visibility): VisibleCursor {
  return new VisibleCursor(replayed(entries).cursor(), options);
}

function show(one: SuiteEntry | undefined): string {
  if (one === undefined) return "nothing";
  const { key, version, meta, userMeta, expiresAt, value } = one;
  return `${key.toHex()}@${version}/${meta}/${userMeta}/${expiresAt}/${value.toHex()}`;
}

function current(cursor: VisibleCursor): string {
  if (!cursor.valid) return "nothing";
  const { keyBytes, keyOffset, keyLength, valueBytes, valueOffset, valueLength } = cursor;
  return show({
    key: keyBytes.slice(keyOffset, keyOffset + keyLength),
    version: cursor.version,
    meta: cursor.meta,
    userMeta: cursor.userMeta,
    expiresAt: cursor.expiresAt,
    value: valueBytes.slice(valueOffset, valueOffset + valueLength),
  });
}

function walk(cursor: VisibleCursor): string[] {
  const seen: string[] = [];
  for (cursor.seekToStart(); cursor.valid; cursor.next()) seen.push(current(cursor));
  return seen;
}

function pick<T>(random: SeededRandom, ...choices: readonly T[]): T {
  return choices[random.below(choices.length)] as T;
}

function randomVisibility(random: SeededRandom): Visibility {
  const key = (): Uint8Array | undefined =>
    random.below(2) === 0 ? undefined : randomKey(random, "tiny");
  return {
    readVersion: pick(random, 0, 5, 10, 20, 39, 2 ** 32, VERSION_MAX - 1, VERSION_MAX),
    since: pick(random, -1, -1, 0, 7, 20, 2 ** 32 - 1),
    allVersions: random.below(3) === 0,
    nowSeconds: random.below(220),
    reverse: random.below(2) === 0,
    lower: key(),
    upper: key(),
    hidden: pick(random, new Uint8Array(0), new Uint8Array([0x61]), new Uint8Array([0x61, 0x62])),
  };
}

function describeOptions(options: Visibility): string {
  return JSON.stringify(options, (_, value: unknown) =>
    value instanceof Uint8Array ? value.toHex() : value,
  );
}

describe("a visible cursor", () => {
  test(`walks and seeks as a filtered array does, under 1,500 kinds of visibility (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    for (let round = 0; round < 1500; round++) {
      const entries = randomEntries(random, 1 + random.below(60), "tiny", { versionsMax: 8 });
      const options = randomVisibility(random);
      const expected = naiveVisible(entries, options);
      const cursor = over(entries, options);
      const context = `round ${round}: ${describeOptions(options)}`;
      expect(walk(cursor), context).toEqual(expected.map(show));
      for (let i = 0; i < 6; i++) checkSeek(cursor, random, entries, expected, options, context);
    }
  });
});

describe("versions whose value-log file was collected", () => {
  const GONE = 2;
  const isCollected = (bytes: Uint8Array, offset: number): boolean =>
    pointerFile(bytes, offset) === GONE;

  function pointing(key: string, version: number, file: number): SuiteEntry {
    const pointer = new Uint8Array(VALUE_POINTER_SIZE);
    writeValuePointer(pointer, 0, file, 40, 20);
    return entry(key, version, pointer, { meta: 0x40 | META_POINTER });
  }

  const versionsOf = (entries: readonly SuiteEntry[], options: Partial<Visibility>) =>
    walk(over(entries, { ...EVERYTHING, allVersions: true, isCollected, ...options })).map((line) =>
      line.slice(0, line.indexOf("/")),
    );

  test("are passed over when a newer one is seen, and shown when none is: then it is damage", () => {
    const entries = [pointing("a", 9, 1), pointing("a", 5, GONE), pointing("b", 7, GONE)];
    expect(versionsOf(entries, {})).toEqual(["61@9", "62@7"]);
    expect(versionsOf(entries, { reverse: true })).toEqual(["62@7", "61@9"]);
    // Below version 9 nothing shadows it.
    expect(versionsOf(entries, { readVersion: 8 })).toEqual(["61@5", "62@7"]);
    expect(versionsOf(entries, { readVersion: 8, reverse: true })).toEqual(["62@7", "61@5"]);
  });

  test("are shadowed by a delete marker, an own write and another lost one alike", () => {
    const gone = pointing("a", 5, GONE);
    const marker = entry("a", 6, "", { meta: META_DELETE });
    const own = entry("a", VERSION_MAX, "own");
    for (const [newer, shown] of [
      [marker, "61@6"],
      [own, `61@${VERSION_MAX}`],
      [pointing("a", 8, GONE), "61@8"],
    ] as const) {
      expect(versionsOf([newer, gone], { readVersion: 10 })).toEqual([shown]);
      expect(versionsOf([newer, gone], { readVersion: 10, reverse: true })).toEqual([shown]);
    }
  });

  test("are not asked about when values lie in the tree, or only the newest version is wanted", () => {
    const asked: number[] = [];
    const ask = (bytes: Uint8Array, offset: number): boolean => {
      asked.push(pointerFile(bytes, offset));
      return true;
    };
    const entries = [entry("a", 9, "x"), entry("a", 8, "y"), pointing("b", 7, GONE)];
    expect(versionsOf(entries.slice(0, 2), { isCollected: ask })).toEqual(["61@9", "61@8"]);
    expect(versionsOf(entries, { isCollected: ask, allVersions: false })).toEqual(["61@9", "62@7"]);
    expect(asked).toEqual([]);
  });

  test(`a filtered array leaves out the same (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    for (let round = 0; round < 500; round++) {
      const entries = randomEntries(random, 1 + random.below(40), "tiny", { versionsMax: 6 }).map(
        (one) => {
          if (random.below(2) === 0) return one;
          const pointer = pointing("", one.version, 1 + random.below(3));
          return { ...one, meta: pointer.meta, value: pointer.value };
        },
      );
      // Random values are no pointers.
      const plain = entries.map((one) =>
        one.value.length === VALUE_POINTER_SIZE ? one : { ...one, meta: one.meta & ~META_POINTER },
      );
      const options = { ...randomVisibility(random), allVersions: true, isCollected };
      const visible = naiveVisible(plain, { ...options, since: -1, reverse: false });
      const expected = visible.filter(
        (one, i) =>
          one.version > options.since &&
          !(
            (one.meta & META_POINTER) !== 0 &&
            isCollected(one.value, 0) &&
            i > 0 &&
            compareBytes((visible[i - 1] as SuiteEntry).key, one.key) === 0
          ),
      );
      if (options.reverse) expected.reverse();
      const context = `round ${round}: ${describeOptions(options)}`;
      expect(walk(over(plain, options)), context).toEqual(expected.map(show));
    }
  });
});

/** A seek, and some steps on from there. */
function checkSeek(
  cursor: VisibleCursor,
  random: SeededRandom,
  entries: readonly SuiteEntry[],
  expected: readonly SuiteEntry[],
  { reverse }: Visibility,
  context: string,
): void {
  const near = entries[random.below(entries.length)] as SuiteEntry;
  const key = random.below(2) === 0 ? near.key : randomKey(random, "tiny");
  let index = expected.findIndex((one) =>
    reverse ? compareBytes(one.key, key) <= 0 : compareBytes(one.key, key) >= 0,
  );
  if (index < 0) index = expected.length;
  cursor.seek(key);
  for (let step = 0; step < 4; step++) {
    expect(current(cursor), `seek ${key.toHex()} + ${step}, ${context}`).toBe(
      show(expected[index]),
    );
    if (!cursor.valid) return;
    cursor.next();
    index++;
  }
}

describe("the newest visible version", () => {
  const versions = [entry("k", 9, "nine"), entry("k", 6, "six"), entry("k", 3, "three")];

  for (const reverse of [false, true]) {
    const order = reverse ? "in reverse" : "forward";
    test(`is one per key at every read version, ${order}`, () => {
      for (let readVersion = 0; readVersion < 11; readVersion++) {
        const expected = versions.find((one) => one.version <= readVersion);
        const seen = walk(over(versions, { ...EVERYTHING, readVersion, reverse }));
        expect(seen).toEqual(expected === undefined ? [] : [show(expected)]);
      }
    });

    test(`hides the older ones even when it is deleted, expired or too old, ${order}`, () => {
      const old = entry("k", 3, "old");
      for (const [newest, changes] of [
        [entry("k", 5, "", { meta: META_DELETE }), {}],
        [entry("k", 5, "x", { expiresAt: 100 }), { nowSeconds: 100 }],
        [entry("k", 5, "x"), { since: 5 }],
      ] as const) {
        const options = { ...EVERYTHING, ...changes, reverse };
        expect(walk(over([newest, old, entry("l", 9)], options))).toEqual([show(entry("l", 9))]);
      }
    });

    test(`expires at its second, not before, ${order}`, () => {
      const one = entry("k", 5, "x", { expiresAt: 100 });
      expect(walk(over([one], { ...EVERYTHING, nowSeconds: 99, reverse }))).toEqual([show(one)]);
      expect(walk(over([one], { ...EVERYTHING, nowSeconds: 99.999, reverse }))).toHaveLength(1);
      expect(walk(over([one], { ...EVERYTHING, nowSeconds: 100, reverse }))).toEqual([]);
    });
  }
});

describe("own writes", () => {
  // In reverse the versions of a key come oldest first. A version that was committed after the
  // snapshot once ended the search for the newest, and the own write behind it was passed over.
  for (const reverse of [false, true]) {
    test(`win over a commit newer than the snapshot, ${reverse ? "in reverse" : "forward"}`, () => {
      const own = entry("k", VERSION_MAX, "own");
      const committed = [entry("k", 8, "newer than the snapshot"), entry("k", 2, "snapshot")];
      const cursor = new VisibleCursor(
        new MergeCursor([replayed([own]).cursor(), replayed(committed).cursor()]),
        { ...EVERYTHING, readVersion: 5, reverse },
      );
      expect(walk(cursor)).toEqual([show(own)]);
    });

    test(`delete what the snapshot has, ${reverse ? "in reverse" : "forward"}`, () => {
      const entries = [
        entry("k", VERSION_MAX, "", { meta: META_DELETE }),
        entry("k", 8, "newer than the snapshot"),
        entry("k", 2, "snapshot"),
      ];
      expect(walk(over(entries, { ...EVERYTHING, readVersion: 5, reverse }))).toEqual([]);
    });
  }
});

describe("entries that do not fit the copy of a reverse walk", () => {
  test("are shown whole, large after small and small after large", () => {
    const entries = [
      entry("a", 1, "small"),
      entry(new Uint8Array(3000).fill(0x62), 2, new Uint8Array(100_000).fill(7)),
      entry(new Uint8Array(3000).fill(0x62), 1, "older"),
      entry("c", 1, new Uint8Array(300_000).fill(9)),
      entry("d", 1, ""),
    ];
    const options = { ...EVERYTHING, reverse: true };
    expect(walk(over(entries, options))).toEqual(naiveVisible(entries, options).map(show));
  });
});

test("a snapshot never changes while newer versions arrive beneath it", () => {
  const random = new SeededRandom(SEED);
  for (const reverse of [false, true]) {
    for (const allVersions of [false, true]) {
      const entries = randomEntries(random, 200, "tiny", { versionsMax: 6 }).filter(
        (one) => one.version < 40,
      );
      const memtable = replayed(entries);
      const options = { ...EVERYTHING, readVersion: 39, reverse, allVersions };
      const cursor = new VisibleCursor(memtable.cursor(), options);
      const seen: string[] = [];
      let version = 40;
      for (cursor.seekToStart(); cursor.valid; cursor.next()) {
        seen.push(current(cursor));
        if (memtable.freeBytes < 200) continue;
        const key = randomKey(random, "tiny");
        const one = entry(key, version++, "later");
        const { fresh } = { fresh: replayed([one]) };
        // The record's bytes, as a commit would put them there.
        const bytes = fresh.arena.subarray(20, fresh.usedBytes);
        memtable.arena.set(bytes, memtable.reserve(bytes.length));
        memtable.index();
        memtable.cursor().close();
      }
      expect(version).toBeGreaterThan(60);
      expect(seen).toEqual(naiveVisible(entries.sort(compareEntries), options).map(show));
    }
  }
});
