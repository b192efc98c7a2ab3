/** Copies of file trees: what a killed process leaves behind, without its locks and open files. */

import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";

/** A new file system in memory with the files of one directory (no deeper ones) of another. */
export function copyToMemory(
  source: FileSystem,
  directory: string,
  to = directory,
): MemoryFileSystem {
  const copy = new MemoryFileSystem();
  copy.makeDirectory(to);
  for (const [name, bytes] of readDirectory(source, directory)) {
    writeFile(copy, copy.join(to, name), bytes);
  }
  return copy;
}

/** The files of a directory by name. */
export function readDirectory(source: FileSystem, directory: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const name of source.list(directory)) {
    const bytes = source.readFile(source.join(directory, name));
    if (bytes !== undefined) files.set(name, bytes);
  }
  return files;
}

export function writeFile(target: FileSystem, path: string, bytes: Uint8Array): void {
  const file = target.open(path, { write: true, create: "truncate" });
  try {
    file.write(bytes, 0, bytes.length, 0);
  } finally {
    file.close();
  }
}
