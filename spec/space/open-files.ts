/** A file system that knows which files are open, so that a removed file which still takes space shows. */

import type {
  DirectoryLock,
  File,
  FileInfo,
  FileSystem,
  OpenMode,
} from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";

export class OpenFiles implements FileSystem {
  readonly inner = new MemoryFileSystem();
  readonly #open = new Set<TrackedFile>();

  /** Names of files that are gone but still held open, with their sizes: space that is not free. */
  heldAfterRemoval(): string[] {
    return [...this.#open]
      .filter((file) => file.isRemoved)
      .map((file) => `${file.path} ${file.size()}`)
      .sort();
  }

  open(path: string, mode: OpenMode): File {
    const file = new TrackedFile(this.inner.open(path, mode), (one) => this.#open.delete(one));
    this.#open.add(file);
    return file;
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
    this.inner.rename(from, to);
    for (const file of this.#open) if (file.path === from) file.path = to;
  }

  remove(path: string): void {
    this.inner.remove(path);
    for (const file of this.#open) if (file.path === path) file.isRemoved = true;
  }

  syncDirectory(path: string): void {
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

class TrackedFile implements File {
  path: string;
  isRemoved = false;
  readonly #inner: File;
  readonly #onClose: (file: TrackedFile) => void;

  constructor(inner: File, onClose: (file: TrackedFile) => void) {
    this.#inner = inner;
    this.path = inner.path;
    this.#onClose = onClose;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    return this.#inner.read(target, targetOffset, length, position);
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    this.#inner.write(source, sourceOffset, length, position);
  }

  sync(): void {
    this.#inner.sync();
  }

  syncInBackground(): Promise<void> {
    return this.#inner.syncInBackground();
  }

  truncate(size: number): void {
    this.#inner.truncate(size);
  }

  size(): number {
    return this.#inner.size();
  }

  close(): void {
    this.#onClose(this);
    this.#inner.close();
  }
}
