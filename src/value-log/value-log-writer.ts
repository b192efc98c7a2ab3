/**
 * Appending values. Records of a commit group are staged in memory and written with one positional
 * write, before the log records that point to them; `seal` makes a file's content final and moves on
 * to the next number.
 *
 * A file is created when the first value needs it. Old files are never appended to: after a crash the
 * newest is cut at its last whole record and a new one is started (hazard 16). A record may not end
 * beyond 4 GiB, where pointers end.
 */

import { assert } from "../base/assert.ts";
import type { FileNumber } from "../base/ids.ts";
import type { Env } from "../env/env.ts";
import { requireFileNumber, valueLogFileName } from "../format/file-names.ts";
import { LogCipher } from "../format/encryption.ts";
import { VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import { encodeLogHeader, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { logRecordLength, writeLogRecord } from "../format/log-record.ts";
import { writeValuePointer } from "../format/value-pointer.ts";
import { LogFile } from "../log/log-file.ts";
import type { LogKeys } from "../log/log-keys.ts";

export interface ValueLogLimits {
  /** A file is full beyond this. */
  readonly fileSizeBytes: number;
  /** … or beyond this many records (Badger: 1,000,000). */
  readonly recordCountMax: number;
}

/** Offsets in pointers are u32, and so is the place in the key stream of an encrypted record. */
const POINTER_END_MAX = 2 ** 32 - 1;
/** When new names become durable: with the next sync, at once but off this thread, or by the caller. */
export type NameSync = "blocking" | "background" | "caller";

const STAGING_BYTES = 1 << 20;
const CRC_BYTES = 4;

export class ValueLogWriter {
  readonly #env: Env;
  readonly #directory: string;
  readonly #limits: ValueLogLimits;
  readonly #keys: LogKeys;
  #cipher: LogCipher | undefined;
  #nextNumber: FileNumber;
  #current: LogFile | undefined;
  #currentNumber: FileNumber = 0;
  /** End of the file on disk. */
  #written = 0;
  #records = 0;
  #staging = new Uint8Array(0);
  #staged = 0;
  /** Files that are full but may hold unsynced bytes. */
  #sealed: LogFile[] = [];
  #bytesWritten = 0;
  readonly #created: FileNumber[] = [];
  readonly #fileCountMax: number;
  readonly #fileEndMax: number;
  /** The newest file's name survives a power cut; those of older ones do. */
  #isNameDurable = true;
  #namesFailure: unknown;
  #naming: { readonly newest: FileNumber | undefined; readonly done: Promise<void> } | undefined;
  readonly #names: NameSync;
  #groupFirstFile: FileNumber = 0;
  /** From so many bytes on the current file is full. */
  #fileSizeBytes: number;
  #fileSizeWanted: () => number = () => Number.POSITIVE_INFINITY;

  constructor(
    env: Env,
    directory: string,
    limits: ValueLogLimits,
    nextNumber: FileNumber,
    keys: LogKeys,
    options: {
      readonly fileCountMax?: number;
      readonly fileEndMax?: number;
      readonly names?: NameSync;
    } = {},
  ) {
    this.#fileEndMax = options.fileEndMax ?? POINTER_END_MAX;
    this.#names = options.names ?? "blocking";
    this.#fileCountMax = options.fileCountMax ?? Number.POSITIVE_INFINITY;
    this.#keys = keys;
    this.#env = env;
    this.#directory = directory;
    this.#limits = limits;
    this.#fileSizeBytes = limits.fileSizeBytes;
    this.#nextNumber = nextNumber;
  }

  /** Number of the file being written, 0 before the first value. */
  get activeFile(): FileNumber {
    return this.#currentNumber;
  }

  /** Files created since open, ascending. */
  get createdFiles(): readonly FileNumber[] {
    return this.#created;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Stages a record and writes its pointer (12 bytes) to `pointer[pointerOffset…]`. May write what was staged before. */
  stage(
    userMeta: number,
    meta: number,
    expiresAt: number,
    key: Uint8Array,
    version: number,
    value: Uint8Array,
    pointer: Uint8Array,
    pointerOffset: number,
  ): void {
    const length = logRecordLength(key.length, value.length, expiresAt);
    if (this.#current === undefined || this.#isFull(length)) this.#rotate();
    if (this.#staged + length > this.#staging.length) {
      this.flush();
      if (length > this.#staging.length) {
        this.#staging = new Uint8Array(Math.max(STAGING_BYTES, length));
      }
    }
    const position = this.#written + this.#staged;
    const start = this.#staged;
    writeLogRecord(this.#staging, start, meta, userMeta, expiresAt, key, version, value);
    this.#staged += length;
    if (this.#cipher !== undefined) {
      const keyOffset =
        start + length - CRC_BYTES - value.length - key.length - VERSION_SUFFIX_SIZE;
      this.#cipher.sealRecord(this.#staging, start, keyOffset, start + length, position);
    }
    this.#records++;
    if (this.#groupFirstFile === 0) this.#groupFirstFile = this.#currentNumber;
    writeValuePointer(pointer, pointerOffset, this.#currentNumber, length, position);
  }

  /**
   * The first file that a group on its way refers to; 0 when there is no such group. Its pointers are
   * in no memtable yet, so collection must leave files from here on alone.
   */
  get groupFirstFile(): FileNumber {
    return this.#groupFirstFile;
  }

  /** The group is over: its pointers are in the memtable, or nowhere. */
  endGroup(): void {
    this.#groupFirstFile = 0;
  }

  /** Takes `count` numbers out of the sequence for somebody else and returns the first. */
  reserveNumbers(count: number): FileNumber {
    const first = this.#nextNumber;
    requireFileNumber(first + count - 1);
    this.#nextNumber += count;
    return first;
  }

  /** Ends the current file, so that it can be collected; the next value starts another. */
  seal(): void {
    if (this.#current === undefined) return;
    this.flush();
    this.#end();
  }

  #end(): void {
    if (this.#current !== undefined) this.#sealed.push(this.#current);
    this.#current = undefined;
    this.#currentNumber = 0;
  }

  /** Asked at the start of each file: from how many bytes on it is to be full, never more than the limit. */
  limitFileSize(wanted: () => number): void {
    this.#fileSizeWanted = wanted;
  }

  /** Whether a record of so many bytes belongs into another file. */
  #isFull(length: number): boolean {
    const end = this.#written + this.#staged;
    if (end + length > this.#fileEndMax) return true;
    if (this.#created.length >= this.#fileCountMax) return false;
    return end > this.#fileSizeBytes || this.#records >= this.#limits.recordCountMax;
  }

  #rotate(): void {
    assert(this.#created.length < this.#fileCountMax, "file numbers that were reserved suffice");
    this.flush();
    const dataKey = this.#keys.current();
    const baseIv = randomIv(this.#env);
    const header = encodeLogHeader(dataKey?.keyId ?? 0, baseIv);
    const number = requireFileNumber(this.#nextNumber);
    // A power cut may take the name of the newest file only: recovery knows by that what is lost.
    this.#syncNames();
    const created = LogFile.create(
      this.#env.fileSystem,
      this.#directory,
      valueLogFileName(number),
      header,
    );
    // Only now: after a failure the old file is still the current one, and full.
    if (this.#current !== undefined) this.#sealed.push(this.#current);
    this.#current = created;
    this.#fileSizeBytes = Math.min(this.#limits.fileSizeBytes, this.#fileSizeWanted());
    this.#cipher = dataKey === undefined ? undefined : new LogCipher(dataKey.key, baseIv);
    this.#nextNumber = number + 1;
    this.#currentNumber = number;
    this.#created.push(number);
    this.#isNameDurable = false;
    if (this.#names === "background") void this.#syncNamesInBackground().catch(() => undefined);
    this.#written = LOG_HEADER_SIZE;
    this.#records = 0;
  }

  /** Writes what is staged. After a failure the staged records are forgotten and the file is cut back. */
  flush(): void {
    if (this.#staged === 0 || this.#current === undefined) return;
    const length = this.#staged;
    this.#staged = 0;
    try {
      this.#current.write(this.#staging, 0, length, this.#written);
    } catch (error) {
      const isCut = this.#cutBack();
      // Other bytes at the same place would be encrypted with the same key stream.
      if (isCut && this.#cipher !== undefined) this.#end();
      throw error;
    }
    this.#written += length;
    this.#bytesWritten += length;
    // A single huge value must not pin its buffer.
    if (this.#staging.length > STAGING_BYTES * 4) this.#staging = new Uint8Array(STAGING_BYTES);
  }

  /** Forgets staged records, after the group they belong to has failed. */
  discardStaged(): void {
    this.#staged = 0;
  }

  #cutBack(): boolean {
    try {
      this.#current?.cutBack(this.#written);
      return true;
    } catch {
      // The write's own failure is the one to report; that this failed, too, `hasFailed` tells.
      return false;
    }
  }

  /** The names of all files so far become durable; blocks unless that has happened. */
  #syncNames(): void {
    if (this.#namesFailure !== undefined) throw this.#namesFailure;
    if (this.#isNameDurable || this.#names === "caller") return;
    this.#env.fileSystem.syncDirectory(this.#directory);
    this.#isNameDurable = true;
  }

  async #syncNamesInBackground(): Promise<void> {
    if (this.#namesFailure !== undefined) throw this.#namesFailure;
    if (this.#isNameDurable) return;
    const newest = this.#created.at(-1);
    let naming = this.#naming;
    if (naming?.newest !== newest) {
      const done = this.#env.fileSystem.syncDirectoryInBackground(this.#directory);
      naming = this.#naming = { newest, done };
    }
    try {
      await naming?.done;
      if (newest === this.#created.at(-1)) this.#isNameDurable = true;
    } catch (error) {
      // As with any sync: nobody knows what the disk holds, and a second one would not tell.
      this.#namesFailure = error;
      throw error;
    }
  }

  /** Everything written becomes durable; blocks. */
  sync(): void {
    this.#syncNames();
    for (const log of this.#sealed) {
      log.sync();
      log.close();
    }
    this.#sealed = [];
    this.#current?.sync();
  }

  async syncInBackground(): Promise<void> {
    // A copy: files may be sealed while this waits, and those are not synced by it.
    const sealed = [...this.#sealed];
    const current = this.#current;
    await Promise.all([
      this.#syncNamesInBackground(),
      ...sealed.map((log) => log.syncInBackground()),
      current?.syncInBackground(),
    ]);
    for (const log of sealed) log.close();
    this.#sealed = this.#sealed.filter((log) => !sealed.includes(log));
  }

  /** The file is removed: held open for its sync it would still take space. */
  forget(number: FileNumber): void {
    const name = valueLogFileName(number);
    this.#sealed.find((log) => log.name === name)?.abandon();
    this.#sealed = this.#sealed.filter((log) => log.name !== name);
  }

  /** Nobody knows what the current file holds on disk. */
  get hasFailed(): boolean {
    return this.#namesFailure !== undefined || (this.#current?.hasFailed ?? false);
  }

  get isDirty(): boolean {
    return (this.#current?.isDirty ?? false) || this.#sealed.some((log) => log.isDirty);
  }

  close(): void {
    for (const log of this.#sealed) log.close();
    this.#sealed = [];
    this.#current?.close();
    this.#current = undefined;
  }
}

function randomIv(env: Env): Uint8Array {
  const iv = new Uint8Array(12);
  env.random.fill(iv);
  return iv;
}
