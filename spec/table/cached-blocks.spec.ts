/** What a missing block brings along: its neighbours, while the cache has room, and never an error of theirs. */

import { expect, test } from "bun:test";
import { EntrySlot } from "../../src/cursor/entry-slot.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import type { TableReader } from "../../src/table/table-reader.ts";
import { entry, type SuiteEntry } from "../suites/sorted-entries.ts";
import { buildTable, openTable, TABLE_PATH, tableBytes, withBytes } from "./table-fixture.ts";

const FRAME_BYTES = 256;

const entries = Array.from({ length: 4000 }, (_, i) =>
  entry(`key/${100_000 + i}`, 1, `value of ${i}`),
);

function get(reader: TableReader, { key, version }: SuiteEntry): string | undefined {
  const slot = new EntrySlot();
  if (!reader.get(key, bloomHash(key, 0, key.length), version, slot)) return undefined;
  const { valueBytes, valueOffset, valueLength } = slot;
  return Buffer.from(valueBytes.slice(valueOffset, valueOffset + valueLength)).toString();
}

test("neighbours of a block that was asked for need no read of their own", () => {
  const cache = new BlockCache(1 << 20, FRAME_BYTES);
  const reader = openTable(buildTable(entries, { blockSizeBytes: FRAME_BYTES }), cache);
  expect(get(reader, entries[2000] as SuiteEntry)).toBe("value of 2000");
  expect(cache.misses).toBe(1);
  for (let i = 1990; i < 2010; i++)
    expect(get(reader, entries[i] as SuiteEntry)).toBe(`value of ${i}`);
  expect(cache.misses).toBe(1);
});

test("a cache without room for them takes only what was asked for", () => {
  const cache = new BlockCache(16 * FRAME_BYTES, FRAME_BYTES);
  const reader = openTable(buildTable(entries, { blockSizeBytes: FRAME_BYTES }), cache);
  expect(get(reader, entries[2000] as SuiteEntry)).toBe("value of 2000");
  expect(get(reader, entries[2100] as SuiteEntry)).toBe("value of 2100");
  expect(cache.misses).toBe(2);
  expect(get(reader, entries[2000] as SuiteEntry)).toBe("value of 2000");
  expect(cache.misses).toBe(2);
});

test("damage of a neighbour is nobody's error but the neighbour's reader's", () => {
  const table = buildTable(entries, { blockSizeBytes: FRAME_BYTES });
  const bytes = tableBytes(table).slice();
  const at = Buffer.from(bytes).indexOf("value of 2050");
  bytes[at] = 0x21;
  const reader = openTable(withBytes(table, bytes), new BlockCache(1 << 20, FRAME_BYTES));
  expect(get(reader, entries[2000] as SuiteEntry)).toBe("value of 2000");
  expect(() => get(reader, entries[2050] as SuiteEntry)).toThrow(
    expect.objectContaining({ code: "ERR_CORRUPTION" }),
  );
  for (const one of [...entries.slice(0, 2000), ...entries.slice(2100)]) {
    expect(get(reader, one)).toBeDefined();
  }
});

test("a file that was cut behind a block does not keep the block from being read", () => {
  const table = buildTable(entries, { blockSizeBytes: FRAME_BYTES });
  const reader = openTable(table, new BlockCache(1 << 20, FRAME_BYTES));
  const firstKey = (entries[0] as SuiteEntry).key;
  // The index, which lies at the end, is kept from the first read on.
  expect(reader.mayContain(bloomHash(firstKey, 0, firstKey.length))).toBe(true);
  const file = table.fileSystem.open(TABLE_PATH, { write: true, create: "never" });
  file.truncate(Buffer.from(tableBytes(table)).indexOf("value of 1500"));
  file.close();
  for (let i = 0; i < 1400; i += 100) {
    expect(get(reader, entries[i] as SuiteEntry)).toBe(`value of ${i}`);
  }
  expect(() => get(reader, entries[1500] as SuiteEntry)).toThrow(
    expect.objectContaining({ code: "ERR_CORRUPTION" }),
  );
});

test("blocks too large for a frame lie between blocks that are brought along", () => {
  const mixed = entries.map((one, i) =>
    i % 50 === 7 ? { ...one, value: new Uint8Array(2000).fill(i) } : one,
  );
  const cache = new BlockCache(4 << 20, FRAME_BYTES);
  const reader = openTable(buildTable(mixed, { blockSizeBytes: FRAME_BYTES }), cache);
  for (let i = 0; i < mixed.length; i += 3) {
    const one = mixed[i] as SuiteEntry;
    expect(get(reader, one)).toBe(Buffer.from(one.value).toString());
  }
});
