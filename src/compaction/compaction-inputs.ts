/**
 * The tables a compaction reads. A level's tables are opened when the walk reaches them and closed
 * behind it, so that a compaction of thousands of tables holds a handful of files.
 */

import { MelesError } from "../base/errors.ts";
import { join } from "../base/paths.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import type { LevelTable } from "../cursor/level-cursor.ts";
import type { Env } from "../env/env.ts";
import { tableFileName } from "../format/file-names.ts";
import type { TableMeta } from "../manifest/version.ts";
import { BlockCache } from "../table/block-cache.ts";
import { TableReader } from "../table/table-reader.ts";
import type { ChecksumVerification } from "../table/table-reader.ts";

export interface InputSettings {
  readonly directory: string;
  readonly verifyChecksums: ChecksumVerification;
  readonly dataKeys: ReadonlyMap<number, Uint8Array>;
}

export class CompactionInputs {
  readonly #settings: InputSettings;
  readonly #env: Env;
  /** Compaction reads ahead; nothing is worth caching. */
  readonly #cache = new BlockCache(0);
  readonly #open = new Set<TableReader>();
  readonly #opened = new Set<number>();
  #bytesOpened = 0;

  constructor(settings: InputSettings, env: Env) {
    this.#settings = settings;
    this.#env = env;
  }

  /** Sizes of all tables opened so far, each counted once. */
  get bytesOpened(): number {
    return this.#bytesOpened;
  }

  /** Disjoint tables by smallest key, of which one is open at a time. */
  level(tables: readonly TableMeta[]): LevelTable[] {
    let current: TableReader | undefined;
    const openNext = (meta: TableMeta): EntryCursor => {
      if (current !== undefined) this.#closeReader(current);
      current = undefined;
      current = this.#openReader(meta);
      return current.cursor();
    };
    return tables.map((meta) => ({ meta, cursor: () => openNext(meta) }));
  }

  close(): void {
    for (const reader of this.#open) reader.close();
    this.#open.clear();
  }

  #openReader(meta: TableMeta): TableReader {
    const { directory, dataKeys, verifyChecksums } = this.#settings;
    const key = dataKeys.get(meta.keyId);
    if (meta.keyId !== 0 && key === undefined) {
      throw new MelesError(
        "ERR_ENCRYPTION_KEY",
        `table ${tableFileName(meta.fileNumber)} is encrypted with data key ${meta.keyId}, which is not known`,
      );
    }
    const path = join(directory, tableFileName(meta.fileNumber));
    const file = this.#env.fileSystem.open(path, { write: false, create: "never" });
    try {
      const { fileNumber, level, compression, keyId } = meta;
      const source = { fileNumber, level, compression, keyId };
      const reader = TableReader.open(
        file,
        key === undefined ? source : { ...source, key },
        this.#cache,
        { verifyChecksums },
      );
      this.#open.add(reader);
      if (!this.#opened.has(fileNumber)) this.#bytesOpened += meta.sizeBytes;
      this.#opened.add(fileNumber);
      return reader;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #closeReader(reader: TableReader): void {
    this.#open.delete(reader);
    reader.close();
  }
}
