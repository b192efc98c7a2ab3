/**
 * Long-lived memory that is read at random, in large pages where the system has them: the block cache
 * touches another page with nearly every read, and looking up where it lies costs as much as reading it.
 *
 * Measured over 1 M entries of 16 + 100 bytes in a 256 MiB cache (Linux in a virtual machine): a point read
 * takes 0.89 to 0.95 µs, in small pages 1.08 to 1.14 µs.
 *
 * An advice, no more: whatever is missing for it, the memory is there in small pages.
 */

import { cLibraryPath, loadFfi } from "./c-library.ts";

/** A large page of x86-64, and of arm64 with 4 KiB pages. */
const LARGE_PAGE_BYTES = 2 << 20;
/** Value of <sys/mman.h> on Linux. */
const MADV_HUGEPAGE = 14;

interface PageCalls {
  addressOf(bytes: Uint8Array): number;
  madvise(address: number, length: number, advice: number): number;
}

/** Undefined: not asked for yet; null: not to be had. */
let loaded: PageCalls | null | undefined;

/** Zeroed bytes. Slabs below a large page, and those of other systems than Linux, are ordinary memory. */
export function allocateSlab(
  sizeBytes: number,
  readMemoryMap: () => string | undefined,
): Uint8Array {
  if (sizeBytes < LARGE_PAGE_BYTES || process.platform !== "linux")
    return new Uint8Array(sizeBytes);
  if (loaded === undefined) loaded = load(readMemoryMap);
  if (loaded === null) return new Uint8Array(sizeBytes);
  // A large page begins at a multiple of its size. What lies before and behind the slab is never touched,
  // so it stays an address range without memory.
  const room = new Uint8Array(sizeBytes + LARGE_PAGE_BYTES);
  const address = loaded.addressOf(room);
  const start = (LARGE_PAGE_BYTES - (address % LARGE_PAGE_BYTES)) % LARGE_PAGE_BYTES;
  const whole = sizeBytes - (sizeBytes % LARGE_PAGE_BYTES);
  loaded.madvise(address + start, whole, MADV_HUGEPAGE);
  return room.subarray(start, start + sizeBytes);
}

function load(readMemoryMap: () => string | undefined): PageCalls | null {
  try {
    const ffi = loadFfi();
    const { symbols } = ffi.dlopen(cLibraryPath(readMemoryMap), {
      madvise: { args: ["ptr", "usize", "i32"], returns: "i32" },
    });
    return {
      addressOf: (bytes) => Number(ffi.ptr(bytes)),
      madvise: (address, length, advice) => symbols.madvise(address, length, advice),
    };
  } catch {
    return null;
  }
}
