/**
 * Reading values by pointer. Files are opened on first use and kept open; a file that was deleted
 * while open stays readable for the snapshots that need it.
 *
 * Every read is checked (I7): the range lies inside the file, the record is whole, its checksum and
 * its key are right. Anything else is a `CorruptionError` naming file and offset, never a value.
 */

import { compareRange } from "../base/bytes.ts";
import { CorruptionError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { File, FileSystem } from "../env/file-system.ts";
import { valueLogFileName } from "../format/file-names.ts";
import { located } from "../format/damage.ts";
import type { LogCipher } from "../format/encryption.ts";
import { decodeLogHeader, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LogRecordView } from "../format/log-record.ts";
import { cipherOf, type LogKeys } from "../log/log-keys.ts";
import { RecordWindow } from "./record-window.ts";
import { pointerFile, pointerLength, pointerOffset } from "../format/value-pointer.ts";

interface OpenFile {
  readonly file: File;
  readonly cipher: LogCipher | undefined;
  size: number;
}

export class ValueLogReader {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #keys: LogKeys;
  readonly #open = new Map<FileNumber, OpenFile>();
  /** Files found missing. */
  readonly #gone = new Set<FileNumber>();
  /** Removed files, with the serial of the first tree that does without them. */
  readonly #retired = new Map<FileNumber, number>();
  readonly #view = new LogRecordView();
  readonly #window = new RecordWindow();
  #scratch = new Uint8Array(64 * 1024);
  #reads = 0;

  constructor(fileSystem: FileSystem, directory: string, keys: LogKeys) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#keys = keys;
  }

  /** Values read so far. */
  get reads(): number {
    return this.#reads;
  }

  /**
   * The value behind a pointer, copied for the caller.
   *
   * @param bytes holds the 12-byte pointer at `offset`
   * @param key user key the record must carry, as a slice
   */
  read(
    bytes: Uint8Array,
    offset: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    version: number,
  ): Uint8Array {
    const view = this.#load(bytes, offset, key, keyOffset, keyLength, version);
    return this.#scratch.slice(view.valueOffset, view.valueOffset + view.valueLength);
  }

  /** Like `read`, but a view that the next call overwrites. */
  readView(
    bytes: Uint8Array,
    offset: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    version: number,
  ): Uint8Array {
    const view = this.#load(bytes, offset, key, keyOffset, keyLength, version);
    return this.#scratch.subarray(view.valueOffset, view.valueOffset + view.valueLength);
  }

  /**
   * Whether there is no such file any more. Numbers are never given out twice, so it stays so. Badger's
   * collection leaves pointers into such files behind, in entries that newer ones shadow.
   */
  isGone(fileNumber: FileNumber): boolean {
    if (this.#open.has(fileNumber)) return false;
    if (this.#gone.has(fileNumber)) return true;
    const path = join(this.#directory, valueLogFileName(fileNumber));
    if (this.#fileSystem.info(path) !== undefined) return false;
    this.#gone.add(fileNumber);
    return true;
  }

  #load(
    bytes: Uint8Array,
    offset: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    version: number,
  ): LogRecordView {
    this.#reads++;
    const fileNumber = pointerFile(bytes, offset);
    const length = pointerLength(bytes, offset);
    const position = pointerOffset(bytes, offset);
    const open = this.#file(fileNumber, position);
    if (position < LOG_HEADER_SIZE || position + length > open.size) {
      // The active file grows: ask again before calling it damage.
      open.size = open.file.size();
      if (position < LOG_HEADER_SIZE || position + length > open.size) {
        throw this.#damage(fileNumber, position, `${length} bytes`, `a file of ${open.size} bytes`);
      }
    }
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(length + (length >>> 2));
    const view = this.#view;
    const got = this.#window.read(open.file, fileNumber, this.#scratch, length, position);
    if (!this.#isWhole(got, length) && !this.#isWholeNow(open.file, length, position)) {
      throw this.#damage(fileNumber, position, "a whole record with a right checksum", "another");
    }
    open.cipher?.applyTo(this.#scratch, view.keyOffset, length - 4, position);
    if (!this.#holds(length, key, keyOffset, keyLength, version)) {
      throw this.#damage(fileNumber, position, "the record of the key that points here", "another");
    }
    return view;
  }

  /** Whether the scratch buffer holds just one record, with a right checksum. */
  #isWhole(got: number, length: number): boolean {
    const view = this.#view;
    return (
      got === length && view.checkStored(this.#scratch, 0, length) === "ok" && view.end === length
    );
  }

  /** As `#isWhole`, past what was read ahead: a record may have been written since. */
  #isWholeNow(file: File, length: number, position: number): boolean {
    this.#window.clear();
    return this.#isWhole(file.read(this.#scratch, 0, length, position), length);
  }

  /** Whether the record in the scratch buffer, whose checksum is right, belongs to (key, version). */
  #holds(
    length: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    version: number,
  ): boolean {
    const view = this.#view;
    try {
      view.decode(this.#scratch, 0, length);
    } catch {
      // A version beyond 2^53: another record, or one that a damaged IV has made of it.
      return false;
    }
    return (
      view.version === version &&
      compareRange(this.#scratch, view.keyOffset, view.keyLength, key, keyOffset, keyLength) === 0
    );
  }

  #file(fileNumber: FileNumber, position: number): OpenFile {
    const known = this.#open.get(fileNumber);
    if (known !== undefined) return known;
    const path = join(this.#directory, valueLogFileName(fileNumber));
    if (this.#fileSystem.info(path) === undefined) {
      throw this.#damage(fileNumber, position, "the value-log file", "no such file");
    }
    const file = this.#fileSystem.open(path, { write: false, create: "never" });
    try {
      const header = new Uint8Array(LOG_HEADER_SIZE);
      const got = file.read(header, 0, LOG_HEADER_SIZE, 0);
      const cipher = cipherOf(decodeLogHeader(header.subarray(0, got)), this.#keys);
      const opened = { file, cipher, size: file.size() };
      this.#open.set(fileNumber, opened);
      return opened;
    } catch (error) {
      file.close();
      throw located(error, valueLogFileName(fileNumber), 0);
    }
  }

  #damage(
    fileNumber: FileNumber,
    offset: number,
    expected: string,
    actual: string,
  ): CorruptionError {
    return new CorruptionError({ file: valueLogFileName(fileNumber), offset, expected, actual });
  }

  /** Lets go of a file that nothing refers to any more. */
  forget(fileNumber: FileNumber): void {
    this.#open.get(fileNumber)?.file.close();
    this.#open.delete(fileNumber);
  }

  /**
   * The file is about to be removed; readers on trees older than `treeSerial` may still need it, so it
   * is kept open until `releaseRetired` says that they are gone.
   */
  retire(fileNumber: FileNumber, treeSerial: number): void {
    this.#file(fileNumber, 0);
    this.#retired.set(fileNumber, treeSerial);
  }

  /** Closes retired files that no tree from `oldestSerial` on can refer to. */
  releaseRetired(oldestSerial: number): void {
    for (const [fileNumber, serial] of this.#retired) {
      if (serial > oldestSerial) continue;
      this.#retired.delete(fileNumber);
      this.forget(fileNumber);
    }
  }

  close(): void {
    for (const { file } of this.#open.values()) file.close();
    this.#open.clear();
  }
}
