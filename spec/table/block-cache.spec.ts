/** The block cache: what goes in comes out, within the capacity, and what is used stays. */

import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { BlockCache, type CachedTable, NO_ROOM } from "../../src/table/block-cache.ts";
import { BlockLocation, NOT_INDEXED } from "../../src/table/block-location.ts";
import { SEED } from "../suites/sorted-entries.ts";

const location = new BlockLocation();

/** Enters a block filled with `mark`; its facts are made up from its length. */
function enter(
  cache: BlockCache,
  table: CachedTable,
  block: number,
  lengthBytes: number,
  mark: number,
): boolean {
  const token = cache.reserve(lengthBytes, location);
  if (token === NO_ROOM) return false;
  const { bytes, start } = location;
  bytes.fill(mark, start, start + lengthBytes);
  location.set(bytes, start, start + lengthBytes - 4, lengthBytes % 50, NOT_INDEXED);
  cache.commit(table, block, token, location);
  return true;
}

/** Whether the block is cached; throws if what is there is not what was entered. */
function check(
  cache: BlockCache,
  table: CachedTable,
  block: number,
  lengthBytes: number,
  mark: number,
): boolean {
  if (!cache.locate(table, block, location)) return false;
  const { bytes, start, entriesEnd, entryCount } = location;
  const whole =
    entriesEnd - start === lengthBytes - 4 &&
    entryCount === lengthBytes % 50 &&
    bytes[start] === mark &&
    bytes[start + lengthBytes - 1] === mark;
  if (!whole) throw new Error(`block ${block} of table ${table.id} is not what was entered`);
  return true;
}

const lengthOf = (block: number, oversize: boolean): number =>
  oversize ? 200 + (block % 7) * 150 : 20 + (block % 80);

/** Loads a block if it is not cached; says whether it was. */
function use(cache: BlockCache, table: CachedTable, block: number, oversize = false): boolean {
  const length = lengthOf(block, oversize);
  const mark = (table.id * 31 + block) & 0xff;
  if (check(cache, table, block, length, mark)) return true;
  enter(cache, table, block, length, mark);
  return false;
}

describe("frames", () => {
  test("nothing is allocated before it is needed, and never more than the capacity", () => {
    const cache = new BlockCache(100_000, 100);
    const table = cache.register(5000);
    expect(cache.usedBytes).toBe(0);
    for (let block = 0; block < 5000; block++) {
      use(cache, table, block);
      expect(cache.usedBytes).toBeLessThanOrEqual(100_000);
    }
    expect(cache.usedBytes).toBeGreaterThan(70_000);
  });

  test("hits and misses are counted", () => {
    const cache = new BlockCache(10_000, 100);
    const table = cache.register(3);
    for (const block of [0, 1, 0, 0, 2, 1]) use(cache, table, block);
    expect([cache.hits, cache.misses]).toEqual([3, 3]);
  });

  test("blocks in use survive a scan over many others", () => {
    const cache = new BlockCache(20_000, 100);
    const hot = cache.register(50);
    const cold = cache.register(10_000);
    for (let round = 0; round < 3; round++)
      for (let block = 0; block < 50; block++) use(cache, hot, block);
    let hits = 0;
    let uses = 0;
    for (let block = 0; block < 10_000; block++) {
      use(cache, cold, block);
      if (block % 2 === 0) {
        uses++;
        if (use(cache, hot, (block / 2) % 50)) hits++;
      }
    }
    expect(hits / uses).toBeGreaterThan(0.95);
  });

  test("a failed load leaves no trace, and its room is used by the next", () => {
    const cache = new BlockCache(1000, 100);
    const table = cache.register(100);
    for (let block = 0; block < 100; block++) {
      expect(cache.reserve(50, location)).not.toBe(NO_ROOM);
      expect(cache.locate(table, block, location)).toBe(false);
      use(cache, table, block);
      expect(use(cache, table, block)).toBe(true);
    }
  });

  test("a cache without capacity has no room", () => {
    const cache = new BlockCache(0);
    const table = cache.register(1);
    expect(cache.reserve(10, location)).toBe(NO_ROOM);
    expect(cache.reserve(100_000, location)).toBe(NO_ROOM);
    expect(use(cache, table, 0)).toBe(false);
    expect(use(cache, table, 0)).toBe(false);
    expect(cache.usedBytes).toBe(0);
  });
});

describe("oversize blocks", () => {
  test("count against the capacity, least recently used go first", () => {
    const cache = new BlockCache(10_000, 100);
    const table = cache.register(1000);
    use(cache, table, 3, true);
    for (let block = 0; block < 1000; block++) {
      use(cache, table, block, true);
      expect(use(cache, table, 3, true)).toBe(true);
      expect(cache.usedBytes).toBeLessThanOrEqual(10_000);
    }
    expect(use(cache, table, 999, true)).toBe(true);
    expect(use(cache, table, 500, true)).toBe(false);
  });

  test("more than half the capacity has no room", () => {
    const cache = new BlockCache(10_000, 100);
    expect(cache.reserve(5001, location)).toBe(NO_ROOM);
    expect(cache.usedBytes).toBe(0);
  });

  test("frames and oversize blocks give way to each other down to half", () => {
    const cache = new BlockCache(20_000, 100);
    const small = cache.register(1000);
    const large = cache.register(1000);
    for (let block = 0; block < 1000; block++) use(cache, small, block);
    for (let block = 0; block < 1000; block++) use(cache, large, block, true);
    expect(countCached(cache, small, 1000, false)).toBeGreaterThanOrEqual(60);
    expect(countCached(cache, large, 1000, true)).toBeGreaterThanOrEqual(10);
    for (let round = 0; round < 2; round++) {
      for (let block = 0; block < 1000; block++) use(cache, small, block);
    }
    expect(countCached(cache, large, 1000, true)).toBeGreaterThanOrEqual(10);
    expect(cache.usedBytes).toBeLessThanOrEqual(20_000);
  });

  test("frames get their half when oversize blocks were there first, and all when they leave", () => {
    const cache = new BlockCache(20_000, 100);
    const large = cache.register(1000);
    const small = cache.register(1000);
    for (let block = 0; block < 1000; block++) use(cache, large, block, true);
    expect(cache.usedBytes).toBeGreaterThan(18_000);
    for (let block = 0; block < 1000; block++) {
      use(cache, small, block);
      expect(cache.usedBytes).toBeLessThanOrEqual(20_000);
    }
    expect(countCached(cache, small, 1000, false)).toBeGreaterThanOrEqual(60);
    expect(countCached(cache, large, 1000, true)).toBeGreaterThanOrEqual(10);
    cache.unregister(large);
    for (let block = 0; block < 1000; block++) use(cache, small, block);
    expect(countCached(cache, small, 1000, false)).toBeGreaterThanOrEqual(120);
  });
});

function countCached(
  cache: BlockCache,
  table: CachedTable,
  blocks: number,
  oversize: boolean,
): number {
  let count = 0;
  for (let block = 0; block < blocks; block++) {
    const mark = (table.id * 31 + block) & 0xff;
    if (check(cache, table, block, lengthOf(block, oversize), mark)) count++;
  }
  return count;
}

test(`tables come and go, blocks of all sizes, against what was entered (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  for (const capacity of [0, 90, 300, 1000, 7777, 40_000]) {
    const cache = new BlockCache(capacity, 100);
    const tables: CachedTable[] = [];
    for (let step = 0; step < 6000; step++) {
      const kind = random.below(200);
      if (tables.length === 0 || (kind === 0 && tables.length < 8)) {
        tables.push(cache.register(60));
      } else if (kind === 1) {
        const [gone] = tables.splice(random.below(tables.length), 1);
        if (gone !== undefined) cache.unregister(gone);
      } else {
        const table = tables[random.below(tables.length)] as CachedTable;
        const block = random.below(60);
        use(cache, table, block, block % 5 === 0);
        if (cache.usedBytes > capacity) throw new Error(`step ${step}: ${cache.usedBytes} bytes`);
      }
    }
    for (const table of tables) cache.unregister(table);
  }
});
