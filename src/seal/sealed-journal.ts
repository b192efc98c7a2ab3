/**
 * `SealedJournal`: a sealed file that grows: manifest, write-ahead log, value log. Every write becomes frames of
 * its own behind the last, in one write to the disk, and what is acknowledged is at most written again as it is. A journal
 * is shortened by a frame that says so.
 *
 * What lies behind the last whole frame is either what a crash has left of a write (a piece of a frame, or
 * sectors that never reached the disk, see format/zero-sector.ts), and is left out, or damage. Frames that
 * the register has on record (`SealMark`) must all be there. Damage is thrown by reads that meet it, not on
 * opening; `size` reaches beyond it, so that whoever reads to the end does meet it.
 */

import { assert } from "../base/assert.ts";
import { CorruptionError } from "../base/errors.ts";
import type { File } from "../env/file-system.ts";
import { renew } from "../env/renew.ts";
import { decodeSealedHeader, type FrameCipher, SEALED_HEADER_SIZE } from "../format/sealed-file.ts";
import type { SealMark } from "../format/seal-register.ts";
import type { SealAuthority } from "./authority.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { JournalFrames } from "./journal-frames.ts";
import { JournalScan } from "./journal-scan.ts";

export interface JournalOptions {
  /** Every frame is authenticated before anything is read: for what is read to its end anyhow. */
  readonly verify: boolean;
  /** Told after the file was closed. */
  readonly onClose?: () => void;
}

export class SealedJournal implements File {
  readonly path: string;
  readonly #file: File;
  readonly #name: string;
  readonly #authority: SealAuthority;
  readonly #options: JournalOptions;
  #frames = new JournalFrames();
  #cipher: FrameCipher | undefined;
  #reader: FrameReader | undefined;
  #writer: FrameWriter | undefined;
  #damage: CorruptionError | undefined;
  /** Size of the file when it was looked through last. */
  #seenBytes = -1;
  /** It was longer at the last look than at the one before. */
  #hasGrown = false;
  /** Bytes that count for nothing may lie behind the last frame: they go before the next one comes. */
  #isUntidy = false;
  #salt: Uint8Array | undefined;
  #syncedFrames = 0;
  #syncedTag = new Uint8Array(0);

  constructor(file: File, name: string, authority: SealAuthority, options: JournalOptions) {
    this.path = file.path;
    this.#file = file;
    this.#name = name;
    this.#authority = authority;
    this.#options = options;
    this.#look();
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    if (position + length > this.#frames.contentEnd) this.#look();
    const end = this.#frames.contentEnd;
    const count = Math.max(0, Math.min(length, end - position));
    try {
      if (count > 0) this.#reader?.read(target, targetOffset, count, position);
    } catch (error) {
      if (!(error instanceof CorruptionError) || !this.#startAgain()) throw error;
      return this.read(target, targetOffset, length, position);
    }
    if (count < length && this.#damage !== undefined) throw this.#damage;
    return count;
  }

  /**
   * Whoever reads a journal that another object writes may have seen frames of a failed write before they were
   * cut off: then what is known of the file is wrong, not the file. False when that cannot be.
   */
  #startAgain(): boolean {
    if (!this.#hasGrown || this.#writer !== undefined) return false;
    this.#hasGrown = false;
    this.#frames = new JournalFrames();
    this.#startOver();
    this.#seenBytes = -1;
    this.#look();
    return true;
  }

  size(): number {
    this.#look();
    const { contentEnd, fileEnd } = this.#frames;
    if (this.#damage === undefined) return contentEnd;
    return contentEnd + Math.max(1, this.#seenBytes - fileEnd);
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    if (this.#damage !== undefined) throw this.#damage;
    const { contentEnd } = this.#frames;
    if (position + length <= contentEnd) {
      if (length > 0) this.#renew(position, length);
      return;
    }
    assert(position === contentEnd, "a sealed journal is written at its end");
    if (length > 0) this.#append((writer) => writer.writeContent(source, sourceOffset, length));
  }

  /** What is written is there already (env/renew.ts): the frames are written again as they are. */
  #renew(position: number, length: number): void {
    const frames = this.#frames;
    const end = position + length;
    const isLast = end === frames.contentEnd;
    const fileStart = position === 0 ? 0 : frames.startOf(frames.find(position));
    renew(this.#file, fileStart, isLast ? frames.fileEnd : frames.endOf(frames.find(end - 1)));
  }

  truncate(size: number): void {
    const { contentEnd } = this.#frames;
    assert(size <= contentEnd || this.#damage !== undefined, "a sealed journal is only shortened");
    if (this.#damage !== undefined) throw this.#damage;
    if (size < contentEnd) {
      this.#append((writer) => writer.writeCut(size));
      this.#reader?.forget();
    } else this.#tidy();
  }

  sync(): void {
    this.#file.sync();
    this.#noteSynced(this.#frames.count, this.#frames.lastTag);
  }

  async syncInBackground(): Promise<void> {
    const { count, lastTag } = this.#frames;
    await this.#file.syncInBackground();
    this.#noteSynced(count, lastTag);
  }

  close(): void {
    this.#file.close();
    this.#options.onClose?.();
  }

  /** Frames so far. */
  get frames(): number {
    return this.#frames.count;
  }

  /** What tells this file from others of its name; `undefined` before the first write. */
  get salt(): Uint8Array | undefined {
    return this.#salt;
  }

  /** How much of the journal a power cut cannot take any more; `undefined` before the first sync. */
  get durable(): Pick<SealMark, "frames" | "tag"> | undefined {
    const frames = this.#syncedFrames;
    return frames === 0 ? undefined : { frames, tag: this.#syncedTag };
  }

  /** Why the content cannot be trusted to its end. */
  get damage(): CorruptionError | undefined {
    return this.#damage;
  }

  #noteSynced(frames: number, tag: Uint8Array): void {
    if (frames < this.#syncedFrames) return;
    this.#syncedFrames = frames;
    this.#syncedTag = tag.slice();
  }

  #append(write: (writer: FrameWriter) => void): void {
    this.#tidy();
    const frames = this.#frames;
    const before = frames.state();
    try {
      if (this.#writer === undefined) this.#startWriting();
      write(this.#writer as FrameWriter);
    } catch (error) {
      frames.restore(before);
      this.#isUntidy = true;
      if (before.fileEnd === 0) this.#startOver();
      try {
        this.#tidy();
      } catch {
        // The write's own failure is the one to report; the next write tries again.
      }
      throw error;
    }
  }

  /** Takes away what a failed or interrupted write has left behind the last frame. */
  #tidy(): void {
    if (!this.#isUntidy) return;
    this.#file.truncate(this.#frames.fileEnd);
    this.#isUntidy = false;
  }

  #startWriting(): void {
    if (this.#cipher === undefined) {
      const { bytes, cipher } = this.#authority.create(this.#name);
      this.#use(bytes, cipher);
    }
    const { random } = this.#authority;
    this.#writer = new FrameWriter(this.#file, this.#cipher as FrameCipher, this.#frames, random);
  }

  /** The header did not reach the disk: the next write makes another. */
  #startOver(): void {
    this.#cipher = undefined;
    this.#salt = undefined;
    this.#reader = undefined;
    this.#writer = undefined;
  }

  #use(header: Uint8Array, cipher: FrameCipher): void {
    this.#cipher = cipher;
    this.#salt = decodeSealedHeader(header).salt;
    this.#frames.begin(header);
    this.#reader = new FrameReader(this.#file, this.#name, cipher, this.#frames);
  }

  /** Finds the frames that came since the last look. */
  #look(): void {
    // Who writes knows best: behind the last frame lies at most what could not be cut off.
    if (this.#writer !== undefined) return;
    const bytes = this.#file.size();
    if (bytes === this.#seenBytes) return;
    this.#hasGrown ||= this.#seenBytes >= 0;
    this.#seenBytes = bytes;
    this.#damage = undefined;
    try {
      if (this.#cipher === undefined && !this.#readHeader(bytes)) return;
      const mark = this.#authority.markOf(this.#name);
      const { verify } = this.#options;
      const scan = new JournalScan(this.#file, this.#name, this.#cipher as FrameCipher, verify);
      scan.run(this.#frames, bytes, mark);
      this.#isUntidy = this.#frames.fileEnd < bytes;
    } catch (error) {
      if (!(error instanceof CorruptionError)) {
        // Nothing was learnt: the next look looks again.
        this.#seenBytes = -1;
        throw error;
      }
      this.#damage = error;
    }
  }

  /** False when there is none: an empty file, or one whose first write never reached the disk. */
  #readHeader(bytes: number): boolean {
    const frames = this.#authority.markOf(this.#name)?.frames ?? 0;
    const header = new Uint8Array(SEALED_HEADER_SIZE);
    const got = this.#file.read(header, 0, Math.min(bytes, SEALED_HEADER_SIZE), 0);
    const isUnwritten = got < SEALED_HEADER_SIZE || header.every((byte) => byte === 0);
    if (isUnwritten && frames === 0) {
      this.#isUntidy = bytes > 0;
      return false;
    }
    this.#use(header, this.#authority.admit(this.#name, header.subarray(0, got)));
    this.#frames.fileEnd = SEALED_HEADER_SIZE;
    return true;
  }
}
