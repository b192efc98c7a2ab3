/** The tables of a level as one walk, over tables cut at every kind of place. */

import { describe, expect, test } from "bun:test";
import { LevelCursor, type LevelTable } from "../../src/cursor/level-cursor.ts";
import { cursorSuite } from "../suites/cursor.suite.ts";
import { entry, type SuiteEntry } from "../suites/sorted-entries.ts";
import { buildTable, openTable } from "../table/table-fixture.ts";

/** Tables of `size` entries each; a cut may fall between versions of one key. */
function levelOf(entries: readonly SuiteEntry[], size: number): LevelTable[] {
  const tables: LevelTable[] = [];
  for (let i = 0; i < entries.length; i += size) {
    tables.push(openTable(buildTable(entries.slice(i, i + size), { blockSizeBytes: 256 })));
  }
  return tables;
}

for (const size of [1, 7, 1000]) {
  cursorSuite(
    `a level of tables with ${size} entries`,
    (entries) => new LevelCursor(levelOf(entries, size)),
    { entryCount: 120 },
  );
}

describe("opening tables", () => {
  test("a seek opens one table, a walk one after the other", () => {
    const entries = Array.from({ length: 40 }, (_, i) => entry(`key${100 + i}`, 1));
    let open = 0;
    let opened = 0;
    const tables = levelOf(entries, 10).map((table): LevelTable => ({
      meta: table.meta,
      cursor() {
        const cursor = table.cursor();
        const close = cursor.close.bind(cursor);
        let closed = false;
        cursor.close = () => {
          if (!closed) open--;
          closed = true;
          close();
        };
        open++;
        opened++;
        expect(open).toBe(1);
        return cursor;
      },
    }));
    const cursor = new LevelCursor(tables);
    cursor.seek(new TextEncoder().encode("key125"), Infinity);
    expect(opened).toBe(1);
    let count = 0;
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) count++;
    expect(count).toBe(40);
    expect(opened).toBe(5);
    cursor.close();
    expect(open).toBe(0);
  });
});
