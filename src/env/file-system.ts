/**
 * The file system contract. Synchronous: storage code runs to completion. Every failure is an
 * `IoError` (operation, path, errno); `undefined` stands for "is not there" where that is an answer.
 *
 * Durability: bytes survive a process crash once `write` returned and a power cut once `sync`
 * returned; a name (create, rename, remove) survives a power cut once `syncDirectory` returned.
 */

export interface File {
  readonly path: string;
  /** Reads up to `length` bytes at `position` into `target[targetOffset…]`; returns how many (short only at the end of file). */
  read(target: Uint8Array, targetOffset: number, length: number, position: number): number;
  /** Writes all of `source[sourceOffset … + length)` at `position`, or throws. After a throw an unknown part is written. */
  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void;
  /** Makes written bytes and the size durable (`fdatasync`). A failure is final: never retry it. */
  sync(): void;
  /** The same off the calling thread, so the event loop goes on. */
  syncInBackground(): Promise<void>;
  truncate(size: number): void;
  size(): number;
  close(): void;
}

export interface OpenMode {
  readonly write: boolean;
  /** `never`: must exist. `ifMissing`: create when absent. `exclusive`: must not exist. `truncate`: create or empty. */
  readonly create: "never" | "ifMissing" | "exclusive" | "truncate";
  /** Permission bits of a new file, before the umask. Default 0o600. */
  readonly permissions?: number;
  /**
   * Refuses, with `ERR_INVALID_ARGUMENT`, a file that lies in a database's directory, or that a symbolic
   * link would lead there: what a user names as a target must never be a file of a database.
   */
  readonly outsideDatabases?: boolean;
  /**
   * A device, a pipe, or something else that is there and takes bytes one after the other: opened for
   * writing as it is (`create` counts for nothing), positions are ignored, a pipe waits for its reader.
   */
  readonly stream?: boolean;
}

/**
 * Whether a target is written in place, as a stream: what is there and is no regular file cannot be
 * replaced by a rename, and what `/dev` names is never a file of its own.
 */
export function isStreamTarget(path: string, fileSystem: FileSystem): boolean {
  const kind = fileSystem.info(path)?.kind;
  return kind === "other" || (kind === "file" && path.startsWith("/dev/"));
}

/** The names in a directory, none when there is no such directory. */
export function listIfThere(fileSystem: FileSystem, directory: string): string[] {
  return fileSystem.info(directory) === undefined ? [] : fileSystem.list(directory);
}

export interface FileInfo {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  /** Of a directory, where there are links: equal for the same one under another path. */
  readonly identity?: string;
}

/** A held directory lock; `release` is idempotent. */
export interface DirectoryLock {
  release(): void;
}

export interface FileSystem {
  open(path: string, mode: OpenMode): File;
  /** Whole content, or `undefined` if there is no such file. */
  readFile(path: string): Uint8Array | undefined;
  info(path: string): FileInfo | undefined;
  /** Names in a directory, sorted. */
  list(directory: string): string[];
  /** Creates a directory and its parents with mode 0700; fine if it exists. The names it created are durable. */
  makeDirectory(path: string): void;
  rename(from: string, to: string): void;
  /** Removes a file; fine if it is not there. Its space may come back a little later. */
  remove(path: string): void;
  /** Makes the directory's names durable. */
  syncDirectory(path: string): void;
  /** The same off the calling thread, for the names there are at the call. */
  syncDirectoryInBackground(path: string): Promise<void>;
  /**
   * `flock(2)` on the directory's own descriptor, as Badger takes it, without waiting. Throws
   * `ERR_LOCKED` when somebody else (or this process) holds it incompatibly.
   */
  lockDirectory(path: string, mode: "shared" | "exclusive"): DirectoryLock;
  /** Bytes available to this user on the file system of `path`; Infinity where there is no limit. */
  freeBytes(path: string): number;
  /** Joins path parts. */
  join(...parts: string[]): string;
}
