/**
 * Where the frames of a journal lie, in order of their content, and the place behind the last: number, offset
 * and tag that the next frame goes on from. A cut drops what lies behind it; the frame it goes through stays,
 * and counts up to the cut.
 */

import { assert } from "../base/assert.ts";
import { FRAME_OVERHEAD, type FrameView, SEAL_TAG_SIZE } from "../format/sealed-file.ts";
import type { FrameMap } from "./frame-reader.ts";

export interface JournalState {
  readonly length: number;
  readonly count: number;
  readonly fileEnd: number;
  readonly contentEnd: number;
  readonly lastTag: Uint8Array;
}

export class JournalFrames implements FrameMap {
  readonly mayBeTorn = true;
  readonly #fileStarts: number[] = [];
  readonly #contentStarts: number[] = [];
  readonly #payloadLengths: number[] = [];
  /** The header, until it is written. */
  #header: Uint8Array | undefined;
  /** Frames in the file, those that cut included: the number of the next. */
  count = 0;
  /** Behind the last frame; 0 before the header is written. */
  fileEnd = 0;
  contentEnd = 0;
  lastTag: Uint8Array = new Uint8Array(SEAL_TAG_SIZE);

  /** A file that begins with this header. */
  begin(header: Uint8Array): void {
    this.#header = header;
    this.lastTag = header.slice(header.length - SEAL_TAG_SIZE);
  }

  /** The header, while nothing is written yet. */
  get unwrittenHeader(): Uint8Array | undefined {
    return this.fileEnd === 0 ? this.#header : undefined;
  }

  /** A frame at `fileStart` that goes on from the last. */
  add(fileStart: number, payloadLength: number, tag: Uint8Array): void {
    this.#fileStarts.push(fileStart);
    this.#contentStarts.push(this.contentEnd);
    this.#payloadLengths.push(payloadLength);
    this.contentEnd += payloadLength;
    this.#advance(fileStart, payloadLength, tag);
  }

  /** A frame that makes what the journal holds end at `contentEnd`. */
  addCut(fileStart: number, payloadLength: number, tag: Uint8Array, contentEnd: number): void {
    assert(contentEnd <= this.contentEnd, "a cut shortens");
    let length = this.#fileStarts.length;
    while (length > 0 && (this.#contentStarts[length - 1] as number) >= contentEnd) length--;
    this.#shorten(length);
    this.contentEnd = contentEnd;
    this.#advance(fileStart, payloadLength, tag);
  }

  #advance(fileStart: number, payloadLength: number, tag: Uint8Array): void {
    this.fileEnd = fileStart + FRAME_OVERHEAD + payloadLength;
    this.lastTag = tag.slice();
    this.count++;
  }

  #shorten(length: number): void {
    this.#fileStarts.length = length;
    this.#contentStarts.length = length;
    this.#payloadLengths.length = length;
  }

  state(): JournalState {
    const { count, fileEnd, contentEnd, lastTag } = this;
    return { length: this.#fileStarts.length, count, fileEnd, contentEnd, lastTag };
  }

  /** Back to a state before frames were added; not across a cut. */
  restore(state: JournalState): void {
    assert(state.length <= this.#fileStarts.length, "what was cut does not come back");
    this.#shorten(state.length);
    ({
      count: this.count,
      fileEnd: this.fileEnd,
      contentEnd: this.contentEnd,
      lastTag: this.lastTag,
    } = state);
  }

  find(position: number): number {
    let low = 0;
    let high = this.#contentStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#contentStarts[middle] as number) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  startOf(frame: number): number {
    return this.#fileStarts[frame] as number;
  }

  endOf(frame: number): number {
    return this.startOf(frame) + FRAME_OVERHEAD + (this.#payloadLengths[frame] as number);
  }

  contentOf(frame: number): number {
    return this.#contentStarts[frame] as number;
  }

  contentEndOf(frame: number): number {
    const next = frame + 1;
    return next < this.#contentStarts.length
      ? (this.#contentStarts[next] as number)
      : this.contentEnd;
  }

  accepts(_frame: number, view: FrameView): boolean {
    return view.flags === 0;
  }
}
