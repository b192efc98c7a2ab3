/**
 * CommitLog: the keys of recent commits in commit order, findable by key. The conflict table's store.
 *
 * Records are appended to parallel arrays and to one buffer of key bytes. Records of one hash bucket
 * are chained newest first, so "was this key written after version r" ends at the first record of the
 * chain that is not after r, and dropping the oldest records is moving `#first`: chains run into it
 * and stop. Half-dead arrays are moved down, which keeps everything amortized O(1) and memory
 * proportional to the live records.
 *
 * Versions normally arrive in increasing order. A managed database may commit them in any order; from
 * the first step back until the log is empty again nothing relies on it.
 */

import type { Version } from "../base/ids.ts";
import { bloomHash } from "../format/bloom-hash.ts";

const RECORDS_MIN = 256;
/** 2^32 / φ: spreads a hash over the high bits, which choose the bucket. */
const GOLDEN_RATIO = 0x9e3779b1;
/** Bytes that one record costs beside its key: version, hash, end, link and its share of the buckets. */
const RECORD_OVERHEAD = 8 + 4 + 4 + 4 + 8;

export class CommitLog {
  #versions = new Float64Array(RECORDS_MIN);
  #hashes = new Uint32Array(RECORDS_MIN);
  /** End of record i's key in `#bytes`; it starts where record i − 1 ends. */
  #ends = new Uint32Array(RECORDS_MIN);
  /** The next older record of the same bucket, −1 at the end. */
  #older = new Int32Array(RECORDS_MIN);
  /** Newest record of each bucket, −1 for none. */
  #buckets = new Int32Array(RECORDS_MIN * 2).fill(-1);
  #bucketShift = bucketShift(RECORDS_MIN * 2);
  #bytes = new Uint8Array(RECORDS_MIN * 32);
  /** Live records are `#first … #end`. */
  #first = 0;
  #end = 0;
  #inOrder = true;
  #newest: Version = -1;

  /** Live records. */
  get size(): number {
    return this.#end - this.#first;
  }

  /** Memory that the live records account for. */
  get sizeBytes(): number {
    return this.#keyStart(this.#end) - this.#keyStart(this.#first) + this.size * RECORD_OVERHEAD;
  }

  /** The largest version recorded since the log was last empty, −1 when it is empty. */
  get newestVersion(): Version {
    return this.#newest;
  }

  /** Bytes that `keyStart` and `keyEnd` refer to; valid until the next `append`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  keyStart(record: number): number {
    return this.#keyStart(record);
  }

  keyEnd(record: number): number {
    return this.#ends[record] as number;
  }

  keyHash(record: number): number {
    return this.#hashes[record] as number;
  }

  version(record: number): Version {
    return this.#versions[record] as number;
  }

  /** Records `firstAfter(v) … end` include all those after version v. */
  get end(): number {
    return this.#end;
  }

  append(version: Version, key: Uint8Array): void {
    if (this.#end === this.#versions.length) this.#growRecords();
    const start = this.#keyStart(this.#end);
    if (start + key.length > this.#bytes.length) this.#growBytes(start + key.length);
    if (version < this.#newest) this.#inOrder = false;
    else this.#newest = version;
    const record = this.#end++;
    this.#bytes.set(key, start);
    this.#ends[record] = start + key.length;
    this.#versions[record] = version;
    this.#hashes[record] = bloomHash(key, 0, key.length);
    this.#link(record);
  }

  /** The first live record that may be after `version`; all such records follow. O(log n) in order. */
  firstAfter(version: Version): number {
    if (!this.#inOrder) return this.#first;
    let low = this.#first;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#versions[middle] as number) <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether the key `bytes[offset … offset + length)`, with this `bloomHash`, was written after `version`. */
  isWrittenAfter(
    bytes: Uint8Array,
    offset: number,
    length: number,
    hash: number,
    version: Version,
  ): boolean {
    let record = this.#buckets[this.#bucket(hash)] as number;
    while (record >= this.#first) {
      if ((this.#versions[record] as number) > version) {
        if (this.#hashes[record] === hash && this.#isKey(record, bytes, offset, length))
          return true;
      } else if (this.#inOrder) {
        return false;
      }
      record = this.#older[record] as number;
    }
    return false;
  }

  /** Forgets the oldest records as long as they are not after `version`. */
  dropThrough(version: Version): void {
    if (this.#inOrder) {
      this.#first = this.firstAfter(version);
    } else {
      while (this.#first < this.#end && (this.#versions[this.#first] as number) <= version) {
        this.#first++;
      }
    }
    this.#settle();
  }

  /** Forgets the older half; returns the largest version among what is gone. */
  dropOlderHalf(): Version {
    const middle = this.#first + Math.ceil(this.size / 2);
    let largest = -1;
    for (; this.#first < middle; this.#first++) {
      largest = Math.max(largest, this.#versions[this.#first] as number);
    }
    this.#settle();
    return largest;
  }

  /** Takes back the newest records as long as their version is at least `version`. */
  dropFrom(version: Version): void {
    while (this.#end > this.#first && (this.#versions[this.#end - 1] as number) >= version) {
      const record = --this.#end;
      const bucket = this.#bucket(this.#hashes[record] as number);
      this.#buckets[bucket] = this.#older[record] as number;
    }
    if (this.#inOrder) {
      this.#newest = this.#end > this.#first ? (this.#versions[this.#end - 1] as number) : -1;
    }
    this.#settle();
  }

  #keyStart(record: number): number {
    return record === 0 ? 0 : (this.#ends[record - 1] as number);
  }

  #isKey(record: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const start = this.#keyStart(record);
    if ((this.#ends[record] as number) - start !== length) return false;
    const own = this.#bytes;
    for (let i = 0; i < length; i++) {
      if (own[start + i] !== bytes[offset + i]) return false;
    }
    return true;
  }

  #link(record: number): void {
    const bucket = this.#bucket(this.#hashes[record] as number);
    this.#older[record] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = record;
  }

  /** After a drop: start over when empty, move down when more than half is dead. */
  #settle(): void {
    if (this.#first === this.#end) this.#reset();
    else if (this.#first > RECORDS_MIN && this.#first > this.size) this.#moveDown();
  }

  #reset(): void {
    if (this.#buckets.length > RECORDS_MIN * 32) {
      this.#allocate(RECORDS_MIN);
      this.#bytes = new Uint8Array(RECORDS_MIN * 32);
    } else {
      // Only buckets of records that were here can be in use; cheaper than filling when few were.
      for (let i = 0; i < this.#end; i++) {
        this.#buckets[this.#bucket(this.#hashes[i] as number)] = -1;
      }
    }
    this.#first = 0;
    this.#end = 0;
    this.#inOrder = true;
    this.#newest = -1;
  }

  #moveDown(): void {
    const first = this.#first;
    const size = this.size;
    const start = this.#keyStart(first);
    this.#bytes.copyWithin(0, start, this.#keyStart(this.#end));
    this.#versions.copyWithin(0, first, this.#end);
    this.#hashes.copyWithin(0, first, this.#end);
    for (let i = 0; i < size; i++) this.#ends[i] = (this.#ends[first + i] as number) - start;
    this.#first = 0;
    this.#end = size;
    this.#relink();
  }

  #growRecords(): void {
    const versions = this.#versions;
    const hashes = this.#hashes;
    const ends = this.#ends;
    this.#allocate(versions.length * 2);
    this.#versions.set(versions);
    this.#hashes.set(hashes);
    this.#ends.set(ends);
    this.#relink();
  }

  #allocate(records: number): void {
    this.#versions = new Float64Array(records);
    this.#hashes = new Uint32Array(records);
    this.#ends = new Uint32Array(records);
    this.#older = new Int32Array(records);
    this.#buckets = new Int32Array(records * 2).fill(-1);
    this.#bucketShift = bucketShift(records * 2);
  }

  #bucket(hash: number): number {
    return Math.imul(hash, GOLDEN_RATIO) >>> this.#bucketShift;
  }

  #relink(): void {
    this.#buckets.fill(-1);
    for (let i = this.#first; i < this.#end; i++) this.#link(i);
  }

  #growBytes(needed: number): void {
    const larger = new Uint8Array(needed * 2);
    larger.set(this.#bytes.subarray(0, this.#keyStart(this.#end)));
    this.#bytes = larger;
  }
}

function bucketShift(buckets: number): number {
  return 32 - Math.log2(buckets);
}
