/** The manifest on disk: what was appended is there after any stop, or the next change is refused. */

import { describe, expect, test } from "bun:test";
import { CorruptionError, MelesError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { ManifestChange, ManifestChangeSet } from "../../src/format/manifest-change.ts";
import { encodeManifestHeader, replayManifest } from "../../src/format/manifest-replay.ts";
import { ManifestLog } from "../../src/manifest/manifest-log.ts";
import { FailingFileSystem } from "../log/failing-file-system.ts";
import { SEED } from "../suites/sorted-entries.ts";

const PATH = "/db/MANIFEST";

function directory(): FailingFileSystem {
  const fileSystem = new FailingFileSystem();
  fileSystem.makeDirectory("/db");
  return fileSystem;
}

function created(fileNumber: number, level = 0): ManifestChange {
  return { op: "create", fileNumber, level, keyId: fileNumber % 3, compression: level > 0 ? 2 : 0 };
}

function deleted(fileNumber: number): ManifestChange {
  return { op: "delete", fileNumber };
}

function set(...changes: ManifestChange[]): ManifestChangeSet {
  return { changes };
}

function reopen(fileSystem: FailingFileSystem, readOnly = false): ManifestLog {
  const log = ManifestLog.open(fileSystem, "/db", 0);
  try {
    if (!readOnly) log.settle();
    return log;
  } catch (error) {
    log.close();
    throw error;
  }
}

function tablesOf(log: ManifestLog): [number, number, number, number][] {
  return [...log.tables.values()]
    .map(({ fileNumber, level, keyId, compression }): [number, number, number, number] => [
      fileNumber,
      level,
      keyId,
      compression,
    ])
    .sort((a, b) => a[0] - b[0]);
}

function bytesOf(fileSystem: FailingFileSystem): Uint8Array {
  return fileSystem.readFile(PATH) as Uint8Array;
}

function overwrite(fileSystem: FailingFileSystem, bytes: Uint8Array): void {
  const file = fileSystem.inner.open(PATH, { write: true, create: "truncate" });
  file.write(bytes, 0, bytes.length, 0);
  file.close();
}

function thrown(action: () => unknown): MelesError {
  try {
    action();
  } catch (error) {
    if (error instanceof MelesError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** A manifest of three records, and where each of them ends. */
function threeRecords(): { fileSystem: FailingFileSystem; bytes: Uint8Array; ends: number[] } {
  const fileSystem = directory();
  const log = ManifestLog.create(fileSystem, "/db", 0);
  const ends: number[] = [];
  for (let number = 1; number <= 3; number++) {
    log.append(set(created(number)));
    ends.push(log.sizeBytes);
  }
  log.close();
  return { fileSystem, bytes: bytesOf(fileSystem), ends };
}

describe("a new manifest", () => {
  test("is durable, name included, before create returns", () => {
    const fileSystem = directory();
    expect(ManifestLog.exists(fileSystem, "/db")).toBe(false);
    const log = ManifestLog.create(fileSystem, "/db", 0);
    expect(ManifestLog.exists(fileSystem, "/db")).toBe(true);
    expect(fileSystem.calls.filter((call) => !/^(?:open|write|close) /.test(call))).toEqual([
      "sync MANIFEST-REWRITE",
      "rename MANIFEST",
      "syncDirectory db",
    ]);
    log.close();
    expect(fileSystem.openFiles).toBe(0);
    expect(reopen(fileSystem).tables.size).toBe(0);
  });

  test("carries its external magic, and refuses to be opened with another", () => {
    const fileSystem = directory();
    ManifestLog.create(fileSystem, "/db", 0xbeef).append(set(created(1)));
    const error = thrown(() => reopen(fileSystem));
    expect(error.code).toBe("ERR_UNSUPPORTED_FORMAT");
    expect(error.message).toContain("externalMagic");
    expect(error.message).toContain(String(0xbeef));
    expect(ManifestLog.open(fileSystem, "/db", 0xbeef).tables.size).toBe(1);
  });
});

describe("appending", () => {
  test("is one write and one sync, in this order", () => {
    const fileSystem = directory();
    const log = ManifestLog.create(fileSystem, "/db", 0);
    fileSystem.calls.length = 0;
    log.append(set(created(1), created(2, 3), deleted(2)));
    expect(fileSystem.calls).toEqual(["write MANIFEST", "sync MANIFEST"]);
  });

  test(`any changes gives the same tables now, reopened and replayed (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    const fileSystem = directory();
    let log = ManifestLog.create(fileSystem, "/db", 0);
    let next = 1;
    let thinned = 0;
    const live = new Map<number, number>();
    for (let step = 0; step < 400; step++) {
      const changes: ManifestChange[] = [];
      for (let i = random.below(4); i > 0; i--) {
        const level = random.below(7);
        changes.push(created(next, level));
        live.set(next++, level);
      }
      const old = [...live.keys()].filter((number) => number < next - 4);
      if (old.length > 0 && random.below(2) === 0) {
        const number = old[random.below(old.length)] as number;
        changes.push(deleted(number));
        live.delete(number);
      }
      if (random.below(5) === 0) thinned = Math.max(thinned, random.below(2 ** 40));
      log.append({ changes, thinnedVersion: random.below(3) === 0 ? thinned : 0 });
      if (random.below(20) > 0) continue;
      log.append({ changes: [], thinnedVersion: thinned });
      const expected = [...live].map(([number, level]) => [number, level]);
      expect(tablesOf(log).map(([number, level]) => [number, level])).toEqual(expected);
      log.close();
      log = reopen(fileSystem, random.below(2) === 0);
      expect(tablesOf(log).map(([number, level]) => [number, level])).toEqual(expected);
      expect([...replayManifest(bytesOf(fileSystem)).tables.keys()].sort((a, b) => a - b)).toEqual([
        ...live.keys(),
      ]);
      expect(log.thinnedVersion).toBe(thinned);
      expect(log.largestTable).toBe(Math.max(0, ...live.keys()));
      expect(log.sizeBytes).toBe(bytesOf(fileSystem).length);
      log.close();
      log = reopen(fileSystem);
    }
    expect(live.size).toBeGreaterThan(50);
  });

  test("keeps every field of a table", () => {
    const fileSystem = directory();
    const log = ManifestLog.create(fileSystem, "/db", 0);
    log.append(set(created(7), created(8, 6)));
    expect(tablesOf(log)).toEqual([
      [7, 0, 1, 0],
      [8, 6, 2, 2],
    ]);
    expect(tablesOf(reopen(fileSystem))).toEqual(tablesOf(log));
  });

  test("a move to another level is a deletion and a creation in one record", () => {
    const fileSystem = directory();
    const log = ManifestLog.create(fileSystem, "/db", 0);
    log.append(set(created(1, 0)));
    log.append(set(deleted(1), created(1, 4)));
    expect(tablesOf(reopen(fileSystem)).map(([number, level]) => [number, level])).toEqual([
      [1, 4],
    ]);
  });
});

describe("opening", () => {
  test("a directory without a manifest is refused", () => {
    const error = thrown(() => reopen(directory()));
    expect(error.code).toBe("ERR_NOT_A_DATABASE");
  });

  test("cuts a torn tail off, so that the next record follows the last whole one", () => {
    const { fileSystem, bytes, ends } = threeRecords();
    const from = ends[1] as number;
    for (let size = from; size < bytes.length; size++) {
      overwrite(fileSystem, bytes.subarray(0, size));
      const log = reopen(fileSystem);
      expect(log.sizeBytes).toBe(from);
      expect(bytesOf(fileSystem).length).toBe(from);
      log.append(set(created(9)));
      log.close();
      const again = reopen(fileSystem);
      expect([...again.tables.keys()]).toEqual([1, 2, 9]);
      again.close();
    }
    expect(fileSystem.openFiles).toBe(0);
  });

  // The length and checksum had reached the disk, the rest not, or the other way round: opening was refused.
  test("cuts off an append of which a power cut has taken a sector", () => {
    const { fileSystem, bytes, ends } = threeRecords();
    const [, second = 0, third = 0] = ends;
    for (let boundary = second + 1; boundary < third; boundary++) {
      for (const isFirstLost of [true, false]) {
        const torn = bytes.slice();
        if (isFirstLost) torn.fill(0, second, boundary);
        else torn.fill(0, boundary, third);
        // As if a sector of 512 bytes ended at `boundary`: eight bytes of zeros are an empty record.
        const shift = (512 - (boundary % 512)) % 512;
        const padded = shift - (shift % 8);
        if (padded !== shift) continue;
        const moved = new Uint8Array(torn.length + padded);
        moved.set(torn.subarray(0, 8));
        moved.set(torn.subarray(8), 8 + padded);
        overwrite(fileSystem, moved);
        const log = reopen(fileSystem);
        expect([...log.tables.keys()]).toEqual([1, 2]);
        log.append({
          changes: [{ op: "create", fileNumber: 9, level: 0, keyId: 0, compression: 0 }],
        });
        log.close();
        expect([...reopen(fileSystem, true).tables.keys()]).toEqual([1, 2, 9]);
      }
    }
  });

  test("read-only leaves a torn tail where it is", () => {
    const { fileSystem, bytes, ends } = threeRecords();
    overwrite(fileSystem, bytes.subarray(0, bytes.length - 1));
    const log = reopen(fileSystem, true);
    expect([...log.tables.keys()]).toEqual([1, 2]);
    expect(log.sizeBytes).toBe(ends[1] as number);
    expect(bytesOf(fileSystem).length).toBe(bytes.length - 1);
    expect(fileSystem.openFiles).toBe(0);
  });

  test("with any byte damaged names the manifest and the record, or forgives a shortened tail", () => {
    const { fileSystem, bytes, ends } = threeRecords();
    for (let i = 8; i < bytes.length; i++) {
      for (const mask of [0x01, 0x80]) {
        const bad = bytes.slice();
        bad[i] = (bad[i] as number) ^ mask;
        overwrite(fileSystem, bad);
        const start = [8, ...ends].findLast((end) => end <= i) as number;
        try {
          const log = reopen(fileSystem);
          // A damaged length that reaches beyond the end looks like a torn append, in the last record only:
          // before, it took all records behind it along, and the next open removed their tables.
          expect(i - start, `byte ${i}`).toBeLessThan(4);
          expect(start).toBe(ends.at(-2) as number);
          expect(log.sizeBytes).toBe(start);
          log.close();
        } catch (error) {
          if (!(error instanceof CorruptionError)) throw error;
          expect(error.file).toBe("MANIFEST");
          expect(error.offset, `byte ${i}`).toBeWithin(
            start,
            (ends.find((end) => end > i) ?? 0) + 1,
          );
        }
      }
    }
    expect(fileSystem.openFiles).toBe(0);
  });

  test("with a damaged header is refused, and nothing stays open", () => {
    const { fileSystem, bytes } = threeRecords();
    for (let i = 0; i < 8; i++) {
      const bad = bytes.slice();
      bad[i] = (bad[i] as number) ^ 0x40;
      overwrite(fileSystem, bad);
      expect(["ERR_NOT_A_DATABASE", "ERR_UNSUPPORTED_FORMAT"]).toContain(
        thrown(() => reopen(fileSystem)).code,
      );
    }
    overwrite(fileSystem, encodeManifestHeader(0).subarray(0, 5));
    expect(thrown(() => reopen(fileSystem)).code).toBe("ERR_NOT_A_DATABASE");
    expect(fileSystem.openFiles).toBe(0);
  });

  test("that cannot cut the tail fails and leaves nothing open", () => {
    for (const operation of ["truncate", "sync"] as const) {
      const { fileSystem, bytes } = threeRecords();
      overwrite(fileSystem, bytes.subarray(0, -1));
      fileSystem.failOnce(operation);
      expect(thrown(() => reopen(fileSystem)).code).toBe("ERR_IO");
      expect(fileSystem.openFiles).toBe(0);
    }
  });
});

describe("a failed append", () => {
  for (const [operation, errno] of [
    ["write", "EIO"],
    ["sync", "EIO"],
    ["sync", "ENOSPC"],
  ] as const) {
    test(`(${operation}, ${errno}) ends all changes until the manifest is opened again`, () => {
      const fileSystem = directory();
      const log = ManifestLog.create(fileSystem, "/db", 0);
      log.append(set(created(1)));
      fileSystem.failOnce(operation, errno);
      const first = thrown(() => log.append(set(created(2))));
      const second = thrown(() => log.append(set(created(3))));
      expect(second.code).toBe("ERR_IO");
      expect(second.message).toContain("reopen");
      expect(second.cause).toBe(first);
      log.close();
      // The record is there whole or not at all; the one after it never.
      expect([[1], [1, 2]]).toContainEqual([...reopen(fileSystem).tables.keys()]);
    });
  }

  test("for want of space leaves no trace, and the next one succeeds", () => {
    const fileSystem = directory();
    const log = ManifestLog.create(fileSystem, "/db", 0);
    log.append(set(created(1)));
    const size = log.sizeBytes;
    fileSystem.failOnce("write", "ENOSPC");
    expect(thrown(() => log.append(set(created(2), deleted(1)))).code).toBe("ERR_DISK_FULL");
    expect([...log.tables.keys()]).toEqual([1]);
    expect(bytesOf(fileSystem).length).toBe(size);
    log.append(set(created(2)));
    expect([...reopen(fileSystem).tables.keys()]).toEqual([1, 2]);
  });

  test("for want of space that cannot be cut off either ends all changes", () => {
    const fileSystem = directory();
    const log = ManifestLog.create(fileSystem, "/db", 0);
    fileSystem.failOnce("write", "ENOSPC");
    fileSystem.failOnce("truncate");
    expect(thrown(() => log.append(set(created(1)))).code).toBe("ERR_DISK_FULL");
    expect(log.isUsable).toBe(false);
    expect(thrown(() => log.append(set(created(1)))).message).toContain("reopen");
    log.close();
    expect(reopen(fileSystem).tables.size).toBe(0);
  });
});

/** Creates and deletes tables until `count` deletions are on record; tables 1 and 2 stay. */
function churn(log: ManifestLog, from: number, count: number): void {
  for (let i = from; i < from + count; i += 500) {
    const numbers = Array.from({ length: Math.min(500, from + count - i) }, (_, j) => i + j);
    log.append(set(...numbers.map((number) => created(number))));
    log.append(set(...numbers.map(deleted)));
  }
}

describe("rewriting", () => {
  test("happens when the manifest is mostly history, and keeps the net state", () => {
    const fileSystem = directory();
    const log = ManifestLog.create(fileSystem, "/db", 0x0102);
    log.append({ changes: [created(1), created(2, 5)], thinnedVersion: 77 });
    churn(log, 100, 9_900);
    const long = log.sizeBytes;
    expect(long).toBeGreaterThan(100_000);
    churn(log, 20_000, 600);
    expect(log.sizeBytes).toBeLessThan(20_000);
    expect(log.sizeBytes).toBe(bytesOf(fileSystem).length);
    log.append(set(created(50_000)));
    log.close();
    const again = ManifestLog.open(fileSystem, "/db", 0x0102);
    expect(tablesOf(again).map(([number, level]) => [number, level])).toEqual([
      [1, 0],
      [2, 5],
      [50_000, 0],
    ]);
    expect(again.thinnedVersion).toBe(77);
  });

  // Deletions of earlier lives did not count, so that a database which was opened often was never
  // rewritten and its manifest grew for ever.
  test("counts the deletions that were on record when the manifest was opened", () => {
    const fileSystem = directory();
    let log = ManifestLog.create(fileSystem, "/db", 0);
    for (let life = 0; life < 3; life++) {
      churn(log, 1 + life * 4000, 4000);
      log.close();
      log = reopen(fileSystem);
    }
    log.append(set(created(90_000), created(90_001)));
    // Once to create it, once in the third life.
    expect(fileSystem.count("rename")).toBe(2);
    expect(log.sizeBytes).toBeLessThan(30_000);
    expect([...log.tables.keys()]).toEqual([90_000, 90_001]);
  });

  test("does not happen while many tables live", () => {
    const fileSystem = directory();
    const log = ManifestLog.create(fileSystem, "/db", 0);
    log.append(set(...Array.from({ length: 2000 }, (_, i) => created(i + 1))));
    churn(log, 10_000, 10_500);
    expect(fileSystem.count("rename")).toBe(1);
    churn(log, 30_000, 10_000);
    expect(fileSystem.count("rename")).toBe(2);
    expect(reopen(fileSystem).tables.size).toBe(2000);
  });

  for (const operation of ["open", "write", "sync", "rename", "syncDirectory"] as const) {
    test(`that fails at its ${operation} loses nothing`, () => {
      const fileSystem = directory();
      const log = ManifestLog.create(fileSystem, "/db", 0);
      churn(log, 1, 10_000);
      log.append(set(created(20_000), created(20_001)));
      // The append itself takes one write and one sync.
      fileSystem.failOnce(operation, "EIO", operation === "write" || operation === "sync" ? 1 : 0);
      let failed = false;
      try {
        log.append(set(deleted(20_000)));
      } catch (error) {
        expect(error).toBeInstanceOf(MelesError);
        failed = true;
      }
      if (!failed) log.append(set(created(20_002)));
      log.close();
      expect(fileSystem.openFiles).toBe(0);
      expect([...reopen(fileSystem).tables.keys()]).toEqual([20_001, ...(failed ? [] : [20_002])]);
    });
  }
});
