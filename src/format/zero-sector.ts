/**
 * Sectors that never reached the disk: what tells the remains of a write that a power cut interrupted
 * from damage. Such a sector reads as it was before, which for a file that only grows means zeros from
 * the old end on. Pure.
 */

/** Smallest unit a disk writes whole. */
export const SECTOR_BYTES = 512;

/**
 * Whether a sector that overlaps `[start, end)` is all zeros in its part that lies there. For bytes known
 * to be wrong: in others a part of a few bytes is zero by chance.
 *
 * @param base offset in the file of the first of `bytes`
 */
export function hasZeroSector(bytes: Uint8Array, start: number, end: number, base = 0): boolean {
  let from = start;
  while (from < end) {
    const boundary = from + SECTOR_BYTES - ((base + from) % SECTOR_BYTES);
    const to = Math.min(boundary, end);
    let i = from;
    while (i < to && bytes[i] === 0) i++;
    if (i === to) return true;
    from = to;
  }
  return false;
}
