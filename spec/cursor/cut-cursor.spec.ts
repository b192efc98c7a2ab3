/** A cursor without what cuts hide, held to the shared suite with hidden entries all over the place. */

import { describe, expect, test } from "bun:test";

import type { EntryCursor } from "../../src/cursor/cursor.ts";
import { CutCursor } from "../../src/cursor/cut-cursor.ts";
import { MergeCursor } from "../../src/cursor/merge-cursor.ts";
import type { Cut } from "../../src/format/cut.ts";
import { META_POINTER } from "../../src/format/stored-value.ts";
import { VALUE_POINTER_SIZE, writeValuePointer } from "../../src/format/value-pointer.ts";
import { sortEntries } from "../../src/memtable/entry-sort.ts";
import { SortedEntriesCursor } from "../../src/memtable/memtable-cursor.ts";
import { replayed } from "../memtable/filled-memtable.ts";
import { cursorSuite } from "../suites/cursor.suite.ts";
import { entry, type SuiteEntry } from "../suites/sorted-entries.ts";

function source(entries: readonly SuiteEntry[]): EntryCursor {
  const table = replayed(entries).entries();
  return new SortedEntriesCursor(table, sortEntries(table, 0, table.count));
}

/** Prefixes that the suite's own keys do not have: before, between and behind them. */
const PREFIXES = [
  [0, 0, 0xc1, 0xc2, 0xc3],
  [0x61, 0, 0xc1, 0xc2, 0xc3],
  [0x6b, 0x65, 0x79, 0, 0xc3],
  [0x80, 1, 2, 3, 4],
  [0xff, 0xff, 0xc1, 0xc2, 0xff],
].map((bytes) => new Uint8Array(bytes));

const CUT: Cut = { version: 1000, prefixes: PREFIXES };

const HIDDEN = PREFIXES.flatMap((prefix) =>
  [0, 1, 2].flatMap((last) =>
    [900, 40, 1].map((version) => entry(new Uint8Array([...prefix, last]), version, "hidden")),
  ),
);

cursorSuite("a cursor without what a cut hides", (entries) => {
  const merged = new MergeCursor([source(entries), source(HIDDEN)]);
  return new CutCursor(merged, [CUT]);
});

cursorSuite(
  "a cursor without what two cuts hide",
  (entries) => {
    const [first, ...others] = PREFIXES as [Uint8Array, ...Uint8Array[]];
    const merged = new MergeCursor([source(entries), source(HIDDEN)]);
    return new CutCursor(merged, [
      { version: 1000, prefixes: [first] },
      { version: 900, prefixes: others },
    ]);
  },
  { entryCount: 100 },
);

describe("a cut cursor", () => {
  const written = [entry("a/1", 5, "old"), entry("a/1", 9, "new"), entry("b/1", 2, "other")];

  test("shows versions above the cut", () => {
    const cursor = new CutCursor(source(written), [
      { version: 5, prefixes: [new TextEncoder().encode("a/")] },
    ]);
    const seen: number[] = [];
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) seen.push(cursor.version);
    expect(seen).toEqual([9, 2]);
    for (cursor.seekToLast(); cursor.valid; cursor.prev()) seen.push(cursor.version);
    expect(seen).toEqual([9, 2, 2, 9]);
  });

  test("counts the value-log bytes of what it leaves out", () => {
    const pointer = new Uint8Array(VALUE_POINTER_SIZE);
    writeValuePointer(pointer, 0, 7, 120, 20);
    const pointing = [
      entry("a/1", 1, pointer, { meta: META_POINTER }),
      entry("a/2", 2, "inline"),
      entry("a/3", 3, pointer, { meta: META_POINTER }),
      entry("b/1", 4, pointer, { meta: META_POINTER }),
    ];
    const cursor = new CutCursor(source(pointing), [
      { version: 5, prefixes: [new TextEncoder().encode("a/")] },
    ]);
    for (cursor.seekToFirst(); cursor.valid; cursor.next());
    const discarded = new Map([[7, 1]]);
    cursor.addDiscardsTo(discarded);
    expect(discarded).toEqual(new Map([[7, 241]]));
  });
});
