/**
 * Backup: one snapshot as Badger's backup stream (format/backup-frame.ts).
 *
 * Per key, newest version first. A deleted or expired version is written without its value and ends the
 * key; so does one that discards earlier versions, with a delete marker one version below it, because a
 * restore may meet older versions of the key in its database. Values are inline, so the pointer bit is
 * cleared: Badger's own backups leave it set, which its `Load` forgives and its `StreamWriter` does not.
 *
 * Memory is one frame and one value, whatever the size of the database. Main thread; between frames the
 * event loop goes on.
 */

import { compareRange, EMPTY_BYTES } from "../base/bytes.ts";
import type { Version } from "../base/ids.ts";
import type { VisibleCursor } from "../cursor/visible-cursor.ts";
import type { BackupEntry } from "../format/backup-frame.ts";
import {
  isDeletedOrExpired,
  META_DELETE,
  META_DISCARD_EARLIER,
  META_IN_TRANSACTION,
  META_POINTER,
  META_TRANSACTION_END,
} from "../format/stored-value.ts";
import type { Destination } from "./destination.ts";
import { FrameWriter } from "./frame-writer.ts";

/** What a backup or restore has done so far. */
export interface BackupProgress {
  /** Bytes of the stream written or read. */
  readonly bytes: number;
  /** Bytes of the whole stream; 0 when it is not known. */
  readonly totalBytes: number;
  readonly entries: number;
}

export interface BackupContent {
  /** All versions that the snapshot sees and that are newer than `since`, keys of the engine left out. */
  readonly cursor: VisibleCursor;
  readonly nowSeconds: number;
  /** The value that a pointer leads to: a view that lasts until the next call. */
  readValue(
    bytes: Uint8Array,
    offset: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    version: Version,
  ): Uint8Array;
}

export interface BackupRun {
  readonly onProgress?: ((done: BackupProgress) => void) | undefined;
  /** Called whenever others have run: throws if the backup must end. */
  readonly checkpoint: () => void;
}

/** Bits that mean something in this directory only. */
const LOCAL_BITS = META_POINTER | META_IN_TRANSACTION | META_TRANSACTION_END;

/**
 * Writes everything the cursor shows and resolves with the largest version written, 0 if there was
 * nothing. Neither finishes the destination nor closes the cursor.
 */
export async function writeBackup(
  content: BackupContent,
  destination: Destination,
  run: BackupRun,
): Promise<{ version: Version; entries: number }> {
  const { cursor } = content;
  const frame = new FrameWriter();
  const writer = new EntryWriter(content, frame);
  let bytes = 0;
  for (cursor.seekToStart(); cursor.valid;) {
    while (cursor.valid && !frame.isFull) {
      writer.add();
      cursor.next();
    }
    // Empty when all that came was older versions of a key that has ended.
    if (!frame.isEmpty) {
      const chunk = frame.take(destination.keepsChunks);
      bytes += chunk.length;
      await destination.write(chunk);
    }
    run.onProgress?.({ bytes, totalBytes: 0, entries: writer.entries });
    await new Promise<void>((resume) => setImmediate(resume));
    run.checkpoint();
  }
  return { version: writer.version, entries: writer.entries };
}

/** Turns the cursor's entry into what a backup says of it. */
class EntryWriter {
  readonly #content: BackupContent;
  readonly #frame: FrameWriter;
  /** Older versions of this key are left out. */
  #ended = new Uint8Array(64);
  #endedLength = -1;
  readonly #entry = {
    key: EMPTY_BYTES,
    value: EMPTY_BYTES,
    userMeta: 0 as number | undefined,
    version: 0,
    expiresAt: 0,
    meta: 0,
    streamId: 1,
    streamDone: false,
  } satisfies BackupEntry;
  /** The largest version written. */
  version: Version = 0;
  entries = 0;

  constructor(content: BackupContent, frame: FrameWriter) {
    this.#content = content;
    this.#frame = frame;
  }

  add(): void {
    const { cursor, nowSeconds } = this.#content;
    const { keyBytes, keyOffset, keyLength, meta, version, expiresAt } = cursor;
    if (this.#isEnded(keyBytes, keyOffset, keyLength)) return;
    const isGone = isDeletedOrExpired(meta, expiresAt, nowSeconds);
    const entry = this.#entry;
    entry.key = keyBytes.subarray(keyOffset, keyOffset + keyLength);
    entry.value = isGone ? EMPTY_BYTES : this.#value();
    entry.userMeta = cursor.userMeta;
    entry.version = version;
    entry.expiresAt = expiresAt;
    entry.meta = meta & ~LOCAL_BITS;
    this.#write();
    if ((meta & META_DISCARD_EARLIER) !== 0) {
      entry.value = EMPTY_BYTES;
      entry.userMeta = undefined;
      entry.version = Math.max(0, version - 1);
      entry.expiresAt = 0;
      entry.meta = META_DELETE;
      this.#write();
      this.#end(entry.key);
    } else if (isGone) {
      this.#end(entry.key);
    }
  }

  #write(): void {
    this.#frame.add(this.#entry);
    this.entries++;
    if (this.#entry.version > this.version) this.version = this.#entry.version;
  }

  #value(): Uint8Array {
    const { cursor } = this.#content;
    const { valueBytes, valueOffset, valueLength } = cursor;
    if ((cursor.meta & META_POINTER) === 0) {
      return valueBytes.subarray(valueOffset, valueOffset + valueLength);
    }
    const { keyBytes, keyOffset, keyLength, version } = cursor;
    return this.#content.readValue(
      valueBytes,
      valueOffset,
      keyBytes,
      keyOffset,
      keyLength,
      version,
    );
  }

  #isEnded(bytes: Uint8Array, offset: number, length: number): boolean {
    return (
      length === this.#endedLength &&
      compareRange(bytes, offset, length, this.#ended, 0, length) === 0
    );
  }

  #end(key: Uint8Array): void {
    if (key.length > this.#ended.length) this.#ended = new Uint8Array(key.length * 2);
    this.#ended.set(key);
    this.#endedLength = key.length;
  }
}
