/**
 * Writing again what a file holds, so that the next sync covers it. When a sync fails, the kernel takes what
 * it could not write for clean: the process after finds it in the page cache, and its own syncs succeed
 * without doing anything. Recovery builds on such bytes, so it makes them dirty first.
 */

import type { File } from "./file-system.ts";

const CHUNK_BYTES = 1 << 20;

/** The bytes `[start, end)`, as far as the file reaches, at their place. */
export function renew(file: File, start: number, end: number): void {
  const last = Math.min(end, file.size());
  const chunk = new Uint8Array(Math.max(0, Math.min(CHUNK_BYTES, last - start)));
  for (let position = start; position < last;) {
    const length = file.read(chunk, 0, Math.min(chunk.length, last - position), position);
    if (length === 0) return;
    file.write(chunk, 0, length, position);
    position += length;
  }
}
