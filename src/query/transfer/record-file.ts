/**
 * A file cut into records in bounded memory: blocks are read one after the other, and what is left of an
 * unfinished record moves to the front. How a record ends is the splitter's knowledge.
 */

import type { File } from "../../env/file-system.ts";

/** Finds records in bytes. Holds no bytes itself. */
export interface RecordSplitter {
  /** Where the next record starts, at or after `from`; `MORE` if that is not to be seen yet, `END` after the last. */
  start(bytes: Uint8Array, from: number, to: number, atEnd: boolean): number;
  /** Where the record that starts at `start` ends, or `MORE`. */
  end(bytes: Uint8Array, start: number, to: number, atEnd: boolean): number;
}

export const MORE = -1;
export const END = -2;

/** A record that cannot be read; the reader goes on after it. */
export class RecordError extends Error {
  override readonly name = "RecordError";
}

const BLOCK_BYTES = 1 << 20;
/** A longer record is taken for a damaged file: an open quote swallows all that follows. */
export const RECORD_BYTES_MAX = 64 << 20;

export class RecordFile {
  readonly #file: File;
  readonly #splitter: RecordSplitter;
  #buffer = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  #position = 0;
  #atEnd = false;
  #next = 0;
  #counted = 0;
  /** Bounds of the current record in `bytes`. */
  startOffset = 0;
  endOffset = 0;
  /** Line of the file, from 1, on which the current record starts. */
  line = 1;

  constructor(file: File, splitter: RecordSplitter) {
    this.#file = file;
    this.#splitter = splitter;
    this.#fill();
    const hasMark = this.#filled >= 3 && this.#buffer[0] === 0xef && this.#buffer[1] === 0xbb;
    if (hasMark && this.#buffer[2] === 0xbf) this.#next = 3;
  }

  get bytes(): Uint8Array {
    return this.#buffer;
  }

  /** Bytes of the file behind the current record. */
  get doneBytes(): number {
    return this.#position - this.#filled + this.#next;
  }

  /** Moves to the next record. Throws `RecordError` when there is none to be found in what follows. */
  next(): boolean {
    const start = this.#find((from) =>
      this.#splitter.start(this.#buffer, from, this.#filled, this.#atEnd),
    );
    if (start === END) return false;
    this.#countLines(start);
    this.#next = start;
    const end = this.#find((from) =>
      this.#splitter.end(this.#buffer, from, this.#filled, this.#atEnd),
    );
    // Reading more may have moved the record to the front.
    this.startOffset = this.#next;
    this.endOffset = end;
    this.#next = end;
    return true;
  }

  close(): void {
    this.#file.close();
  }

  #find(look: (from: number) => number): number {
    for (;;) {
      const found = look(this.#next);
      if (found !== MORE) return found;
      if (this.#atEnd) throw new RecordError("the file ends in the middle of a record");
      if (this.#filled - this.#next > RECORD_BYTES_MAX) {
        throw new RecordError(`the record is longer than ${RECORD_BYTES_MAX >> 20} MiB`);
      }
      this.#fill();
    }
  }

  /** Moves what is unread to the front and reads on, into a larger buffer if need be. */
  #fill(): void {
    const unread = this.#filled - this.#next;
    if (this.#next > 0) {
      this.#countLines(this.#next);
      this.#buffer.copyWithin(0, this.#next, this.#filled);
      this.#counted = 0;
      this.#next = 0;
      this.#filled = unread;
    } else if (unread === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const room = this.#buffer.length - this.#filled;
    const count = this.#file.read(this.#buffer, this.#filled, room, this.#position);
    this.#position += count;
    this.#filled += count;
    if (count === 0) this.#atEnd = true;
  }

  #countLines(until: number): void {
    for (let i = this.#counted; i < until; i++) if (this.#buffer[i] === 0x0a) this.line++;
    this.#counted = until;
  }
}
