/**
 * The 32-bit hash of bloom filters, over a user key without version suffix. Also fit for in-memory
 * hash tables. Frozen: stored filters depend on it.
 */

const MULTIPLIER = 0xc6a4a793 | 0;
const SEED = 0xbc9f1d34 | 0;

/** Hash of `bytes[start, start + length)`, unsigned. About 8 ns for 16 bytes. */
export function bloomHash(bytes: Uint8Array, start: number, length: number): number {
  let hash = SEED ^ Math.imul(length, MULTIPLIER);
  let i = start;
  const end = start + length;
  for (const bulkEnd = end - 3; i < bulkEnd; i += 4) {
    const word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    hash = Math.imul((hash + word) | 0, MULTIPLIER);
    hash ^= hash >>> 16;
  }
  const rest = end - i;
  if (rest > 0) {
    if (rest === 3) hash = (hash + ((bytes[i + 2] as number) << 16)) | 0;
    if (rest >= 2) hash = (hash + ((bytes[i + 1] as number) << 8)) | 0;
    hash = Math.imul((hash + (bytes[i] as number)) | 0, MULTIPLIER);
    hash ^= hash >>> 24;
  }
  return hash >>> 0;
}
