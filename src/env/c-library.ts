/**
 * Where the C library is that this process has already loaded, for the few calls that Bun does not offer
 * (flock.ts, large-pages.ts, core-dumps.ts).
 *
 * It is named by an absolute path, because loading by bare name falls back to the working directory, where
 * anybody may have put a file of that name.
 */

export type Ffi = typeof import("bun:ffi");

/** @throws where there is no foreign function interface */
export function loadFfi(): Ffi {
  return process.getBuiltinModule("bun:ffi") as Ffi;
}

/** `readMemoryMap` gives the text of /proc/self/maps. */
export function cLibraryPath(readMemoryMap: () => string | undefined): string {
  if (process.platform === "darwin") return "/usr/lib/libSystem.B.dylib";
  return loadedLibcPath(readMemoryMap() ?? "") ?? "libc.so.6";
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
