/**
 * `flock(2)`, which Bun does not offer: called through `bun:ffi` in the C library that this process has
 * already loaded. Bun closes descriptors on exec, so a child process never inherits a lock.
 *
 * The library is named by an absolute path, because loading by bare name falls back to the working
 * directory, where anybody may have put a file of that name. Loaded on first use: a database in memory
 * never pays for it. Only bun-file-system.ts may call this.
 */

import { getSystemErrorName } from "node:util";
import { MelesError } from "../base/errors.ts";

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

/** Finds the C library among the files mapped into this process; exported for specs. */
export function loadedLibcPath(memoryMap: string): string | undefined {
  const name =
    /\/(?:libc\.so\.6|libc-2\.\d+\.so|ld-musl-[^/\s]+\.so\.1|libc\.musl-[^/\s]+\.so\.1)$/;
  for (const line of memoryMap.split("\n")) {
    const start = line.indexOf("/");
    if (start >= 0 && name.test(line)) return line.slice(start);
  }
  return undefined;
}

function load(readMemoryMap: () => string | undefined): LockCalls {
  try {
    const ffi = process.getBuiltinModule("bun:ffi") as Ffi;
    if (process.platform === "darwin") {
      const { symbols } = ffi.dlopen("/usr/lib/libSystem.B.dylib", {
        flock: { args: ["i32", "i32"], returns: "i32" },
        __error: { args: [], returns: "ptr" },
      });
      return lockCalls(ffi, symbols.flock, symbols.__error);
    }
    const path = loadedLibcPath(readMemoryMap() ?? "") ?? "libc.so.6";
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

type Ffi = typeof import("bun:ffi");
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
