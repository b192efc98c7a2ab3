/**
 * A file system in memory: for databases opened as ":memory:" and for specs. It gives the same answers and
 * the same errors as the real one, so that code tested on it meets no surprises (spec/suites holds both to
 * it). Syncing does nothing: what this file system holds dies with it anyway.
 *
 * Like inodes, files live on while they are open: removing or renaming only changes names.
 */

import { posix } from "node:path";
import { assert } from "../base/assert.ts";
import { EMPTY_BYTES, toBytes } from "../base/bytes.ts";
import { IoError } from "../base/errors.ts";
import {
  DirectoryLocks,
  LOCK_FILE_NAME,
  lockedByThisProcess,
  lockFileText,
  type LockMode,
} from "./directory-locks.ts";
import {
  holdsValueLogs,
  insideDatabase,
  isManifest,
  MANIFEST_NAME,
} from "./database-directories.ts";
import type { DirectoryLock, File, FileInfo, FileSystem, OpenMode } from "./file-system.ts";

const CAPACITY_MIN = 4096;

export class MemoryFileSystem implements FileSystem {
  readonly #root = new DirectoryNode();
  readonly #locks = new DirectoryLocks();

  open(path: string, mode: OpenMode): File {
    assert(mode.write || mode.create === "never", "a file that is created is opened for writing");
    const { parent, name } = this.#locate("open", path);
    if (mode.outsideDatabases === true) {
      const manifest = parent.children.get(MANIFEST_NAME);
      const isDatabase = manifest instanceof FileNode && isManifest(manifest.bytes);
      if (isDatabase || holdsValueLogs([...parent.children.keys()])) throw insideDatabase(path);
    }
    let node = parent.children.get(name);
    if (node === undefined) {
      if (mode.create === "never") throw failure("open", path, "ENOENT");
      node = new FileNode();
      parent.children.set(name, node);
    } else {
      if (mode.create === "exclusive") throw failure("open", path, "EEXIST");
      if (node instanceof DirectoryNode) throw failure("open", path, "EISDIR");
      if (mode.create === "truncate") node.resize(0);
    }
    assert(node instanceof FileNode, "what is opened is a file");
    return new MemoryFile(path, node, mode.write);
  }

  readFile(path: string): Uint8Array | undefined {
    const node = this.#find("open", path);
    if (node === undefined) return undefined;
    if (node instanceof DirectoryNode) throw failure("open", path, "EISDIR");
    return node.bytes.slice(0, node.size);
  }

  info(path: string): FileInfo | undefined {
    const node = this.#find("stat", path);
    if (node === undefined) return undefined;
    return node instanceof FileNode
      ? { kind: "file", size: node.size }
      : { kind: "directory", size: 0 };
  }

  list(directory: string): string[] {
    return [...this.#directory("list", directory).children.keys()].sort();
  }

  makeDirectory(path: string): void {
    let directory = this.#root;
    for (const name of partsOf(path)) {
      let next = directory.children.get(name);
      if (next === undefined) {
        next = new DirectoryNode();
        directory.children.set(name, next);
      }
      if (next instanceof FileNode) throw failure("create directory", path, "ENOTDIR");
      directory = next;
    }
  }

  rename(from: string, to: string): void {
    const source = this.#locate("rename", from);
    const target = this.#locate("rename", from, to);
    const node = source.parent.children.get(source.name);
    if (node === undefined) throw failure("rename", from, "ENOENT");
    const replaced = target.parent.children.get(target.name);
    if (replaced === node) return;
    if (node instanceof DirectoryNode && node.contains(target.parent)) {
      throw failure("rename", from, "EINVAL");
    }
    if (replaced instanceof DirectoryNode && replaced.contains(source.parent)) {
      throw failure("rename", from, "ENOTEMPTY");
    }
    if (node instanceof DirectoryNode) {
      if (replaced instanceof FileNode) throw failure("rename", from, "ENOTDIR");
      if (replaced !== undefined && replaced.children.size > 0) {
        throw failure("rename", from, "ENOTEMPTY");
      }
    } else if (replaced instanceof DirectoryNode) {
      throw failure("rename", from, "EISDIR");
    }
    source.parent.children.delete(source.name);
    target.parent.children.set(target.name, node);
  }

  remove(path: string): void {
    const node = this.#find("remove", path);
    if (node === undefined) return;
    if (node instanceof DirectoryNode) throw failure("remove", path, "EISDIR");
    const { parent, name } = this.#locate("remove", path);
    parent.children.delete(name);
  }

  syncDirectory(path: string): void {
    this.#directory("open directory", path);
  }

  async syncDirectoryInBackground(path: string): Promise<void> {
    this.syncDirectory(path);
  }

  lockDirectory(path: string, mode: LockMode): DirectoryLock {
    const identity = String(this.#directory("open directory", path).id);
    if (!this.#locks.tryAcquire(identity, mode)) throw lockedByThisProcess(path, process.pid);
    const lockFile = this.join(path, LOCK_FILE_NAME);
    if (mode === "exclusive") {
      const text = toBytes(lockFileText(process.pid));
      try {
        this.open(lockFile, { write: true, create: "truncate" }).write(text, 0, text.length, 0);
      } catch (error) {
        this.#locks.release(identity);
        throw error;
      }
    }
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      if (mode === "exclusive") this.remove(lockFile);
      this.#locks.release(identity);
    };
    return { release };
  }

  freeBytes(path: string): number {
    if (this.#find("measure free space of", path) === undefined) {
      throw failure("measure free space of", path, "ENOENT");
    }
    return Number.POSITIVE_INFINITY;
  }

  join(...parts: string[]): string {
    return posix.join(...parts);
  }

  /** The directory a path lies in and its last part. Errors name `reportedPath`. */
  #locate(
    operation: string,
    reportedPath: string,
    path = reportedPath,
  ): { parent: DirectoryNode; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw failure(operation, reportedPath, "EISDIR");
    let parent = this.#root;
    for (const part of parts) {
      const next = parent.children.get(part);
      if (next === undefined) throw failure(operation, reportedPath, "ENOENT");
      if (next instanceof FileNode) throw failure(operation, reportedPath, "ENOTDIR");
      parent = next;
    }
    return { parent, name };
  }

  #find(operation: string, path: string): Node | undefined {
    if (partsOf(path).length === 0) return this.#root;
    try {
      const { parent, name } = this.#locate(operation, path);
      return parent.children.get(name);
    } catch (error) {
      if (error instanceof IoError && error.errno === "ENOENT") return undefined;
      throw error;
    }
  }

  #directory(operation: string, path: string): DirectoryNode {
    const node = this.#find(operation, path);
    if (node === undefined) throw failure(operation, path, "ENOENT");
    if (node instanceof FileNode) throw failure(operation, path, "ENOTDIR");
    return node;
  }
}

type Node = FileNode | DirectoryNode;

let directoryCount = 0;

class DirectoryNode {
  readonly id = ++directoryCount;
  readonly children = new Map<string, Node>();

  contains(other: DirectoryNode): boolean {
    if (other === this) return true;
    for (const child of this.children.values()) {
      if (child instanceof DirectoryNode && child.contains(other)) return true;
    }
    return false;
  }
}

class FileNode {
  /** At least `size` long; beyond it all zeros, so that growing leaves a hole of zeros. */
  bytes: Uint8Array = EMPTY_BYTES;
  size = 0;

  resize(size: number): void {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.bytes.length * 2, CAPACITY_MIN));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    } else if (size === 0) {
      this.bytes = EMPTY_BYTES;
    } else if (size < this.size) {
      this.bytes.fill(0, size, this.size);
    }
    this.size = size;
  }
}

class MemoryFile implements File {
  readonly path: string;
  readonly #writable: boolean;
  #node: FileNode | undefined;

  constructor(path: string, node: FileNode, writable: boolean) {
    this.path = path;
    this.#node = node;
    this.#writable = writable;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    assert(
      position >= 0 && targetOffset >= 0 && length >= 0 && targetOffset + length <= target.length,
      "a read stays inside its target and its file",
    );
    const node = this.#opened("read");
    const count = Math.max(0, Math.min(length, node.size - position));
    target.set(node.bytes.subarray(position, position + count), targetOffset);
    return count;
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    assert(
      position >= 0 && sourceOffset >= 0 && length >= 0 && sourceOffset + length <= source.length,
      "a write stays inside its source and its file",
    );
    const node = this.#opened("write");
    if (length === 0) return;
    if (!this.#writable) throw failure("write", this.path, "EBADF");
    if (position + length > node.size) node.resize(position + length);
    node.bytes.set(source.subarray(sourceOffset, sourceOffset + length), position);
  }

  sync(): void {
    this.#opened("sync");
  }

  syncInBackground(): Promise<void> {
    try {
      return Promise.resolve(this.sync());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  truncate(size: number): void {
    assert(size >= 0, "a file is cut to a size of zero or more");
    const node = this.#opened("truncate");
    if (!this.#writable) throw failure("truncate", this.path, "EINVAL");
    node.resize(size);
  }

  size(): number {
    return this.#opened("stat").size;
  }

  close(): void {
    this.#node = undefined;
  }

  #opened(operation: string): FileNode {
    if (this.#node === undefined) throw failure(operation, this.path, "EBADF");
    return this.#node;
  }
}

function failure(operation: string, path: string, errno: string): IoError {
  return new IoError({ operation, path, errno });
}

/** Parts of a normalized path; relative paths start at the root. */
function partsOf(path: string): string[] {
  return posix
    .resolve("/", path)
    .split("/")
    .filter((part) => part !== "");
}
