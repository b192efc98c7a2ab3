/**
 * The simulated disk as one process sees it. Every call is shown to a gate first, which counts it and may
 * let it pass, make it fail, make a write stop half-way, or end the process before, amid or after it.
 * Once the process is dead nothing it still tries reaches the disk.
 */

import { posix } from "node:path";
import { IoError } from "../../src/base/errors.ts";
import { lockedByThisProcess } from "../../src/env/directory-locks.ts";
import type {
  DirectoryLock,
  File,
  FileInfo,
  FileSystem,
  OpenMode,
} from "../../src/env/file-system.ts";
import { DiskFile } from "./disk-file.ts";
import type { DiskDirectory, SimulatedDisk } from "./simulated-disk.ts";

export type FileOperation =
  | "open"
  | "create"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "remove"
  | "sync directory"
  | "list"
  | "stat";

/** What becomes of an operation. `part`: how much of a write or read is done before the end, 0 … 1. */
export type Verdict =
  | { readonly kind: "pass" }
  | { readonly kind: "fail"; readonly errno: string; readonly part: number }
  | { readonly kind: "die"; readonly when: "before" | "amid" | "after"; readonly part: number };

export const PASS: Verdict = { kind: "pass" };

export interface Gate {
  readonly isAlive: boolean;
  /** `bytes`: of a write or read. */
  judge(operation: FileOperation, path: string, bytes: number): Verdict;
  /** The process ends here. */
  die(): void;
  /** What a failed sync leaves to chance. */
  failSync(file: DiskFile): void;
  /** Runs `finish` some time later, if the process still lives. */
  later(what: string, finish: () => void): void;
}

/** What a dead process meets; it is typed so that clean-up code on the way takes its normal course. */
function dead(operation: string, path: string): IoError {
  return new IoError({ operation, path, errno: "EIO" });
}

export class ProcessFiles implements FileSystem {
  readonly #disk: SimulatedDisk;
  readonly #gate: Gate;

  constructor(disk: SimulatedDisk, gate: Gate) {
    this.#disk = disk;
    this.#gate = gate;
  }

  /**
   * Carries out `action`, or what the gate makes of it; `amid` does the given part of it. A sync whose process
   * dies has not failed by that: what it was about stays dirty, and whoever syncs next brings it down, or is
   * told that it cannot be.
   */
  run<T>(
    operation: FileOperation,
    path: string,
    bytes: number,
    action: () => T,
    amid?: (part: number, isDeath: boolean) => void,
  ): T {
    const gate = this.#gate;
    if (!gate.isAlive) {
      // Looking does no harm, and spares clean-up code a failure that no living process would meet.
      if (operation === "stat" || operation === "list") return action();
      throw dead(operation, path);
    }
    const verdict = gate.judge(operation, path, bytes);
    if (verdict.kind === "pass") return action();
    if (verdict.kind === "fail") {
      amid?.(verdict.part, false);
      throw new IoError({ operation, path, errno: verdict.errno });
    }
    if (verdict.when === "after") action();
    else if (verdict.when === "amid") amid?.(verdict.part, true);
    gate.die();
    throw dead(operation, path);
  }

  open(path: string, mode: OpenMode): File {
    const operation = mode.create === "never" ? "open" : "create";
    return this.run(operation, path, 0, () => this.#open(path, mode));
  }

  #open(path: string, mode: OpenMode): File {
    const { directory, name } = this.#locate("open", path);
    let file = directory.names.get(name);
    if (file === undefined) {
      if (mode.create === "never") throw failure("open", path, "ENOENT");
      file = new DiskFile();
      directory.link(name, file);
    } else if (mode.create === "exclusive") {
      throw failure("open", path, "EEXIST");
    } else if (mode.create === "truncate") {
      file.truncate(0);
    }
    return new OpenFile(this, this.#gate, path, file, mode.write);
  }

  readFile(path: string): Uint8Array | undefined {
    return this.run("read", path, 0, () => this.#disk.file(path)?.content());
  }

  info(path: string): FileInfo | undefined {
    return this.run("stat", path, 0, () => {
      if (this.#disk.directory(path) !== undefined) return { kind: "directory", size: 0 } as const;
      const file = this.#disk.file(path);
      return file === undefined ? undefined : ({ kind: "file", size: file.size } as const);
    });
  }

  list(directory: string): string[] {
    return this.run("list", directory, 0, () =>
      [...this.#directory("list", directory).names.keys()].sort(),
    );
  }

  makeDirectory(path: string): void {
    this.run("create", path, 0, () => void this.#disk.makeDirectory(path));
  }

  rename(from: string, to: string): void {
    this.run("rename", to, 0, () => {
      const source = this.#locate("rename", from);
      const target = this.#locate("rename", to);
      const file = source.directory.names.get(source.name);
      if (file === undefined) throw failure("rename", from, "ENOENT");
      if (source.directory !== target.directory) throw failure("rename", from, "EXDEV");
      source.directory.rename(source.name, target.name, file);
    });
  }

  remove(path: string): void {
    this.run("remove", path, 0, () => {
      const { directory, name } = this.#disk.locate(path);
      if (directory?.names.has(name) === true) directory.unlink(name);
    });
  }

  syncDirectory(path: string): void {
    this.run("sync directory", path, 0, () => this.#directory("sync directory", path).sync());
  }

  syncDirectoryInBackground(path: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#gate.later("sync directory", () => {
      try {
        this.syncDirectory(path);
        resolve();
      } catch (error) {
        if (this.#gate.isAlive) reject(error);
      }
    });
    return promise;
  }

  /** The lock goes with its process. The file `LOCK` is for people; it is left out here. */
  lockDirectory(path: string, mode: "shared" | "exclusive"): DirectoryLock {
    return this.run("open", path, 0, () => {
      const directory = this.#directory("open directory", path);
      directory.holders = directory.holders.filter((holder) => holder.isAlive());
      const isFree = directory.holders.every(
        (holder) => holder.mode === "shared" && mode === "shared",
      );
      if (!isFree) throw lockedByThisProcess(path, 1);
      const holder = { mode, isAlive: () => this.#gate.isAlive };
      directory.holders.push(holder);
      return {
        release: () => {
          directory.holders = directory.holders.filter((one) => one !== holder);
        },
      };
    });
  }

  freeBytes(): number {
    return Number.POSITIVE_INFINITY;
  }

  join(...parts: string[]): string {
    return posix.join(...parts);
  }

  #locate(operation: string, path: string): { directory: DiskDirectory; name: string } {
    const { directory, name } = this.#disk.locate(path);
    if (directory === undefined) throw failure(operation, path, "ENOENT");
    return { directory, name };
  }

  #directory(operation: string, path: string): DiskDirectory {
    const directory = this.#disk.directory(path);
    if (directory === undefined) throw failure(operation, path, "ENOENT");
    return directory;
  }
}

class OpenFile implements File {
  readonly path: string;
  readonly #files: ProcessFiles;
  readonly #gate: Gate;
  readonly #file: DiskFile;
  readonly #writable: boolean;
  #closed = false;

  constructor(files: ProcessFiles, gate: Gate, path: string, file: DiskFile, writable: boolean) {
    this.#files = files;
    this.#gate = gate;
    this.path = path;
    this.#file = file;
    this.#writable = writable;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    this.#requireOpen("read");
    const read = (count: number): number => this.#file.read(target, targetOffset, count, position);
    return this.#files.run(
      "read",
      this.path,
      length,
      () => read(length),
      (part) => void read(Math.floor(length * part)),
    );
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    this.#requireOpen("write");
    if (!this.#writable) throw failure("write", this.path, "EBADF");
    const write = (count: number): void =>
      this.#file.write(position, source.subarray(sourceOffset, sourceOffset + count));
    this.#files.run(
      "write",
      this.path,
      length,
      () => write(length),
      (part) => write(Math.floor(length * part)),
    );
  }

  sync(): void {
    this.#requireOpen("sync");
    const file = this.#file;
    this.#files.run(
      "sync",
      this.path,
      0,
      () => file.settle(),
      (_, isDeath) => this.#failSync(isDeath),
    );
  }

  #failSync(isDeath: boolean): void {
    if (!isDeath) this.#gate.failSync(this.#file);
  }

  syncInBackground(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    try {
      this.#requireOpen("sync");
    } catch (error) {
      return Promise.reject(error);
    }
    const file = this.#file;
    const { changeCount } = file;
    // The descriptor stays open until the kernel is done with it, whatever `close` says meanwhile.
    this.#gate.later(`sync ${posix.basename(this.path)}`, () => {
      try {
        this.#files.run(
          "sync",
          this.path,
          0,
          () => file.settle(changeCount),
          (_, isDeath) => this.#failSync(isDeath),
        );
        resolve();
      } catch (error) {
        if (this.#gate.isAlive) reject(error);
      }
    });
    return promise;
  }

  truncate(size: number): void {
    this.#requireOpen("truncate");
    if (!this.#writable) throw failure("truncate", this.path, "EINVAL");
    this.#files.run("truncate", this.path, size, () => this.#file.truncate(size));
  }

  size(): number {
    this.#requireOpen("stat");
    return this.#files.run("stat", this.path, 0, () => this.#file.size);
  }

  close(): void {
    this.#closed = true;
  }

  #requireOpen(operation: string): void {
    if (this.#closed) throw failure(operation, this.path, "EBADF");
  }
}

function failure(operation: string, path: string, errno: string): IoError {
  return new IoError({ operation, path, errno });
}
