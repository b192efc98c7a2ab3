/**
 * Copies between byte buffers without allocating. Hot code only.
 *
 * Measured (Bun 1.4, 16 / 100 / 4096 bytes): a byte loop 16 / 80 / 2,100 ns, `set(subarray())`
 * 75 / 90 / 100 ns, `Buffer.prototype.copy` 20 / 37 / 70 ns.
 */

const LOOP_BYTES_MAX = 24;
const nativeCopy = Buffer.prototype.copy;

/** Copies `source[sourceOffset … + length)` to `target[targetOffset …]`; the two may share a buffer if they do not overlap. */
export function copyBytes(
  source: Uint8Array,
  sourceOffset: number,
  target: Uint8Array,
  targetOffset: number,
  length: number,
): void {
  if (length > LOOP_BYTES_MAX) {
    nativeCopy.call(source, target, targetOffset, sourceOffset, sourceOffset + length);
    return;
  }
  for (let i = 0; i < length; i++) {
    target[targetOffset + i] = source[sourceOffset + i] as number;
  }
}
