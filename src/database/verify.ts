/**
 * Verification: reads every byte that the manifest names and checks what can be checked: table
 * structure, index and block checksums, order within and between tables, and for every value pointer
 * the record it points to. Findings are collected, not thrown; the database stays in use meanwhile.
 */

import { compareBytes, compareRange, equalBytes, keyAfter } from "../base/bytes.ts";
import { CorruptionError, MelesError } from "../base/errors.ts";
import { join } from "../base/paths.ts";
import { tableFileName } from "../format/file-names.ts";
import { isDeletedOrExpired, META_POINTER } from "../format/stored-value.ts";
import { pointerFile } from "../format/value-pointer.ts";
import type { TableMeta } from "../manifest/version.ts";
import { BlockCache } from "../table/block-cache.ts";
import { TableReader } from "../table/table-reader.ts";
import type { ValueLogReader } from "../value-log/value-log-reader.ts";
import type { VerifyOptions, VerifyReport } from "./contract.ts";
import type { DatabaseParts } from "./database.ts";
import { openSource } from "./scan-source.ts";

/** Entries checked between two returns to the event loop. */
const CHUNK_ENTRIES = 20_000;

type Finding = VerifyReport["findings"][number];

export async function verifyDatabase(
  parts: DatabaseParts,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const tree = parts.trees.tree.retain();
  try {
    return await new Verification(parts, options, tree.version.levels).run();
  } finally {
    tree.release();
  }
}

class Verification {
  readonly #parts: DatabaseParts;
  readonly #options: VerifyOptions;
  readonly #levels: readonly (readonly TableMeta[])[];
  readonly #findings: Finding[] = [];
  readonly #values: ValueLogReader;
  readonly #totalBytes: number;
  #bytes = 0;
  #entries = 0;

  constructor(
    parts: DatabaseParts,
    options: VerifyOptions,
    levels: readonly (readonly TableMeta[])[],
  ) {
    this.#parts = parts;
    this.#options = options;
    this.#levels = levels;
    // The database's own reader: it keeps files that were collected meanwhile open for this tree.
    this.#values = parts.values;
    this.#totalBytes = levels.flat().reduce((sum, table) => sum + table.sizeBytes, 0);
  }

  async run(): Promise<VerifyReport> {
    const tables = this.#levels.flat();
    for (const table of tables) await this.#verifyTable(table);
    this.#verifyLevels();
    return {
      files: tables.length,
      bytes: this.#bytes,
      entries: this.#entries,
      findings: this.#findings,
    };
  }

  async #verifyTable(table: TableMeta): Promise<void> {
    const { env, path } = this.#parts;
    const name = tableFileName(table.fileNumber);
    this.#options.onProgress?.({ bytes: this.#bytes, totalBytes: this.#totalBytes, file: name });
    try {
      const file = env.fileSystem.open(join(path, name), { write: false, create: "never" });
      const { keyId } = table;
      const source = keyId === 0 ? table : { ...table, key: this.#parts.keys.keyOf(keyId) };
      const reader = TableReader.open(file, source, new BlockCache(0), { verifyChecksums: "both" });
      try {
        await this.#walk(reader, name);
      } finally {
        reader.close();
      }
    } catch (error) {
      this.#report(name, error);
    }
    this.#bytes += table.sizeBytes;
  }

  async #walk(reader: TableReader, name: string): Promise<void> {
    const cursor = reader.cursor();
    let previous: Uint8Array = new Uint8Array(0);
    let previousVersion = Number.POSITIVE_INFINITY;
    let count = 0;
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
      const { keyBytes, keyOffset, keyLength, version } = cursor;
      const order = compareRange(previous, 0, previous.length, keyBytes, keyOffset, keyLength);
      if (order > 0 || (order === 0 && previousVersion <= version && count > 0)) {
        this.#findings.push({ file: name, offset: 0, message: `entry ${count} is out of order` });
      }
      if (order !== 0) previous = keyBytes.slice(keyOffset, keyOffset + keyLength);
      previousVersion = version;
      if ((cursor.meta & META_POINTER) !== 0) this.#verifyPointer(cursor);
      if (++count % CHUNK_ENTRIES === 0) await this.#pause();
    }
    cursor.close();
    this.#entries += count;
    const { entryCount } = reader.meta;
    if (entryCount !== 0 && entryCount !== count) {
      const message = `the index promises ${entryCount} entries, there are ${count}`;
      this.#findings.push({ file: name, offset: 0, message });
    }
  }

  #verifyPointer(cursor: ReturnType<TableReader["cursor"]>): void {
    try {
      this.#values.readView(
        cursor.valueBytes,
        cursor.valueOffset,
        cursor.keyBytes,
        cursor.keyOffset,
        cursor.keyLength,
        cursor.version,
      );
    } catch (error) {
      if (!this.#isCollected(cursor)) this.#report("value log", error);
    }
  }

  /**
   * Whether the pointer leads into a file that is gone, as it may once a newer entry shadows this one or
   * its time is over: Badger's collection leaves such pointers behind.
   */
  #isCollected(cursor: ReturnType<TableReader["cursor"]>): boolean {
    const { valueBytes, valueOffset, keyBytes, keyOffset, keyLength, meta, expiresAt } = cursor;
    if (!this.#values.isGone(pointerFile(valueBytes, valueOffset))) return false;
    const { env, memtables, trees } = this.#parts;
    if (isDeletedOrExpired(meta, expiresAt, env.clock.nowMs() / 1000)) return true;
    const key = keyBytes.slice(keyOffset, keyOffset + keyLength);
    const bounds = { lower: key, upper: keyAfter(key) };
    const newest = openSource(undefined, memtables.newestFirst, trees.tree, bounds);
    try {
      newest.seek(key, Number.POSITIVE_INFINITY);
      // An entry of the same version in a newer source has a pointer of its own.
      return (
        newest.valid &&
        (newest.version > cursor.version ||
          !equalBytes(
            newest.valueBytes.subarray(newest.valueOffset, newest.valueOffset + newest.valueLength),
            valueBytes.subarray(valueOffset, valueOffset + cursor.valueLength),
          ))
      );
    } finally {
      newest.close();
    }
  }

  #verifyLevels(): void {
    for (const tables of this.#levels.slice(1)) {
      for (let i = 1; i < tables.length; i++) {
        const left = tables[i - 1] as TableMeta;
        const right = tables[i] as TableMeta;
        if (compareBytes(left.largestKey, right.smallestKey) < 0) continue;
        const file = tableFileName(right.fileNumber);
        const message = `overlaps ${tableFileName(left.fileNumber)} in level ${right.level}`;
        this.#findings.push({ file, offset: 0, message });
      }
    }
  }

  #report(file: string, error: unknown): void {
    if (!(error instanceof MelesError)) throw error;
    const damage = error instanceof CorruptionError ? error : undefined;
    this.#findings.push({
      file: damage === undefined || damage.file === "" ? file : damage.file,
      offset: damage?.offset ?? 0,
      message: error.message,
    });
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resume) => setImmediate(resume));
    const { signal } = this.#options;
    if (signal?.aborted === true) {
      throw new MelesError("ERR_ABORTED", "the verification was stopped", { cause: signal.reason });
    }
  }
}
