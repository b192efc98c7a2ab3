/**
 * Reads a backup stream in pieces of bounded size. Frames may be larger than memory allows (Badger joins
 * batches up to 100 MiB and more), so only whole entries are waited for, never whole frames. The buffer
 * grows with the bytes that are there, never with a number that claims them.
 */

import { type CorruptionError, MelesError } from "../base/errors.ts";
import {
  BACKUP_FRAME_HEADER_SIZE,
  BACKUP_FRAME_LENGTH_MAX,
  type BackupEntry,
  decodeBackupFrame,
  decodeBackupFrameLength,
} from "../format/backup-frame.ts";
import { damaged, located } from "../format/damage.ts";
import { fieldLength } from "../format/protobuf.ts";
import type { Origin } from "./origin.ts";

/** Whole entries of one frame. */
export interface BackupPiece {
  /** Keys and values are views that last until the next call of `next`. */
  readonly entries: readonly BackupEntry[];
  /** Where the piece starts in the stream. */
  readonly offset: number;
  /** The frame it belongs to: where its length stands, and its payload's length. */
  readonly frameOffset: number;
  readonly frameLength: number;
}

const BUFFER_BYTES = 1 << 20;

export class FrameReader {
  readonly #origin: Origin;
  readonly #entryBytesMax: number;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #end = 0;
  /** Offset in the stream of the buffer's first byte. */
  #base = 0;
  #frameOffset = 0;
  #frameLength = 0;
  /** Bytes of the current frame's payload that were not handed out yet. */
  #frameLeft = 0;

  /** @param entryBytesMax a larger entry is refused before memory is spent on it */
  constructor(origin: Origin, entryBytesMax: number = BACKUP_FRAME_LENGTH_MAX) {
    this.#origin = origin;
    this.#entryBytesMax = entryBytesMax;
  }

  /** Bytes of the stream that were handed out. */
  get offset(): number {
    return this.#base + this.#start;
  }

  /**
   * The next piece, or `undefined` at the end of the stream. `CorruptionError` with the offset in the
   * stream for damage and for an end inside a frame.
   */
  async next(): Promise<BackupPiece | undefined> {
    try {
      for (;;) {
        if (this.#frameLeft === 0 && !(await this.#nextFrame())) return undefined;
        const piece = this.#takePiece();
        if (piece !== undefined) return piece;
        if (this.#frameLeft > 0 && !(await this.#fill())) {
          throw this.#cutShort(`${this.#frameLeft} more bytes of a frame`);
        }
      }
    } catch (error) {
      throw located(error, this.#origin.name, this.#base);
    }
  }

  async #nextFrame(): Promise<boolean> {
    while (this.#end - this.#start < BACKUP_FRAME_HEADER_SIZE) {
      if (await this.#fill()) continue;
      if (this.#end === this.#start) return false;
      throw this.#cutShort("the length of a frame");
    }
    this.#frameOffset = this.offset;
    // Not held against what is left of a file: of a frame cut short, the whole entries count.
    this.#frameLength = decodeBackupFrameLength(this.#buffer, this.#start);
    this.#frameLeft = this.#frameLength;
    this.#start += BACKUP_FRAME_HEADER_SIZE;
    return true;
  }

  /** The whole fields at the buffer's start, if any. */
  #takePiece(): BackupPiece | undefined {
    const start = this.#start;
    const frameEnd = start + this.#frameLeft;
    const available = Math.min(this.#end, frameEnd);
    let whole = start;
    let damage: unknown;
    while (whole < available && damage === undefined) {
      try {
        const length = fieldLength(this.#buffer, whole, available, frameEnd);
        if (length > this.#entryBytesMax) throw this.#tooLarge(whole, length);
        if (length < 0 || length > available - whole) break;
        whole += length;
      } catch (error) {
        damage = error;
      }
    }
    // What comes before the damage counts; the next call begins with the damage.
    if (whole === start && damage !== undefined) throw damage;
    if (whole === start) return undefined;
    const { entries, end } = this.#decode(start, whole, frameEnd);
    whole = end;
    this.#start = whole;
    this.#frameLeft -= whole - start;
    return {
      entries,
      offset: this.#base + start,
      frameOffset: this.#frameOffset,
      frameLength: this.#frameLength,
    };
  }

  /** The entries of whole fields, up to the first that is damaged inside. */
  #decode(start: number, whole: number, frameEnd: number): { entries: BackupEntry[]; end: number } {
    const bytes = this.#buffer;
    try {
      return { entries: decodeBackupFrame(bytes, start, whole), end: whole };
    } catch (error) {
      const entries: BackupEntry[] = [];
      for (let position = start; ;) {
        const next = position + fieldLength(bytes, position, whole, frameEnd);
        try {
          entries.push(...decodeBackupFrame(bytes, position, next));
        } catch {
          if (position === start) throw error;
          return { entries, end: position };
        }
        position = next;
      }
    }
  }

  /** Reads on behind what is there; false at the end of the stream. */
  async #fill(): Promise<boolean> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#base += this.#start;
      this.#end -= this.#start;
      this.#start = 0;
    } else if (this.#end === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const room = this.#buffer.length - this.#end;
    const count = await this.#origin.read(this.#buffer, this.#end, room);
    this.#end += count;
    return count > 0;
  }

  #cutShort(expected: string): CorruptionError {
    return damaged(this.#end, expected, "the end of the stream");
  }

  #tooLarge(offset: number, length: number): MelesError {
    return new MelesError(
      "ERR_VALUE_TOO_LARGE",
      `${this.#origin.name} holds an entry of ${length} bytes at byte ${this.#base + offset}; at most ` +
        `${this.#entryBytesMax} fit into this database, open it with a larger valueLogFileSize`,
    );
  }
}
