/**
 * `ValueFinder`: the value that a pointer leads to, proved by checksum, key and version. Where the named
 * file does not have it, the same place is tried in all other value-log files: they may have changed
 * places. The source's files are opened for reading only.
 */

import { compareRange } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import type { FileSystem } from "../env/file-system.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import type { LogCipher } from "../format/encryption.ts";
import { valueLogFileName } from "../format/file-names.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LogRecordView } from "../format/log-record.ts";
import {
  pointerFile,
  pointerLength,
  pointerOffset,
  VALUE_POINTER_SIZE,
} from "../format/value-pointer.ts";
import type { KeyEvidence } from "./key-evidence.ts";
import { logCiphers } from "./log-cipher.ts";
import { SourceFile } from "./source-file.ts";

interface OpenLog {
  readonly file: SourceFile;
  /** Ways to read it, the one that worked last first. */
  readonly ciphers: (LogCipher | undefined)[];
}

const CRC_BYTES = 4;

export class ValueFinder {
  readonly #fileSystem: FileSystem;
  readonly #pair: DirectoryPair;
  readonly #keys: KeyEvidence;
  /** Files of the value log, ascending. */
  readonly #files: readonly FileNumber[];
  readonly #open = new Map<FileNumber, OpenLog>();
  /** Where the values that one file should hold were found. */
  readonly #elsewhere = new Map<FileNumber, FileNumber>();
  readonly #view = new LogRecordView();

  constructor(
    fileSystem: FileSystem,
    pair: DirectoryPair,
    keys: KeyEvidence,
    files: readonly FileNumber[],
  ) {
    this.#fileSystem = fileSystem;
    this.#pair = pair;
    this.#keys = keys;
    this.#files = files;
  }

  /** Whether there is no value log. */
  get isEmpty(): boolean {
    return this.#files.length === 0;
  }

  /** Whether the directory has the file that a pointer names. */
  hasFile(pointer: Uint8Array): boolean {
    return this.#files.includes(pointerFile(pointer, 0));
  }

  /** The value, or `undefined` when it is lost. */
  find(pointer: Uint8Array, key: Uint8Array, version: Version): Uint8Array | undefined {
    if (pointer.length !== VALUE_POINTER_SIZE) return undefined;
    const named = pointerFile(pointer, 0);
    const likely = this.#elsewhere.get(named) ?? named;
    const value = this.#findIn(likely, pointer, key, version);
    if (value !== undefined) return value;
    for (const other of this.#files) {
      if (other === likely) continue;
      const found = this.#findIn(other, pointer, key, version);
      if (found === undefined) continue;
      this.#elsewhere.set(named, other);
      return found;
    }
    return undefined;
  }

  close(): void {
    for (const { file } of this.#open.values()) file.close();
    this.#open.clear();
  }

  #findIn(
    fileNumber: FileNumber,
    pointer: Uint8Array,
    key: Uint8Array,
    version: Version,
  ): Uint8Array | undefined {
    const log = this.#log(fileNumber);
    const offset = pointerOffset(pointer, 0);
    const length = pointerLength(pointer, 0);
    if (log === undefined || offset < LOG_HEADER_SIZE || offset + length > log.file.size) {
      return undefined;
    }
    const stored = log.file.read(offset, offset + length);
    const view = this.#view;
    if (view.checkStored(stored, 0, length) !== "ok" || view.end !== length) return undefined;
    for (const cipher of log.ciphers) {
      const record = cipher === undefined ? stored : stored.slice();
      cipher?.applyTo(record, view.keyOffset, length - CRC_BYTES, offset);
      if (!this.#holds(record, key, version)) continue;
      if (cipher !== undefined) this.#keys.proven = true;
      if (cipher !== log.ciphers[0]) {
        log.ciphers.sort((a, b) => Number(b === cipher) - Number(a === cipher));
      }
      return record.subarray(view.valueOffset, view.valueOffset + view.valueLength);
    }
    return undefined;
  }

  #holds(record: Uint8Array, key: Uint8Array, version: Version): boolean {
    const view = this.#view;
    try {
      if (!view.decode(record, 0, record.length)) return false;
    } catch (error) {
      if (error instanceof MelesError) return false;
      throw error;
    }
    const { keyOffset, keyLength } = view;
    return (
      view.version === version &&
      compareRange(record, keyOffset, keyLength, key, 0, key.length) === 0
    );
  }

  #log(fileNumber: FileNumber): OpenLog | undefined {
    const known = this.#open.get(fileNumber);
    if (known !== undefined) return known;
    if (!this.#files.includes(fileNumber)) return undefined;
    const file = SourceFile.open(this.#fileSystem, this.#pair, valueLogFileName(fileNumber));
    if (file === undefined) return undefined;
    const log = { file, ciphers: logCiphers(file.read(0, LOG_HEADER_SIZE), this.#keys) };
    this.#open.set(fileNumber, log);
    return log;
  }
}
