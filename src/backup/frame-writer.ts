/**
 * Builds backup frames in one buffer: entries are encoded where they are sent from, and the frame's
 * length is put in front when it is taken.
 */

import {
  BACKUP_FRAME_HEADER_SIZE,
  type BackupEntry,
  backupEntryLength,
  writeBackupEntry,
} from "../format/backup-frame.ts";
import { writeU64LE } from "../format/integers.ts";

/** A frame is sent when it has grown to this; a larger entry makes a larger frame. */
const FRAME_BYTES = 1 << 20;
/** Room behind that, so that a usual last entry does not make the buffer grow. */
const SPARE_BYTES = 1 << 17;

export class FrameWriter {
  #buffer = new Uint8Array(FRAME_BYTES + SPARE_BYTES);
  #end = BACKUP_FRAME_HEADER_SIZE;

  get isEmpty(): boolean {
    return this.#end === BACKUP_FRAME_HEADER_SIZE;
  }

  get isFull(): boolean {
    return this.#end >= FRAME_BYTES;
  }

  /** Adds an entry; its bytes are copied. */
  add(entry: BackupEntry): void {
    this.#makeRoom(backupEntryLength(entry));
    this.#end = writeBackupEntry(this.#buffer, this.#end, entry);
  }

  /** The frame, whole; a view that the next `add` overwrites, or a copy of its own. */
  take(asCopy: boolean): Uint8Array {
    writeU64LE(this.#buffer, 0, this.#end - BACKUP_FRAME_HEADER_SIZE);
    const buffer = this.#buffer;
    const end = this.#end;
    this.#end = BACKUP_FRAME_HEADER_SIZE;
    // A single huge value must not pin its buffer.
    if (end > FRAME_BYTES + SPARE_BYTES) this.#buffer = new Uint8Array(FRAME_BYTES + SPARE_BYTES);
    return asCopy ? buffer.slice(0, end) : buffer.subarray(0, end);
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(this.#end + bytes);
    larger.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = larger;
  }
}
