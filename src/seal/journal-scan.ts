/**
 * `JournalScan`: finds the frames of a journal from where they are known on, and judges what lies behind the
 * last. See sealed-journal.ts for what is the remains of a crash and what is damage.
 */

import { equalBytes } from "../base/bytes.ts";
import { CorruptionError } from "../base/errors.ts";
import type { File } from "../env/file-system.ts";
import { readU64BE } from "../format/integers.ts";
import {
  FRAME_CUT,
  FRAME_HEADER_SIZE,
  FRAME_OVERHEAD,
  FRAME_PAYLOAD_MAX,
  type FrameCipher,
  FrameView,
  SEAL_TAG_SIZE,
} from "../format/sealed-file.ts";
import type { SealMark } from "../format/seal-register.ts";
import { hasZeroSector, SECTOR_BYTES } from "../format/zero-sector.ts";
import type { JournalFrames } from "./journal-frames.ts";

/** Read at once where every frame is opened; where only headers are, the least that one more takes. */
const VERIFIED_BYTES = 256 << 10;
const HEADER_BYTES = 4096;
/** How far behind a gap a frame is looked for. */
const SEARCH_BYTES = 1 << 20;

export class JournalScan {
  readonly #file: File;
  readonly #name: string;
  readonly #cipher: FrameCipher;
  readonly #verify: boolean;
  readonly #view = new FrameView();
  #bytes = new Uint8Array(0);
  /** What `#bytes` holds of the file. */
  #start = 0;
  #end = 0;

  constructor(file: File, name: string, cipher: FrameCipher, verify: boolean) {
    this.#file = file;
    this.#name = name;
    this.#cipher = cipher;
    this.#verify = verify;
  }

  /**
   * Adds the frames in `[frames.fileEnd, size)`. `CorruptionError` for damage between or behind them, and when
   * what `mark` has on record is not there; the frames before it are added.
   */
  run(frames: JournalFrames, size: number, mark: SealMark | undefined): void {
    while (frames.fileEnd < size) if (!this.#next(frames, size, mark)) break;
    if (mark === undefined || frames.count >= mark.frames) return;
    throw this.#damage(
      frames.fileEnd,
      `${mark.frames} sealed frames`,
      `${frames.count}: the end was cut off, or an older file put in its place`,
    );
  }

  /** False at the end of what counts. */
  #next(frames: JournalFrames, size: number, mark: SealMark | undefined): boolean {
    const view = this.#view;
    const offset = frames.fileEnd;
    this.#load(offset, size);
    const at = offset - this.#start;
    const known = this.#end - this.#start;
    if (!view.decode(this.#bytes, at, known) || view.number !== frames.count) {
      this.#judgeGap(offset, size, frames.count);
      return false;
    }
    const end = offset + (view.end - at);
    if (end > size) return false;
    const { payloadLength, flags } = view;
    const isCut = flags === FRAME_CUT;
    let payload: Uint8Array | undefined;
    if (this.#verify || isCut) {
      this.#load(offset, size, end);
      payload = this.#open(frames, offset);
      // A sector that never reached the disk: what follows it was never acknowledged.
      if (payload === undefined && this.#isTorn(offset, end)) return false;
    }
    const tag = this.#tagAt(end, size);
    if (isCut) {
      const contentEnd = payload?.length === 8 ? readU64BE(payload, 0) : undefined;
      if (contentEnd === undefined || contentEnd > frames.contentEnd) {
        throw this.#damage(offset, "a frame that shortens the journal", "one that is damaged");
      }
      frames.addCut(offset, payloadLength, tag, contentEnd);
    } else if (flags === 0) {
      frames.add(offset, payloadLength, tag);
    } else {
      throw this.#damage(offset, "a frame of a journal", "one of another kind of file");
    }
    if (frames.count === mark?.frames && !equalBytes(frames.lastTag, mark.tag)) {
      throw this.#damage(offset, "the frame that the register has on record", "another one");
    }
    return true;
  }

  #open(frames: JournalFrames, offset: number): Uint8Array | undefined {
    const view = this.#view;
    const at = offset - this.#start;
    if (!view.decode(this.#bytes, at, this.#end - this.#start)) return undefined;
    return this.#cipher.open(this.#bytes, at, view, offset, frames.contentEnd);
  }

  #isTorn(offset: number, end: number): boolean {
    return hasZeroSector(this.#bytes, offset - this.#start, end - this.#start, this.#start);
  }

  #tagAt(end: number, size: number): Uint8Array {
    this.#load(end - SEAL_TAG_SIZE, size, end);
    return this.#bytes.subarray(end - SEAL_TAG_SIZE - this.#start, end - this.#start);
  }

  /** Makes `#bytes` hold `[offset, end)` and the tag before `offset`, as far as the file reaches. */
  #load(offset: number, size: number, end = Math.min(size, offset + FRAME_HEADER_SIZE)): void {
    const start = offset - SEAL_TAG_SIZE;
    if (start >= this.#start && end <= this.#end) return;
    const ahead = this.#verify ? VERIFIED_BYTES : HEADER_BYTES;
    this.#read(start, Math.min(size, Math.max(end, start + ahead)));
  }

  #read(start: number, end: number): void {
    if (this.#bytes.length < end - start) {
      this.#bytes = new Uint8Array(Math.max(end - start, FRAME_PAYLOAD_MAX + 2 * FRAME_OVERHEAD));
    }
    const got = this.#file.read(this.#bytes, 0, end - start, start);
    this.#start = start;
    this.#end = start + got;
  }

  /** Returns if a crash explains that no frame begins at `gap`; throws if none does. */
  #judgeGap(gap: number, size: number, number: number): void {
    if (size - gap < FRAME_HEADER_SIZE) return;
    this.#read(gap, Math.min(size, gap + SEARCH_BYTES));
    const known = this.#end - gap;
    const follower = this.#follower(known, number);
    const until = follower < 0 ? known : follower - ((gap + follower) % SECTOR_BYTES);
    if (until > 0 && hasZeroSector(this.#bytes, 0, until, gap)) return;
    throw this.#damage(gap, `the header of frame ${number}`, "other bytes");
  }

  /** Offset in `#bytes` of the first header of a later frame, or −1. */
  #follower(known: number, number: number): number {
    const view = this.#view;
    for (let offset = 1; offset + FRAME_HEADER_SIZE <= known; offset++) {
      if (view.decode(this.#bytes, offset, known) && view.number >= number) return offset;
    }
    return -1;
  }

  #damage(offset: number, expected: string, actual: string): CorruptionError {
    return new CorruptionError({ file: this.#name, offset, expected, actual });
  }
}
