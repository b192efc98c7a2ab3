/** A log file's life: it appears whole, knows what is not durable yet, and never believes a failed sync. */

import { describe, expect, test } from "bun:test";
import { IoError } from "../../src/base/errors.ts";
import { LogFile, TEMPORARY_SUFFIX } from "../../src/log/log-file.ts";
import { FailingFileSystem } from "./failing-file-system.ts";

const HEADER = Uint8Array.from({ length: 20 }, (_, i) => i);
const NAME = "00001.mem";
const DATA = new Uint8Array([1, 2, 3, 4]);

function directory(): FailingFileSystem {
  const fileSystem = new FailingFileSystem();
  fileSystem.makeDirectory("/db");
  return fileSystem;
}

function create(fileSystem: FailingFileSystem): LogFile {
  return LogFile.create(fileSystem, "/db", NAME, HEADER);
}

/** A log with nothing left to sync. */
function clean(fileSystem: FailingFileSystem): LogFile {
  const log = create(fileSystem);
  log.sync();
  fileSystem.calls.length = 0;
  return log;
}

async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "done";
  } catch (error) {
    return error instanceof IoError ? error.errno : String(error);
  }
}

describe("a new log", () => {
  test("appears under its name only with its header in it", () => {
    const fileSystem = directory();
    create(fileSystem);
    expect(fileSystem.list("/db")).toEqual([NAME]);
    expect(fileSystem.readFile(`/db/${NAME}`)).toEqual(HEADER);
    expect(fileSystem.calls.indexOf(`rename ${NAME}`)).toBeGreaterThan(
      fileSystem.calls.indexOf(`write ${NAME}${TEMPORARY_SUFFIX}`),
    );
  });

  test("whose header cannot be written leaves no file of its name and nothing open", () => {
    for (const operation of ["open", "write", "rename"] as const) {
      const fileSystem = directory();
      fileSystem.failOnce(operation, "ENOSPC");
      expect(() => create(fileSystem)).toThrow(IoError);
      expect(fileSystem.info(`/db/${NAME}`)).toBeUndefined();
      expect(fileSystem.openFiles).toBe(0);
      // What a failed attempt has left is in nobody's way.
      create(fileSystem).close();
      expect(fileSystem.readFile(`/db/${NAME}`)).toEqual(HEADER);
    }
  });

  test("replaces an unfinished file of an earlier life", () => {
    const fileSystem = directory();
    const left = fileSystem.open(`/db/${NAME}${TEMPORARY_SUFFIX}`, {
      write: true,
      create: "truncate",
    });
    left.write(new Uint8Array(100).fill(9), 0, 100, 0);
    left.close();
    create(fileSystem);
    expect(fileSystem.readFile(`/db/${NAME}`)).toEqual(HEADER);
  });

  test("is not durable until it is synced", () => {
    const fileSystem = directory();
    const log = create(fileSystem);
    expect(log.isDirty).toBe(true);
    log.sync();
    expect(log.isDirty).toBe(false);
    expect(fileSystem.count("sync")).toBe(1);
  });
});

describe("an existing log", () => {
  test("is opened as it is and nothing in it needs a sync", () => {
    const fileSystem = directory();
    create(fileSystem).close();
    const log = LogFile.open(fileSystem, "/db", NAME, true);
    expect(log.isDirty).toBe(false);
    log.write(DATA, 1, 2, 20);
    expect(fileSystem.readFile(`/db/${NAME}`)).toEqual(new Uint8Array([...HEADER, 2, 3]));
    expect(log.isDirty).toBe(true);
  });

  test("that is missing, or opened for reading and written, is an I/O error", () => {
    const fileSystem = directory();
    expect(() => LogFile.open(fileSystem, "/db", NAME, true)).toThrow(IoError);
    create(fileSystem).close();
    const log = LogFile.open(fileSystem, "/db", NAME, false);
    expect(() => log.write(DATA, 0, 4, 20)).toThrow(IoError);
  });
});

describe("syncing", () => {
  test("does nothing when nothing was written, and something after a cut", () => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    log.sync();
    expect(fileSystem.count("sync")).toBe(0);
    log.truncate(20);
    expect(log.isDirty).toBe(true);
    log.sync();
    expect(fileSystem.count("sync")).toBe(1);
  });

  test("a write that failed half-way still has to be synced", () => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    fileSystem.failOnce("write", "ENOSPC");
    expect(() => log.write(DATA, 0, 4, 20)).toThrow("disk is full");
    expect(log.isDirty).toBe(true);
  });

  test("in the background takes one sync for all calls that ask for the same bytes", async () => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    log.write(DATA, 0, 4, 20);
    await Promise.all([log.syncInBackground(), log.syncInBackground(), log.syncInBackground()]);
    expect(fileSystem.count("sync")).toBe(1);
    await log.syncInBackground();
    expect(fileSystem.count("sync")).toBe(1);
    expect(log.isDirty).toBe(false);
  });

  // The second of two calls during a running sync was once told "done" while the sync of its bytes,
  // started for the first one, had only just begun.
  test("in the background is not done before a sync that began after the call's bytes were written", async () => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    log.write(DATA, 0, 4, 20);
    fileSystem.holdSyncs();
    const done: string[] = [];
    const note = (name: string) => () =>
      void done.push(`${name} after ${fileSystem.count("sync")}`);
    const first = log.syncInBackground().then(note("first"));
    log.write(DATA, 0, 4, 24);
    const second = log.syncInBackground().then(note("second"));
    const third = log.syncInBackground().then(note("third"));
    await fileSystem.finishSyncs();
    await Promise.all([first, second, third]);
    expect(done).toEqual(["first after 1", "second after 2", "third after 2"]);
    expect(log.isDirty).toBe(false);
  });

  // While a background sync ran, a blocking one had nothing to do and a commit was acknowledged as
  // durable before its bytes were.
  test("a blocking sync does not trust a background sync that is still under way", async () => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    log.write(DATA, 0, 4, 20);
    fileSystem.holdSyncs();
    const background = log.syncInBackground();
    expect(log.isDirty).toBe(true);
    log.sync();
    expect(fileSystem.count("sync")).toBe(1);
    await fileSystem.finishSyncs();
    await background;
    expect(log.isDirty).toBe(false);
  });
});

describe("cutting a failed write back", () => {
  test("is durable before anything is written in its place", () => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    fileSystem.failOnce("write", "ENOSPC");
    expect(() => log.write(DATA, 0, 4, 20)).toThrow("disk is full");
    fileSystem.calls.length = 0;
    log.cutBack(20);
    log.write(DATA, 0, 4, 20);
    expect(fileSystem.calls).toEqual([`truncate ${NAME}`, `sync ${NAME}`, `write ${NAME}`]);
  });

  test.each(["truncate", "sync"] as const)("that fails at its %s ends all writing", (operation) => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    fileSystem.failOnce(operation, "EIO");
    expect(() => log.cutBack(20)).toThrow("EIO");
    expect(log.hasFailed).toBe(true);
    expect(() => log.write(DATA, 0, 4, 20)).toThrow("EIO");
    expect(() => log.sync()).toThrow("EIO");
  });
});

describe("a sync that failed", () => {
  // The kernel reports a lost page once and then forgets it: a second sync would succeed and mean
  // nothing. A flush that tried again once took that success for its values being on disk.
  test("fails for ever, blocking or not", async () => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    log.write(DATA, 0, 4, 20);
    fileSystem.failOnce("sync", "EIO");
    expect(() => log.sync()).toThrow("EIO");
    expect(log.isDirty).toBe(true);
    expect(() => log.sync()).toThrow("EIO");
    expect(await outcome(log.syncInBackground())).toBe("EIO");
    expect(() => log.write(DATA, 0, 4, 24)).toThrow("EIO");
    expect(() => log.sync()).toThrow("EIO");
    expect(fileSystem.count("sync")).toBe(1);
  });

  test("in the background fails for everybody who waits, and for ever", async () => {
    const fileSystem = directory();
    const log = clean(fileSystem);
    log.write(DATA, 0, 4, 20);
    fileSystem.holdSyncs();
    fileSystem.failOnce("sync", "EIO");
    const first = outcome(log.syncInBackground());
    log.write(DATA, 0, 4, 24);
    const second = outcome(log.syncInBackground());
    await fileSystem.finishSyncs();
    expect(await Promise.all([first, second])).toEqual(["EIO", "EIO"]);
    expect(await outcome(log.syncInBackground())).toBe("EIO");
    expect(() => log.sync()).toThrow("EIO");
    expect(log.isDirty).toBe(true);
  });
});

describe("closing", () => {
  test("is immediate when no sync runs, and twice is harmless", () => {
    const fileSystem = directory();
    const log = create(fileSystem);
    log.close();
    log.close();
    expect(fileSystem.openFiles).toBe(0);
  });

  for (const fails of [false, true]) {
    test(`waits for a background sync that ${fails ? "fails" : "goes well"}`, async () => {
      const fileSystem = directory();
      const log = create(fileSystem);
      fileSystem.holdSyncs();
      if (fails) fileSystem.failOnce("sync");
      const synced = outcome(log.syncInBackground());
      log.close();
      expect(fileSystem.openFiles).toBe(1);
      await fileSystem.finishSyncs();
      expect(await synced).toBe(fails ? "EIO" : "done");
      expect(fileSystem.openFiles).toBe(0);
    });
  }
});
