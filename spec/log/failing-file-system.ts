/** A file system that fails on request, and remembers what was asked of it. */

import { IoError } from "../../src/base/errors.ts";
import type {
  DirectoryLock,
  File,
  FileInfo,
  FileSystem,
  OpenMode,
} from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";

export type Operation =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "close"
  | "rename"
  | "syncDirectory";

interface Fault {
  readonly operation: Operation;
  readonly errno: string;
  /** Calls that still go well. */
  after: number;
}

/** Wraps a memory file system; background syncs end only when `finishSyncs` says so. */
export class FailingFileSystem implements FileSystem {
  readonly inner = new MemoryFileSystem();
  /** `operation name`, in order. */
  readonly calls: string[] = [];
  openFiles = 0;
  #faults: Fault[] = [];
  #holdsSyncs = false;
  #heldSyncs: (() => void)[] = [];

  /** The call of `operation` after `after` more ones fails, once. */
  failOnce(operation: Operation, errno = "EIO", after = 0): void {
    this.#faults.push({ operation, errno, after });
  }

  /** Background syncs stay under way from now on. */
  holdSyncs(): void {
    this.#holdsSyncs = true;
  }

  /** Ends the background syncs under way, and lets later ones end at once. */
  async finishSyncs(): Promise<void> {
    this.#holdsSyncs = false;
    const held = this.#heldSyncs;
    this.#heldSyncs = [];
    for (const finish of held) finish();
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  count(operation: Operation): number {
    return this.calls.filter((call) => call.startsWith(`${operation} `)).length;
  }

  /** Notes a call and throws if it is to fail. */
  note(operation: Operation, path: string): void {
    this.calls.push(`${operation} ${path.slice(path.lastIndexOf("/") + 1)}`);
    for (const fault of this.#faults) {
      if (fault.operation !== operation || fault.after-- > 0) continue;
      this.#faults = this.#faults.filter((one) => one !== fault);
      throw new IoError({ operation, path, errno: fault.errno });
    }
  }

  backgroundSync(path: string): Promise<void> {
    const run = (): void => this.note("sync", path);
    if (!this.#holdsSyncs) return new Promise((resolve) => resolve(run()));
    return new Promise((resolve, reject) => {
      this.#heldSyncs.push(() => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  open(path: string, mode: OpenMode): File {
    this.note("open", path);
    const file = this.inner.open(path, mode);
    this.openFiles++;
    return new FailingFile(this, file);
  }

  readFile(path: string): Uint8Array | undefined {
    return this.inner.readFile(path);
  }

  info(path: string): FileInfo | undefined {
    return this.inner.info(path);
  }

  list(directory: string): string[] {
    return this.inner.list(directory);
  }

  makeDirectory(path: string): void {
    this.inner.makeDirectory(path);
  }

  rename(from: string, to: string): void {
    this.note("rename", to);
    this.inner.rename(from, to);
  }

  remove(path: string): void {
    this.inner.remove(path);
  }

  syncDirectory(path: string): void {
    this.note("syncDirectory", path);
    this.inner.syncDirectory(path);
  }

  async syncDirectoryInBackground(path: string): Promise<void> {
    this.syncDirectory(path);
  }

  lockDirectory(path: string, mode: "shared" | "exclusive"): DirectoryLock {
    return this.inner.lockDirectory(path, mode);
  }

  freeBytes(path: string): number {
    return this.inner.freeBytes(path);
  }

  join(...parts: string[]): string {
    return this.inner.join(...parts);
  }
}

class FailingFile implements File {
  readonly path: string;
  readonly #system: FailingFileSystem;
  readonly #file: File;
  #isOpen = true;

  constructor(system: FailingFileSystem, file: File) {
    this.#system = system;
    this.#file = file;
    this.path = file.path;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    this.#system.note("read", this.path);
    return this.#file.read(target, targetOffset, length, position);
  }

  /** A write that fails leaves half of its bytes behind. */
  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    try {
      this.#system.note("write", this.path);
    } catch (error) {
      this.#file.write(source, sourceOffset, length >>> 1, position);
      throw error;
    }
    this.#file.write(source, sourceOffset, length, position);
  }

  sync(): void {
    this.#system.note("sync", this.path);
    this.#file.sync();
  }

  syncInBackground(): Promise<void> {
    return this.#system.backgroundSync(this.path);
  }

  truncate(size: number): void {
    this.#system.note("truncate", this.path);
    this.#file.truncate(size);
  }

  size(): number {
    return this.#file.size();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#system.openFiles--;
    this.#system.note("close", this.path);
    this.#file.close();
  }
}
