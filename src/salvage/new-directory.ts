/**
 * `NewDirectory`: bulk loading in key order. Tables are written once, at the last level, large values go
 * to a value log, and nothing has to be compacted afterwards. All versions are kept as they come.
 *
 * The manifest is written last and whole: without it the engine refuses the directory, so what a kill
 * leaves behind is never taken for a database.
 */

import { compareBytes, EMPTY_BYTES } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import { replaceFile } from "../env/replace-file.ts";
import type { Env } from "../env/env.ts";
import type { DirectoryLock, File } from "../env/file-system.ts";
import type { CompressionCode } from "../format/compression.ts";
import { IV_SIZE } from "../format/encryption.ts";
import {
  KEYREGISTRY,
  KEYREGISTRY_REWRITE,
  MANIFEST,
  MANIFEST_REWRITE,
  tableFileName,
  valueLogFileName,
} from "../format/file-names.ts";
import { encodeDataKeyRecord, encodeKeyRegistryHeader } from "../format/key-registry.ts";
import { encodeManifestRecord, type ManifestCreate } from "../format/manifest-change.ts";
import { encodeManifestHeader } from "../format/manifest-replay.ts";
import { META_IN_TRANSACTION, META_POINTER, META_TRANSACTION_END } from "../format/stored-value.ts";
import { VALUE_POINTER_SIZE } from "../format/value-pointer.ts";
import type { DataKeyRef } from "../log/log-keys.ts";
import { TableBuilder } from "../table/table-builder.ts";
import { TABLE_OPTIONS } from "../table/table-options.ts";
import { ValueLogWriter } from "../value-log/value-log-writer.ts";

export interface NewDirectoryOptions {
  readonly masterKey: Uint8Array | undefined;
  readonly compression: CompressionCode;
  readonly externalMagic: number;
  /** Values of at least so many bytes go to the value log. */
  readonly valueThreshold: number;
  /** A table is full from so many bytes on. */
  readonly tableSizeBytes: number;
}

/** Badger's and our last level: nothing lies below it. */
const LAST_LEVEL = 6;
const VALUE_LOG_LIMITS = { fileSizeBytes: 256 << 20, recordCountMax: 1_000_000 };
/** Bits that meant something in the source only. */
const LOCAL_BITS = META_POINTER | META_IN_TRANSACTION | META_TRANSACTION_END;

export class NewDirectory {
  readonly #env: Env;
  readonly #path: string;
  readonly #options: NewDirectoryOptions;
  readonly #lock: DirectoryLock;
  readonly #dataKey: DataKeyRef | undefined;
  readonly #valueLog: ValueLogWriter;
  readonly #tables: ManifestCreate[] = [];
  readonly #pointer = new Uint8Array(VALUE_POINTER_SIZE);
  /** Names of the files written so far. */
  readonly #files: string[] = [];
  #file: File | undefined;
  #builder: TableBuilder | undefined;
  #lastKey: Uint8Array = EMPTY_BYTES;
  #tableBytes = 0;

  /** Takes the directory: made if need be, and empty. `ERR_INVALID_ARGUMENT` when it is not. */
  static create(env: Env, path: string, options: NewDirectoryOptions): NewDirectory {
    const { fileSystem } = env;
    const info = fileSystem.info(path);
    if (info !== undefined && info.kind !== "directory") {
      throw new MelesError("ERR_INVALID_ARGUMENT", `${path} is not a directory`);
    }
    if (info === undefined) fileSystem.makeDirectory(path);
    const [first] = fileSystem.list(path);
    if (first !== undefined) {
      throw new MelesError(
        "ERR_INVALID_ARGUMENT",
        `${path} is not empty: it holds ${first}; name a new directory`,
      );
    }
    const lock = fileSystem.lockDirectory(path, "exclusive");
    try {
      return new NewDirectory(env, path, options, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(env: Env, path: string, options: NewDirectoryOptions, lock: DirectoryLock) {
    this.#env = env;
    this.#path = path;
    this.#options = options;
    this.#lock = lock;
    this.#dataKey = this.#writeRegistry();
    const dataKey = this.#dataKey;
    this.#valueLog = new ValueLogWriter(env, path, VALUE_LOG_LIMITS, 1, {
      current: () => dataKey,
      keyOf: () => dataKey?.key ?? EMPTY_BYTES,
    });
  }

  get bytesWritten(): number {
    return this.#tableBytes + this.#valueLog.bytesWritten;
  }

  /** Adds an entry: keys ascending, versions of a key newest first. Bytes are copied. */
  add(
    key: Uint8Array,
    version: Version,
    meta: number,
    userMeta: number,
    expiresAt: number,
    value: Uint8Array,
  ): void {
    const builder = this.#builderFor(key);
    const kept = meta & ~LOCAL_BITS;
    if (value.length < this.#options.valueThreshold || value.length === 0) {
      builder.add(
        key,
        0,
        key.length,
        version,
        kept,
        userMeta,
        expiresAt,
        value,
        0,
        value.length,
        false,
      );
      return;
    }
    const pointer = this.#pointer;
    this.#valueLog.stage(userMeta, kept, expiresAt, key, version, value, pointer, 0);
    builder.add(
      key,
      0,
      key.length,
      version,
      kept | META_POINTER,
      userMeta,
      expiresAt,
      pointer,
      0,
      pointer.length,
      false,
    );
  }

  /** Completes the directory: from here on it is a database. */
  finish(thinnedVersion: Version, newestVersion: Version): void {
    this.#finishTable();
    this.#valueLog.flush();
    this.#valueLog.sync();
    this.#valueLog.close();
    const { fileSystem } = this.#env;
    fileSystem.syncDirectory(this.#path);
    const header = encodeManifestHeader(this.#options.externalMagic);
    const record = encodeManifestRecord({
      changes: this.#tables,
      thinnedVersion,
      newestVersion,
      // Incremental backups must not go on from what somebody else has thinned.
      droppedEndVersion: newestVersion,
    });
    replaceFile(this.#env.fileSystem, this.#path, MANIFEST_REWRITE, MANIFEST, [header, record]);
    this.#lock.release();
  }

  /** Removes what was written; the directory stays, empty. Never throws. */
  abandon(): void {
    this.#builder?.abandon();
    const files = [...this.#files, ...this.#valueLog.createdFiles.map(valueLogFileName)];
    quietly(() => this.#file?.close());
    quietly(() => this.#valueLog.close());
    for (const name of [MANIFEST_REWRITE, KEYREGISTRY, ...files]) {
      quietly(() => this.#env.fileSystem.remove(join(this.#path, name)));
    }
    quietly(() => this.#lock.release());
  }

  /** The table that takes the key. All versions of a key lie in one table. */
  #builderFor(key: Uint8Array): TableBuilder {
    const builder = this.#builder;
    if (builder !== undefined) {
      if (builder.estimatedSizeBytes < this.#options.tableSizeBytes) {
        this.#lastKey = key;
        return builder;
      }
      if (compareBytes(key, this.#lastKey) === 0) return builder;
      this.#finishTable();
    }
    this.#lastKey = key;
    return this.#startTable();
  }

  #startTable(): TableBuilder {
    const fileNumber: FileNumber = this.#tables.length + 1;
    const name = tableFileName(fileNumber);
    const path = join(this.#path, name);
    this.#files.push(name);
    this.#file = this.#env.fileSystem.open(path, { write: true, create: "exclusive" });
    const identity = { fileNumber, level: LAST_LEVEL, knownOrdered: true };
    const { compression } = this.#options;
    const encryption = this.#dataKey;
    const options = { ...TABLE_OPTIONS, compression, ...(encryption && { encryption }) };
    this.#builder = new TableBuilder(this.#file, identity, options, this.#env.random);
    return this.#builder;
  }

  #finishTable(): void {
    const builder = this.#builder;
    if (builder === undefined) return;
    // Values before what points to them.
    this.#valueLog.flush();
    const { fileNumber, level, keyId, compression, sizeBytes } = builder.finish();
    this.#builder = undefined;
    this.#file?.close();
    this.#file = undefined;
    this.#tableBytes += sizeBytes;
    this.#tables.push({ op: "create", fileNumber, level, keyId, compression });
  }

  #writeRegistry(): DataKeyRef | undefined {
    const { masterKey } = this.#options;
    const iv = this.#randomBytes(IV_SIZE);
    const parts = [encodeKeyRegistryHeader(iv, masterKey)];
    let dataKey: DataKeyRef | undefined;
    if (masterKey !== undefined) {
      dataKey = { keyId: 1, key: this.#randomBytes(masterKey.length) };
      const createdAt = Math.floor(this.#env.clock.nowMs() / 1000);
      const record = { keyId: 1, data: dataKey.key, iv: this.#randomBytes(IV_SIZE), createdAt };
      parts.push(encodeDataKeyRecord(record, masterKey));
    }
    replaceFile(this.#env.fileSystem, this.#path, KEYREGISTRY_REWRITE, KEYREGISTRY, parts);
    return dataKey;
  }

  #randomBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#env.random.fill(bytes);
    return bytes;
  }
}

/** Runs a clean-up step whose failure says nothing new. */
function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // The failure that led here is the one to report.
  }
}
