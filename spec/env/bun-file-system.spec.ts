import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LockedError } from "../../src/base/errors.ts";
import { BunFileSystem } from "../../src/env/bun-file-system.ts";
import { fileSystemSuite, outcome } from "../suites/file-system.suite.ts";

const fs = new BunFileSystem();

fileSystemSuite("BunFileSystem", () => {
  const directory = mkdtempSync(join(tmpdir(), "meles-files-"));
  return {
    fileSystem: fs,
    directory,
    cleanUp: () => rmSync(directory, { recursive: true }),
  };
});

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "meles-files-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const permissionsOf = (path: string): number => statSync(path).mode & 0o777;

test("what is created is closed to other users unless the caller says otherwise", () => {
  const umask = process.umask(0);
  try {
    fs.makeDirectory(join(directory, "d", "e"));
    fs.open(join(directory, "private"), { write: true, create: "ifMissing" }).close();
    fs.open(join(directory, "open"), {
      write: true,
      create: "exclusive",
      permissions: 0o666,
    }).close();
    expect(permissionsOf(join(directory, "d"))).toBe(0o700);
    expect(permissionsOf(join(directory, "d", "e"))).toBe(0o700);
    expect(permissionsOf(join(directory, "private"))).toBe(0o600);
    expect(permissionsOf(join(directory, "open"))).toBe(0o666);
  } finally {
    process.umask(umask);
  }
});

test("directories that makeDirectory creates are durable: each is synced into its parent, and only then", () => {
  const synced: string[] = [];
  class Recording extends BunFileSystem {
    override syncDirectory(path: string): void {
      synced.push(path);
      super.syncDirectory(path);
    }
  }
  const recording = new Recording();
  recording.makeDirectory(join(directory, "a"));
  expect(synced).toEqual([directory]);
  recording.makeDirectory(join(directory, "a", "b", ".", "c", "d"));
  expect(synced.slice(1).sort()).toEqual(
    [join(directory, "a"), join(directory, "a", "b"), join(directory, "a", "b", "c")].sort(),
  );
  synced.length = 0;
  recording.makeDirectory(join(directory, "a", "b"));
  expect(synced).toEqual([]);
});

test("positions beyond 4 GiB work", () => {
  const file = fs.open(join(directory, "sparse"), { write: true, create: "exclusive" });
  const position = 5 * 2 ** 32 + 3;
  file.write(new Uint8Array([1, 2, 3]), 0, 3, position);
  expect(file.size()).toBe(position + 3);
  const target = new Uint8Array(4);
  expect(file.read(target, 0, 4, position + 1)).toBe(2);
  expect([...target]).toEqual([2, 3, 0, 0]);
  file.truncate(2);
  file.close();
});

test("what is neither file nor directory is refused at once, a named pipe included", () => {
  const pipe = join(directory, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  expect(outcome(() => fs.open(pipe, { write: false, create: "never" }))).toBe("EINVAL");
  expect(outcome(() => fs.readFile(pipe))).toBe("EINVAL");
  expect(fs.info(pipe)?.kind).toBe("other");
});

test("a write that the system cuts short goes on, and its failure is an error", () => {
  // A file size limit lets the first part of a write through and refuses the rest.
  const script = `
    const { BunFileSystem } = await import(${JSON.stringify(join(import.meta.dir, "../../src/env/bun-file-system.ts"))});
    const file = new BunFileSystem().open(process.argv[1], { write: true, create: "exclusive" });
    try { file.write(new Uint8Array(100_000), 0, 100_000, 0); } catch (error) { process.stdout.write(error.errno + " " + file.size()); }`;
  const limited = `trap "" XFSZ; ulimit -f 8; exec "$0" -e "$1" "$2"`;
  const { stdout } = Bun.spawnSync(
    ["sh", "-c", limited, process.execPath, script, join(directory, "a")],
    { stderr: "inherit" },
  );
  expect(stdout.toString()).toMatch(/^EFBIG (4096|8192)$/);
});

describe("directory locks between processes", () => {
  const holder = join(import.meta.dir, "hold-lock.ts");

  /** Starts a process that holds something until its standard input ends; resolves once it holds it. */
  async function start(command: string[]) {
    const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toStartWith("held");
    return {
      pid: child.pid,
      async finish() {
        await child.stdin.end();
        return child.exited;
      },
      async kill() {
        child.kill("SIGKILL");
        return child.exited;
      },
    };
  }

  test("another process is refused to, and named", async () => {
    const other = await start([process.execPath, holder, directory, "exclusive"]);
    for (const mode of ["shared", "exclusive"] as const) {
      expect(outcome(() => fs.lockDirectory(directory, mode))).toBe("ERR_LOCKED");
      expect(() => fs.lockDirectory(directory, mode)).toThrow(`another process (pid ${other.pid})`);
      expect(refusal(mode)).toMatchObject({ pid: other.pid, isThisProcess: false });
    }
    expect(await other.finish()).toBe(0);
    expect(fs.list(directory)).toEqual([]);
    const own = fs.lockDirectory(directory, "exclusive");
    expect(refusal("shared")).toMatchObject({ pid: process.pid, isThisProcess: true });
    own.release();
  });

  function refusal(mode: "shared" | "exclusive"): LockedError {
    try {
      fs.lockDirectory(directory, mode).release();
    } catch (error) {
      if (error instanceof LockedError) return error;
      throw error;
    }
    throw new Error("nothing was refused");
  }

  test("readers in several processes go together and keep a writer out", async () => {
    const other = await start([process.execPath, holder, directory, "shared"]);
    fs.lockDirectory(directory, "shared").release();
    expect(() => fs.lockDirectory(directory, "exclusive")).toThrow("readers also hold a lock");
    expect(await other.finish()).toBe(0);
    fs.lockDirectory(directory, "exclusive").release();
  });

  test("the lock of a killed process is gone, though its LOCK file is still there", async () => {
    const other = await start([process.execPath, holder, directory, "exclusive"]);
    await other.kill();
    expect(readFileSync(join(directory, "LOCK"), "utf8")).toBe(`${other.pid}\n`);
    const reader = fs.lockDirectory(directory, "shared");
    reader.release();
    expect(fs.list(directory)).toEqual(["LOCK"]);
    fs.lockDirectory(directory, "exclusive").release();
    expect(fs.list(directory)).toEqual([]);
  });

  test.skipIf(Bun.which("flock") === null)(
    "a lock taken on the directory by other software counts; a stale or odd LOCK file is not believed",
    async () => {
      const other = await start(["flock", "-n", directory, "sh", "-c", "echo held; exec cat"]);
      // Linux knows who it is.
      const somebody = `(pid ${other.pid})`;
      const holder =
        process.platform === "linux" ? `another process ${somebody};` : "another process;";
      expect(() => fs.lockDirectory(directory, "exclusive")).toThrow(`in use by ${holder}`);
      for (const text of ["4194304999\n", "not a pid", "", "1 2", "-5\n"]) {
        await Bun.write(join(directory, "LOCK"), text);
        expect(() => fs.lockDirectory(directory, "shared")).toThrow(`in use by ${holder}`);
      }
      await other.finish();
      fs.lockDirectory(directory, "shared").release();
    },
  );

  test.skipIf(Bun.which("flock") === null)("our lock keeps other software out", () => {
    const lock = fs.lockDirectory(directory, "exclusive");
    expect(Bun.spawnSync(["flock", "-n", directory, "true"]).exitCode).toBe(1);
    expect(Bun.spawnSync(["flock", "-n", "-s", directory, "true"]).exitCode).toBe(1);
    lock.release();
    expect(Bun.spawnSync(["flock", "-n", directory, "true"]).exitCode).toBe(0);
  });

  test("a child process does not inherit the lock", async () => {
    const lock = fs.lockDirectory(directory, "exclusive");
    const child = await start(["sh", "-c", "echo held; exec cat"]);
    lock.release();
    fs.lockDirectory(directory, "exclusive").release();
    await child.finish();
  });

  test("a symbolic link leads to the same lock", () => {
    const lock = fs.lockDirectory(directory, "exclusive");
    const link = `${directory}-link`;
    symlinkSync(directory, link);
    try {
      expect(() => fs.lockDirectory(link, "exclusive")).toThrow("by this process");
    } finally {
      rmSync(link);
      lock.release();
    }
  });

  test("a directory that was moved away stays locked, and its old name is free", () => {
    const data = join(directory, "data");
    fs.makeDirectory(data);
    const lock = fs.lockDirectory(data, "exclusive");
    fs.rename(data, join(directory, "moved"));
    fs.makeDirectory(data);
    fs.lockDirectory(data, "exclusive").release();
    expect(outcome(() => fs.lockDirectory(join(directory, "moved"), "shared"))).toBe("ERR_LOCKED");
    lock.release();
  });
});
