/** What every `FileSystem` does, whatever it is made of. Each implementation's spec calls this once. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { toBytes, toText } from "../../src/base/bytes.ts";
import { IoError, MelesError } from "../../src/base/errors.ts";
import type { FileSystem, OpenMode } from "../../src/env/file-system.ts";

export interface FileSystemUnderTest {
  readonly fileSystem: FileSystem;
  /** An empty directory. */
  readonly directory: string;
  cleanUp(): void;
}

const READ: OpenMode = { write: false, create: "never" };
const UPDATE: OpenMode = { write: true, create: "never" };
const CREATE: OpenMode = { write: true, create: "ifMissing" };

/** What a call answers: its value, or the errno or code it fails with. */
export function outcome<T>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    if (error instanceof IoError) return error.errno;
    if (error instanceof MelesError) return error.code;
    throw error;
  }
}

export function fileSystemSuite(name: string, setUp: () => FileSystemUnderTest): void {
  describe(name, () => {
    let subject: FileSystemUnderTest;
    let fs: FileSystem;

    beforeEach(() => {
      subject = setUp();
      fs = subject.fileSystem;
    });
    afterEach(() => subject.cleanUp());

    const at = (...parts: string[]): string => fs.join(subject.directory, ...parts);

    function put(path: string, text: string): void {
      const file = fs.open(path, { write: true, create: "truncate" });
      const bytes = toBytes(text);
      file.write(bytes, 0, bytes.length, 0);
      file.close();
    }

    function contentOf(path: string): string | undefined {
      const bytes = fs.readFile(path);
      return bytes === undefined ? undefined : toText(bytes);
    }

    describe("opening", () => {
      test("`never` wants the file to exist, for reading and for writing", () => {
        expect(outcome(() => fs.open(at("a"), READ))).toBe("ENOENT");
        expect(outcome(() => fs.open(at("a"), UPDATE))).toBe("ENOENT");
        expect(fs.list(subject.directory)).toEqual([]);
      });

      test("`ifMissing` creates an empty file and leaves an existing one as it is", () => {
        fs.open(at("a"), CREATE).close();
        expect(contentOf(at("a"))).toBe("");
        put(at("a"), "kept");
        fs.open(at("a"), CREATE).close();
        expect(contentOf(at("a"))).toBe("kept");
      });

      test("`exclusive` refuses whatever exists, file or directory", () => {
        fs.open(at("a"), { write: true, create: "exclusive" }).close();
        expect(outcome(() => fs.open(at("a"), { write: true, create: "exclusive" }))).toBe(
          "EEXIST",
        );
        fs.makeDirectory(at("d"));
        expect(outcome(() => fs.open(at("d"), { write: true, create: "exclusive" }))).toBe(
          "EEXIST",
        );
      });

      test("`truncate` creates or empties", () => {
        put(at("a"), "long content");
        put(at("a"), "new");
        expect(contentOf(at("a"))).toBe("new");
      });

      test("a directory is no file", () => {
        fs.makeDirectory(at("d"));
        for (const mode of [READ, UPDATE, CREATE]) {
          expect(outcome(() => fs.open(at("d"), mode))).toBe("EISDIR");
        }
        expect(outcome(() => fs.readFile(at("d")))).toBe("EISDIR");
      });

      test("a file where a directory is needed is ENOTDIR, and a missing directory ENOENT", () => {
        put(at("a"), "x");
        expect(outcome(() => fs.open(at("a", "b"), CREATE))).toBe("ENOTDIR");
        expect(outcome(() => fs.readFile(at("a", "b")))).toBe("ENOTDIR");
        expect(outcome(() => fs.info(at("a", "b")))).toBe("ENOTDIR");
        expect(outcome(() => fs.list(at("a")))).toBe("ENOTDIR");
        expect(outcome(() => fs.makeDirectory(at("a")))).toBe("ENOTDIR");
        expect(outcome(() => fs.makeDirectory(at("a", "b")))).toBe("ENOTDIR");
        expect(outcome(() => fs.syncDirectory(at("a")))).toBe("ENOTDIR");
        expect(outcome(() => fs.lockDirectory(at("a"), "exclusive"))).toBe("ENOTDIR");
        expect(outcome(() => fs.open(at("no", "b"), CREATE))).toBe("ENOENT");
        expect(outcome(() => fs.list(at("no")))).toBe("ENOENT");
        expect(outcome(() => fs.syncDirectory(at("no")))).toBe("ENOENT");
        expect(outcome(() => fs.lockDirectory(at("no"), "shared"))).toBe("ENOENT");
      });

      test("an error names the operation, the path and the errno", () => {
        try {
          fs.open(at("a"), READ);
          expect.unreachable();
        } catch (error) {
          expect(error).toBeInstanceOf(IoError);
          expect(error).toMatchObject({
            code: "ERR_IO",
            operation: "open",
            path: at("a"),
            errno: "ENOENT",
          });
        }
      });
    });

    describe("reading and writing", () => {
      test("a read at a position fills its part of the target and nothing else", () => {
        put(at("a"), "0123456789");
        const file = fs.open(at("a"), READ);
        const target = new Uint8Array(8).fill(0x2e);
        expect(file.read(target, 2, 4, 3)).toBe(4);
        expect(toText(target)).toBe("..3456..");
        file.close();
      });

      test("a read is short only at the end of the file, and zero beyond it", () => {
        put(at("a"), "0123456789");
        const file = fs.open(at("a"), READ);
        const target = new Uint8Array(8);
        expect(file.read(target, 0, 8, 7)).toBe(3);
        expect(file.read(target, 0, 8, 10)).toBe(0);
        expect(file.read(target, 0, 8, 1_000)).toBe(0);
        expect(file.read(target, 0, 0, 0)).toBe(0);
        file.close();
      });

      test("writes overwrite, extend, and leave zeros in a gap", () => {
        const file = fs.open(at("a"), CREATE);
        const source = toBytes("..abc..");
        file.write(source, 2, 3, 0);
        file.write(source, 3, 1, 0);
        file.write(source, 2, 1, 5);
        expect(file.size()).toBe(6);
        expect(contentOf(at("a"))).toBe("bbc\0\0a");
        file.close();
      });

      test("megabytes survive the round trip", () => {
        const source = new Uint8Array(3 << 20);
        for (let i = 0; i < source.length; i++) source[i] = (i * 7) >>> 3;
        const file = fs.open(at("a"), CREATE);
        for (let offset = 0; offset < source.length; offset += 1 << 20) {
          file.write(source, offset, 1 << 20, offset);
        }
        file.close();
        expect(Buffer.from(fs.readFile(at("a")) ?? []).equals(source)).toBe(true);
      });

      test("buffers may be views into shared memory", () => {
        const shared = new Uint8Array(new SharedArrayBuffer(16), 4, 8);
        shared.set(toBytes("sharedXY"));
        const file = fs.open(at("a"), CREATE);
        file.write(shared, 0, 6, 0);
        shared.fill(0);
        expect(file.read(shared, 1, 6, 0)).toBe(6);
        expect([...shared]).toEqual([0, ...toBytes("shared"), 0]);
        file.close();
      });

      test("a file opened for reading refuses writes", () => {
        put(at("a"), "x");
        const file = fs.open(at("a"), READ);
        expect(outcome(() => file.write(new Uint8Array(1), 0, 1, 0))).toBe("EBADF");
        expect(outcome(() => file.truncate(0))).toBe("EINVAL");
        file.close();
        expect(contentOf(at("a"))).toBe("x");
      });

      test("ranges outside the buffer or before the file are a bug of the caller", () => {
        const file = fs.open(at("a"), CREATE);
        const bytes = new Uint8Array(4);
        expect(() => file.read(bytes, 2, 3, 0)).toThrow("stays inside");
        expect(() => file.read(bytes, 0, 1, -1)).toThrow("stays inside");
        expect(() => file.write(bytes, 2, 3, 0)).toThrow("stays inside");
        expect(() => file.write(bytes, 0, 1, -1)).toThrow("stays inside");
        expect(() => file.truncate(-1)).toThrow("zero or more");
        file.close();
      });

      test("cutting a file loses the tail for good; growing it again shows zeros", () => {
        put(at("a"), "0123456789");
        const file = fs.open(at("a"), UPDATE);
        file.truncate(4);
        expect(file.size()).toBe(4);
        file.truncate(6);
        expect(contentOf(at("a"))).toBe("0123\0\0");
        file.truncate(0);
        file.truncate(2);
        expect(contentOf(at("a"))).toBe("\0\0");
        file.close();
      });

      test("two handles on one file see each other's writes", () => {
        const writer = fs.open(at("a"), CREATE);
        const reader = fs.open(at("a"), READ);
        writer.write(toBytes("seen"), 0, 4, 0);
        const target = new Uint8Array(4);
        expect(reader.read(target, 0, 4, 0)).toBe(4);
        expect(toText(target)).toBe("seen");
        writer.close();
        reader.close();
      });

      test("syncing works in both ways, also when the file is closed meanwhile", async () => {
        const file = fs.open(at("a"), CREATE);
        file.write(toBytes("data"), 0, 4, 0);
        file.sync();
        const first = file.syncInBackground();
        const second = file.syncInBackground();
        file.close();
        await Promise.all([first, second]);
        expect(contentOf(at("a"))).toBe("data");
      });

      test("a closed file answers EBADF; closing twice is fine", async () => {
        const file = fs.open(at("a"), CREATE);
        file.close();
        file.close();
        const bytes = new Uint8Array(1);
        expect(outcome(() => file.read(bytes, 0, 1, 0))).toBe("EBADF");
        expect(outcome(() => file.write(bytes, 0, 1, 0))).toBe("EBADF");
        expect(outcome(() => file.sync())).toBe("EBADF");
        expect(outcome(() => file.truncate(0))).toBe("EBADF");
        expect(outcome(() => file.size())).toBe("EBADF");
        const failed = await file.syncInBackground().catch((error: unknown) => error);
        expect(failed).toMatchObject({ errno: "EBADF" });
      });
    });

    describe("names", () => {
      test("what is not there is `undefined`, or already removed", () => {
        expect(fs.readFile(at("a"))).toBeUndefined();
        expect(fs.info(at("a"))).toBeUndefined();
        expect(fs.readFile(at("no", "a"))).toBeUndefined();
        fs.remove(at("a"));
        fs.remove(at("no", "a"));
      });

      test("whole files come back as plain bytes the caller owns", () => {
        put(at("a"), "text");
        const first = fs.readFile(at("a"));
        expect(first?.constructor).toBe(Uint8Array);
        first?.fill(0);
        expect(contentOf(at("a"))).toBe("text");
      });

      test("info tells files from directories and knows sizes", () => {
        put(at("a"), "12345");
        fs.makeDirectory(at("d"));
        expect(fs.info(at("a"))).toEqual({ kind: "file", size: 5 });
        expect(fs.info(at("d"))?.kind).toBe("directory");
      });

      test("list is sorted and holds directories too", () => {
        for (const name of ["b", "000010.sst", "a", "000002.sst"]) put(at(name), "");
        fs.makeDirectory(at("aa"));
        expect(fs.list(subject.directory)).toEqual(["000002.sst", "000010.sst", "a", "aa", "b"]);
      });

      test("makeDirectory creates parents and is content with what exists", () => {
        fs.makeDirectory(at("x", "y", "z"));
        fs.makeDirectory(at("x", "y", "z"));
        fs.makeDirectory(at("x"));
        expect(fs.list(at("x", "y"))).toEqual(["z"]);
      });

      test("rename replaces the target in one step", () => {
        put(at("a"), "new");
        put(at("b"), "old");
        fs.rename(at("a"), at("b"));
        expect(fs.list(subject.directory)).toEqual(["b"]);
        expect(contentOf(at("b"))).toBe("new");
      });

      test("rename moves directories with all they hold, but never onto a full one", () => {
        fs.makeDirectory(at("d", "e"));
        put(at("d", "e", "a"), "x");
        fs.makeDirectory(at("full", "e"));
        expect(outcome(() => fs.rename(at("d"), at("full")))).toBe("ENOTEMPTY");
        fs.rename(at("d", "e"), at("moved"));
        expect(contentOf(at("moved", "a"))).toBe("x");
        expect(fs.list(at("d"))).toEqual([]);
      });

      test("renames that make no sense are refused as the system refuses them", () => {
        put(at("a"), "x");
        fs.makeDirectory(at("d"));
        expect(outcome(() => fs.rename(at("no"), at("b")))).toBe("ENOENT");
        expect(outcome(() => fs.rename(at("a"), at("no", "b")))).toBe("ENOENT");
        expect(outcome(() => fs.rename(at("a"), at("d")))).toBe("EISDIR");
        expect(outcome(() => fs.rename(at("d"), at("a")))).toBe("ENOTDIR");
        expect(outcome(() => fs.rename(at("d"), at("d", "e")))).toBe("EINVAL");
        fs.rename(at("a"), at("a"));
        expect(contentOf(at("a"))).toBe("x");
      });

      test("remove is for files", () => {
        fs.makeDirectory(at("d"));
        expect(outcome(() => fs.remove(at("d")))).toBe("EISDIR");
        put(at("a"), "x");
        fs.remove(at("a"));
        expect(fs.info(at("a"))).toBeUndefined();
      });

      test("an open file lives on when its name is removed or given to another", () => {
        put(at("a"), "first");
        const file = fs.open(at("a"), UPDATE);
        put(at("b"), "second");
        fs.rename(at("b"), at("a"));
        fs.remove(at("a"));
        file.write(toBytes("F"), 0, 1, 0);
        const target = new Uint8Array(5);
        file.read(target, 0, 5, 0);
        expect(toText(target)).toBe("First");
        file.close();
        expect(fs.info(at("a"))).toBeUndefined();
      });

      test("a directory can be synced, and there is room", () => {
        fs.syncDirectory(subject.directory);
        expect(fs.freeBytes(subject.directory)).toBeGreaterThan(0);
        expect(outcome(() => fs.freeBytes(at("no")))).toBe("ENOENT");
      });
    });

    describe("directory locks", () => {
      test("an exclusive lock excludes every other, until it is released", () => {
        const lock = fs.lockDirectory(subject.directory, "exclusive");
        expect(outcome(() => fs.lockDirectory(subject.directory, "exclusive"))).toBe("ERR_LOCKED");
        expect(outcome(() => fs.lockDirectory(subject.directory, "shared"))).toBe("ERR_LOCKED");
        lock.release();
        fs.lockDirectory(subject.directory, "shared").release();
        fs.lockDirectory(subject.directory, "exclusive").release();
      });

      test("shared locks go together, and the last one out lets a writer in", () => {
        const first = fs.lockDirectory(subject.directory, "shared");
        const second = fs.lockDirectory(subject.directory, "shared");
        expect(outcome(() => fs.lockDirectory(subject.directory, "exclusive"))).toBe("ERR_LOCKED");
        first.release();
        expect(outcome(() => fs.lockDirectory(subject.directory, "exclusive"))).toBe("ERR_LOCKED");
        second.release();
        fs.lockDirectory(subject.directory, "exclusive").release();
      });

      test("releasing twice does not take somebody else's lock away", () => {
        const first = fs.lockDirectory(subject.directory, "exclusive");
        first.release();
        const second = fs.lockDirectory(subject.directory, "exclusive");
        first.release();
        expect(fs.list(subject.directory)).toEqual(["LOCK"]);
        expect(outcome(() => fs.lockDirectory(subject.directory, "shared"))).toBe("ERR_LOCKED");
        second.release();
      });

      test("the refusal says that it is this process", () => {
        const lock = fs.lockDirectory(subject.directory, "exclusive");
        expect(() => fs.lockDirectory(subject.directory, "exclusive")).toThrow(
          `by this process (pid ${process.pid})`,
        );
        lock.release();
      });

      test("the same directory under another spelling is the same directory", () => {
        const lock = fs.lockDirectory(subject.directory, "exclusive");
        const spelling =
          fs.join(subject.directory, "..") + "/" + baseName(subject.directory) + "/.";
        expect(outcome(() => fs.lockDirectory(spelling, "exclusive"))).toBe("ERR_LOCKED");
        lock.release();
      });

      test("only the exclusive owner leaves its pid in LOCK, and takes it away again", () => {
        const exclusive = fs.lockDirectory(subject.directory, "exclusive");
        expect(contentOf(at("LOCK"))).toBe(`${process.pid}\n`);
        exclusive.release();
        expect(fs.list(subject.directory)).toEqual([]);
        const shared = fs.lockDirectory(subject.directory, "shared");
        expect(fs.list(subject.directory)).toEqual([]);
        shared.release();
      });

      test("a lock that cannot be marked is not kept", () => {
        fs.makeDirectory(at("LOCK"));
        expect(outcome(() => fs.lockDirectory(subject.directory, "exclusive"))).toBe("EISDIR");
        expect(fs.info(at("LOCK"))?.kind).toBe("directory");
        fs.lockDirectory(subject.directory, "shared").release();
      });
    });
  });
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
