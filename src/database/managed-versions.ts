/**
 * Managed databases: callers choose the versions of their commits, in any order, and say from when on
 * old versions may go (`setDiscardVersion`). What that needs beyond the ordinary rules:
 *
 *  - No commit below the discard version: a delete marker that it would have to respect may be gone.
 *  - No commit at or below a dropped prefix that is not carried out yet: it would be hidden with it.
 *  - A read conflicts with any newer version there is, not only with commits since the transaction
 *    began: one that reads in the past has missed all of them. Commits that come later but lie at or
 *    below its read version are the callers' business, as they are in Badger.
 */

import { compareBytes, keyAfter } from "../base/bytes.ts";
import { VERSION_MAX, type Version } from "../base/ids.ts";
import { EntrySlot } from "../cursor/entry-slot.ts";
import type { KeyRange } from "../transaction/key-range.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { ReadSet } from "../transaction/read-set.ts";
import { invalid } from "./arguments.ts";
import type { Cuts } from "./cuts.ts";
import type { Memtables } from "./memtables.ts";
import type { ReadPath } from "./read-path.ts";
import { openSource } from "./scan-source.ts";
import type { TreeState } from "./tree-state.ts";

export interface ManagedParts {
  readonly oracle: Oracle;
  readonly cuts: Cuts;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly reads: ReadPath;
}

/** A version that a caller may choose; throws `ERR_INVALID_ARGUMENT` for all else. */
export function chosenVersion(given: unknown): Version {
  if (typeof given === "number" && Number.isSafeInteger(given) && given >= 1) {
    if (given < VERSION_MAX) return given;
  }
  throw invalid("the version of a commit is a whole number from 1 to 2^53 − 2");
}

export class ManagedVersions {
  readonly #parts: ManagedParts;
  readonly #slot = new EntrySlot();

  constructor(parts: ManagedParts) {
    this.#parts = parts;
  }

  /** Throws `ERR_INVALID_ARGUMENT` when a commit at this version could not be kept apart from what is gone. */
  requireCommittable(version: Version): void {
    const { oracle, cuts } = this.#parts;
    if (version < oracle.discardLimit) {
      throw invalid(
        `version ${version} lies below the discard version ${oracle.discardLimit}: commit at or above it`,
      );
    }
    const dropped = cuts.open.at(-1)?.cut.version ?? 0;
    if (version <= dropped) {
      throw invalid(
        `a snapshot from before dropPrefix() or dropAll() is still open, so nothing can be committed up to version ${dropped}; discard it first`,
      );
    }
  }

  /** A key among what was read that has a version above `readVersion`; `undefined` when there is none. */
  findNewer(reads: ReadSet, readVersion: Version): Uint8Array | undefined {
    if (this.#parts.oracle.lastCommitted <= readVersion) return undefined;
    const bytes = reads.keyBytes;
    for (let i = 0; i < reads.keyCount; i++) {
      const key = bytes.subarray(reads.keyStart(i), reads.keyEnd(i));
      if (this.#parts.reads.newestVersion(key, this.#slot) > readVersion) return key.slice();
    }
    for (const range of reads.ranges()) {
      const key = this.#newerIn(range, readVersion);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  #newerIn(range: KeyRange, readVersion: Version): Uint8Array | undefined {
    const { memtables, trees } = this.#parts;
    const lower =
      range.lower === undefined || range.lowerInclusive ? range.lower : keyAfter(range.lower);
    const upper =
      range.upper === undefined || !range.upperInclusive ? range.upper : keyAfter(range.upper);
    const cursor = openSource(
      undefined,
      memtables.newestFirst,
      trees.tree,
      { lower, upper },
      [],
      undefined,
    );
    try {
      if (lower === undefined) cursor.seekToFirst();
      else cursor.seek(lower, Number.POSITIVE_INFINITY);
      for (; cursor.valid; cursor.next()) {
        const { keyBytes, keyOffset, keyLength } = cursor;
        const key = keyBytes.subarray(keyOffset, keyOffset + keyLength);
        if (upper !== undefined && compareBytes(key, upper) >= 0) return undefined;
        if (cursor.version > readVersion) return key.slice();
      }
      return undefined;
    } finally {
      cursor.close();
    }
  }
}
