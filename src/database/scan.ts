/**
 * `Scan`: an ordered walk over one snapshot, in the forms callers like: iterators, arrays, `forEach`,
 * a cursor, a stream.
 *
 * Every iteration opens its own cursor at the scan's version and closes it when it ends. The snapshot
 * is held from the call of `scan()` until the scan is disposed, has been walked to an end, or is
 * collected; walking again later reads the same version, or fails with `ERR_VERSION_GONE` if
 * compaction has thinned it meanwhile: never a different answer.
 */

import { compareBytes, EMPTY_BYTES, keyAfter } from "../base/bytes.ts";
import { copyOut, viewOrCopy } from "../base/copy-bytes.ts";
import type { Version } from "../base/ids.ts";
import type { KeySpan } from "../compaction/key-span.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import { VisibleCursor } from "../cursor/visible-cursor.ts";
import { isDeletedOrExpired, META_DELETE, META_POINTER } from "../format/stored-value.ts";
import { valueLengthOfRecord } from "../format/log-record.ts";
import { pointerFile, pointerLength } from "../format/value-pointer.ts";
import { OWN_WRITE_VERSION } from "../transaction/oracle.ts";
import type { RangeRead } from "../transaction/read-set.ts";
import type { ValueLogReader } from "../value-log/value-log-reader.ts";
import { type Bounds, readKey } from "./arguments.ts";
import type { Entry, Key, Scan, ScanCursor } from "./contract.ts";
import { OwnedEntry } from "./entry.ts";

/** What a scan needs of the database or transaction it belongs to. */
export interface ScanHost {
  readonly readVersion: Version;
  readonly values: ValueLogReader;
  nowSeconds(): number;
  /** Throws when the database, or the transaction, is over. */
  requireOpen(): void;
  /** Opens the merged cursor; throws when the version is gone. */
  openSource(bounds: Bounds): EntryCursor;
  /** In an update transaction: remembers what is scanned. */
  trackRange(bounds: Bounds): RangeRead | undefined;
  /** A walk has passed over many deleted or expired keys: they are worth a compaction. */
  noteWaste(span: KeySpan): void;
  /** The scan has been walked to an end or was disposed. Idempotent. */
  release(): void;
}

const HIDDEN_PREFIX = new TextEncoder().encode("!badger!");
/** Entries between two returns to the event loop in the asynchronous forms. */
const ASYNC_CHUNK = 512;

export class DatabaseScan implements Scan {
  readonly #host: ScanHost;
  readonly #bounds: Bounds;

  constructor(host: ScanHost, bounds: Bounds) {
    this.#host = host;
    this.#bounds = bounds;
  }

  *[Symbol.iterator](): Iterator<Entry> {
    const walk = this.#walk();
    try {
      for (walk.start(); walk.valid; walk.next()) yield walk.entry();
    } finally {
      walk.close();
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Entry> {
    let count = 0;
    for (const entry of this) {
      if (++count % ASYNC_CHUNK === 0) await new Promise<void>((resume) => setImmediate(resume));
      yield entry;
    }
  }

  *keys(): Iterable<Uint8Array> {
    const walk = this.#walk();
    try {
      for (walk.start(); walk.valid; walk.next()) yield walk.key();
    } finally {
      walk.close();
    }
  }

  *values(): Iterable<Uint8Array> {
    const walk = this.#walk();
    try {
      for (walk.start(); walk.valid; walk.next()) yield walk.value();
    } finally {
      walk.close();
    }
  }

  toArray(): Entry[] {
    const entries: Entry[] = [];
    const walk = this.#walk();
    try {
      for (walk.start(); walk.valid; walk.next()) entries.push(walk.entry());
    } finally {
      walk.close();
    }
    return entries;
  }

  first(): Entry | undefined {
    const walk = this.#walk();
    try {
      walk.start();
      return walk.valid ? walk.entry() : undefined;
    } finally {
      walk.close();
    }
  }

  forEach(
    visit: (key: Uint8Array, value: Uint8Array, version: Version) => boolean | undefined | void,
  ): void {
    const walk = this.#walk();
    try {
      for (walk.start(); walk.valid; walk.next()) {
        if (visit(walk.keyView(), walk.valueView(), walk.version) === false) break;
      }
    } finally {
      walk.close();
    }
  }

  /** Number of entries; values are never read. */
  count(): number {
    let count = 0;
    const walk = this.#walk();
    try {
      for (walk.start(); walk.valid; walk.next()) count++;
    } finally {
      walk.close();
    }
    return count;
  }

  cursor(): ScanCursor {
    return new WalkCursor(this.#walk());
  }

  toReadableStream(): ReadableStream<Entry> {
    const iterator = this[Symbol.iterator]();
    return new ReadableStream<Entry>({
      pull(controller) {
        const step = iterator.next();
        if (step.done === true) controller.close();
        else controller.enqueue(step.value);
      },
      cancel() {
        iterator.return?.();
      },
    });
  }

  [Symbol.dispose](): void {
    this.#host.release();
  }

  #walk(): Walk {
    return new Walk(this.#host, this.#bounds);
  }
}

/** One iteration: a visible cursor plus limit, conflict tracking and value access. */
class Walk {
  readonly #host: ScanHost;
  readonly #bounds: Bounds;
  readonly #nowSeconds: number;
  #cursor: VisibleCursor | undefined;
  #range: RangeRead | undefined;
  #left: number;
  #keyBytes: Uint8Array = EMPTY_BYTES;
  #keyView: Uint8Array = EMPTY_BYTES;
  valid = false;

  constructor(host: ScanHost, bounds: Bounds) {
    this.#host = host;
    this.#bounds = bounds;
    this.#left = bounds.limit;
    this.#nowSeconds = host.nowSeconds();
  }

  start(): void {
    if (this.#bounds.isEmpty || this.#left <= 0) return;
    this.#range = this.#host.trackRange(this.#bounds);
    this.#open().seekToStart();
    this.#arrive();
  }

  /** Opens the part of the range from `key` on, in scan direction. */
  seek(key: Uint8Array): void {
    if (this.#bounds.isEmpty || this.#bounds.limit <= 0) return;
    this.#range?.finish("stopped");
    this.#range = this.#host.trackRange(this.#boundsFrom(key));
    this.#left = this.#bounds.limit;
    this.#open().seek(key);
    this.#arrive();
  }

  /** The rest of the range from `key` on; never more than the range. */
  #boundsFrom(key: Uint8Array): Bounds {
    const { lower, upper, reverse } = this.#bounds;
    if (reverse) {
      const end = keyAfter(key);
      const isInside = upper === undefined || compareBytes(end, upper) < 0;
      return isInside ? { ...this.#bounds, upper: end } : this.#bounds;
    }
    const isInside = lower === undefined || compareBytes(key, lower) > 0;
    return isInside ? { ...this.#bounds, lower: key } : this.#bounds;
  }

  next(): void {
    if (!this.valid) return;
    // What a walk reads from is pinned, but not for longer than its database is open.
    this.#host.requireOpen();
    if (--this.#left <= 0) {
      this.valid = false;
      this.#range?.finish("stopped");
      return;
    }
    this.#current.next();
    this.#arrive();
  }

  close(): void {
    this.valid = false;
    this.#range?.finish("stopped");
    const wasted = this.#cursor?.wastedSpan();
    if (wasted !== undefined) this.#host.noteWaste(wasted);
    this.#cursor?.close();
    this.#cursor = undefined;
    this.#host.release();
  }

  get version(): Version {
    const { version } = this.#current;
    return version === OWN_WRITE_VERSION ? this.#host.readVersion : version;
  }

  keyView(): Uint8Array {
    const { keyBytes, keyOffset, keyLength } = this.#current;
    if (keyOffset !== 0) return viewOrCopy(keyBytes, keyOffset, keyLength);
    // Cursors over tables put all keys together in one place: one view serves those of the same length.
    if (keyBytes !== this.#keyBytes || keyLength !== this.#keyView.length) {
      this.#keyBytes = keyBytes;
      this.#keyView = keyBytes.subarray(0, keyLength);
    }
    return this.#keyView;
  }

  key(): Uint8Array {
    const { keyBytes, keyOffset, keyLength } = this.#current;
    return copyOut(keyBytes, keyOffset, keyLength);
  }

  valueView(): Uint8Array {
    if (this.#bounds.keysOnly) return EMPTY_BYTES;
    const cursor = this.#current;
    const { valueBytes, valueOffset, valueLength } = cursor;
    if ((cursor.meta & META_POINTER) !== 0) {
      if (this.#isCollectedRest()) return EMPTY_BYTES;
      return this.#host.values.readView(
        valueBytes,
        valueOffset,
        cursor.keyBytes,
        cursor.keyOffset,
        cursor.keyLength,
        cursor.version,
      );
    }
    return viewOrCopy(valueBytes, valueOffset, valueLength);
  }

  value(): Uint8Array {
    if (this.#bounds.keysOnly) return EMPTY_BYTES;
    const cursor = this.#current;
    if ((cursor.meta & META_POINTER) !== 0) return this.valueView().slice();
    return copyOut(cursor.valueBytes, cursor.valueOffset, cursor.valueLength);
  }

  entry(): Entry {
    const { meta, expiresAt, userMeta } = this.#current;
    const deleted =
      this.#bounds.allVersions && isDeletedOrExpired(meta, expiresAt, this.#nowSeconds);
    return new OwnedEntry(
      this.key(),
      (meta & META_DELETE) !== 0 ? EMPTY_BYTES : this.value(),
      this.version,
      userMeta,
      expiresAt,
      deleted,
      this.#valueSize(),
    );
  }

  /** An expired version whose value was collected: all that is left of it is that it ended. */
  #isCollectedRest(): boolean {
    const { meta, expiresAt, valueBytes, valueOffset } = this.#current;
    if (!this.#bounds.allVersions || expiresAt === 0) return false;
    if (!isDeletedOrExpired(meta, expiresAt, this.#nowSeconds)) return false;
    return this.#host.values.isGone(pointerFile(valueBytes, valueOffset));
  }

  #valueSize(): number {
    const cursor = this.#current;
    if ((cursor.meta & META_POINTER) === 0) return cursor.valueLength;
    const recordLength = pointerLength(cursor.valueBytes, cursor.valueOffset);
    return valueLengthOfRecord(recordLength, cursor.keyLength, cursor.expiresAt);
  }

  get #current(): VisibleCursor {
    return this.#cursor as VisibleCursor;
  }

  #open(): VisibleCursor {
    this.#host.requireOpen();
    if (this.#cursor !== undefined) return this.#cursor;
    const { lower, upper, reverse, allVersions, since } = this.#bounds;
    const cursor = new VisibleCursor(this.#host.openSource(this.#bounds), {
      readVersion: this.#host.readVersion,
      since,
      allVersions,
      nowSeconds: this.#nowSeconds,
      reverse,
      lower,
      upper,
      hidden: HIDDEN_PREFIX,
      isCollected: (bytes, offset) => this.#host.values.isGone(pointerFile(bytes, offset)),
    });
    this.#cursor = cursor;
    return cursor;
  }

  #arrive(): void {
    const cursor = this.#current;
    this.valid = cursor.valid;
    const range = this.#range;
    if (range === undefined) return;
    if (cursor.valid) range.coverTo(cursor.keyBytes, cursor.keyOffset, cursor.keyLength);
    else range.finish("exhausted");
  }
}

class WalkCursor implements ScanCursor {
  readonly #walk: Walk;

  constructor(walk: Walk) {
    this.#walk = walk;
    walk.start();
  }

  get valid(): boolean {
    return this.#walk.valid;
  }

  get key(): Uint8Array {
    return this.#walk.keyView();
  }

  get value(): Uint8Array {
    return this.#walk.valueView();
  }

  get version(): Version {
    return this.#walk.version;
  }

  seek(key: Key): void {
    this.#walk.seek(readKey(key));
  }

  next(): void {
    this.#walk.next();
  }

  [Symbol.dispose](): void {
    this.#walk.close();
  }
}
