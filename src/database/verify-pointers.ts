/**
 * Value pointers of a directory that is not open: each must lead to the record of its key and version.
 * One that leads to a file which is gone is judged at the end, when all tables and logs are known: it is
 * no damage if a newer entry shadows it or its time is over, as Badger's collection leaves them behind.
 */

import { EMPTY_BYTES, compareBytes, equalBytes } from "../base/bytes.ts";
import { CorruptionError, MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { baseName } from "../base/paths.ts";
import { EntrySlot } from "../cursor/entry-slot.ts";
import type { FileSystem } from "../env/file-system.ts";
import { type DirectoryPair, placeOf } from "../format/directory-pair.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { tableFileName, valueLogFileName } from "../format/file-names.ts";
import { isDeletedOrExpired } from "../format/stored-value.ts";
import { pointerFile, pointerOffset } from "../format/value-pointer.ts";
import type { LogKeys } from "../log/log-keys.ts";
import type { Memtable } from "../memtable/memtable.ts";
import { complaintOf } from "../salvage/attempt.ts";
import { BlockCache } from "../table/block-cache.ts";
import { TableReader, type TableSource } from "../table/table-reader.ts";
import { ValueLogReader } from "../value-log/value-log-reader.ts";
import type { CheckedTable, PointingEntry } from "./verify-table.ts";

type Report = (file: string, offset: number, message: string) => void;

/** A table that was found readable, as far as it was. */
export interface KnownTable extends CheckedTable {
  readonly source: TableSource;
}

export class PointerCheck {
  readonly #fileSystem: FileSystem;
  readonly #pair: DirectoryPair;
  readonly #report: Report;
  readonly #values: ValueLogReader;
  readonly #nowSeconds: number;
  /** Pointers into files that are gone. */
  readonly #homeless: PointingEntry[] = [];
  /** Files that something points to. */
  readonly #used = new Set<FileNumber>();

  constructor(
    fileSystem: FileSystem,
    pair: DirectoryPair,
    keys: LogKeys,
    nowSeconds: number,
    report: Report,
  ) {
    this.#fileSystem = fileSystem;
    this.#pair = pair;
    this.#report = report;
    this.#nowSeconds = nowSeconds;
    this.#values = new ValueLogReader(fileSystem, pair.valueDirectory, keys);
  }

  isUsed(file: FileNumber): boolean {
    return this.#used.has(file);
  }

  /** Follows a pointer. The entry's bytes may be views. */
  check(entry: PointingEntry): void {
    const { pointer, key, version } = entry;
    const file = pointerFile(pointer, 0);
    this.#used.add(file);
    if (this.#values.isGone(file)) {
      const isOver = isDeletedOrExpired(entry.meta, entry.expiresAt, this.#nowSeconds);
      if (!isOver) this.#homeless.push({ ...entry, key: key.slice(), pointer: pointer.slice() });
      return;
    }
    try {
      this.#values.readView(pointer, 0, key, 0, key.length, version);
    } catch (error) {
      if (!(error instanceof MelesError)) throw error;
      const damage = error instanceof CorruptionError ? error : undefined;
      const name = baseName(damage?.file ?? "") || valueLogFileName(file);
      const place = damage?.offset ?? pointerOffset(pointer, 0);
      this.#report(name, place, `the value of version ${version} of a key: ${complaintOf(error)}`);
    }
  }

  /**
   * Judges the pointers into files that are gone.
   *
   * @param hint for whoever looks for them
   */
  finish(tables: readonly KnownTable[], logs: readonly Memtable[], hint: string): void {
    const readers = new Map<KnownTable, TableReader | undefined>();
    try {
      for (const entry of this.#homeless) {
        if (this.#isShadowed(entry, tables, logs, readers)) continue;
        const { pointer, version } = entry;
        const message = `missing, and with it the value of version ${version} of a key${hint}`;
        this.#report(valueLogFileName(pointerFile(pointer, 0)), pointerOffset(pointer, 0), message);
      }
    } finally {
      for (const reader of readers.values()) reader?.close();
      this.#values.close();
    }
  }

  #isShadowed(
    { key, version, pointer }: PointingEntry,
    tables: readonly KnownTable[],
    logs: readonly Memtable[],
    readers: Map<KnownTable, TableReader | undefined>,
  ): boolean {
    const hash = bloomHash(key, 0, key.length);
    const slot = new EntrySlot();
    const isNewer = (): boolean => {
      const { valueBytes, valueOffset, valueLength } = slot;
      // An entry of the same version in another source has a pointer of its own.
      const own = valueBytes.subarray(valueOffset, valueOffset + valueLength);
      return slot.version > version || (slot.version === version && !equalBytes(own, pointer));
    };
    const newest = Number.MAX_SAFE_INTEGER;
    if (logs.some((log) => log.get(key, hash, newest, slot) && isNewer())) return true;
    return tables.some((table) => {
      const { smallestKey, largestKey } = table;
      if (compareBytes(key, smallestKey) < 0 || compareBytes(key, largestKey) > 0) return false;
      if (!readers.has(table)) readers.set(table, this.#open(table.source));
      return attemptGet(readers.get(table), key, hash, slot) && isNewer();
    });
  }

  #open(source: TableSource): TableReader | undefined {
    const path = placeOf(this.#pair, tableFileName(source.fileNumber));
    const file = this.#fileSystem.open(path, { write: false, create: "never" });
    try {
      return TableReader.open(file, source, new BlockCache(0), { verifyChecksums: "none" });
    } catch (error) {
      file.close();
      if (error instanceof MelesError) return undefined;
      throw error;
    }
  }
}

/** What is damaged has been reported, and shadows nothing. */
function attemptGet(
  reader: TableReader | undefined,
  key: Uint8Array,
  hash: number,
  slot: EntrySlot,
): boolean {
  slot.valueBytes = EMPTY_BYTES;
  try {
    return reader?.get(key, hash, Number.MAX_SAFE_INTEGER, slot) ?? false;
  } catch (error) {
    if (error instanceof MelesError) return false;
    throw error;
  }
}
