/**
 * `FrameReader`: what the frames of a sealed file hold, by position. Nothing leaves it that was not
 * authenticated; a frame that does not is a `CorruptionError` with the file and the frame's offset.
 *
 * Keeps the payload of the frame it opened last, so that small reads next to each other cost one call.
 */

import { CorruptionError } from "../base/errors.ts";
import type { File } from "../env/file-system.ts";
import { LostWriteError } from "../format/damage.ts";
import { type FrameCipher, FrameView, SEAL_TAG_SIZE } from "../format/sealed-file.ts";
import { hasZeroSector } from "../format/zero-sector.ts";

/** Where the frames of a file lie. Frames are counted from 0. */
export interface FrameMap {
  /** The frame with the byte at `position` of the content. */
  find(position: number): number;
  startOf(frame: number): number;
  endOf(frame: number): number;
  contentOf(frame: number): number;
  contentEndOf(frame: number): number;
  /** Whether the header of a frame is one that may stand in its place. */
  accepts(frame: number, view: FrameView): boolean;
  /** A sector of zeros in a frame may be one that a power cut has kept from the disk. */
  readonly mayBeTorn: boolean;
}

/** Most bytes of frames read at once. */
const WINDOW_BYTES = 256 << 10;

/** One for all: reading is synchronous and never nests. */
let window = new Uint8Array(32 << 10);
const view = new FrameView();

export class FrameReader {
  readonly #file: File;
  readonly #name: string;
  readonly #cipher: FrameCipher;
  readonly #map: FrameMap;
  #kept = -1;
  #keptPayload = new Uint8Array(0);
  /** What `window` holds of the file. */
  #windowStart = 0;
  #windowEnd = 0;

  constructor(file: File, name: string, cipher: FrameCipher, map: FrameMap) {
    this.#file = file;
    this.#name = name;
    this.#cipher = cipher;
    this.#map = map;
  }

  /** Fills `target[offset, offset + length)`; the content must reach so far. */
  read(target: Uint8Array, offset: number, length: number, position: number): void {
    const map = this.#map;
    const end = position + length;
    this.#windowEnd = 0;
    for (let at = position; at < end;) {
      const frame = map.find(at);
      const payload = this.#payload(frame, end);
      const from = at - map.contentOf(frame);
      const count = Math.min(map.contentEndOf(frame), end) - at;
      target.set(payload.subarray(from, from + count), offset + at - position);
      at += count;
    }
  }

  /** Forgets what was read: the file was cut. */
  forget(): void {
    this.#kept = -1;
  }

  #payload(frame: number, contentEnd: number): Uint8Array {
    if (frame === this.#kept) return this.#keptPayload;
    const map = this.#map;
    const start = map.startOf(frame);
    if (map.endOf(frame) > this.#windowEnd) this.#load(frame, contentEnd);
    const at = start - this.#windowStart;
    const end = map.endOf(frame) - this.#windowStart;
    const isWhole = view.decode(window, at, end) && view.end === end && map.accepts(frame, view);
    const payload = isWhole
      ? this.#cipher.open(window, at, view, start, map.contentOf(frame))
      : undefined;
    if (payload === undefined) throw this.#damage(start, at, end);
    this.#kept = frame;
    this.#keptPayload = payload as Uint8Array<ArrayBuffer>;
    return payload;
  }

  /** Reads the frames from `frame` on that hold content before `contentEnd`, and the tag before them. */
  #load(frame: number, contentEnd: number): void {
    const map = this.#map;
    const start = map.startOf(frame) - SEAL_TAG_SIZE;
    const wanted = map.endOf(map.find(contentEnd - 1));
    const end = Math.max(map.endOf(frame), Math.min(wanted, start + WINDOW_BYTES));
    if (window.length < end - start) window = new Uint8Array(end - start);
    const got = this.#file.read(window, 0, end - start, start);
    if (got < end - start) window.fill(0, got, end - start);
    this.#windowStart = start;
    this.#windowEnd = end;
  }

  #damage(offset: number, start: number, end: number): CorruptionError {
    const fields = {
      file: this.#name,
      offset,
      expected: "a sealed frame as it was written, in its place",
      actual: "one that does not authenticate",
    };
    const isTorn = this.#map.mayBeTorn && hasZeroSector(window, start, end, this.#windowStart);
    return isTorn ? new LostWriteError(fields) : new CorruptionError(fields);
  }
}
