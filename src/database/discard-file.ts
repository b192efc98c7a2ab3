/**
 * The file `DISCARD`: garbage per value-log file, for Badger to find. Meles decides by its own accounts.
 * The file holds hints without a checksum; losing an update costs nothing but knowledge, so it is
 * written in place and never synced.
 */

import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { encodeDiscardTable } from "../format/discard-table.ts";
import { DISCARD } from "../format/file-names.ts";

const SLOT_BYTES = 16;

export class DiscardFile {
  readonly #env: Env;
  readonly #path: string;
  readonly #bytesByFile: Map<FileNumber, number>;
  /** Slots in use on disk; unknown before the first write. */
  #slots: number | undefined;

  /** `bytesByFile`: what the file says; kept up to date. */
  constructor(env: Env, directory: string, bytesByFile: Map<FileNumber, number>) {
    this.#env = env;
    this.#path = join(directory, DISCARD);
    this.#bytesByFile = bytesByFile;
  }

  /** Adds garbage by file. */
  add(discarded: ReadonlyMap<FileNumber, number>): void {
    if (discarded.size === 0) return;
    const bytes = this.#bytesByFile;
    for (const [file, more] of discarded) bytes.set(file, (bytes.get(file) ?? 0) + more);
    this.#update();
  }

  /**
   * Files are gone, and with them their garbage. The largest number ever used stays, with nothing to
   * drop, as it does when Badger collects: nobody shall give it out again.
   */
  forget(files: readonly FileNumber[]): void {
    if (files.length === 0) return;
    const bytes = this.#bytesByFile;
    for (const file of files) bytes.set(file, 0);
    const largest = Math.max(...bytes.keys());
    for (const [file, left] of bytes) if (left === 0 && file !== largest) bytes.delete(file);
    this.#update();
  }

  #update(): void {
    try {
      this.#write();
    } catch (error) {
      this.#slots = undefined;
      this.#env.log("warn", "the discard statistics could not be written", {
        error: String(error),
      });
    }
  }

  /** Only the slots in use are written; the rest of Badger's megabyte stays a hole in the file. */
  #write(): void {
    const table = encodeDiscardTable(this.#bytesByFile);
    const known = this.#slots;
    const slots = this.#bytesByFile.size;
    const isNew = known === undefined;
    const file = this.#env.fileSystem.open(this.#path, {
      write: true,
      create: isNew ? "truncate" : "ifMissing",
    });
    try {
      if (isNew || file.size() < table.length) file.truncate(table.length);
      file.write(table, 0, Math.max(slots, known ?? 0) * SLOT_BYTES, 0);
      this.#slots = slots;
    } finally {
      file.close();
    }
  }
}
