/**
 * ConflictTable: did anything that a transaction read change since its snapshot? Exact on keys and
 * ranges: disjoint work never conflicts, an overlap is never missed.
 *
 * What is remembered: the keys of every commit after the oldest active update transaction's read
 * version, and those of commits that are not published yet (a transaction that starts now cannot see
 * them, so they can conflict with it). While no update transaction is active, a commit costs one push
 * of its key list, which is indexed only if a transaction starts before the commit is published.
 *
 * Memory is bounded by `capacityBytes`. Beyond it the oldest half is forgotten, and from then on a
 * transaction whose snapshot is older than what is remembered is told that it conflicts (if it read
 * anything): a rerun on a fresh snapshot succeeds, a wrong answer would not be repairable.
 *
 * For the commit queue and the transactions, on one thread. Order at commit: `findConflict`, then
 * `endUpdate`, then `recordCommit`. Key lists handed over must not change afterwards.
 */

import { assert } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Version } from "../base/ids.ts";
import { CommitLog } from "./commit-log.ts";
import { rangeContains, rangesOverlap, WHOLE_RANGE } from "./key-range.ts";
import type { KeyRange } from "./key-range.ts";
import { rangesContain } from "./read-set.ts";
import type { ReadSet } from "./read-set.ts";
import { Watermark } from "./watermark.ts";

const DEFAULT_CAPACITY_BYTES = 64 * 1024 * 1024;

/** What the table needs to know of the oracle. */
export interface PublishedVersion {
  /** New transactions start here. */
  readonly lastCommitted: Version;
}

interface PendingCommit {
  readonly version: Version;
  readonly keys: readonly Uint8Array[];
}

interface RangeCommit {
  readonly version: Version;
  readonly range: KeyRange;
}

export class ConflictTable {
  readonly #published: PublishedVersion;
  readonly #capacityBytes: number;
  readonly #active = new Watermark();
  readonly #log = new CommitLog();
  /** Range drops, few, in commit order. */
  #ranges: RangeCommit[] = [];
  /** Commits nobody can conflict with yet; empty while update transactions are active. */
  #pending: PendingCommit[] = [];
  /** Everything at or below this may be incomplete. */
  #forgottenThrough: Version = -1;

  constructor(published: PublishedVersion, options?: { readonly capacityBytes?: number }) {
    this.#published = published;
    this.#capacityBytes = options?.capacityBytes ?? DEFAULT_CAPACITY_BYTES;
  }

  /** Active update transactions. */
  get activeUpdates(): number {
    return this.#active.size;
  }

  /** Memory taken by remembered commits, in bytes. */
  get sizeBytes(): number {
    return this.#log.sizeBytes;
  }

  /** An update transaction starts to read at `readVersion`. */
  beginUpdate(readVersion: Version): void {
    const pending = this.#pending;
    this.#active.add(readVersion);
    if (pending.length === 0) return;
    this.#pending = [];
    for (const commit of pending) {
      if (commit.version > readVersion) this.#index(commit.version, commit.keys);
    }
  }

  /** The transaction is over, committed or not. */
  endUpdate(readVersion: Version): void {
    const before = this.#active.oldest;
    this.#active.remove(readVersion);
    if (this.#active.oldest !== before) this.#prune();
  }

  /** Remembers what a commit writes, from the moment its version is fixed. */
  recordCommit(version: Version, keys: readonly Uint8Array[]): void {
    if (this.#active.size > 0) {
      this.#index(version, keys);
      return;
    }
    this.#prune();
    this.#pending.push({ version, keys });
  }

  /** A commit that removes a whole range of keys. */
  recordRange(version: Version, range: KeyRange): void {
    if (this.#active.size === 0) this.#prune();
    this.#ranges.push({ version, range });
  }

  /** A commit that removes every key. */
  recordDropAll(version: Version): void {
    this.recordRange(version, WHOLE_RANGE);
  }

  /** The commits recorded at `version` and later were not written after all. */
  retractFrom(version: Version): void {
    this.#log.dropFrom(version);
    this.#ranges = this.#ranges.filter((commit) => commit.version < version);
    this.#pending = this.#pending.filter((commit) => commit.version < version);
  }

  /**
   * A key in what was read that some commit after `readVersion` changed (for a dropped range: the
   * range's start), or `undefined` when the snapshot still stands. The transaction must be active.
   * O(1) when nothing was committed since; else O(min(keys read, keys committed since)), plus
   * O(keys committed since × log ranges) when ranges were read.
   */
  findConflict(reads: ReadSet, readVersion: Version): Uint8Array | undefined {
    const oldest = this.#active.oldest;
    assert(oldest !== undefined && oldest <= readVersion, "only active transactions are checked");
    if (readVersion < this.#forgottenThrough) {
      return reads.isEmpty ? undefined : anyKey(reads);
    }
    if (this.#log.newestVersion > readVersion) {
      const key = this.#findWrittenKey(reads, readVersion);
      if (key !== undefined) return key;
    }
    return this.#ranges.length === 0 ? undefined : this.#findDroppedRange(reads, readVersion);
  }

  #findWrittenKey(reads: ReadSet, readVersion: Version): Uint8Array | undefined {
    const log = this.#log;
    const ranges = reads.ranges();
    const first = log.firstAfter(readVersion);
    if (ranges.length === 0 && reads.keyCount < log.end - first) {
      return this.#probeReadKeys(reads, readVersion);
    }
    for (let record = first; record < log.end; record++) {
      if (log.version(record) <= readVersion) continue;
      const start = log.keyStart(record);
      const length = log.keyEnd(record) - start;
      if (
        reads.hasKey(log.bytes, start, length, log.keyHash(record)) ||
        (ranges.length > 0 && rangesContain(ranges, log.bytes, start, length))
      ) {
        return log.bytes.slice(start, start + length);
      }
    }
    return undefined;
  }

  #probeReadKeys(reads: ReadSet, readVersion: Version): Uint8Array | undefined {
    const bytes = reads.keyBytes;
    for (let i = 0; i < reads.keyCount; i++) {
      const start = reads.keyStart(i);
      const length = reads.keyEnd(i) - start;
      if (this.#log.isWrittenAfter(bytes, start, length, reads.keyHash(i), readVersion)) {
        return bytes.slice(start, start + length);
      }
    }
    return undefined;
  }

  #findDroppedRange(reads: ReadSet, readVersion: Version): Uint8Array | undefined {
    for (const { version, range } of this.#ranges) {
      if (version <= readVersion) continue;
      for (let i = 0; i < reads.keyCount; i++) {
        const start = reads.keyStart(i);
        const length = reads.keyEnd(i) - start;
        if (rangeContains(range, reads.keyBytes, start, length)) {
          return reads.keyBytes.slice(start, start + length);
        }
      }
      for (const read of reads.ranges()) {
        if (rangesOverlap(read, range)) return range.lower ?? read.lower ?? EMPTY_BYTES;
      }
    }
    return undefined;
  }

  #index(version: Version, keys: readonly Uint8Array[]): void {
    for (const key of keys) this.#log.append(version, key);
    while (this.#log.sizeBytes > this.#capacityBytes) {
      this.#forgottenThrough = Math.max(this.#forgottenThrough, this.#log.dropOlderHalf());
    }
  }

  /** Forgets what no active transaction and no future one can conflict with. */
  #prune(): void {
    const horizon = this.#active.oldest ?? this.#published.lastCommitted;
    if (this.#log.size > 0) this.#log.dropThrough(horizon);
    if (this.#ranges.length > 0) {
      this.#ranges = this.#ranges.filter((commit) => commit.version > horizon);
    }
    if (this.#pending.length > 0) {
      this.#pending = this.#pending.filter((commit) => commit.version > horizon);
    }
  }
}

function anyKey(reads: ReadSet): Uint8Array {
  if (reads.keyCount > 0) return reads.keyBytes.slice(0, reads.keyEnd(0));
  return reads.ranges()[0]?.lower ?? EMPTY_BYTES;
}
