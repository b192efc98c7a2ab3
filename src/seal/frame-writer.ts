/**
 * `FrameWriter`: appends frames to a journal, many in one write to the disk. After a failure the caller sets
 * `frames` back and cuts the file.
 */

import type { File } from "../env/file-system.ts";
import type { Random } from "../env/env.ts";
import { writeU64BE } from "../format/integers.ts";
import {
  FRAME_CUT,
  FRAME_HEADER_SIZE,
  FRAME_OVERHEAD,
  FRAME_PAYLOAD_MAX,
  type FrameCipher,
  nonceBytes,
  SEAL_TAG_SIZE,
} from "../format/sealed-file.ts";
import type { JournalFrames } from "./journal-frames.ts";

/** Frames of one write to the disk: a megabyte. */
const BATCH_FRAMES = 128;
const CUT_PAYLOAD_SIZE = 8;

export class FrameWriter {
  readonly #file: File;
  readonly #cipher: FrameCipher;
  readonly #frames: JournalFrames;
  readonly #random: Random;
  readonly #nonces = nonceBytes(BATCH_FRAMES);
  #buffer = new Uint8Array(0);

  constructor(file: File, cipher: FrameCipher, frames: JournalFrames, random: Random) {
    this.#file = file;
    this.#cipher = cipher;
    this.#frames = frames;
    this.#random = random;
  }

  /** Appends `source[offset, offset + length)`, which may lie in a SharedArrayBuffer. */
  writeContent(source: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length;) {
      const count = Math.min(length - done, BATCH_FRAMES * FRAME_PAYLOAD_MAX);
      this.#writeBatch(source, offset + done, count);
      done += count;
    }
  }

  #writeBatch(source: Uint8Array, offset: number, length: number): void {
    const frames = this.#frames;
    const count = Math.ceil(length / FRAME_PAYLOAD_MAX);
    const head = this.#begin(count, length);
    const base = frames.fileEnd === 0 ? 0 : frames.fileEnd - head;
    const ends: number[] = [];
    let at = head;
    for (let frame = 0, done = 0; frame < count; frame++) {
      const payload = Math.min(length - done, FRAME_PAYLOAD_MAX);
      const from = offset + done;
      this.#buffer.set(source.subarray(from, from + payload), at + FRAME_HEADER_SIZE);
      const content = frames.contentEnd + done;
      at = this.#seal(at, payload, 0, frames.count + frame, base + at, content, frame);
      ends.push(at);
      done += payload;
    }
    this.#write(base, head, at);
    let start = head;
    for (const end of ends) {
      const tag = this.#buffer.subarray(end - SEAL_TAG_SIZE, end);
      frames.add(base + start, end - start - FRAME_OVERHEAD, tag);
      start = end;
    }
  }

  /** Appends a frame that makes the content end at `contentEnd`. */
  writeCut(contentEnd: number): void {
    const frames = this.#frames;
    const head = this.#begin(1, CUT_PAYLOAD_SIZE);
    const base = frames.fileEnd === 0 ? 0 : frames.fileEnd - head;
    writeU64BE(this.#buffer, head + FRAME_HEADER_SIZE, contentEnd);
    const { count, contentEnd: content } = frames;
    const end = this.#seal(head, CUT_PAYLOAD_SIZE, FRAME_CUT, count, base + head, content, 0);
    this.#write(base, head, end);
    const tag = this.#buffer.subarray(end - SEAL_TAG_SIZE, end);
    frames.addCut(base + head, CUT_PAYLOAD_SIZE, tag, contentEnd);
  }

  /** Makes room, draws nonces, and puts what stands before the first frame to the start; returns its length. */
  #begin(count: number, payloadBytes: number): number {
    const { unwrittenHeader, lastTag } = this.#frames;
    const before = unwrittenHeader ?? lastTag;
    const bytes = before.length + count * FRAME_OVERHEAD + payloadBytes;
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(bytes + (bytes >>> 1));
    this.#buffer.set(before);
    this.#random.fill(this.#nonces.subarray(0, (this.#nonces.length / BATCH_FRAMES) * count));
    return before.length;
  }

  #seal(
    at: number,
    payload: number,
    flags: number,
    number: number,
    filePosition: number,
    contentPosition: number,
    frame: number,
  ): number {
    const nonce = (this.#nonces.length / BATCH_FRAMES) * frame;
    return this.#cipher.seal(
      this.#buffer,
      at,
      payload,
      flags,
      number,
      filePosition,
      contentPosition,
      this.#nonces,
      nonce,
    );
  }

  /** The tag before the first frame is in the file already, a header is not. */
  #write(base: number, head: number, end: number): void {
    const start = this.#frames.fileEnd === 0 ? 0 : head;
    this.#file.write(this.#buffer, start, end - start, base + start);
  }
}
