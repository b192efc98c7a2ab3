/** What a directory takes on disk. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const BLOCK_BYTES = 512;

/** Allocated bytes, not lengths: files that were made larger than they are filled do not count. */
export function bytesOnDisk(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    try {
      bytes += statSync(join(entry.parentPath, entry.name)).blocks * BLOCK_BYTES;
    } catch {
      // Deleted since it was listed.
    }
  }
  return bytes;
}
