/**
 * A file system that fails on demand: every operation that changes something (or, if wanted, reads) is
 * shown to a hook first, which may let it pass, or throw in its stead. A failing write may leave a
 * part of its bytes behind, as real ones do.
 */

import { IoError } from "../../src/base/errors.ts";
import type {
  DirectoryLock,
  File,
  FileInfo,
  FileSystem,
  OpenMode,
} from "../../src/env/file-system.ts";

export type Operation =
  | "open"
  | "create"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "remove"
  | "sync directory";

/** Called before each operation; throws to make it fail. */
export type Hook = (operation: Operation, path: string) => void;

/** What a hook throws to make a write leave its first `bytes` bytes behind. */
export class PartialWrite extends Error {
  readonly bytes: number;
  readonly failure: IoError;

  constructor(bytes: number, failure: IoError) {
    super(failure.message);
    this.bytes = bytes;
    this.failure = failure;
  }
}

export function ioFailure(operation: string, path: string, errno: string): IoError {
  return new IoError({ operation, path, errno });
}

export class FaultyFileSystem implements FileSystem {
  readonly inner: FileSystem;
  hook: Hook = () => undefined;
  /** Sees the bytes of every write, whether it then fails or not. */
  onWrite: (bytes: Uint8Array) => void = () => undefined;
  /** When set, background syncs end only when this resolves; like on a slow disk. */
  slowSync: (() => Promise<void>) | undefined;

  constructor(inner: FileSystem) {
    this.inner = inner;
  }

  open(path: string, mode: OpenMode): File {
    this.hook(mode.create === "never" ? "open" : "create", path);
    return new FaultyFile(this, this.inner.open(path, mode));
  }

  readFile(path: string): Uint8Array | undefined {
    this.hook("read", path);
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
    this.hook("rename", from);
    this.inner.rename(from, to);
  }

  remove(path: string): void {
    this.hook("remove", path);
    this.inner.remove(path);
  }

  syncDirectory(path: string): void {
    this.hook("sync directory", path);
    this.inner.syncDirectory(path);
  }

  async syncDirectoryInBackground(path: string): Promise<void> {
    this.hook("sync directory", path);
    this.inner.syncDirectory(path);
    await this.slowSync?.();
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

class FaultyFile implements File {
  readonly path: string;
  readonly #system: FaultyFileSystem;
  readonly #inner: File;

  constructor(system: FaultyFileSystem, inner: File) {
    this.#system = system;
    this.#inner = inner;
    this.path = inner.path;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    this.#system.hook("read", this.path);
    return this.#inner.read(target, targetOffset, length, position);
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    this.#system.onWrite(source.subarray(sourceOffset, sourceOffset + length));
    try {
      this.#system.hook("write", this.path);
    } catch (error) {
      if (!(error instanceof PartialWrite)) throw error;
      this.#inner.write(source, sourceOffset, Math.min(error.bytes, length), position);
      throw error.failure;
    }
    this.#inner.write(source, sourceOffset, length, position);
  }

  sync(): void {
    this.#system.hook("sync", this.path);
    this.#inner.sync();
  }

  async syncInBackground(): Promise<void> {
    this.#system.hook("sync", this.path);
    const started = this.#inner.syncInBackground();
    await this.#system.slowSync?.();
    await started;
  }

  truncate(size: number): void {
    this.#system.hook("truncate", this.path);
    this.#inner.truncate(size);
  }

  size(): number {
    return this.#inner.size();
  }

  close(): void {
    this.#inner.close();
  }
}
