/** Both cursors over memtable entries against the shared suite, filled in several orders. */

import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { EntryCursor } from "../../src/cursor/cursor.ts";
import { sortEntries } from "../../src/memtable/entry-sort.ts";
import { SortedEntriesCursor } from "../../src/memtable/memtable-cursor.ts";
import { Memtable } from "../../src/memtable/memtable.ts";
import { cursorSuite } from "../suites/cursor.suite.ts";
import { entry, type SuiteEntry } from "../suites/sorted-entries.ts";
import { commit, replayed, shuffled } from "./filled-memtable.ts";

function mixed(entries: readonly SuiteEntry[]): SuiteEntry[] {
  const random = new SeededRandom(entries.length);
  return shuffled(entries, (limit) => random.below(limit));
}

/** Every internal key written twice, wrong the first time. */
function overwritten(entries: readonly SuiteEntry[]): SuiteEntry[] {
  const wrong = entries.map((one) => ({ ...one, value: new Uint8Array([1, 2]), userMeta: 99 }));
  return [...mixed(wrong), ...mixed(entries)];
}

function sorted(memtable: Memtable): EntryCursor {
  const table = memtable.entries();
  return new SortedEntriesCursor(table, sortEntries(table, 0, table.count));
}

cursorSuite("a memtable filled in order", (entries) => replayed(entries).cursor());
cursorSuite("a memtable filled at random", (entries) => replayed(mixed(entries)).cursor());
cursorSuite("a memtable with replaced entries", (entries) =>
  replayed(overwritten(entries)).cursor(),
);
cursorSuite("sorted entries", (entries) => sorted(replayed(mixed(entries))));
cursorSuite("sorted entries with replaced ones", (entries) =>
  sorted(replayed(overwritten(entries))),
);

/** `key=value` of what the cursor stands on. */
function current(cursor: EntryCursor): string {
  const { keyBytes, keyOffset, keyLength, valueBytes, valueOffset, valueLength } = cursor;
  const text = (bytes: Uint8Array, offset: number, length: number): string =>
    new TextDecoder().decode(bytes.slice(offset, offset + length));
  const key = text(keyBytes, keyOffset, keyLength);
  return `${key}=${text(valueBytes, valueOffset, valueLength)}`;
}

describe("entries replaced while a cursor is open", () => {
  // A growth of the columns once left open cursors with the old ones, in which nothing is marked as
  // replaced any more: walking back, they showed the old entry and then the new one.
  for (const count of [10, 1500]) {
    test(`are not shown twice, also when ${count} more make the columns grow`, () => {
      const memtable = new Memtable(1 << 18, 0);
      commit(memtable, [entry("b", 1, "old"), entry("c", 1, "old"), entry("z", 1, "old")]);
      const forward = memtable.cursor();
      const backward = memtable.cursor();
      forward.seekToFirst();
      backward.seekToLast();
      commit(
        memtable,
        Array.from({ length: count }, (_, i) => entry(`a${i}`, 2)),
      );
      commit(memtable, [entry("b", 1, "new"), entry("c", 1, "new")]);
      memtable.cursor().close();
      const seen = { forward: [] as string[], backward: [] as string[] };
      for (; forward.valid; forward.next()) seen.forward.push(current(forward));
      for (; seen.backward.length < 3; backward.prev()) seen.backward.push(current(backward));
      // What a cursor already stands on stays.
      expect(seen.forward).toEqual(["b=old", "c=new", "z=old"]);
      expect(seen.backward).toEqual(["z=old", "c=new", "b=new"]);
    });
  }
});
