/** The naive database's scan: every form of iteration is a fresh walk of the transaction's snapshot. */

import { compareBytes, toBytes } from "../../src/base/bytes.ts";
import type { Version } from "../../src/base/ids.ts";
import type { Entry, Key, Range, Scan, ScanCursor } from "../../src/database/contract.ts";

/** What a scan needs of its transaction. */
export interface Walker {
  walk(range: Range): Iterable<Entry>;
  noteRead(range: Range): void;
}

export class NaiveScan implements Scan {
  readonly #source: Walker;
  readonly #range: Range;

  constructor(source: Walker, range: Range) {
    this.#source = source;
    this.#range = range;
  }

  /** Notes the part of the range that was walked: all of it, or up to the last entry handed out. */
  *[Symbol.iterator](): Generator<Entry> {
    const limit = this.#range.limit ?? Number.POSITIVE_INFINITY;
    let count = 0;
    let last: Entry | undefined;
    let ended = false;
    try {
      if (limit > 0) {
        for (const entry of this.#source.walk(this.#range)) {
          last = entry;
          yield entry;
          if (++count >= limit) return;
        }
      }
      ended = limit > 0;
    } finally {
      if (ended) this.#source.noteRead(this.#range);
      else if (last !== undefined) this.#source.noteRead(this.#upTo(last.key));
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry> {
    for (const entry of this) yield entry;
  }

  *keys(): Generator<Uint8Array> {
    for (const entry of this) yield entry.key;
  }

  *values(): Generator<Uint8Array> {
    for (const entry of this) yield entry.value;
  }

  toArray(): Entry[] {
    return [...this];
  }

  first(): Entry | undefined {
    for (const entry of this) return entry;
    return undefined;
  }

  forEach(
    visit: (key: Uint8Array, value: Uint8Array, version: Version) => boolean | undefined | void,
  ): void {
    for (const { key, value, version } of this) {
      if (visit(key, value, version) === false) return;
    }
  }

  cursor(): ScanCursor {
    return new NaiveCursor(this, this.#range.reverse === true ? -1 : 1);
  }

  toReadableStream(): ReadableStream<Entry> {
    const entries = this[Symbol.iterator]();
    return new ReadableStream({
      pull(controller) {
        const { done, value } = entries.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel() {
        entries.return(undefined);
      },
    });
  }

  [Symbol.dispose](): void {}

  #upTo(key: Uint8Array): Range {
    if (this.#range.reverse === true) {
      const { gt: _, ...range } = this.#range;
      return { ...range, gte: key };
    }
    const { lt: _, ...range } = this.#range;
    return { ...range, lte: key };
  }
}

/** Stands on the first entry when created. */
class NaiveCursor implements ScanCursor {
  readonly #scan: NaiveScan;
  readonly #direction: 1 | -1;
  #entries: Generator<Entry>;
  #current: Entry | undefined;

  constructor(scan: NaiveScan, direction: 1 | -1) {
    this.#scan = scan;
    this.#direction = direction;
    this.#entries = scan[Symbol.iterator]();
    this.next();
  }

  get valid(): boolean {
    return this.#current !== undefined;
  }

  get key(): Uint8Array {
    return this.#entry().key;
  }

  get value(): Uint8Array {
    return this.#entry().value;
  }

  get version(): Version {
    return this.#entry().version;
  }

  seek(key: Key): void {
    const target = toBytes(key);
    this.#entries.return(undefined);
    this.#entries = this.#scan[Symbol.iterator]();
    do this.next();
    while (
      this.#current !== undefined &&
      compareBytes(this.#current.key, target) * this.#direction < 0
    );
  }

  next(): void {
    const step = this.#entries.next();
    this.#current = step.done === true ? undefined : step.value;
  }

  [Symbol.dispose](): void {
    this.#entries.return(undefined);
    this.#current = undefined;
  }

  #entry(): Entry {
    if (this.#current === undefined) throw new RangeError("the cursor stands past the last entry");
    return this.#current;
  }
}
