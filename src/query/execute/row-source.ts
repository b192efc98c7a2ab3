/**
 * Where rows come from. A source moves one frame from row to row; entries are read through a cursor, whose
 * key and value are views, unless user metadata, expiry or size are needed too.
 */

import { KEY_SIZE_MAX } from "../../base/ids.ts";
import type { Entry, Range, Reader, Scan, ScanCursor } from "../../database/contract.ts";
import { Frame } from "../expression/frame.ts";
import { pointKey, type KeyRange } from "../plan/key-range.ts";
import type { EntryAccess } from "../plan/plan.ts";
import type { Datum } from "../value/datum.ts";

export interface RowSource {
  readonly frame: Frame;
  /** Moves the frame to the next row; false at the end. */
  next(): boolean;
  close(): void;
}

/** One row without columns: SELECT without FROM. */
export class SingleRow implements RowSource {
  readonly frame = new Frame();
  #left = 1;

  next(): boolean {
    return this.#left-- > 0;
  }

  close(): void {}
}

/** Rows that are at hand. */
export class FieldRows implements RowSource {
  readonly frame = new Frame();
  readonly #rows: Iterator<readonly Datum[]>;

  constructor(rows: Iterable<readonly Datum[]>) {
    this.#rows = rows[Symbol.iterator]();
  }

  next(): boolean {
    const step = this.#rows.next();
    if (step.done === true) return false;
    this.frame.fields = step.value;
    this.frame.moved();
    return true;
  }

  close(): void {
    this.#rows.return?.();
  }
}

/** Entries of points and ranges, one range after the other. */
export class EntryRows implements RowSource {
  readonly frame = new Frame();
  readonly #reader: Reader;
  readonly #access: EntryAccess;
  readonly #ranges: readonly KeyRange[];
  #nextRange = 0;
  #walk: Walk | undefined;

  constructor(reader: Reader, access: EntryAccess) {
    this.#reader = reader;
    this.#access = access;
    this.#ranges = access.reverse ? access.keys.toReversed() : access.keys;
  }

  next(): boolean {
    for (;;) {
      if (this.#walk !== undefined) {
        if (this.#walk.next(this.frame)) return true;
        this.#walk.close();
        this.#walk = undefined;
      }
      const range = this.#ranges[this.#nextRange++];
      if (range === undefined) return false;
      const point = pointKey(range);
      if (point !== undefined && (point.length === 0 || point.length > KEY_SIZE_MAX)) continue;
      if (point === undefined || this.#access.versions) this.#walk = this.#open(range);
      else if (this.#readPoint(point)) return true;
    }
  }

  close(): void {
    this.#walk?.close();
    this.#walk = undefined;
    this.#nextRange = this.#ranges.length;
  }

  #readPoint(key: Uint8Array): boolean {
    const entry = this.#reader.getEntry(key);
    if (entry === undefined) return false;
    show(this.frame, entry);
    return true;
  }

  #open(range: KeyRange): Walk {
    const { versions, needsEntry, limit, reverse } = this.#access;
    const keysOnly = !this.#access.needsValue;
    const scan = this.#reader.scan({
      ...boundsOf(range),
      reverse,
      keysOnly,
      allVersions: versions,
      ...(limit === undefined ? {} : { limit }),
    });
    return needsEntry || versions ? new EntryWalk(scan) : new CursorWalk(scan, keysOnly);
  }
}

export function boundsOf(range: KeyRange): Range {
  return {
    ...(range.from.length === 0 ? {} : { gte: range.from }),
    ...(range.to === undefined ? {} : { lt: range.to }),
  };
}

interface Walk {
  next(frame: Frame): boolean;
  close(): void;
}

class CursorWalk implements Walk {
  readonly #scan: Scan;
  readonly #cursor: ScanCursor;
  readonly #keysOnly: boolean;
  #started = false;

  constructor(scan: Scan, keysOnly: boolean) {
    this.#scan = scan;
    this.#cursor = scan.cursor();
    this.#keysOnly = keysOnly;
  }

  next(frame: Frame): boolean {
    const cursor = this.#cursor;
    if (this.#started) cursor.next();
    else this.#started = true;
    if (!cursor.valid) return false;
    frame.moved();
    frame.key = cursor.key;
    if (!this.#keysOnly) frame.holdValue(cursor);
    frame.version = cursor.version;
    return true;
  }

  close(): void {
    this.#cursor[Symbol.dispose]();
    this.#scan[Symbol.dispose]();
  }
}

class EntryWalk implements Walk {
  readonly #scan: Scan;
  readonly #entries: Iterator<Entry>;

  constructor(scan: Scan) {
    this.#scan = scan;
    this.#entries = scan[Symbol.iterator]();
  }

  next(frame: Frame): boolean {
    const step = this.#entries.next();
    if (step.done === true) return false;
    show(frame, step.value);
    return true;
  }

  close(): void {
    this.#entries.return?.();
    this.#scan[Symbol.dispose]();
  }
}

function show(frame: Frame, entry: Entry): void {
  frame.moved();
  frame.key = entry.key;
  frame.value = entry.value;
  frame.version = entry.version;
  frame.userMeta = entry.userMeta;
  frame.expiresAt = entry.expiresAt;
  frame.size = entry.valueSize;
  frame.deleted = entry.deleted;
}
