/** The accounts of the value log: which file is alive for whom, and when one may go. */

import { describe, expect, test } from "bun:test";

import type { FileNumber } from "../../src/base/ids.ts";
import { Collection, type CollectionParts } from "../../src/database/collection.ts";
import { POLICIES } from "../../src/database/policies.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { TableMeta } from "../../src/manifest/version.ts";
import { table } from "../compaction/tables.ts";
import { writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, testEnv } from "../suites/open-database.ts";

const MIB = 1 << 20;

interface Pointed {
  readonly valueLogBytes: ReadonlyMap<FileNumber, number>;
}

/** Everything a collection looks at, as plain values that a spec can change. */
class Surroundings {
  readonly fileSystem = new MemoryFileSystem();
  levels: TableMeta[][] = [[], [], []];
  memtables: Pointed[] = [];
  retired: FileNumber[] = [];
  forgotten: FileNumber[] = [];
  readonly valueLog = {
    activeFile: 0,
    groupFirstFile: 0,
    createdFiles: [] as FileNumber[],
    nextNumber: 50,
    bytesWritten: 100 * MIB,
    fileSizeWanted: (): number => 0,
    reserveNumbers: (count: number): FileNumber => (this.valueLog.nextNumber += count) - count,
    limitFileSize: (wanted: () => number): void => void (this.valueLog.fileSizeWanted = wanted),
    forget: (file: FileNumber): void => void this.forgotten.push(file),
  };
  readonly collection: Collection;

  constructor(sizes: Readonly<Record<number, number>>) {
    this.fileSystem.makeDirectory(DIRECTORY);
    for (const [file, size] of Object.entries(sizes)) this.create(Number(file), size);
    const { valueLog } = this;
    const tree = (): unknown => ({ version: { levels: this.levels } });
    const newestFirst = (): unknown => this.memtables;
    const parts = {
      env: testEnv(this.fileSystem),
      valueDirectory: DIRECTORY,
      trees: {
        get tree(): unknown {
          return tree();
        },
        serial: 7,
        oldestSerial: 7,
      },
      memtables: {
        get newestFirst(): unknown {
          return newestFirst();
        },
        pointedByRemoved: new Set(),
      },
      valueLog,
      values: {
        retire: (file: FileNumber) => this.retired.push(file),
        releaseRetired: () => undefined,
      },
      discards: new Map(),
      events: { emit: () => undefined },
      policies: POLICIES,
      fileSizeBytes: 256 * MIB,
      recordCountMax: 1000,
      files: Object.keys(sizes).map(Number),
    };
    this.collection = new Collection(parts as unknown as CollectionParts);
  }

  create(file: FileNumber, size: number): void {
    const name = `${String(file).padStart(6, "0")}.vlog`;
    writeFile(this.fileSystem, `${DIRECTORY}/${name}`, new Uint8Array(size));
  }

  /** Adds a table that points to files; `undefined`: nobody knows where to. */
  add(
    level: number,
    fileNumber: FileNumber,
    pointers: Record<number, number> | undefined,
  ): TableMeta {
    const bytes = Object.entries(pointers ?? {}).map(
      ([file, count]) => [Number(file), count] as const,
    );
    const made: TableMeta = {
      ...table(level, "a", "z", { fileNumber }),
      hasStatistics: pointers !== undefined,
      valueLogBytes: new Map(bytes),
    };
    this.levels[level]?.push(made);
    return made;
  }

  get files(): FileNumber[] {
    return this.fileSystem
      .list(DIRECTORY)
      .filter((name) => name.endsWith(".vlog"))
      .map((name) => Number.parseInt(name, 10));
  }
}

describe("a value-log file", () => {
  test("goes when no table and no memtable points to it, and not before", () => {
    const around = new Surroundings({ 1: MIB, 2: MIB, 3: MIB });
    around.add(1, 11, { 1: 100 });
    around.memtables = [{ valueLogBytes: new Map([[2, 500]]) }];
    around.collection.sweep();
    expect(around.files).toEqual([1, 2]);
    expect(around.retired).toEqual([3]);
    expect(around.forgotten).toEqual([3]);
    around.memtables = [];
    around.levels = [[], [], []];
    around.collection.sweep();
    expect(around.files).toEqual([]);
    expect(around.collection.removedFiles).toBe(3);
    expect(around.collection.removedBytes).toBe(3 * MIB);
  });

  test("stays while values are written to it, or a group on its way points to it", () => {
    const around = new Surroundings({ 1: MIB });
    around.create(2, MIB);
    around.create(3, MIB);
    around.valueLog.createdFiles.push(2, 3);
    around.valueLog.activeFile = 3;
    around.valueLog.groupFirstFile = 2;
    around.collection.sweep();
    expect(around.files).toEqual([2, 3]);
    around.valueLog.groupFirstFile = 0;
    around.collection.sweep();
    expect(around.files).toEqual([3]);
    around.valueLog.activeFile = 0;
    around.collection.sweep();
    expect(around.files).toEqual([]);
  });

  test("made by a relocation belongs to the collection only once a table that points to it is there", () => {
    const around = new Surroundings({ 1: MIB });
    around.create(50, MIB);
    around.collection.sweep();
    expect(around.files).toEqual([50]);
    around.add(2, 12, { 50: 900 });
    around.collection.adopt([50]);
    around.collection.sweep();
    expect(around.files).toEqual([50]);
    around.levels = [[], [], []];
    around.collection.sweep();
    expect(around.files).toEqual([]);
  });

  test("stays while it is unknown where a table points to", () => {
    const around = new Surroundings({ 1: 4 * MIB, 2: 4 * MIB });
    around.add(2, 11, { 2: 4 * MIB });
    const unknown = around.add(1, 12, undefined);
    around.collection.sweep();
    expect(around.files).toEqual([1, 2]);
    expect(around.collection.condemned()).toEqual([]);
    expect(around.collection.unknownTable()).toBe(unknown);
    const [first] = around.collection.states();
    expect(around.collection.reasonOf(first as NonNullable<typeof first>, [])).toContain(
      "examined",
    );
    around.collection.learn(12, new Map([[1, MIB]]));
    expect(around.collection.unknownTable()).toBeUndefined();
    around.collection.sweep();
    expect(around.files).toEqual([1, 2]);
    expect([...around.collection.condemned()]).toEqual([1]);
  });
});

describe("files are condemned", () => {
  test("by what tables point to in them, and tables to be rewritten come by what they bring", () => {
    const around = new Surroundings({ 1: 10 * MIB, 2: 10 * MIB, 3: 10 * MIB });
    around.add(1, 11, { 1: MIB });
    const most = around.add(2, 12, { 1: 2 * MIB, 2: 9.9 * MIB });
    around.add(2, 13, { 2: 1000, 3: 9 * MIB });
    expect([...around.collection.condemned()]).toEqual([1]);
    expect(around.collection.tablesToRewrite()[0]).toBe(most);
    expect(around.collection.tablesToRewrite().map(({ fileNumber }) => fileNumber)).toEqual([
      12, 11,
    ]);
    const relocation = around.collection.relocation();
    expect(relocation).toMatchObject({ condemned: [1], firstFileNumber: 50 });
    // Its numbers are nobody else's.
    expect(around.valueLog.nextNumber).toBe(52);
  });

  test("not because of their headers", () => {
    const around = new Surroundings({ 1: 1000 + 20, 2: 1000 + 20 });
    around.add(1, 11, { 1: 1000 });
    around.add(1, 12, { 2: 980 });
    around.collection.force(0.01);
    expect([...around.collection.condemned()]).toEqual([2]);
    around.collection.force(0.05);
    expect([...around.collection.condemned()]).toEqual([]);
  });

  test("not any more once they have turned out to be damaged", () => {
    const around = new Surroundings({ 1: 10 * MIB });
    around.add(1, 11, { 1: MIB });
    expect([...around.collection.condemned()]).toEqual([1]);
    around.collection.exempt([1]);
    expect([...around.collection.condemned()]).toEqual([]);
    expect(around.collection.relocation()).toBeUndefined();
  });
});
