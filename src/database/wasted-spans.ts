/**
 * Where scans have passed over many delete markers: spans that are brought down although the markers are
 * few against everything around them. A span is forgotten when no memtable has many markers, and no table
 * above the last level has many in it.
 */

import { overlapsAny } from "../compaction/key-span.ts";
import type { KeySpan } from "../compaction/key-span.ts";
import { MARKERS_WORTH_MIN } from "../compaction/leveled-policy.ts";
import type { TreeVersion } from "../manifest/version.ts";
import type { Memtable } from "../memtable/memtable.ts";

/** The latest ones are enough: what is scanned often comes back. */
const SPANS_MAX = 8;

export class WastedSpans {
  #spans: KeySpan[] = [];

  add(span: KeySpan): void {
    this.#spans = [...this.#spans.slice(1 - SPANS_MAX), span];
  }

  /** Those with something to bring down, now or once it is flushed. */
  in(memtables: readonly Memtable[], version: TreeVersion): readonly KeySpan[] {
    if (this.#spans.length === 0) return this.#spans;
    if (memtables.some(({ tombstones }) => tombstones >= MARKERS_WORTH_MIN)) return this.#spans;
    const tables = version.levels
      .slice(0, -1)
      .flat()
      .filter(({ tombstoneCount }) => tombstoneCount >= MARKERS_WORTH_MIN);
    this.#spans = this.#spans.filter((span) => overlapsAny(tables, span));
    return this.#spans;
  }
}
