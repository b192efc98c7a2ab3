/** How many memtables the budget takes, and how their number is felt. */

import { describe, expect, test } from "bun:test";
import { frozenMax, Pressure, type PressureParts } from "../../src/database/pressure.ts";

const MIB = 1 << 20;

function budget(budgetMib: number, cacheMib: number, memtableMib: number): number {
  return frozenMax({
    memoryBudget: budgetMib * MIB,
    blockCacheSize: cacheMib * MIB,
    memtableSize: memtableMib * MIB,
  });
}

describe("memtables that wait for their flush", () => {
  test("are three by default, and as many as the budget holds beside the cache", () => {
    expect(budget(256, 128, 32)).toBe(3);
    expect(budget(256, 64, 64)).toBe(2);
    expect(budget(4096, 64, 64)).toBe(3);
  });

  test("are one even where the budget holds none: else nobody could write during a flush", () => {
    expect(budget(256, 128, 64)).toBe(1);
    expect(budget(64, 256, 64)).toBe(1);
  });

  test("are felt once there is no further one, the fuller the active memtable is", () => {
    const settings = {
      memoryBudget: 256 * MIB,
      blockCacheSize: 64 * MIB,
      memtableSize: 64 * MIB,
      levelZeroTablesStall: 12,
    };
    const pressure = (frozen: number, usedMib: number): Pressure =>
      new Pressure({
        settings,
        memtables: {
          frozen: Array.from({ length: frozen }),
          active: { memtable: { usedBytes: usedMib * MIB } },
        },
        trees: { tree: { levelZero: [] } },
        collection: { debt: 0 },
      } as unknown as PressureParts);
    expect(pressure(1, 60).value()).toBe(0);
    expect(pressure(1, 60).canRotate()).toBe(true);
    const felt = [0, 16, 32, 64].map((usedMib) => pressure(2, usedMib).value());
    expect(felt).toEqual([0, 0.25, 0.5, 1]);
    expect(pressure(2, 64).canRotate()).toBe(false);
  });
});
