/**
 * `TableSequence`: writes entries in order into tables with consecutive file numbers. Each table is
 * complete and synced when the next one starts; on failure all of them can be removed again.
 */

import { assert } from "../base/assert.ts";
import { BufferPool } from "../base/buffer-pool.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import type { Env } from "../env/env.ts";
import type { File } from "../env/file-system.ts";
import { tableFileName } from "../format/file-names.ts";
import type { TableMeta } from "../manifest/version.ts";
import { TableBuilder } from "../table/table-builder.ts";
import type { TableOptions } from "../table/table-options.ts";

/** Of a builder's buffer that has grown for a large entry, the next table keeps none. */
const BUFFER_BYTES_MAX = 2 * 1024 * 1024;

export interface SequenceSettings {
  readonly directory: string;
  readonly level: number;
  readonly knownOrdered: boolean;
  readonly options: TableOptions;
  readonly firstFileNumber: FileNumber;
  readonly fileNumberCount: number;
}

export class TableSequence {
  readonly #settings: SequenceSettings;
  readonly #env: Env;
  readonly #tables: TableMeta[] = [];
  readonly #paths: string[] = [];
  /** One table is written at a time. */
  readonly #buffers = new BufferPool(BUFFER_BYTES_MAX);
  #file: File | undefined;
  #builder: TableBuilder | undefined;

  constructor(settings: SequenceSettings, env: Env) {
    assert(settings.fileNumberCount >= 1, "at least one table may be written");
    this.#settings = settings;
    this.#env = env;
  }

  /** Estimated size of the table being written; 0 when none has been started. */
  get currentSizeBytes(): number {
    return this.#builder?.estimatedSizeBytes ?? 0;
  }

  /** Appends the cursor's entry, starting a table if need be. */
  add(entry: EntryCursor, stale: boolean): void {
    const builder = this.#builder ?? this.#start();
    builder.add(
      entry.keyBytes,
      entry.keyOffset,
      entry.keyLength,
      entry.version,
      entry.meta,
      entry.userMeta,
      entry.expiresAt,
      entry.valueBytes,
      entry.valueOffset,
      entry.valueLength,
      stale,
    );
  }

  /**
   * Completes the current table, so that the next entry starts another. False when there is none, or no
   * file number is left for another: then the current one goes on.
   */
  closeCurrent(): boolean {
    if (this.#builder === undefined) return false;
    if (this.#paths.length >= this.#settings.fileNumberCount) return false;
    this.#complete(this.#builder);
    return true;
  }

  /** Completes the last table. All tables in order. */
  finish(): readonly TableMeta[] {
    if (this.#builder !== undefined) this.#complete(this.#builder);
    return this.#tables;
  }

  /** After a failure: removes every file. Never throws, so that it cannot hide the failure. */
  removeAll(): void {
    this.#builder?.abandon();
    this.#builder = undefined;
    quietly(() => this.#file?.close());
    this.#file = undefined;
    for (const path of this.#paths) quietly(() => this.#env.fileSystem.remove(path));
  }

  #start(): TableBuilder {
    const { directory, level, knownOrdered, options, firstFileNumber } = this.#settings;
    const fileNumber = firstFileNumber + this.#paths.length;
    const path = join(directory, tableFileName(fileNumber));
    const file = this.#env.fileSystem.open(path, { write: true, create: "exclusive" });
    this.#file = file;
    this.#paths.push(path);
    const identity = { fileNumber, level, knownOrdered };
    this.#builder = new TableBuilder(file, identity, options, this.#env.random, this.#buffers);
    return this.#builder;
  }

  #complete(builder: TableBuilder): void {
    this.#tables.push(builder.finish());
    this.#builder = undefined;
    this.#file?.close();
    this.#file = undefined;
  }
}

/** Runs a clean-up step whose failure says nothing new: what is left over is removed at the next open. */
function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // The failure that led here is the one to report.
  }
}
