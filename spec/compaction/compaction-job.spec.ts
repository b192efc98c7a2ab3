import { describe, expect, test } from "bun:test";
import { compareBytes, toText } from "../../src/base/bytes.ts";
import {
  compactionJob,
  fileNumbersNeeded,
  runCompaction,
} from "../../src/compaction/compaction-job.ts";
import type {
  CompactionJobSettings,
  CompactionResult,
} from "../../src/compaction/compaction-job.ts";
import type { CompactionPlan } from "../../src/compaction/compaction-plan.ts";
import { overlapping, hullOf } from "../../src/compaction/key-span.ts";
import { splitPlan } from "../../src/compaction/sub-compactions.ts";
import type { TableMeta } from "../../src/manifest/version.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";
import {
  diskTree,
  DIRECTORY,
  filesOf,
  readTable,
  series,
  SMALL_BLOCKS,
  writeTable,
} from "./disk-tree.ts";
import type { DiskTree } from "./disk-tree.ts";
import { entry, inOrder, naiveDrop, show } from "./entries.ts";
import type { SpecEntry } from "./entries.ts";
import { tree } from "./tables.ts";

const SETTINGS: CompactionJobSettings = {
  directory: DIRECTORY,
  valueDirectory: DIRECTORY,
  discardVersion: 1000,
  versionsToKeep: 1,
  nowSeconds: 1000,
  tableOptions: SMALL_BLOCKS,
  verifyChecksums: "read",
};

function mergePlan(
  tables: readonly TableMeta[],
  sourceLevel: number,
  targetLevel: number,
  tableSizeBytes = 1 << 20,
): CompactionPlan {
  const { levels } = tree(tables);
  const sources = levels[sourceLevel] ?? [];
  const targets =
    sourceLevel === targetLevel ? [] : overlapping(levels[targetLevel] ?? [], hullOf(sources));
  const reason = "level-size";
  return {
    kind: "merge",
    reason,
    sourceLevel,
    targetLevel,
    sources,
    targets,
    score: 1,
    tableSizeBytes,
  };
}

function run(
  disk: DiskTree,
  tables: readonly TableMeta[],
  plan: CompactionPlan,
  settings: Partial<CompactionJobSettings> = {},
): CompactionResult {
  const job = compactionJob(tree(tables), plan, { ...SETTINGS, ...settings }, 100);
  // Jobs and results cross threads.
  return structuredClone(runCompaction(structuredClone(job), disk.env));
}

function contents(disk: DiskTree, result: CompactionResult): string[] {
  return result.outputs.flatMap((meta) => readTable(disk, meta).map(show));
}

describe("compaction job", () => {
  test("merges sources over targets; of an internal key stored twice the upper one stays", () => {
    const disk = diskTree();
    const tables = [
      writeTable(disk, 3, 0, [entry("a@5=new"), entry("k@7=upper")]),
      writeTable(disk, 2, 0, [entry("k@7=lower"), entry("k@6=x"), entry("m@4=m")]),
      writeTable(disk, 1, 6, [entry("a@2=old"), entry("z@1=z")]),
    ];
    const result = run(disk, tables, mergePlan(tables, 0, 6));
    expect(contents(disk, result)).toEqual(["a@5=new", "k@7=upper", "m@4=m", "z@1=z"]);
    expect([result.entriesIn, result.entriesOut, result.thinnedVersion]).toEqual([6, 4, 7]);
    expect(result.bytesRead).toBe(tables.reduce((sum, one) => sum + one.sizeBytes, 0));
    expect(result.bytesWritten).toBe(result.outputs[0]?.sizeBytes ?? 0);
    const [output] = result.outputs;
    expect([output?.fileNumber, output?.level, output?.entryCount]).toEqual([100, 6, 4]);
  });

  test("drops markers only where no table left out can hold something older", () => {
    const disk = diskTree();
    const tables = [
      writeTable(disk, 4, 3, [
        entry("b@9 del"),
        entry("k@9 del"),
        entry("p@9 del"),
        entry("x@9 del"),
      ]),
      writeTable(disk, 3, 4, [entry("b@5=gone"), entry("c@5=stays")]),
      writeTable(disk, 2, 5, [entry("k@2=hidden")]),
      writeTable(disk, 1, 1, [entry("p@3=copy")], false),
    ];
    const result = run(disk, tables, mergePlan(tables, 3, 4));
    expect(contents(disk, result)).toEqual(["c@5=stays", "k@9 del", "p@9 del"]);
    expect(result.outputs[0]?.tombstoneCount).toBe(2);
    expect(result.outputs[0]?.staleBytes).toBeGreaterThan(0);
  });

  test("writes nothing when nothing is left", () => {
    const disk = diskTree();
    const tables = [
      writeTable(disk, 2, 5, [entry("a@9 del")]),
      writeTable(disk, 1, 6, [entry("a@5 vlog:60")]),
    ];
    const result = run(disk, tables, mergePlan(tables, 5, 6));
    expect(result.outputs).toEqual([]);
    expect([...result.discardedBytes]).toEqual([[7, 60]]);
    expect(filesOf(disk)).toEqual(["000001.sst", "000002.sst"]);
  });

  test("cuts tables at the target size, between user keys only", () => {
    const disk = diskTree();
    const versions = Array.from({ length: 60 }, (_, i) => entry(`m@${i + 1}=${"x".repeat(100)}`));
    const tables = [
      writeTable(disk, 1, 5, [...series("a", 200, 1), ...versions, ...series("z", 200, 1)]),
    ];
    const result = run(disk, tables, mergePlan(tables, 5, 6, 2000), { versionsToKeep: 0 });
    expect(result.outputs.length).toBeGreaterThan(5);
    for (const [i, output] of result.outputs.entries()) {
      const next = result.outputs[i + 1];
      if (next !== undefined)
        expect(compareBytes(output.largestKey, next.smallestKey)).toBeLessThan(0);
      expect(output.fileNumber).toBe(100 + i);
    }
    expect(contents(disk, result)).toHaveLength(460);
  });

  test("cuts a table that would meet too much on its own way down", () => {
    const disk = diskTree();
    const below = Array.from({ length: 30 }, (_, i) =>
      writeTable(disk, 10 + i, 6, series("k", 20, 1, 1, i * 20)),
    );
    const source = writeTable(disk, 1, 4, series("k", 60, 2, 10));
    const tables = [source, ...below];
    const size = below[0]?.sizeBytes ?? 0;
    const narrow = run(disk, tables, { ...mergePlan(tables, 4, 5), tableSizeBytes: size });
    expect(narrow.outputs.length).toBeGreaterThanOrEqual(2);
    expect(narrow.outputs.length).toBeLessThanOrEqual(4);
    const wide = compactionJob(tree(tables), mergePlan(tables, 4, 5, 1 << 20), SETTINGS, 200);
    expect(runCompaction(wide, disk.env).outputs).toHaveLength(1);
  });

  test("never takes more file numbers than were reserved", () => {
    const disk = diskTree();
    const tables = [writeTable(disk, 1, 5, series("a", 500, 1))];
    const plan = mergePlan(tables, 5, 6, 500);
    const job = compactionJob(tree(tables), plan, SETTINGS, 100);
    expect(job.fileNumberCount).toBe(fileNumbersNeeded(tree(tables), plan));
    const result = runCompaction({ ...job, fileNumberCount: 3 }, disk.env);
    expect(result.outputs.map((one) => one.fileNumber)).toEqual([100, 101, 102]);
    expect(contents(disk, result)).toHaveLength(500);
  });

  test("outputs are known to be ordered when all inputs are, or when nothing lies below", () => {
    const disk = diskTree();
    const badger = writeTable(disk, 1, 4, [entry("a@5=x"), entry("c@5=x")], false);
    const deep = writeTable(disk, 2, 6, [entry("b@1=y")]);
    const apart = writeTable(disk, 3, 6, [entry("k@1=y")]);
    const ordered = (tables: readonly TableMeta[]): boolean =>
      compactionJob(tree(tables), mergePlan(tables, 4, 5), SETTINGS, 100).knownOrdered;
    expect(ordered([badger, deep])).toBe(false);
    expect(ordered([badger, apart])).toBe(true);
    expect(ordered([{ ...badger, knownOrdered: true }, deep])).toBe(true);
  });

  test("parts that run side by side write what one job would", () => {
    const disk = diskTree();
    const tables = [
      writeTable(disk, 9, 0, series("k", 300, 9, 2)),
      ...Array.from({ length: 6 }, (_, i) =>
        writeTable(disk, i + 1, 6, series("k", 100, 1, 1, i * 100)),
      ),
    ];
    const plan = mergePlan(tables, 0, 6);
    const whole = contents(disk, run(disk, tables, plan));
    const inflated = {
      ...plan,
      targets: plan.targets.map((one) => ({ ...one, sizeBytes: one.sizeBytes * 10_000 })),
    };
    const bounds = splitPlan(inflated, 3);
    expect(bounds).toHaveLength(3);
    const parts = bounds.flatMap((part, i) => {
      const job = compactionJob(tree(tables), plan, SETTINGS, 1000 * (i + 1), part);
      return contents(disk, runCompaction(job, disk.env));
    });
    expect(parts).toEqual(whole);
  });

  test("agrees with the naive rules on random tables", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new SeededRandom(seed);
      const disk = diskTree();
      const used = new Set<string>();
      const randomTable = (count: number): SpecEntry[] => {
        const entries: SpecEntry[] = [];
        for (let i = 0; i < count; i++) {
          const id = `k${random.below(30)}@${1 + random.below(60)}`;
          if (used.has(id)) continue;
          used.add(id);
          const word = random.pick(["", "", " del", " discard", " merge", " ttl:500"]);
          entries.push(entry(`${id}${word === " del" ? "" : `=${i}`}${word}`));
        }
        return entries.length === 0 ? [entry(`k0@${1000 + used.size}=only`)] : entries;
      };
      const lists = Array.from({ length: 3 }, () => randomTable(25));
      const tables = lists.map((entries, i) => writeTable(disk, i + 1, i === 0 ? 6 : 0, entries));
      const settings = { discardVersion: random.below(70), versionsToKeep: random.below(3) };
      const result = run(disk, tables, mergePlan(tables, 0, 6, 600), settings);
      const expected = naiveDrop(inOrder(lists.flat()), {
        ...settings,
        nowSeconds: 1000,
        mayHaveOlder: () => false,
      });
      if (contents(disk, result).join() !== expected.map(show).join()) {
        throw new Error(
          `seed ${seed}:\n${contents(disk, result)}\ninstead of\n${expected.map(show)}`,
        );
      }
    }
  });
});

describe("a compaction job that fails", () => {
  test("at any file operation throws that failure, leaves no output and no open file", () => {
    let failed = 0;
    for (let operation = 1; ; operation++) {
      const disk = diskTree();
      const tables = [
        writeTable(disk, 3, 5, series("a", 150, 5)),
        writeTable(disk, 2, 6, series("a", 40, 1, 2)),
        writeTable(disk, 1, 6, series("a", 40, 1, 2, 100)),
      ];
      const job = compactionJob(tree(tables), mergePlan(tables, 5, 6, 1500), SETTINGS, 100);
      disk.failures.left = operation;
      let problem: unknown;
      try {
        runCompaction(job, disk.env);
      } catch (error) {
        problem = error;
      }
      expect(disk.failures.open).toBe(0);
      if (problem === undefined) break;
      failed++;
      expect((problem as { code?: string }).code).toBe("ERR_IO");
      expect(filesOf(disk)).toEqual(["000001.sst", "000002.sst", "000003.sst"]);
    }
    expect(failed).toBeGreaterThan(10);
  });

  test("names the data key that is missing", () => {
    const disk = diskTree();
    const tables = [{ ...writeTable(disk, 1, 5, [entry("a@1=x")]), keyId: 4 }];
    expect(() => run(disk, tables, mergePlan(tables, 5, 6))).toThrow("data key 4");
    expect(toText(tables[0]?.smallestKey ?? new Uint8Array())).toBe("a");
  });
});
