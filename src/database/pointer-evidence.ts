/**
 * Whether a value log is the one that tables and logs point into. A pointer that leads to a record with its key,
 * version and a right checksum proves it: file numbers are one sequence, so no other database has written there.
 * A pointer that leads nowhere says little by itself, because Badger's collection leaves such ones in entries
 * that newer ones shadow; one that a reader would follow says that something is wrong.
 *
 * Databases that began alike share their first records, so the larger part of many pointers decides.
 *
 * Asked only where a directory does not say by itself which value log is its own (value-directory.ts). Reads only.
 */

import { compareRange } from "../base/bytes.ts";
import { CorruptionError } from "../base/errors.ts";
import { EntrySlot } from "../cursor/entry-slot.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { isDeletedOrExpired, META_POINTER } from "../format/stored-value.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { ValueLogReader } from "../value-log/value-log-reader.ts";
import { NO_KEY_BOUNDS, openSource } from "./scan-source.ts";
import type { Tree } from "./tree.ts";

export interface PointerEvidence {
  /** More pointers led to their records than not. */
  readonly isProven: boolean;
  /** What became of the first pointer of an entry that a reader may ask for. */
  readonly failure: CorruptionError | undefined;
}

export interface EvidenceRequest {
  readonly tree: Tree;
  /** Newest first; they count as what shadows tables. */
  readonly memtables: readonly Memtable[];
  /** Whether what they point to must be there, too: a power cut may have taken the values of a log. */
  readonly logsCount: boolean;
  readonly values: ValueLogReader;
  readonly nowSeconds: number;
}

/** So many are followed. */
const POINTERS_MAX = 1000;

export function pointerEvidence(request: EvidenceRequest): PointerEvidence {
  const { tree, memtables } = request;
  const cursor = openSource(undefined, memtables, tree, NO_KEY_BOUNDS, [], undefined);
  const pointers = new Pointers(request);
  try {
    for (cursor.seekToFirst(); cursor.valid && !pointers.isDecided; cursor.next()) {
      pointers.look(cursor);
    }
    return { isProven: pointers.isProven, failure: pointers.failure };
  } finally {
    cursor.close();
  }
}

class Pointers {
  readonly #request: EvidenceRequest;
  readonly #slot = new EntrySlot();
  #key: Uint8Array | undefined;
  #successes = 0;
  #failures = 0;
  failure: CorruptionError | undefined;

  constructor(request: EvidenceRequest) {
    this.#request = request;
  }

  get isProven(): boolean {
    return this.#successes > this.#failures;
  }

  get isDecided(): boolean {
    return this.#successes + this.#failures >= POINTERS_MAX;
  }

  look(entry: EntryCursor): void {
    const { keyBytes, keyOffset, keyLength, version, meta, expiresAt } = entry;
    const known = this.#key;
    const isNewest =
      known === undefined ||
      compareRange(known, 0, known.length, keyBytes, keyOffset, keyLength) !== 0;
    if (isNewest) this.#key = keyBytes.slice(keyOffset, keyOffset + keyLength);
    if ((meta & META_POINTER) === 0) return;
    const { values, nowSeconds } = this.#request;
    const { valueBytes, valueOffset } = entry;
    try {
      values.readView(valueBytes, valueOffset, keyBytes, keyOffset, keyLength, version);
      this.#successes++;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      if (!isNewest || isDeletedOrExpired(meta, expiresAt, nowSeconds)) return;
      if (!this.#request.logsCount && this.#isLogged(version)) return;
      this.#failures++;
      this.failure ??= error;
    }
  }

  /** Whether the newest entry of the current key lies in a log. */
  #isLogged(version: number): boolean {
    const key = this.#key ?? new Uint8Array(0);
    const hash = bloomHash(key, 0, key.length);
    return this.#request.memtables.some(
      (memtable) => memtable.get(key, hash, version, this.#slot) && this.#slot.version === version,
    );
  }
}
