/**
 * What is decided about directory locks before and after the operating system is asked: which locks this
 * process holds, and what to tell somebody who is refused. Shared by the real and the in-memory file system.
 *
 * `flock` alone would already refuse a second open in the same process; the table is there to say so in
 * the message, and for network file systems that emulate `flock` with per-process locks.
 */

import { LockedError } from "../base/errors.ts";

/** File in the locked directory that holds the owner's pid as text; for people, not the lock itself. Frozen. */
export const LOCK_FILE_NAME = "LOCK";

export type LockMode = "shared" | "exclusive";

/** Locks held by this process, by an identity that survives renaming. */
export class DirectoryLocks {
  readonly #held = new Map<string, { readonly mode: LockMode; count: number }>();

  /** Takes the lock unless it is held incompatibly: any number of shared ones, or a single exclusive one. */
  tryAcquire(identity: string, mode: LockMode): boolean {
    const held = this.#held.get(identity);
    if (held === undefined) {
      this.#held.set(identity, { mode, count: 1 });
      return true;
    }
    if (mode === "exclusive" || held.mode === "exclusive") return false;
    held.count++;
    return true;
  }

  release(identity: string): void {
    const held = this.#held.get(identity);
    if (held !== undefined && --held.count === 0) this.#held.delete(identity);
  }
}

/** The table of this process: one, even if the module is loaded twice (bundled and from source, say). */
export function processDirectoryLocks(): DirectoryLocks {
  const slot = globalThis as { [processLocksKey]?: DirectoryLocks };
  return (slot[processLocksKey] ??= new DirectoryLocks());
}

const processLocksKey = Symbol.for("meles.directory-locks");

/** Content of the `LOCK` file, as Badger writes it. */
export function lockFileText(pid: number): string {
  return `${pid}\n`;
}

/** The pid in a `LOCK` file, or `undefined` for anything that does not look like one. */
export function parseLockFile(text: string): number | undefined {
  const digits = /^([1-9]\d{0,9})\s*$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The process that holds a `flock` on this inode, by the kernel's list (/proc/locks on Linux):
 *
 *     1: FLOCK  ADVISORY  WRITE 2675 fe:00:10207607 0 EOF
 *
 * The device is left alone: it is another one there than `stat` says on layered file systems.
 */
export function flockHolder(kernelLocks: string, inode: bigint): number | undefined {
  for (const line of kernelLocks.split("\n")) {
    const [, kind, , , pid, file = ""] = line.split(/\s+/);
    if (kind !== "FLOCK" || !file.endsWith(`:${inode}`)) continue;
    // The pid is 0 for a process that this one cannot see.
    const holder = Number(pid);
    if (holder > 0) return holder;
  }
  return undefined;
}

/** The refusal when this process itself holds the lock. */
export function lockedByThisProcess(path: string, pid: number): LockedError {
  return new LockedError(
    `${path} is already open, by this process (pid ${pid}); use the database object you have, or close it first`,
    { pid, isThisProcess: true },
  );
}

/** The refusal when somebody else does; `pid` when it is known and plausible. */
export function lockedElsewhere(
  path: string,
  mode: LockMode,
  pid: number | undefined,
  cause: unknown,
): LockedError {
  const holder = pid === undefined ? "another process" : `another process (pid ${pid})`;
  const advice =
    mode === "shared" ? "close it there first" : "close it there first (readers also hold a lock)";
  return new LockedError(`${path} is in use by ${holder}; ${advice}`, {
    pid,
    isThisProcess: false,
    cause,
  });
}
