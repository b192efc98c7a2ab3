import { describe, expect, test } from "bun:test";
import { toText } from "../../src/base/bytes.ts";
import { planInputs } from "../../src/compaction/compaction-plan.ts";
import type { CompactionPlan } from "../../src/compaction/compaction-plan.ts";
import { fullCompactionPlan } from "../../src/compaction/full-compaction.ts";
import { pickCompaction, pickLevelZero } from "../../src/compaction/leveled-policy.ts";
import type { CompactionState } from "../../src/compaction/leveled-policy.ts";
import { olderRanges, OlderRangeTracker } from "../../src/compaction/older-ranges.ts";
import { splitPlan } from "../../src/compaction/sub-compactions.ts";
import { toBytes } from "../../src/base/bytes.ts";
import type { TableMeta } from "../../src/manifest/version.ts";
import { BADGER_SHAPE, MIB, table, tree } from "./tables.ts";

const NOW = 1_000_000;

function state(fields: Partial<CompactionState> = {}): CompactionState {
  return { options: BADGER_SHAPE, running: [], discardVersion: 1000, nowSeconds: NOW, ...fields };
}

function pick(tables: readonly TableMeta[], fields: Partial<CompactionState> = {}) {
  return pickCompaction(tree(tables), state(fields));
}

function numbers(tables: readonly TableMeta[] | undefined): number[] {
  return (tables ?? []).map((one) => one.fileNumber);
}

/** Level-0 tables 1 … n, all over the same keys. */
function levelZero(count: number): TableMeta[] {
  return Array.from({ length: count }, (_, i) => table(0, "a", "z", { fileNumber: i + 1 }));
}

/** Keys for which a marker in the plan's inputs would have to stay. */
function olderKeys(
  plan: CompactionPlan,
  tables: readonly TableMeta[],
  ...keys: string[]
): string[] {
  const tracker = new OlderRangeTracker(olderRanges(tree(tables), plan, false));
  return keys.filter((key) => tracker.mayHaveOlder(toBytes(key), 0, key.length));
}

describe("level 0", () => {
  test("is left alone below its number of tables", () => {
    expect(pick(levelZero(4))).toBeUndefined();
    expect(pick(levelZero(5))?.reason).toBe("level-zero");
  });

  test("goes to the base with everything that overlaps there", () => {
    const below = [table(6, "a", "c"), table(6, "d", "f"), table(6, "zz", "zzz")];
    const plan = pick([...levelZero(5), ...below]);
    expect([plan?.kind, plan?.sourceLevel, plan?.targetLevel]).toEqual(["merge", 0, 6]);
    expect(numbers(plan?.sources)).toEqual([5, 4, 3, 2, 1]);
    expect(plan?.targets.map((one) => toText(one.smallestKey))).toEqual(["a", "d"]);
  });

  test("takes the oldest run of overlapping tables and leaves newer ones that are apart", () => {
    const tables = [
      table(0, "a", "c", { fileNumber: 1 }),
      table(0, "b", "e", { fileNumber: 2 }),
      table(0, "m", "p", { fileNumber: 3 }),
      table(0, "a", "z", { fileNumber: 4 }),
      table(0, "a", "z", { fileNumber: 5 }),
    ];
    expect(numbers(pick(tables)?.sources)).toEqual([2, 1]);
  });

  test("a table alone in its range moves down without being written", () => {
    const tables = Array.from({ length: 5 }, (_, i) =>
      table(0, `${i}a`, `${i}z`, { fileNumber: i + 1 }),
    );
    const plan = pick(tables);
    expect([plan?.kind, numbers(plan?.sources)]).toEqual(["move", [1]]);
  });

  test("a second compaction starts beside a running one only where their keys are apart", () => {
    const tables = [
      table(0, "a", "c", { fileNumber: 1 }),
      table(0, "m", "p", { fileNumber: 2 }),
      ...Array.from({ length: 10 }, (_, i) => table(0, "b", "n", { fileNumber: i + 3 })),
    ];
    const first = pick(tables);
    const second = pick(tables, { running: first === undefined ? [] : [first] });
    expect([numbers(first?.sources), numbers(second?.sources)]).toEqual([[1], [2]]);
    const running = [first, second].filter((plan) => plan !== undefined);
    expect(pick(tables, { running, isFlushing: true })).toBeUndefined();
  });

  test("becomes fewer tables while its way down is taken, newest first and without a gap", () => {
    const newestFirst = levelZero(12).reverse();
    const oldest = pickLevelZero(tree(newestFirst.slice(-3)), state({}));
    const running = oldest === undefined ? [] : [oldest];
    const plan = pick(newestFirst, { running });
    expect(plan).toMatchObject({ kind: "merge", sourceLevel: 0, targetLevel: 0, targets: [] });
    expect(numbers(plan?.sources)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4]);
    // The number of a table that is being flushed would lie below that of what it is newer than.
    expect(pick(newestFirst, { running, isFlushing: true })).toBeUndefined();
    // One that may hold old versions on top stays where it is, and so does what it hides.
    const loose = newestFirst.map((one, i) => (i === 3 ? { ...one, knownOrdered: false } : one));
    expect(pick(loose, { running })).toBeUndefined();
    // A table that is larger than everything above it is not written again for it.
    const uneven = newestFirst.map((one, i) => (i === 5 ? { ...one, sizeBytes: 100 * MIB } : one));
    expect(numbers(pick(uneven, { running })?.sources)).toEqual([12, 11, 10, 9, 8]);
  });

  test("keeps its delete markers while anything lies under them", () => {
    const newestFirst = levelZero(12).reverse();
    const oldest = pickLevelZero(tree(newestFirst.slice(-3)), state({}));
    const plan = pick(newestFirst, { running: oldest === undefined ? [] : [oldest] });
    expect(plan === undefined ? [] : olderKeys(plan, newestFirst, "b", "y")).toEqual(["b", "y"]);
  });

  test("in urgent need goes before a level that is fuller", () => {
    const overfull = Array.from({ length: 5 }, (_, i) =>
      table(5, `${100 + i}`, `${100 + i}~`, { sizeBytes: 8 * MIB }),
    );
    const last = table(6, "0", "999", { sizeBytes: 90 * MIB });
    expect(pick([...levelZero(6), ...overfull, last])?.sourceLevel).toBe(5);
    expect(pick([...levelZero(10), ...overfull, last])?.sourceLevel).toBe(0);
  });
});

describe("a level that is too large", () => {
  const last = Array.from({ length: 20 }, (_, i) =>
    table(6, `${10 + i}`, `${10 + i}~`, { sizeBytes: 10 * MIB }),
  );

  test("gives the table that meets the least below", () => {
    const wide = table(5, "10", "19", { sizeBytes: 15 * MIB });
    const narrow = table(5, "20", "20~", { sizeBytes: 15 * MIB });
    const plan = pick([wide, narrow, ...last]);
    expect([numbers(plan?.sources), plan?.targets.length]).toEqual([[narrow.fileNumber], 1]);
  });

  test("gives the oldest of equally cheap ones", () => {
    const newer = table(5, "10", "10~", { sizeBytes: 15 * MIB, maxVersion: 9 });
    const older = table(5, "20", "20~", { sizeBytes: 15 * MIB, maxVersion: 3 });
    expect(numbers(pick([newer, older, ...last])?.sources)).toEqual([older.fileNumber]);
  });

  test("moves a table that meets nothing, unless that would leave something undone", () => {
    const filler = table(5, "10", "19", { sizeBytes: 30 * MIB });
    const moved = (fields: Parameters<typeof table>[3]): string | undefined => {
      const alone = table(5, "5", "6", { sizeBytes: 5 * MIB, ...fields });
      const plan = pick([alone, filler, ...last], {
        options: { ...BADGER_SHAPE, compression: [0] },
      });
      expect(numbers(plan?.sources)).toEqual([alone.fileNumber]);
      return plan?.kind;
    };
    expect(moved({})).toBe("move");
    expect(moved({ staleBytes: 10 })).toBe("merge");
    expect(moved({ tombstoneCount: 10 })).toBe("merge");
    expect(moved({ minExpiresAt: 5, maxExpiresAt: 10 })).toBe("merge");
    expect(moved({ compression: 2 })).toBe("merge");
  });

  test("above the base that the sizes ask for is drained", () => {
    const left = table(2, "a", "b");
    const plan = pick([left, table(6, "a", "z", { sizeBytes: 5 * MIB })]);
    expect([plan?.reason, plan?.sourceLevel, plan?.targetLevel]).toEqual(["drain", 2, 3]);
  });
});

describe("space that should come back by itself", () => {
  test("a table of nothing but markers over nothing is dropped unread", () => {
    const markers = table(6, "a", "c", { entryCount: 500, tombstoneCount: 500 });
    expect(pick([markers])?.kind).toBe("drop");
    expect(pick([markers], { discardVersion: 0 })).toBeUndefined();
    expect(pick([markers], { memtablesMayHoldOlder: true })).toBeUndefined();
    const badger = table(0, "b", "b", { knownOrdered: false });
    expect(pick([markers, badger])?.kind).not.toBe("drop");
  });

  test("a table in which everything has expired or is deleted is dropped unread, and not a second before", () => {
    const ended = table(6, "a", "c", {
      entryCount: 500,
      tombstoneCount: 20,
      endingCount: 500,
      minExpiresAt: 900,
      maxExpiresAt: 1000,
    });
    expect(pick([ended], { nowSeconds: 1000 })?.kind).toBe("drop");
    expect(pick([ended], { nowSeconds: 999 })?.kind).toBe("merge");
    expect(pick([ended], { nowSeconds: 1000, discardVersion: 0 })).toBeUndefined();
    const oneStays = { ...ended, endingCount: 499 };
    expect(pick([oneStays], { nowSeconds: 1000 })?.kind).toBe("merge");
  });

  test("but not while an older version could lie under what has expired", () => {
    const fields = { entryCount: 500, endingCount: 500, minExpiresAt: 900, maxExpiresAt: 1000 };
    const above = table(5, "a", "c", fields);
    const below = table(6, "b", "d");
    expect(pick([above, below], { nowSeconds: 1000 })?.kind).toBe("merge");
    const newer = table(0, "a", "c", { ...fields, fileNumber: 901 });
    const older = table(0, "b", "b", { fileNumber: 900 });
    expect(pick([newer, older], { nowSeconds: 1000 })?.kind).not.toBe("drop");
    expect(pick([newer], { nowSeconds: 1000, memtablesMayHoldOlder: true })?.kind).not.toBe("drop");
  });

  test("markers go down to what they delete, however few tables there are", () => {
    const markers = table(0, "a", "z", { entryCount: 900, tombstoneCount: 900 });
    const data = table(6, "a", "z", { entryCount: 1000, sizeBytes: 5 * MIB });
    const plan = pick([markers, data]);
    expect([plan?.reason, plan?.sourceLevel, plan?.targetLevel]).toEqual(["tombstones", 0, 6]);
    expect(pick([markers, data], { discardVersion: 0 })).toBeUndefined();
  });

  test("a few markers over much data wait", () => {
    const markers = table(0, "a", "z", { entryCount: 10, tombstoneCount: 10 });
    expect(pick([markers, table(6, "a", "z", { entryCount: 1_000_000 })])).toBeUndefined();
  });

  test("a last-level table with garbage is written again, the worst first", () => {
    const some = table(6, "a", "b", { staleBytes: MIB / 8 });
    const much = table(6, "c", "d", { staleBytes: MIB / 2 });
    const little = table(6, "e", "f", { staleBytes: MIB / 20 });
    const plan = pick([some, much, little]);
    expect([plan?.reason, plan?.sourceLevel, plan?.targetLevel]).toEqual(["garbage", 6, 6]);
    expect(numbers(plan?.sources)).toEqual([much.fileNumber]);
    expect(pick([little])).toBeUndefined();
  });

  test("but not while a snapshot needs it, nor where it would stay garbage", () => {
    const much = table(6, "c", "d", { tombstoneCount: 500, staleBytes: MIB / 2, maxVersion: 50 });
    expect(pick([much], { discardVersion: 49 })).toBeUndefined();
    expect(pick([much, table(0, "d", "e", { knownOrdered: false })])).toBeUndefined();
  });

  test("expired entries go at any level; half of them must have expired", () => {
    const expired = { minExpiresAt: NOW - 100, maxExpiresAt: NOW };
    expect(pick([table(6, "a", "b", expired)])?.reason).toBe("expired");
    expect(
      pick([table(5, "a", "b", expired), table(6, "a", "b", { sizeBytes: 90 * MIB })])?.sourceLevel,
    ).toBe(5);
    expect(pick([table(0, "a", "b", expired)])?.reason).toBe("expired");
    const later = { minExpiresAt: NOW - 40, maxExpiresAt: NOW + 60 };
    expect(pick([table(6, "a", "b", later)])).toBeUndefined();
  });
});

describe("deleted keys that came back in Badger", () => {
  test("WK-03: level 0 never jumps over a level that holds data", () => {
    const skipped = table(4, "k", "k");
    const tables = [...levelZero(10), skipped, table(6, "a", "b", { sizeBytes: 5 * MIB })];
    const plan = pick(tables);
    expect([plan?.sourceLevel, plan?.targetLevel]).toEqual([0, 4]);
    expect(numbers(plan?.targets)).toEqual([skipped.fileNumber]);
  });

  test("WK-03: were it to jump, a marker over the skipped level would stay", () => {
    const skipped = table(4, "k", "m");
    const marker = table(0, "a", "z");
    const jump: CompactionPlan = {
      kind: "merge",
      reason: "level-zero",
      sourceLevel: 0,
      targetLevel: 6,
      sources: [marker],
      targets: [],
      score: 1,
      tableSizeBytes: MIB,
    };
    expect(olderKeys(jump, [marker, skipped], "j", "k", "l", "m", "n")).toEqual(["k", "l", "m"]);
  });

  test("WK-04: level-0 tables left out of a compaction count as places of older versions", () => {
    const [old, taken, newer] = [
      table(0, "c", "d", { fileNumber: 1 }),
      table(0, "a", "z", { fileNumber: 2 }),
      table(0, "f", "g", { fileNumber: 3 }),
    ];
    const plan: CompactionPlan = {
      kind: "merge",
      reason: "level-zero",
      sourceLevel: 0,
      targetLevel: 6,
      sources: [taken],
      targets: [],
      score: 1,
      tableSizeBytes: MIB,
    };
    expect(olderKeys(plan, [old, taken, newer], "b", "c", "f")).toEqual(["c"]);
  });

  test("WK-05: so do tables above that Badger's collection may have written", () => {
    const copy = table(0, "k", "k", { fileNumber: 9, knownOrdered: false });
    const ordered = table(0, "m", "m", { fileNumber: 10 });
    const between = table(3, "p", "q", { knownOrdered: false });
    const marker = table(5, "a", "z", { tombstoneCount: 900, fileNumber: 2 });
    const data = table(6, "a", "z", { fileNumber: 1 });
    const tables = [copy, ordered, between, marker, data];
    const plan: CompactionPlan = {
      kind: "merge",
      reason: "tombstones",
      sourceLevel: 5,
      targetLevel: 6,
      sources: [marker],
      targets: [data],
      score: 0,
      tableSizeBytes: MIB,
    };
    expect(olderKeys(plan, tables, "a", "k", "m", "p", "z")).toEqual(["k", "p"]);
  });

  test("a memtable replayed from such a directory makes every marker stay", () => {
    const plan = pick(levelZero(5));
    const older = olderRanges(tree(levelZero(5)), plan as CompactionPlan, true);
    expect(new OlderRangeTracker(older).mayHaveOlder(toBytes("q"), 0, 1)).toBe(true);
  });
});

describe("full compaction", () => {
  test("goes level by level, then writes last-level garbage again, then is done", () => {
    const start = 100;
    const tables = [
      table(0, "a", "m", { fileNumber: 7 }),
      table(0, "x", "z", { fileNumber: 8 }),
      table(0, "a", "z", { fileNumber: start }),
      table(4, "b", "c"),
      table(6, "a", "f", { staleBytes: 1, fileNumber: 3 }),
      table(6, "g", "h", { fileNumber: 4 }),
    ];
    const steps: string[] = [];
    const without = new Set<TableMeta>();
    for (;;) {
      const left = tables.filter((one) => !without.has(one));
      const plan = fullCompactionPlan(tree(left), state(), start);
      if (plan === undefined) break;
      steps.push(`${plan.sourceLevel}→${plan.targetLevel}: ${planInputs(plan).length}`);
      for (const source of plan.sources) without.add(source);
    }
    expect(steps).toEqual(["0→4: 3", "4→6: 2", "6→6: 1"]);
  });

  test("writes tables without statistics of ours again, once", () => {
    const badger = table(6, "a", "b", { knownOrdered: false, fileNumber: 5 });
    expect(fullCompactionPlan(tree([badger]), state(), 6)?.targetLevel).toBe(6);
    expect(fullCompactionPlan(tree([badger]), state(), 5)).toBeUndefined();
  });
});

describe("sub-compactions", () => {
  test("parts meet at keys and together are everything", () => {
    const targets = Array.from({ length: 12 }, (_, i) =>
      table(6, String.fromCharCode(97 + i), `${String.fromCharCode(97 + i)}~`, {
        sizeBytes: 10 * MIB,
      }),
    );
    const plan = { ...(pick(levelZero(5)) as CompactionPlan), targets };
    const parts = splitPlan(plan, 3).map(({ lower, upper }) =>
      [lower, upper].map((key) => (key === undefined ? "" : toText(key))),
    );
    expect(parts).toEqual([
      ["", "e"],
      ["e", "i"],
      ["i", ""],
    ]);
  });

  test("a small plan stays whole", () => {
    const plan = pick([...levelZero(5), table(6, "a", "z")]) as CompactionPlan;
    expect(splitPlan(plan, 4)).toEqual([{ lower: undefined, upper: undefined }]);
  });
});
