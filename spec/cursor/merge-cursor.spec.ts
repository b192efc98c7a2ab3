/** The merge of several sources against the shared suite: the first source that has an entry wins. */

import { describe, expect, test } from "bun:test";
import type { EntryCursor } from "../../src/cursor/cursor.ts";
import { MergeCursor } from "../../src/cursor/merge-cursor.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { sortEntries } from "../../src/memtable/entry-sort.ts";
import { SortedEntriesCursor } from "../../src/memtable/memtable-cursor.ts";
import { replayed } from "../memtable/filled-memtable.ts";
import { cursorSuite } from "../suites/cursor.suite.ts";
import { entry, type SuiteEntry } from "../suites/sorted-entries.ts";

function source(entries: readonly SuiteEntry[]): EntryCursor {
  const table = replayed(entries).entries();
  return new SortedEntriesCursor(table, sortEntries(table, 0, table.count));
}

/** Deals entries to `count` sources; many get a shadowed twin, with other content, in later ones. */
function dealt(entries: readonly SuiteEntry[], count: number): EntryCursor {
  const random = new SeededRandom(entries.length + count);
  const hands: SuiteEntry[][] = Array.from({ length: count }, () => []);
  for (const one of entries) {
    const owner = random.below(count);
    hands[owner]?.push(one);
    for (let later = owner + 1; later < count; later++) {
      if (random.below(3) > 0) continue;
      hands[later]?.push({ ...one, value: new Uint8Array([0xde, 0xad]), userMeta: 13, meta: 0 });
    }
  }
  return new MergeCursor(hands.map(source));
}

for (const count of [1, 2, 3, 12]) {
  cursorSuite(
    `a merge of ${count} sources with shadowed twins`,
    (entries) => dealt(entries, count),
    { entryCount: count === 3 ? 300 : 100 },
  );
}

cursorSuite(
  "a merge whose every source holds everything",
  (entries) => new MergeCursor([source(entries), source(entries), source(entries)]),
  { entryCount: 100 },
);

cursorSuite(
  "a merge of one source among empty ones",
  (entries) => new MergeCursor([source([]), source(entries), source([])]),
  { entryCount: 100 },
);

cursorSuite(
  "a merge of merges",
  (entries) =>
    new MergeCursor([
      dealt(
        entries.filter((_, i) => i % 2 === 0),
        3,
      ),
      dealt(entries, 2),
    ]),
  { entryCount: 120 },
);

cursorSuite(
  "a merge of live memtables",
  (entries) =>
    new MergeCursor([
      replayed(entries.filter((_, i) => i % 3 === 0)).cursor(),
      replayed(entries.filter((_, i) => i % 3 !== 0)).cursor(),
    ]),
  { entryCount: 120 },
);

describe("a merge", () => {
  test("of nothing is never valid", () => {
    const cursor = new MergeCursor([]);
    for (const move of ["seekToFirst", "seekToLast"] as const) {
      cursor[move]();
      expect(cursor.valid).toBe(false);
    }
    cursor.close();
  });

  test("asked to move from nowhere says so", () => {
    const cursor = new MergeCursor([source([entry("a", 1)])]);
    expect(() => cursor.next()).toThrow("needs a position");
    expect(() => cursor.prev()).toThrow("needs a position");
  });

  test("closes what it merges", () => {
    const sources = [source([entry("a", 1)]), source([entry("b", 1)])];
    const cursor = new MergeCursor(sources);
    cursor.seekToFirst();
    cursor.close();
    expect(sources.map((one) => one.valid)).toEqual([false, false]);
  });
});
