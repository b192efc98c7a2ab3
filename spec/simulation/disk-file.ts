/**
 * One file of the simulated disk, twice: as programs see it (the page cache) and as it lies on the
 * platter. Between the two is the list of changes that no sync has brought down yet; a power loss keeps
 * some part of it, chosen by what disks and file systems are known to do.
 *
 * A sector (512 bytes) is written whole or not at all; what lies in it is what the file held at one
 * moment. The size is metadata and may be older or newer than the data: a hole reads as zeros.
 */

import type { SeededRandom } from "../../src/env/seeded-random.ts";

export const SECTOR_BYTES = 512;
export const PAGE_BYTES = 4096;

/**
 * What a power loss leaves of unsynced changes. `none`: nothing. `prefix`: the first so many, the next
 * one torn at a sector. `sectors`, `pages`: each unit of the file at a moment of its own.
 */
export type Loss = "none" | "prefix" | "sectors" | "pages" | "all";

type Change =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly size: number };

/** Bytes that grow. What lies beyond `bytes` and before `size` is a hole: zeros that take no memory. */
class Image {
  bytes: Uint8Array;
  size: number;

  constructor(bytes = new Uint8Array(0), size = bytes.length) {
    this.bytes = bytes;
    this.size = size;
  }

  copy(): Image {
    return new Image(this.bytes.slice(0, this.size), this.size);
  }

  apply(change: Change): void {
    if (change.kind === "write") this.write(change.position, change.bytes);
    else this.resize(change.size);
  }

  write(position: number, source: Uint8Array): void {
    const end = position + source.length;
    this.#reserve(end);
    if (end > this.size) this.size = end;
    this.bytes.set(source, position);
  }

  resize(size: number): void {
    if (size < this.bytes.length) this.bytes.fill(0, size);
    this.size = size;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.size - position));
    const held = this.bytes.subarray(position, position + count);
    target.set(held, targetOffset);
    target.fill(0, targetOffset + held.length, targetOffset + count);
    return count;
  }

  /** Takes over `[start, end)` as it is in `source`, without changing the size. */
  takeRange(source: Image, start: number, end: number): void {
    if (start >= source.bytes.length && start >= this.bytes.length) return;
    this.#reserve(end);
    this.bytes.fill(0, start, end);
    this.bytes.set(source.bytes.subarray(start, Math.min(end, source.bytes.length)), start);
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(length, this.bytes.length * 2, 1024));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

let lastId = 0;

export class DiskFile {
  readonly id = ++lastId;
  #cache = new Image();
  #platter = new Image();
  #unsynced: Change[] = [];
  /** Changes that have left `#unsynced` at its front. */
  #settled = 0;
  /** Pages that a failed sync has left behind: clean in the cache, and something else on the platter. */
  readonly #stalePages = new Set<number>();

  get size(): number {
    return this.#cache.size;
  }

  /** Another file in the same state. */
  clone(): DiskFile {
    const other = new DiskFile();
    other.#cache = this.#cache.copy();
    other.#platter = this.#platter.copy();
    other.#unsynced = [...this.#unsynced];
    other.#settled = this.#settled;
    for (const page of this.#stalePages) other.#stalePages.add(page);
    return other;
  }

  /** A copy of the content; what is a hole is not copied. */
  content(): Uint8Array {
    const { bytes, size } = this.#cache;
    if (bytes.length >= size) return bytes.slice(0, size);
    const content = new Uint8Array(size);
    content.set(bytes);
    return content;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    return this.#cache.read(target, targetOffset, length, position);
  }

  write(position: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#change({ kind: "write", position, bytes: bytes.slice() });
  }

  truncate(size: number): void {
    if (size !== this.size) this.#change({ kind: "truncate", size });
  }

  #change(change: Change): void {
    this.#cache.apply(change);
    this.#unsynced.push(change.kind === "write" ? this.#wholePages(change) : change);
  }

  /**
   * A write into a page that a failed sync has left behind makes all of that page dirty: when one of its
   * sectors reaches the platter, it does so as programs see it, not with a hole where the old bytes are missing.
   */
  #wholePages(write: Change & { kind: "write" }): Change {
    let start = write.position;
    let end = start + write.bytes.length;
    const first = alignDown(start, PAGE_BYTES);
    const last = alignDown(end - 1, PAGE_BYTES);
    if (this.#stalePages.has(first)) start = first;
    if (this.#stalePages.has(last)) end = Math.min(last + PAGE_BYTES, this.size);
    const bytes = new Uint8Array(end - start);
    this.#cache.read(bytes, 0, bytes.length, start);
    return { kind: "write", position: start, bytes };
  }

  /** How many changes there have been; for a sync that ends later than it began. */
  get changeCount(): number {
    return this.#settled + this.#unsynced.length;
  }

  /** A power loss may take something of it. */
  get isDirty(): boolean {
    return this.#unsynced.length > 0 || this.#stalePages.size > 0;
  }

  /** The first `changeCount` changes are on the platter. */
  settle(changeCount = this.changeCount): void {
    for (const change of this.#take(changeCount)) {
      const [start, end] = touched(change, this.#platter.size);
      this.#platter.apply(change);
      this.#refresh(start, end);
    }
  }

  #take(changeCount: number): Change[] {
    const taken = this.#unsynced.splice(0, Math.max(0, changeCount - this.#settled));
    this.#settled += taken.length;
    return taken;
  }

  /** Whoever writes into a page makes the whole of it dirty: it is written as programs see it. */
  #refresh(start: number, end: number): void {
    for (let at = alignDown(start, PAGE_BYTES); at < end; at += PAGE_BYTES) {
      if (this.#stalePages.delete(at)) {
        const { size } = this.#platter;
        this.#platter.takeRange(this.#cache, at, Math.max(at, Math.min(at + PAGE_BYTES, size)));
      }
    }
  }

  /**
   * A sync failed: some of it reached the platter, and the kernel calls all of it clean, so that no
   * later sync brings the rest down. Programs go on seeing it until the power fails. What was written since
   * the sync began lies in the same pages, and shares their fate.
   */
  failSync(random: SeededRandom): void {
    const taken = this.#take(this.changeCount);
    for (const change of taken) {
      const [start, end] = touched(change, Number.POSITIVE_INFINITY);
      for (let at = alignDown(start, PAGE_BYTES); at < end; at += PAGE_BYTES)
        this.#stalePages.add(at);
    }
    this.#platter = partly(this.#platter, taken, "pages", random);
  }

  /** The power fails. */
  losePower(loss: Loss, random: SeededRandom): void {
    this.#platter = partly(this.#platter, this.#unsynced, loss, random);
    this.#settled += this.#unsynced.length;
    this.#unsynced = [];
    this.#stalePages.clear();
    this.#cache = this.#platter.copy();
  }
}

/** `from` with the part of `changes` that a loss of this kind leaves. */
function partly(from: Image, changes: readonly Change[], loss: Loss, random: SeededRandom): Image {
  if (changes.length === 0 || loss === "none") return from;
  if (loss === "prefix" || loss === "all") {
    const kept = loss === "all" ? changes.length : random.below(changes.length + 1);
    for (const change of changes.slice(0, kept)) from.apply(change);
    const next = changes[kept];
    if (next !== undefined && next.kind === "write") from.apply(torn(next, random));
    return from;
  }
  return scattered(from, changes, loss === "pages" ? PAGE_BYTES : SECTOR_BYTES, random);
}

/** The part of a write up to some sector boundary. */
function torn(write: Change & { kind: "write" }, random: SeededRandom): Change {
  const { position, bytes } = write;
  const first = Math.floor(position / SECTOR_BYTES);
  const boundaries = Math.floor((position + bytes.length) / SECTOR_BYTES) - first;
  const cut = (first + random.below(boundaries + 1)) * SECTOR_BYTES - position;
  return { kind: "write", position, bytes: bytes.subarray(0, Math.max(0, cut)) };
}

/** Every unit of the file, and the size, as after some number of the changes, each for itself. */
function scattered(
  from: Image,
  changes: readonly Change[],
  unitBytes: number,
  random: SeededRandom,
): Image {
  const moments = new Map<number, number>();
  const momentOf = (unit: number): number => {
    let moment = moments.get(unit);
    if (moment === undefined) {
      moment = random.below(changes.length + 1);
      moments.set(unit, moment);
    }
    return moment;
  };
  const sizeMoment = random.below(changes.length + 1);
  let size = from.size;
  const current = from.copy();
  const result = from.copy();
  changes.forEach((change, index) => {
    const [start, end] = touched(change, current.size);
    current.apply(change);
    if (index < sizeMoment) size = current.size;
    for (let at = alignDown(start, unitBytes); at < end; at += unitBytes) {
      if (index < momentOf(at / unitBytes)) result.takeRange(current, at, at + unitBytes);
    }
  });
  const held = result.bytes.slice(0, size);
  return new Image(held, size);
}

/** The bytes that a change makes the file system write; cutting zeroes the rest of the last page. */
function touched(change: Change, sizeBefore: number): [start: number, end: number] {
  if (change.kind === "write") {
    const { position, bytes } = change;
    return [Math.min(position, Math.max(sizeBefore, 0)), position + bytes.length];
  }
  if (change.size >= sizeBefore) return [0, 0];
  return [change.size, Math.min(sizeBefore, alignDown(change.size, PAGE_BYTES) + PAGE_BYTES)];
}

function alignDown(offset: number, unit: number): number {
  return offset - (offset % unit);
}
