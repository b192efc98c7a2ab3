/**
 * Recovery's question to the value log: has a crash taken the value this pointer refers to?
 *
 * A log record may reach the disk although the value before it did not. Such a commit, and all behind
 * it, was never durable and is cut. A value that is there but wrong is another matter: that is damage,
 * which a read reports, and no reason to drop commits.
 */

import { CorruptionError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { File, FileSystem } from "../env/file-system.ts";
import { LostWriteError } from "../format/damage.ts";
import { valueLogFileName } from "../format/file-names.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LogRecordView } from "../format/log-record.ts";
import { pointerFile, pointerLength, pointerOffset } from "../format/value-pointer.ts";
import { hasZeroSector } from "../format/zero-sector.ts";

interface ProbedFile {
  readonly file: File;
  readonly size: number;
}

export class ValueProbe {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  /** Files below were there for long; one that is gone was collected. */
  readonly #newest: FileNumber;
  readonly #files = new Map<FileNumber, ProbedFile | undefined>();
  readonly #view = new LogRecordView();
  #scratch = new Uint8Array(64 * 1024);
  /** Where in each file values were found. */
  readonly #found = new Map<FileNumber, { start: number; end: number }>();

  constructor(fileSystem: FileSystem, directory: string, newest: FileNumber) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#newest = newest;
  }

  /** @param bytes holds the 12-byte pointer at `offset` */
  isLost(bytes: Uint8Array, offset: number): boolean {
    const number = pointerFile(bytes, offset);
    const position = pointerOffset(bytes, offset);
    const length = pointerLength(bytes, offset);
    const probed = this.#open(number);
    // A newer record of the same key shadows a pointer into a collected file.
    if (probed === undefined) return number >= this.#newest;
    if (position < LOG_HEADER_SIZE || position + length > probed.size) return true;
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(length);
    if (!this.#read(probed.file, length, position)) return true;
    if (this.#view.checkStored(this.#scratch, 0, length) === "ok") {
      this.#noteFound(number, position, position + length);
      return false;
    }
    return hasZeroSector(this.#scratch, 0, length, position);
  }

  /** The stretch of a file in which all the values lie that were found there. */
  foundIn(number: FileNumber): { readonly start: number; readonly end: number } | undefined {
    return this.#found.get(number);
  }

  #noteFound(number: FileNumber, start: number, end: number): void {
    const found = this.#found.get(number);
    if (found === undefined) {
      this.#found.set(number, { start, end });
      return;
    }
    found.start = Math.min(found.start, start);
    found.end = Math.max(found.end, end);
  }

  /** False when a power cut explains why there is nothing to read. */
  #read(file: File, length: number, position: number): boolean {
    try {
      file.read(this.#scratch, 0, length, position);
      return true;
    } catch (error) {
      if (error instanceof LostWriteError) return false;
      if (!(error instanceof CorruptionError)) throw error;
      // Damage, which is no reason to drop commits: the next read reports it.
      this.#scratch.fill(0xff, 0, length);
      return true;
    }
  }

  #open(number: FileNumber): ProbedFile | undefined {
    if (this.#files.has(number)) return this.#files.get(number);
    const path = join(this.#directory, valueLogFileName(number));
    let probed: ProbedFile | undefined;
    if (this.#fileSystem.info(path) !== undefined) {
      const file = this.#fileSystem.open(path, { write: false, create: "never" });
      probed = { file, size: file.size() };
    }
    this.#files.set(number, probed);
    return probed;
  }

  close(): void {
    for (const probed of this.#files.values()) probed?.file.close();
    this.#files.clear();
  }
}
