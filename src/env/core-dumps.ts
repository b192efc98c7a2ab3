/**
 * Keeps keys out of core dumps: a file of all memory, written when a process crashes, often where others or a
 * crash reporter read it. On Linux the process says that it is not to be dumped, which also holds for dumps that
 * go into a pipe; elsewhere the limit for core files is set to nothing.
 */

import { cLibraryPath, loadFfi } from "./c-library.ts";
import { readMemoryMap } from "./bun-file-system.ts";

/** <sys/prctl.h> */
const PR_SET_DUMPABLE = 4;
/** <sys/resource.h>, the same on macOS and the BSDs. */
const RLIMIT_CORE = 4;

/**
 * From now on this process leaves no core dump; call it before a key is in memory. False where that cannot be
 * had. It is for whoever owns the process: nothing in the library calls it. On Linux a debugger of the same user
 * cannot attach any more, either.
 */
export function forbidCoreDumps(): boolean {
  try {
    const path = cLibraryPath(readMemoryMap);
    if (process.platform === "linux") {
      const args = ["i32", "u64", "u64", "u64", "u64"] as const;
      const { symbols } = loadFfi().dlopen(path, { prctl: { args, returns: "i32" } });
      return symbols.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n) === 0;
    }
    const { symbols } = loadFfi().dlopen(path, {
      setrlimit: { args: ["i32", "ptr"], returns: "i32" },
    });
    return symbols.setrlimit(RLIMIT_CORE, new BigUint64Array(2)) === 0;
  } catch {
    return false;
  }
}
