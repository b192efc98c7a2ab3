/**
 * `SealedImage`: a sealed file that is written once, from its start to its end, and then only read: a table, the
 * key registry. All frames but the last are full, so a place in the file follows from a place in the content; the
 * last one says that it is, so a shortened file does not pass for a whole one.
 *
 * The file is whole when it was synced. Written without that, it is one that a crash has interrupted.
 */

import { assert } from "../base/assert.ts";
import { CorruptionError } from "../base/errors.ts";
import type { File } from "../env/file-system.ts";
import {
  decodeSealedHeader,
  FRAME_HEADER_SIZE,
  FRAME_LAST,
  FRAME_OVERHEAD,
  FRAME_PAYLOAD_MAX,
  type FrameCipher,
  type FrameView,
  nonceBytes,
  SEAL_TAG_SIZE,
  SEALED_HEADER_SIZE,
} from "../format/sealed-file.ts";
import type { SealAuthority } from "./authority.ts";
import { type FrameMap, FrameReader } from "./frame-reader.ts";

const FRAME_SIZE_MAX = FRAME_OVERHEAD + FRAME_PAYLOAD_MAX;
/** Frames of one write to the disk. */
const BATCH_FRAMES = 32;

/** An image that is being written. */
export class SealedImageWriter implements File {
  readonly path: string;
  readonly #file: File;
  readonly #authority: SealAuthority;
  readonly #cipher: FrameCipher;
  readonly #onClose: (salt: Uint8Array) => void;
  readonly #salt: Uint8Array;
  readonly #nonce = nonceBytes(1);
  /** The tag before, then frames; the payload of the last one is still in clear. */
  readonly #buffer = new Uint8Array(SEALED_HEADER_SIZE + BATCH_FRAMES * FRAME_SIZE_MAX);
  /** Where the open frame begins, and how much of its payload is there. */
  #frameStart = SEALED_HEADER_SIZE;
  #payload = 0;
  /** What of the buffer is in the file already. */
  #flushed = 0;
  /** Offset in the file of the buffer's start. */
  #base = 0;
  #frames = 0;
  #size = 0;
  #isWhole = false;

  /** `onClose` is told the salt of the file. */
  constructor(
    file: File,
    name: string,
    authority: SealAuthority,
    onClose: (salt: Uint8Array) => void,
  ) {
    this.path = file.path;
    this.#file = file;
    this.#authority = authority;
    this.#onClose = onClose;
    const { bytes, cipher } = authority.create(name);
    this.#cipher = cipher;
    this.#salt = decodeSealedHeader(bytes).salt;
    this.#buffer.set(bytes);
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    assert(position === this.#size && !this.#isWhole, "a sealed image is written once, in order");
    for (let done = 0; done < length;) {
      // Only now: the last frame is sealed as such.
      if (this.#payload === FRAME_PAYLOAD_MAX) this.#nextFrame();
      const count = Math.min(length - done, FRAME_PAYLOAD_MAX - this.#payload);
      const from = sourceOffset + done;
      const at = this.#frameStart + FRAME_HEADER_SIZE + this.#payload;
      this.#buffer.set(source.subarray(from, from + count), at);
      this.#payload += count;
      done += count;
    }
    this.#size += length;
  }

  sync(): void {
    this.#finish();
    this.#file.sync();
  }

  syncInBackground(): Promise<void> {
    this.#finish();
    return this.#file.syncInBackground();
  }

  size(): number {
    return this.#size;
  }

  read(): number {
    throw new Error("a sealed image is read when it is whole, from a file of its own");
  }

  truncate(): void {
    throw new Error("a sealed image is written in order");
  }

  close(): void {
    this.#file.close();
    this.#onClose(this.#salt);
  }

  #finish(): void {
    if (this.#isWhole) return;
    this.#seal(FRAME_LAST);
    this.#flush();
    this.#isWhole = true;
  }

  #nextFrame(): void {
    this.#seal(0);
    if (this.#frames % BATCH_FRAMES === 0) this.#flush();
  }

  #seal(flags: number): void {
    this.#authority.random.fill(this.#nonce);
    this.#frameStart = this.#cipher.seal(
      this.#buffer,
      this.#frameStart,
      this.#payload,
      flags,
      this.#frames,
      this.#base + this.#frameStart,
      this.#frames * FRAME_PAYLOAD_MAX,
      this.#nonce,
      0,
    );
    this.#frames++;
    this.#payload = 0;
  }

  #flush(): void {
    const end = this.#frameStart;
    const count = end - this.#flushed;
    this.#file.write(this.#buffer, this.#flushed, count, this.#base + this.#flushed);
    // The tag before the next frame stays.
    this.#buffer.copyWithin(0, end - SEAL_TAG_SIZE, end);
    this.#base += end - SEAL_TAG_SIZE;
    this.#frameStart = SEAL_TAG_SIZE;
    this.#flushed = SEAL_TAG_SIZE;
  }
}

/** An image that is read. */
export class SealedImage implements File, FrameMap {
  readonly mayBeTorn = false;
  readonly path: string;
  readonly #file: File;
  readonly #name: string;
  readonly #fileBytes: number;
  #frames = 0;
  #size = 0;
  #reader: FrameReader | undefined;
  /** Why nothing of it can be read: thrown by the first read, not on opening. */
  #damage: CorruptionError | undefined;

  constructor(file: File, name: string, authority: SealAuthority) {
    this.path = file.path;
    this.#file = file;
    this.#name = name;
    this.#fileBytes = file.size();
    try {
      this.#open(authority);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#damage = error;
      this.#size = Math.max(1, this.#fileBytes);
    }
  }

  #open(authority: SealAuthority): void {
    const header = new Uint8Array(SEALED_HEADER_SIZE);
    const got = this.#file.read(header, 0, SEALED_HEADER_SIZE, 0);
    const cipher = authority.admit(this.#name, header.subarray(0, got));
    const bytes = this.#fileBytes - SEALED_HEADER_SIZE;
    const frames = Math.ceil(bytes / FRAME_SIZE_MAX);
    const last = bytes - (frames - 1) * FRAME_SIZE_MAX - FRAME_OVERHEAD;
    if (frames === 0 || last < 0) {
      const expected = "a last frame";
      throw new CorruptionError({
        file: this.#name,
        offset: this.#fileBytes,
        expected,
        actual: "the end of the file",
      });
    }
    this.#frames = frames;
    this.#size = (frames - 1) * FRAME_PAYLOAD_MAX + last;
    this.#reader = new FrameReader(this.#file, this.#name, cipher, this);
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    if (this.#damage !== undefined) throw this.#damage;
    const count = Math.max(0, Math.min(length, this.#size - position));
    if (count > 0) this.#reader?.read(target, targetOffset, count, position);
    return count;
  }

  size(): number {
    return this.#size;
  }

  write(): void {
    throw new Error("a sealed image that is whole is not written to");
  }

  truncate(): void {
    throw new Error("a sealed image that is whole is not cut");
  }

  sync(): void {
    this.#file.sync();
  }

  syncInBackground(): Promise<void> {
    return this.#file.syncInBackground();
  }

  close(): void {
    this.#file.close();
  }

  find(position: number): number {
    return Math.floor(position / FRAME_PAYLOAD_MAX);
  }

  startOf(frame: number): number {
    return SEALED_HEADER_SIZE + frame * FRAME_SIZE_MAX;
  }

  endOf(frame: number): number {
    return Math.min(this.#fileBytes, this.startOf(frame + 1));
  }

  contentOf(frame: number): number {
    return frame * FRAME_PAYLOAD_MAX;
  }

  contentEndOf(frame: number): number {
    return Math.min(this.#size, this.contentOf(frame + 1));
  }

  accepts(frame: number, view: FrameView): boolean {
    const flags = frame === this.#frames - 1 ? FRAME_LAST : 0;
    return view.number === frame && view.flags === flags;
  }
}
