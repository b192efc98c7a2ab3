/** Values go where their pointers say, through rotations, large values and failures. */

import { describe, expect, test } from "bun:test";
import { IoError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { File } from "../../src/env/file-system.ts";
import { valueLogFileName } from "../../src/format/file-names.ts";
import { LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import { LogRecordView } from "../../src/format/log-record.ts";
import { pointerFile, pointerLength, pointerOffset } from "../../src/format/value-pointer.ts";
import { codeOf } from "../database/outcomes.ts";
import { SEED } from "../suites/sorted-entries.ts";
import { ENCRYPTED, PLAIN, type Stored, ValueLog } from "./value-log-fixture.ts";

/** Where the last whole record of a file ends. */
function endOfRecords(file: File): number {
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0, bytes.length, 0);
  const view = new LogRecordView();
  let offset = LOG_HEADER_SIZE;
  while (view.checkStored(bytes, offset, bytes.length) === "ok") offset = view.end;
  return offset;
}

/** Where the records lie in their files: one behind the other, from the header to the end. */
function expectContiguous(log: ValueLog, all: readonly Stored[]): void {
  const ends = new Map<number, number>();
  for (const { pointer } of all) {
    const file = pointerFile(pointer, 0);
    expect(pointerOffset(pointer, 0)).toBe(ends.get(file) ?? LOG_HEADER_SIZE);
    ends.set(file, pointerOffset(pointer, 0) + pointerLength(pointer, 0));
  }
  for (const [number, end] of ends) {
    const file = log.fileSystem.inner.open(`/db/${valueLogFileName(number)}`, {
      write: false,
      create: "never",
    });
    expect([file.size(), endOfRecords(file)]).toEqual([end, end]);
  }
}

describe("writing", () => {
  for (const [name, keys] of [
    ["plain", PLAIN],
    ["encrypted", ENCRYPTED],
  ] as const) {
    test(`${name} values of all sizes can be read where their pointers point (seed ${SEED})`, () => {
      const random = new SeededRandom(SEED);
      for (const limits of [{}, { fileSizeBytes: 3000 }, { recordCountMax: 7 }]) {
        const log = new ValueLog(limits, keys, 5);
        const all: Stored[] = [];
        for (let i = 0; i < 300; i++) {
          const value = new Uint8Array(random.below(random.below(20) === 0 ? 5000 : 200));
          random.fill(value);
          all.push(log.stage(value, `key ${i}`, random.below(2) * 1e9));
          if (random.below(5) === 0) log.writer.flush();
          if (random.below(50) === 0) log.writer.sync();
        }
        log.writer.flush();
        log.expectReadable(all);
        expectContiguous(log, all);
        const numbers = [...new Set(all.map(({ pointer }) => pointerFile(pointer, 0)))];
        expect(log.writer.createdFiles).toEqual(numbers);
        expect(numbers).toEqual(numbers.map((_, i) => 5 + i));
        expect(log.writer.activeFile).toBe(numbers.at(-1) as number);
        log.close();
        expect(log.fileSystem.openFiles).toBe(0);
      }
    });
  }

  test("values around and beyond the size of the staging buffer come through, in one group", () => {
    const log = new ValueLog();
    const sizes = [3, 1 << 20, 10, (1 << 20) - 40, 5 << 20, 0, 100, 2 << 20, 1];
    const all = sizes.map((size) => log.stage(size));
    log.writer.flush();
    log.expectReadable(all);
    expectContiguous(log, all);
    const more = sizes.toReversed().map((size) => log.stage(size));
    log.writer.flush();
    log.expectReadable([...all, ...more]);
    expectContiguous(log, [...all, ...more]);
  });

  test("a group is one write, and nothing before flush", () => {
    const log = new ValueLog();
    log.write(1);
    log.fileSystem.calls.length = 0;
    const all = Array.from({ length: 50 }, (_, i) => log.stage(i));
    expect(log.fileSystem.calls).toEqual([]);
    log.writer.flush();
    expect(log.fileSystem.calls).toEqual(["write 000001.vlog"]);
    log.expectReadable(all);
    log.writer.flush();
    expect(log.fileSystem.count("write")).toBe(1);
  });

  test("without values no file is made", () => {
    const log = new ValueLog();
    log.writer.flush();
    log.writer.sync();
    expect([log.writer.activeFile, log.writer.isDirty]).toEqual([0, false]);
    log.close();
    expect(log.fileSystem.list("/db")).toEqual([]);
  });

  test("a new file's name is durable with the next sync, and before there is another file", async () => {
    for (const sync of ["sync", "syncInBackground"] as const) {
      const log = new ValueLog({ recordCountMax: 1 });
      const { calls } = log.fileSystem;
      log.write(10);
      expect(calls).not.toContain("syncDirectory db");
      await log.writer[sync]();
      expect(calls.indexOf("syncDirectory db")).toBeGreaterThan(
        calls.indexOf("rename 000001.vlog"),
      );
      log.write(10);
      log.write(10);
      expect(calls.lastIndexOf("syncDirectory db")).toBeGreaterThan(
        calls.indexOf("rename 000002.vlog"),
      );
      expect(calls.lastIndexOf("syncDirectory db")).toBeLessThan(
        calls.indexOf("rename 000003.vlog"),
      );
      log.close();
    }
  });

  test("fails every sync once the names could not be made durable", async () => {
    const log = new ValueLog();
    log.write(10);
    log.fileSystem.failOnce("syncDirectory", "EIO");
    expect(await codeOf(log.writer.syncInBackground())).toBe("ERR_IO");
    expect(log.writer.hasFailed).toBe(true);
    expect(() => log.writer.sync()).toThrow(IoError);
    log.close();
  });

  test("what is staged can be forgotten, and its place is used again", () => {
    const log = new ValueLog();
    const kept = log.write(10);
    log.stage(1000);
    log.writer.discardStaged();
    const next = log.write(20);
    log.expectReadable([kept, next]);
    expectContiguous(log, [kept, next]);
  });
});

describe("rotation", () => {
  test("ends a file with the record that takes it beyond its size", () => {
    const log = new ValueLog({ fileSizeBytes: 500 });
    const all = [450, 20, 450, 5].map((size) => log.write(size));
    expect(all.map(({ pointer }) => pointerFile(pointer, 0))).toEqual([1, 1, 2, 2]);
  });

  // A record could end slightly beyond 4 GiB, where no pointer and no counter of a key stream reaches.
  test("ends a file before a record that would end beyond what a pointer can name", () => {
    const log = new ValueLog({ fileSizeBytes: 1000 }, PLAIN, 1, { fileEndMax: 1500 });
    const all = [900, 900, 400, 1200, 10].map((size) => log.write(size));
    expect(all.map(({ pointer }) => pointerFile(pointer, 0))).toEqual([1, 2, 2, 3, 4]);
    for (const { pointer } of all) {
      expect(pointerOffset(pointer, 0) + pointerLength(pointer, 0)).toBeLessThanOrEqual(1500);
    }
    log.expectReadable(all);
    expectContiguous(log, all);
  });

  test("counts records that are only staged", () => {
    const log = new ValueLog({ recordCountMax: 2 });
    const all = [1, 2, 3, 4, 5].map((size) => log.stage(size));
    log.writer.flush();
    expect(all.map(({ pointer }) => pointerFile(pointer, 0))).toEqual([1, 1, 2, 2, 3]);
    log.expectReadable(all);
  });

  test("leaves full files open until they are synced, then closes them", async () => {
    for (const background of [false, true]) {
      const log = new ValueLog({ recordCountMax: 1 });
      for (let i = 0; i < 4; i++) log.write(10);
      expect(log.fileSystem.openFiles).toBe(4);
      expect(log.writer.isDirty).toBe(true);
      if (background) await log.writer.syncInBackground();
      else log.writer.sync();
      expect(log.fileSystem.openFiles).toBe(1);
      expect(log.writer.isDirty).toBe(false);
      for (const number of [1, 2, 3, 4]) {
        expect(log.fileSystem.calls).toContain(`sync ${valueLogFileName(number)}`);
      }
    }
  });

  test("during a background sync loses no file that still has to be synced", async () => {
    const log = new ValueLog({ recordCountMax: 1 });
    log.write(10);
    log.write(11);
    log.fileSystem.holdSyncs();
    const synced = log.writer.syncInBackground();
    const late = log.write(12);
    await log.fileSystem.finishSyncs();
    await synced;
    expect(log.writer.isDirty).toBe(true);
    log.writer.sync();
    expect(log.fileSystem.calls).toContain("sync 000003.vlog");
    log.expectReadable([late]);
    log.close();
    expect(log.fileSystem.openFiles).toBe(0);
  });

  test("a blocking sync in the middle of a background one syncs and closes everything once", async () => {
    const log = new ValueLog({ recordCountMax: 1 });
    const all = [1, 2, 3].map((size) => log.write(size));
    log.fileSystem.holdSyncs();
    const synced = log.writer.syncInBackground();
    log.writer.sync();
    await log.fileSystem.finishSyncs();
    await synced;
    expect(log.writer.isDirty).toBe(false);
    expect(log.fileSystem.openFiles).toBe(1);
    log.expectReadable([...all, log.write(4)]);
  });
});

describe("sealing", () => {
  test("writes what is staged, ends the file, and the next value starts another", () => {
    const log = new ValueLog();
    log.writer.seal();
    expect(log.fileSystem.list("/db")).toEqual([]);
    const before = [log.write(10), log.stage(20)];
    log.writer.seal();
    expect(log.writer.activeFile).toBe(0);
    log.expectReadable(before);
    log.writer.seal();
    const after = [log.stage(30), log.stage(40)];
    log.writer.flush();
    log.expectReadable([...before, ...after]);
    expectContiguous(log, [...before, ...after]);
    expect(log.writer.createdFiles).toEqual([1, 2]);
    expect(log.writer.isDirty).toBe(true);
    log.writer.sync();
    expect(log.fileSystem.calls).toContain("sync 000001.vlog");
    expect([log.writer.isDirty, log.fileSystem.openFiles]).toEqual([false, 3]);
  });

  test("that cannot write what is staged leaves the file as it was before the group", () => {
    const log = new ValueLog();
    const kept = log.write(10);
    log.stage(20);
    log.fileSystem.failOnce("write", "ENOSPC");
    expect(() => log.writer.seal()).toThrow("disk is full");
    const next = log.write(30);
    log.expectReadable([kept, next]);
    expectContiguous(log, [kept, next]);
  });
});

describe("file numbers", () => {
  test("that were reserved for others are left out", () => {
    const log = new ValueLog({}, PLAIN, 4);
    expect(log.writer.reserveNumbers(2)).toBe(4);
    log.write(1);
    expect(log.writer.reserveNumbers(1)).toBe(7);
    log.writer.seal();
    log.write(1);
    expect(log.writer.createdFiles).toEqual([6, 8]);
  });
});

test("a smaller file size holds from the next file on, and never exceeds the limit", () => {
  const log = new ValueLog({ fileSizeBytes: 1000 });
  const numbers = (count: number): number[] =>
    Array.from({ length: count }, () => pointerFile(log.write(200).pointer, 0));
  log.writer.limitFileSize(() => 1);
  expect(numbers(3)).toEqual([1, 2, 3]);
  log.writer.limitFileSize(() => 1e9);
  // The fifth takes the file beyond 1000 bytes.
  expect(numbers(6)).toEqual([4, 4, 4, 4, 4, 5]);
});

describe("when a write fails", () => {
  test("the torn tail is cut off and the next group takes its place", () => {
    const log = new ValueLog();
    const kept = log.write(30);
    const end = log.bytesOf("000001.vlog").length;
    log.stage(5000);
    log.stage(6000);
    log.fileSystem.failOnce("write", "ENOSPC");
    expect(() => log.writer.flush()).toThrow("disk is full");
    expect(log.bytesOf("000001.vlog").length).toBe(end);
    log.writer.flush();
    const next = [log.stage(100), log.stage(20_000)];
    log.writer.flush();
    log.expectReadable([kept, ...next]);
    expectContiguous(log, [kept, ...next]);
  });

  test("and the torn tail cannot be cut off, nothing more is written over it", () => {
    const log = new ValueLog();
    const kept = log.write(30);
    log.stage(5000);
    log.fileSystem.failOnce("write", "ENOSPC");
    log.fileSystem.failOnce("truncate", "EIO");
    expect(() => log.writer.flush()).toThrow("disk is full");
    expect(log.writer.hasFailed).toBe(true);
    log.stage(100);
    expect(() => log.writer.flush()).toThrow("EIO");
    log.expectReadable([kept]);
  });

  test("in the middle of a group, the whole group is the caller's to forget", () => {
    const log = new ValueLog();
    log.stage(600_000);
    log.fileSystem.failOnce("write", "ENOSPC", 0);
    // Does not fit beside the first: the first is written now.
    expect(() => log.stage(600_000)).toThrow("disk is full");
    log.writer.discardStaged();
    const next = log.write(50);
    log.expectReadable([next]);
    expectContiguous(log, [next]);
  });
});

describe("when a new file cannot be made", () => {
  // The directory's sync came last, and when it failed the writer had taken over the new file but not its
  // number: the next value went to "file 0", on top of the header.
  for (const operation of ["open", "write", "rename"] as const) {
    test(`because of its ${operation}, the first value fails and the next one succeeds`, () => {
      const log = new ValueLog();
      log.fileSystem.failOnce(operation, "ENOSPC");
      expect(() => log.stage(10)).toThrow(IoError);
      log.writer.discardStaged();
      expect([log.writer.activeFile, log.writer.createdFiles]).toEqual([0, []]);
      const next = log.write(20);
      expect(pointerFile(next.pointer, 0)).toBe(1);
      log.expectReadable([next]);
      expectContiguous(log, [next]);
      log.close();
      expect(log.fileSystem.openFiles).toBe(0);
    });

    test(`because of its ${operation}, a rotation fails and the next one succeeds`, () => {
      const log = new ValueLog({ recordCountMax: 2 });
      const kept = [log.stage(1), log.stage(2)];
      log.fileSystem.failOnce(operation, "ENOSPC", operation === "write" ? 1 : 0);
      expect(() => log.stage(3)).toThrow(IoError);
      log.writer.discardStaged();
      expect(log.writer.activeFile).toBe(1);
      // The file that stays the current one must not be taken for a finished one.
      log.writer.sync();
      expect(log.fileSystem.openFiles).toBe(1);
      const next = [log.stage(4), log.stage(5), log.stage(6)];
      log.writer.flush();
      expect(next.map(({ pointer }) => pointerFile(pointer, 0))).toEqual([2, 2, 3]);
      log.expectReadable([...kept, ...next]);
      expectContiguous(log, [...kept, ...next]);
      log.close();
      log.reader.close();
      expect(log.fileSystem.openFiles).toBe(0);
    });
  }
});

test("a failed sync stays failed, so that no flush takes values for durable that are not", async () => {
  const log = new ValueLog({ recordCountMax: 1 });
  log.write(1);
  log.write(2);
  log.fileSystem.failOnce("sync", "EIO");
  await expect(log.writer.syncInBackground()).rejects.toThrow("EIO");
  await expect(log.writer.syncInBackground()).rejects.toThrow("EIO");
  expect(() => log.writer.sync()).toThrow("EIO");
  expect(log.writer.isDirty).toBe(true);
});
