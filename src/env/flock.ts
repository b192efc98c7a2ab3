/**
 * `flock(2)`, which Bun does not offer: called through `bun:ffi` in the C library that this process has
 * already loaded. Bun closes descriptors on exec, so a child process never inherits a lock.
 *
 * Loaded on first use: a database in memory never pays for it. Only bun-file-system.ts may call this.
 */

import { getSystemErrorName } from "node:util";
import { MelesError } from "../base/errors.ts";
import { cLibraryPath, type Ffi, loadFfi } from "./c-library.ts";

/** Values of <sys/file.h>, the same on Linux, macOS and the BSDs. */
const LOCK_SHARED = 1;
const LOCK_EXCLUSIVE = 2;
const LOCK_WITHOUT_WAITING = 4;

interface LockCalls {
  flock(descriptor: number, operation: number): number;
  errno(): number;
}

let loaded: LockCalls | undefined;

/**
 * Locks an open descriptor without waiting. Returns `undefined` when the lock is ours, else the symbolic
 * errno: `EAGAIN` when it is held elsewhere. `readMemoryMap` gives the text of /proc/self/maps.
 */
export function tryFlock(
  descriptor: number,
  mode: "shared" | "exclusive",
  readMemoryMap: () => string | undefined,
): string | undefined {
  loaded ??= load(readMemoryMap);
  const operation = (mode === "shared" ? LOCK_SHARED : LOCK_EXCLUSIVE) | LOCK_WITHOUT_WAITING;
  for (;;) {
    if (loaded.flock(descriptor, operation) === 0) return undefined;
    const name = getSystemErrorName(-loaded.errno());
    if (name !== "EINTR") return name;
  }
}

function load(readMemoryMap: () => string | undefined): LockCalls {
  try {
    const ffi = loadFfi();
    const path = cLibraryPath(readMemoryMap);
    if (process.platform === "darwin") {
      const { symbols } = ffi.dlopen(path, {
        flock: { args: ["i32", "i32"], returns: "i32" },
        __error: { args: [], returns: "ptr" },
      });
      return lockCalls(ffi, symbols.flock, symbols.__error);
    }
    const { symbols } = ffi.dlopen(path, {
      flock: { args: ["i32", "i32"], returns: "i32" },
      __errno_location: { args: [], returns: "ptr" },
    });
    return lockCalls(ffi, symbols.flock, symbols.__errno_location);
  } catch (cause) {
    throw new MelesError(
      "ERR_IO",
      `cannot lock a directory on this platform (${process.platform}-${process.arch}): flock(2) could not be loaded ` +
        "from the C library; a database is never opened unlocked, so use Linux or macOS, or open it in memory",
      { cause },
    );
  }
}

type Pointer = import("bun:ffi").Pointer;

function lockCalls(
  ffi: Ffi,
  flock: (descriptor: number, operation: number) => number,
  errnoLocation: () => Pointer | bigint | null,
): LockCalls {
  // The address of errno is fixed per thread, and this module is loaded anew in every thread.
  const location = Number(errnoLocation()) as Pointer;
  return { flock, errno: () => ffi.read.i32(location, 0) };
}
