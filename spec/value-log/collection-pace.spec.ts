/** What follows for collection from how much lives: literals, and a small world in which values are overwritten at random. */

import { describe, expect, test } from "bun:test";

import {
  collectionDebt,
  fileBytesMax,
  forcedGoal,
  isRewriteWorth,
  memtableBytesMax,
  moveCredit,
  paceGoal,
  unmergedBytesMax,
  type ValueLogLoad,
} from "../../src/value-log/collection-pace.ts";
import { pickCondemned } from "../../src/value-log/collection-policy.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";

const MIB = 1 << 20;

/** 128 MiB of values of 4 KiB, all of which are overwritten. */
function load(fields: Partial<ValueLogLoad> = {}): ValueLogLoad {
  const liveBytes = 128 * MIB;
  const others = { levelZeroBytes: 0, memoryBytes: 0, replacedShare: 1, creditBytes: 64 * MIB };
  return { liveBytes, tableBytes: 1.2 * MIB, ...others, ...fields };
}

describe("what is unmerged", () => {
  test("is a small part of what lives, and more where tables are large or nothing is replaced", () => {
    expect(unmergedBytesMax(load())).toBe(Math.floor((128 * MIB) / 28));
    expect(unmergedBytesMax(load({ tableBytes: 10 * MIB }))).toBe(15 * MIB);
    expect(unmergedBytesMax(load({ replacedShare: 0.5 }))).toBe(Math.floor((256 * MIB) / 28));
    expect(unmergedBytesMax(load({ replacedShare: 0 }))).toBe(Math.floor((16 * 128 * MIB) / 28));
    expect(unmergedBytesMax(load({ liveBytes: 0, tableBytes: 0 }))).toBe(MIB);
  });
});

describe("memtables", () => {
  test("are flushed in quarters of it where all is replaced, and whole where keys are new", () => {
    const quarter = Math.floor((128 * MIB) / 28 / 4);
    expect(memtableBytesMax(load())).toBe(quarter);
    expect(memtableBytesMax(load({ replacedShare: 0 }))).toBe(Math.floor((16 * 128 * MIB) / 28));
    expect(memtableBytesMax(load({ liveBytes: 0, tableBytes: 0 }))).toBe(MIB / 4);
  });
});

describe("tables are written again only to empty files", () => {
  test("when that frees several times their size, or much of all that lives", () => {
    expect(isRewriteWorth(load(), 6 * MIB, MIB)).toBe(true);
    expect(isRewriteWorth(load(), 5 * MIB, MIB)).toBe(false);
    const small = load({ liveBytes: 100 * MIB, tableBytes: 1000 * MIB });
    expect(isRewriteWorth(small, 219 * MIB, 1000 * MIB)).toBe(false);
    expect(isRewriteWorth(small, 220 * MIB, 1000 * MIB)).toBe(true);
  });
});

describe("writers are slowed down", () => {
  test("not by the garbage that passes leave behind, and the more the more there is", () => {
    const debt = (share: number): number => collectionDebt(load(), share * 128 * MIB);
    expect(debt(0)).toBeLessThan(0);
    expect(debt(0.2)).toBeLessThan(0);
    expect(debt(0.25)).toBeGreaterThan(0);
    expect(debt(0.29)).toBeGreaterThan(debt(0.25));
    expect(debt(0.4)).toBeGreaterThan(1);
  });

  test("by what level 0 has replaced, and not by a load of new keys", () => {
    const levelZeroBytes = 64 * MIB;
    expect(collectionDebt(load({ levelZeroBytes }), 0)).toBeGreaterThan(1);
    expect(collectionDebt(load({ levelZeroBytes, replacedShare: 0 }), 0)).toBeLessThan(0);
  });

  test("hardly while there is little", () => {
    expect(collectionDebt(load({ liveBytes: 0, tableBytes: 0 }), 2 * MIB)).toBeLessThan(0);
  });
});

describe("the goal", () => {
  test("is nearer when there is time, and asked for, nothing else counts than the share", () => {
    const writing = paceGoal(load(), false).spaceAmplification;
    const paused = paceGoal(load(), true).spaceAmplification;
    expect(paused).toBeLessThan(writing);
    expect(forcedGoal(load(), 0.3)).toMatchObject({ spaceAmplification: 1, garbageShareMin: 0.3 });
  });

  test("counts what level 0 hides as garbage, and what is only in memory as alive", () => {
    const state = { file: 1, sizeBytes: 120 * MIB, liveBytes: 100 * MIB, isBusy: false };
    const pick = (fields: Partial<ValueLogLoad>): number =>
      pickCondemned([state], paceGoal(load({ liveBytes: 100 * MIB, ...fields }), false)).length;
    expect(pick({})).toBe(0);
    expect(pick({ levelZeroBytes: 20 * MIB })).toBe(1);
    expect(pick({ levelZeroBytes: 20 * MIB, replacedShare: 0.5, memoryBytes: 40 * MIB })).toBe(0);
  });
});

/** Overwrites at random, with a pass whenever level 0 is due or a rewrite is worth it; everything in values. */
function overwrite(keys: number, rounds: number, seed: number): { written: number; space: number } {
  const VALUE = 4096;
  const TABLE_SHARE = 0.009;
  const random = new SeededRandom(seed);
  const fileOf = new Int32Array(keys).fill(-1);
  const sizes: number[] = [0];
  const lives: number[] = [0];
  let unmerged: [key: number, file: number][] = [];
  let written = 0;
  let spaceSum = 0;
  let samples = 0;
  let creditBytes = 0;
  const append = (): number => {
    let last = sizes.length - 1;
    if ((sizes[last] as number) * VALUE >= fileBytesMax(around())) {
      last = sizes.push(0) - 1;
      lives.push(0);
    }
    sizes[last] = (sizes[last] as number) + 1;
    written++;
    return last;
  };
  const around = (): ValueLogLoad => ({
    liveBytes: (keys + unmerged.length) * VALUE,
    levelZeroBytes: unmerged.length * VALUE,
    memoryBytes: 0,
    tableBytes: keys * VALUE * TABLE_SHARE,
    replacedShare: 1,
    creditBytes,
  });
  const pass = (condemned: readonly number[]): void => {
    for (const [key, file] of unmerged) {
      const before = fileOf[key] as number;
      if (before >= 0) lives[before] = (lives[before] as number) - 1;
      fileOf[key] = file;
    }
    unmerged = [];
    const movedFrom = written;
    for (let key = 0; key < keys; key++) {
      const before = fileOf[key] as number;
      if (!condemned.includes(before)) continue;
      lives[before] = (lives[before] as number) - 1;
      const file = append();
      lives[file] = (lives[file] as number) + 1;
      fileOf[key] = file;
    }
    creditBytes = moveCredit(around(), 0, (written - movedFrom) * VALUE);
    for (let file = 0; file < sizes.length - 1; file++) if (lives[file] === 0) sizes[file] = 0;
    written += keys * TABLE_SHARE;
  };
  let userWrites = 0;
  for (let i = 0; i < keys * rounds; i++) {
    const key = i < keys ? i : random.below(keys);
    const file = append();
    lives[file] = (lives[file] as number) + 1;
    unmerged.push([key, file]);
    if (i % 32 === 0) {
      creditBytes = moveCredit(around(), 32 * VALUE, 0);
      const states = sizes.map((size, number) => ({
        file: number,
        sizeBytes: size * VALUE,
        liveBytes: (lives[number] as number) * VALUE,
        isBusy: number === sizes.length - 1,
      }));
      const now = around();
      const condemned = pickCondemned(states, paceGoal(now, false));
      const freed = condemned.reduce((sum, one) => {
        const { sizeBytes, liveBytes } = states[one] as (typeof states)[number];
        return sum + sizeBytes - liveBytes;
      }, 0);
      const isDue = now.levelZeroBytes > unmergedBytesMax(now);
      const isWorth = condemned.length > 0 && isRewriteWorth(now, freed, now.tableBytes);
      if (isDue || (i > keys && isWorth)) pass(condemned);
    }
    if (i === (keys * rounds) >> 1) {
      written = 0;
      userWrites = 0;
    }
    userWrites++;
    if (i < (keys * rounds) >> 1 || i % 64 !== 0) continue;
    spaceSum += sizes.reduce((sum, size) => sum + size, 0) / keys + TABLE_SHARE;
    samples++;
  }
  return { written: written / userWrites, space: spaceSum / samples };
}

describe("random overwrites of 4 KiB values, passes taking no time", () => {
  test.each([32, 64])(
    "settle below 2.5 bytes written per byte and 1.4 × the live bytes, with %p MiB live",
    (liveMib) => {
      const { written, space } = overwrite((liveMib * MIB) / 4096, 8, 7);
      expect(written).toBeLessThan(2.5);
      expect(space).toBeLessThan(1.4);
      expect(space).toBeGreaterThan(1.1);
    },
    60_000,
  );
});
