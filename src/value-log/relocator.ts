/**
 * Relocation: while tables are compacted, values that lie in condemned value-log files move to new
 * files, and only the pointer in the new table changes; key, version and everything else stay. So
 * collection never writes anything back on top of the tree (Badger does, and old versions return).
 *
 * A value that cannot be read stays where it is, and so does its pointer: whoever reads it learns of the
 * damage, and everything else goes on. Its file is reported, so that it is not condemned again.
 *
 * Runs in the thread of the compaction job, on file numbers reserved for it. The new files are complete
 * and synced when `finish` returns; their names become durable with those of the tables that point to them.
 */

import { CorruptionError, IoError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import type { Env } from "../env/env.ts";
import { valueLogFileName } from "../format/file-names.ts";
import { META_IN_TRANSACTION, META_POINTER } from "../format/stored-value.ts";
import { pointerFile, VALUE_POINTER_SIZE } from "../format/value-pointer.ts";
import type { LogKeys } from "../log/log-keys.ts";
import { ValueLogReader } from "./value-log-reader.ts";
import { ValueLogWriter } from "./value-log-writer.ts";

/** Plain data: crosses threads. */
export interface Relocation {
  /** Files whose values are to move. */
  readonly condemned: readonly FileNumber[];
  /** New files are numbered from here; as many as condemned files, plus one, are reserved. */
  readonly firstFileNumber: FileNumber;
  readonly fileSizeBytes: number;
  readonly recordCountMax: number;
}

/** File numbers to reserve for moving the values of so many files. */
export function relocationFileNumbers(condemned: number): number {
  return condemned + 1;
}

export class Relocator {
  readonly #env: Env;
  readonly #directory: string;
  readonly #condemned: ReadonlySet<FileNumber>;
  readonly #reader: ValueLogReader;
  readonly #writer: ValueLogWriter;
  readonly #pointer = new Uint8Array(VALUE_POINTER_SIZE);
  readonly #damaged = new Set<FileNumber>();
  #bytes = 0;

  constructor(relocation: Relocation, env: Env, directory: string, keys: LogKeys) {
    this.#env = env;
    this.#directory = directory;
    this.#condemned = new Set(relocation.condemned);
    this.#reader = new ValueLogReader(env.fileSystem, directory, keys);
    // Any one new file may hold all that moves out of a condemned one, so numbers never run out.
    const limits = {
      fileSizeBytes: relocation.fileSizeBytes,
      recordCountMax: relocation.recordCountMax,
    };
    this.#writer = new ValueLogWriter(env, directory, limits, relocation.firstFileNumber, keys, {
      fileCountMax: relocationFileNumbers(relocation.condemned.length),
      names: "caller",
    });
  }

  /** Bytes written to new files. */
  get bytes(): number {
    return this.#bytes;
  }

  get createdFiles(): readonly FileNumber[] {
    return this.#writer.createdFiles;
  }

  /** Condemned files with values that cannot be read. */
  get damagedFiles(): readonly FileNumber[] {
    return [...this.#damaged];
  }

  /** Moves the value of the cursor's entry if it lies in a condemned file, and repoints the cursor. */
  apply(entry: EntryCursor): void {
    if ((entry.meta & META_POINTER) === 0) return;
    if (!this.#condemned.has(pointerFile(entry.valueBytes, entry.valueOffset))) return;
    const value = this.#read(entry);
    if (value === undefined) return;
    const { keyBytes, keyOffset, keyLength, version, meta, userMeta, expiresAt } = entry;
    const key = keyBytes.subarray(keyOffset, keyOffset + keyLength);
    const logged = meta & ~(META_POINTER | META_IN_TRANSACTION);
    this.#writer.stage(userMeta, logged, expiresAt, key, version, value, this.#pointer, 0);
    this.#bytes += value.length + keyLength;
    entry.valueBytes = this.#pointer;
    entry.valueOffset = 0;
    entry.valueLength = VALUE_POINTER_SIZE;
  }

  /** A view of the entry's value; `undefined` when its file is damaged. */
  #read(entry: EntryCursor): Uint8Array | undefined {
    const { valueBytes, valueOffset, keyBytes, keyOffset, keyLength, version } = entry;
    try {
      return this.#reader.readView(
        valueBytes,
        valueOffset,
        keyBytes,
        keyOffset,
        keyLength,
        version,
      );
    } catch (error) {
      if (!(error instanceof CorruptionError || error instanceof IoError)) throw error;
      this.#damaged.add(pointerFile(valueBytes, valueOffset));
      return undefined;
    }
  }

  /** Makes the new files durable. */
  finish(): void {
    this.#writer.flush();
    this.#writer.sync();
    this.close();
  }

  /** After a failure: removes what was written. Never throws. */
  removeAll(): void {
    this.close();
    for (const number of this.#writer.createdFiles) {
      try {
        this.#env.fileSystem.remove(join(this.#directory, valueLogFileName(number)));
      } catch {
        // Nothing points to it: the next open removes it.
      }
    }
  }

  close(): void {
    this.#writer.close();
    this.#reader.close();
  }
}
