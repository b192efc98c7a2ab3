/**
 * The real file system, and the only importer of `node:fs`.
 *
 * Reads and writes are positional and loop over short counts and EINTR, so callers see whole operations.
 * Buffers may lie in a SharedArrayBuffer. Nothing here retries a failed sync: the kernel may already have
 * dropped the dirty pages, and a second sync would then report a success that never happened.
 */

import {
  close,
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { assert } from "../base/assert.ts";
import { toBytes, toText } from "../base/bytes.ts";
import { IoError } from "../base/errors.ts";
import {
  holdsValueLogs,
  insideDatabase,
  isManifest,
  MANIFEST_HEAD_BYTES,
  MANIFEST_NAME,
} from "./database-directories.ts";
import {
  flockHolder,
  LOCK_FILE_NAME,
  lockedByThisProcess,
  lockedElsewhere,
  lockFileText,
  parseLockFile,
  processDirectoryLocks,
  type LockMode,
} from "./directory-locks.ts";
import type { DirectoryLock, File, FileInfo, FileSystem, OpenMode } from "./file-system.ts";
import { tryFlock } from "./flock.ts";

const DIRECTORY_PERMISSIONS = 0o700;
const FILE_PERMISSIONS = 0o600;
/** Descriptor number of a closed file: the kernel answers EBADF. */
const CLOSED = -1;

export class BunFileSystem implements FileSystem {
  open(path: string, mode: OpenMode): File {
    assert(mode.write || mode.create === "never", "a file that is created is opened for writing");
    if (mode.outsideDatabases === true) this.#requireOutside(path);
    if (mode.stream === true) return new BunFile(path, openStream(path), "stream");
    const descriptor = openDescriptor(path, openFlags(mode), mode.permissions ?? FILE_PERMISSIONS);
    return new BunFile(path, descriptor, "file");
  }

  readFile(path: string): Uint8Array | undefined {
    let file: File;
    try {
      file = this.open(path, { write: false, create: "never" });
    } catch (error) {
      if (error instanceof IoError && error.errno === "ENOENT") return undefined;
      throw error;
    }
    try {
      const content = new Uint8Array(file.size());
      const length = file.read(content, 0, content.length, 0);
      return length === content.length ? content : content.slice(0, length);
    } finally {
      file.close();
    }
  }

  info(path: string): FileInfo | undefined {
    try {
      return fileInfo(statSync(path));
    } catch (cause) {
      const error = ioError("stat", path, cause);
      if (error.errno === "ENOENT") return undefined;
      throw error;
    }
  }

  list(directory: string): string[] {
    try {
      return readdirSync(directory).sort();
    } catch (cause) {
      throw ioError("list", directory, cause);
    }
  }

  makeDirectory(path: string): void {
    let firstCreated: string | undefined;
    try {
      firstCreated = mkdirSync(path, { recursive: true, mode: DIRECTORY_PERMISSIONS });
    } catch (cause) {
      const error = ioError("create directory", path, cause);
      if (error.errno !== "EEXIST") throw error;
      // An existing directory is no error here, so what is in the way is something else.
      throw new IoError({ operation: "create directory", path, errno: "ENOTDIR", cause });
    }
    if (firstCreated === undefined) return;
    const top = dirname(resolve(firstCreated));
    for (let parent = dirname(resolve(path)); ; parent = dirname(parent)) {
      this.syncDirectory(parent);
      if (parent.length <= top.length) return;
    }
  }

  rename(from: string, to: string): void {
    try {
      renameSync(from, to);
    } catch (cause) {
      throw ioError("rename", from, cause);
    }
  }

  /** The name goes at once. Giving the blocks back may take long, so that is left to another thread. */
  remove(path: string): void {
    const descriptor = openToHold(path);
    try {
      unlinkSync(path);
    } catch (cause) {
      const error = ioError("remove", path, cause);
      if (error.errno !== "ENOENT") throw error;
    } finally {
      if (descriptor !== undefined) close(descriptor, ignored);
    }
  }

  syncDirectory(path: string): void {
    const descriptor = openDirectory(path);
    try {
      fsyncSync(descriptor);
    } catch (cause) {
      throw ioError("sync directory", path, cause);
    } finally {
      closeSync(descriptor);
    }
  }

  syncDirectoryInBackground(path: string): Promise<void> {
    const { promise, resolve: fulfil, reject } = Promise.withResolvers<void>();
    try {
      const descriptor = openDirectory(path);
      fsync(descriptor, (cause) => {
        closeSync(descriptor);
        if (cause === null || cause === undefined) fulfil();
        else reject(ioError("sync directory", path, cause));
      });
    } catch (error) {
      reject(error);
    }
    return promise;
  }

  lockDirectory(path: string, mode: LockMode): DirectoryLock {
    const descriptor = openDirectory(path);
    try {
      return this.#lock(path, mode, descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  freeBytes(path: string): number {
    try {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    } catch (cause) {
      throw ioError("measure free space of", path, cause);
    }
  }

  join(...parts: string[]): string {
    return join(...parts);
  }

  /** The file is looked for where the kernel will: behind all symbolic links, also one that leads nowhere yet. */
  #requireOutside(path: string): void {
    const directory = dirname(linkTarget(path));
    if (this.info(directory)?.kind === "directory" && holdsValueLogs(this.list(directory))) {
      throw insideDatabase(path);
    }
    const head = new Uint8Array(MANIFEST_HEAD_BYTES);
    try {
      const manifest = this.open(join(directory, MANIFEST_NAME), { write: false, create: "never" });
      try {
        manifest.read(head, 0, head.length, 0);
      } finally {
        manifest.close();
      }
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
    }
    if (isManifest(head)) throw insideDatabase(path);
  }

  #lock(path: string, mode: LockMode, descriptor: number): DirectoryLock {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    const identity = `${dev}:${ino}`;
    const locks = processDirectoryLocks();
    if (!locks.tryAcquire(identity, mode)) throw lockedByThisProcess(path, process.pid);
    try {
      const errno = tryFlock(descriptor, mode, () => readKernelText("/proc/self/maps"));
      if (errno === "EAGAIN") {
        const cause = new IoError({ operation: "lock", path, errno });
        throw lockedElsewhere(path, mode, this.#holderOf(path, ino), cause);
      }
      if (errno !== undefined) throw new IoError({ operation: "lock", path, errno });
      if (mode === "exclusive") this.#writeLockFile(path);
    } catch (error) {
      locks.release(identity);
      throw error;
    }
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      try {
        if (mode === "exclusive") this.remove(join(path, LOCK_FILE_NAME));
      } finally {
        locks.release(identity);
        closeSync(descriptor);
      }
    };
    return { release };
  }

  /**
   * Who holds the lock: the kernel's answer, else who wrote the `LOCK` file, if that process is still
   * alive. The file comes after the lock, and a killed owner leaves it behind.
   */
  #holderOf(path: string, inode: bigint): number | undefined {
    try {
      const holder = flockHolder(readKernelText("/proc/locks") ?? "", inode);
      if (holder !== undefined && holder !== process.pid) return holder;
      const text = this.readFile(join(path, LOCK_FILE_NAME));
      const pid = text === undefined ? undefined : parseLockFile(toText(text));
      return pid !== undefined && pid !== process.pid && isAlive(pid) ? pid : undefined;
    } catch {
      return undefined; // It only serves the message; the refusal itself is what matters.
    }
  }

  #writeLockFile(path: string): void {
    const text = toBytes(lockFileText(process.pid));
    try {
      const file = this.open(join(path, LOCK_FILE_NAME), { write: true, create: "truncate" });
      try {
        file.write(text, 0, text.length, 0);
      } finally {
        file.close();
      }
    } catch (error) {
      // A full disk must not keep anybody from opening a database to delete something; flock is the lock.
      if (!(error instanceof IoError && error.code === "ERR_DISK_FULL")) throw error;
    }
  }
}

class BunFile implements File {
  readonly path: string;
  #descriptor: number;
  readonly #isStream: boolean;
  #backgroundSyncs = 0;
  #closeAfterSync: (() => void) | undefined;

  constructor(path: string, descriptor: number, kind: "file" | "stream") {
    this.path = path;
    this.#descriptor = descriptor;
    this.#isStream = kind === "stream";
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    assert(
      position >= 0 && targetOffset >= 0 && length >= 0 && targetOffset + length <= target.length,
      "a read stays inside its target and its file",
    );
    let done = 0;
    while (done < length) {
      try {
        const count = readSync(
          this.#descriptor,
          target,
          targetOffset + done,
          length - done,
          position + done,
        );
        if (count === 0) break;
        done += count;
      } catch (cause) {
        this.#throwUnlessInterrupted("read", cause);
      }
    }
    return done;
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    assert(
      position >= 0 && sourceOffset >= 0 && length >= 0 && sourceOffset + length <= source.length,
      "a write stays inside its source and its file",
    );
    let done = 0;
    while (done < length) {
      try {
        const place = this.#isStream ? null : position + done;
        done += writeSync(this.#descriptor, source, sourceOffset + done, length - done, place);
      } catch (cause) {
        this.#throwUnlessInterrupted("write", cause);
      }
    }
  }

  sync(): void {
    try {
      fdatasyncSync(this.#descriptor);
    } catch (cause) {
      throw this.#error("sync", cause);
    }
  }

  syncInBackground(): Promise<void> {
    if (this.#descriptor === CLOSED) return Promise.reject(this.#error("sync", undefined));
    const { promise, resolve: fulfil, reject } = Promise.withResolvers<void>();
    this.#backgroundSyncs++;
    fdatasync(this.#descriptor, (cause) => {
      if (--this.#backgroundSyncs === 0) this.#closeAfterSync?.();
      if (cause === null || cause === undefined) fulfil();
      else reject(this.#error("sync", cause));
    });
    return promise;
  }

  truncate(size: number): void {
    assert(size >= 0, "a file is cut to a size of zero or more");
    try {
      ftruncateSync(this.#descriptor, size);
    } catch (cause) {
      throw this.#error("truncate", cause);
    }
  }

  size(): number {
    try {
      return fstatSync(this.#descriptor).size;
    } catch (cause) {
      throw this.#error("stat", cause);
    }
  }

  close(): void {
    const descriptor = this.#descriptor;
    if (descriptor === CLOSED) return;
    this.#descriptor = CLOSED;
    if (this.#backgroundSyncs === 0) {
      this.#closeDescriptor(descriptor);
      return;
    }
    // Closing now would let the number be given to another file, which would be synced in our stead.
    this.#closeAfterSync = () => {
      try {
        this.#closeDescriptor(descriptor);
      } catch {
        // Nobody waits for this any more, and the sync before it has told about the data.
      }
    };
  }

  #closeDescriptor(descriptor: number): void {
    if (!this.#isStream) {
      // The last close of a removed file gives its blocks back, which may take long. What it might tell of
      // the data a sync has told.
      close(descriptor, ignored);
      return;
    }
    try {
      closeSync(descriptor);
    } catch (cause) {
      throw this.#error("close", cause);
    }
  }

  #throwUnlessInterrupted(operation: string, cause: unknown): void {
    const error = this.#error(operation, cause);
    if (error.errno !== "EINTR") throw error;
  }

  #error(operation: string, cause: unknown): IoError {
    // Bun refuses the descriptor −1 before the kernel can say what it means.
    if (this.#descriptor === CLOSED) {
      return new IoError({ operation, path: this.path, errno: "EBADF", cause });
    }
    return ioError(operation, this.path, cause);
  }
}

/** Writes a line to standard error at once; whatever happens to it must not disturb the database. */
export function writeToStandardError(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // A closed or full standard error: there is nowhere left to tell.
  }
}

function ioError(operation: string, path: string, cause: unknown): IoError {
  const code: unknown = cause instanceof Error && "code" in cause ? cause.code : undefined;
  // `ERR_…` codes are Bun's own argument checks, not answers of the operating system.
  const errno = typeof code === "string" && /^E(?!RR_)/.test(code) ? code : "UNKNOWN";
  return new IoError({ operation, path, errno, cause });
}

/** Links followed one by one, at most; the kernel gives up at 40. */
const LINKS_MAX = 40;

/** Where a file of this name is, or would be made. */
function linkTarget(path: string): string {
  let target = resolve(path);
  for (let links = 0; links < LINKS_MAX; links++) {
    try {
      return realpathSync(target);
    } catch {
      // Not there yet, or a link to what is not there yet.
    }
    try {
      target = resolve(dirname(target), readlinkSync(target));
    } catch {
      break;
    }
  }
  try {
    return join(realpathSync(dirname(target)), basename(target));
  } catch {
    return target; // Its directory is not there either: opening it fails by itself.
  }
}

function openFlags(mode: OpenMode): number {
  const access = mode.write ? constants.O_RDWR : constants.O_RDONLY;
  switch (mode.create) {
    case "never":
      return access;
    case "ifMissing":
      return access | constants.O_CREAT;
    case "exclusive":
      return access | constants.O_CREAT | constants.O_EXCL;
    case "truncate":
      return access | constants.O_CREAT | constants.O_TRUNC;
  }
}

/** Opens a regular file. Without O_NONBLOCK, opening a named pipe would wait for a writer for ever. */
function openDescriptor(path: string, flags: number, permissions: number): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, flags | constants.O_NONBLOCK, permissions);
  } catch (cause) {
    throw ioError("open", path, cause);
  }
  const { kind } = fileInfo(fstatSync(descriptor));
  if (kind === "file") return descriptor;
  closeSync(descriptor);
  throw new IoError({ operation: "open", path, errno: kind === "directory" ? "EISDIR" : "EINVAL" });
}

/** A descriptor that keeps a regular file's blocks while its name goes, if there can be one. */
function openToHold(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
}

/** For what nobody waits for. */
function ignored(): void {}

/** Appends, so that a regular file behind `/dev/stdout` keeps what others have written to it. */
function openStream(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_APPEND);
  } catch (cause) {
    throw ioError("open", path, cause);
  }
}

function openDirectory(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (cause) {
    throw ioError("open directory", path, cause);
  }
}

function fileInfo(stats: Stats): FileInfo {
  const { size, dev, ino } = stats;
  if (stats.isDirectory()) return { kind: "directory", size, identity: `${dev}:${ino}` };
  return { kind: stats.isFile() ? "file" : "other", size };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** What is mapped into this process, as Linux tells it; `undefined` elsewhere. */
export function readMemoryMap(): string | undefined {
  return readKernelText("/proc/self/maps");
}

/** A text of the kernel's, where there is one (Linux). Its size is not known beforehand. */
function readKernelText(path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY);
  } catch {
    return undefined;
  }
  try {
    const chunks: string[] = [];
    const buffer = new Uint8Array(1 << 16);
    for (;;) {
      const count = readSync(descriptor, buffer, 0, buffer.length, null);
      if (count === 0) return chunks.join("");
      chunks.push(toText(buffer.subarray(0, count)));
    }
  } finally {
    closeSync(descriptor);
  }
}
