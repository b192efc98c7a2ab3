/**
 * Older ranges: the user keys of which an older version may exist outside a compaction's inputs. A
 * delete marker may only be dropped for a key outside of them (I4).
 *
 * An older version can be
 *  - in a deeper level, or in a level between source and target,
 *  - in a table of the source level that was left out, unless it is a newer level-0 table known to be
 *    ordered,
 *  - in any table above that is not known to be ordered: Badger's collection writes old versions on
 *    top of the tree (I3),
 *  - in a memtable replayed from such a directory; then the ranges are `everywhere`.
 *
 * The data crosses threads; a tracker answers per key with keys ascending, O(1) amortized.
 */

import { at } from "../base/assert.ts";
import { compareBytes, compareRange } from "../base/bytes.ts";
import type { TableMeta, TreeVersion } from "../manifest/version.ts";
import { planInputs, planSpan } from "./compaction-plan.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { spansOverlap } from "./key-span.ts";
import type { KeySpan } from "./key-span.ts";

/** Plain data: sorted, disjoint spans. */
export interface OlderRanges {
  /** Every key: no marker may be dropped. */
  readonly everywhere: boolean;
  readonly spans: readonly KeySpan[];
}

export const OLDER_EVERYWHERE: OlderRanges = { everywhere: true, spans: [] };

/** What the tree says; `memtablesMayHoldOlder` adds what it cannot know. */
export function olderRanges(
  version: TreeVersion,
  plan: CompactionPlan,
  memtablesMayHoldOlder: boolean,
): OlderRanges {
  if (memtablesMayHoldOlder) return OLDER_EVERYWHERE;
  const inputs = new Set(planInputs(plan).map((table) => table.fileNumber));
  const span = planSpan(plan);
  const found: KeySpan[] = [];
  version.levels.forEach((tables, level) => {
    for (const table of tables) {
      if (inputs.has(table.fileNumber) || !spansOverlap(table, span)) continue;
      if (isAbove(table, level, plan) && table.knownOrdered) continue;
      found.push(table);
    }
  });
  return { everywhere: false, spans: uniteSpans(found) };
}

/** Whether a table that is no input can only be met before the plan's sources on the way down. */
function isAbove(table: TableMeta, level: number, plan: CompactionPlan): boolean {
  if (level < plan.sourceLevel) return true;
  if (level > 0 || plan.sourceLevel > 0) return false;
  return plan.sources.every((source) => source.fileNumber < table.fileNumber);
}

/** Sorted, disjoint spans that hold at least the keys of the given ones. */
export function uniteSpans(spans: readonly KeySpan[]): KeySpan[] {
  const sorted = [...spans].sort((a, b) => compareBytes(a.smallestKey, b.smallestKey));
  const united: KeySpan[] = [];
  for (const { smallestKey, largestKey } of sorted) {
    const last = united.at(-1);
    if (last === undefined || compareBytes(smallestKey, last.largestKey) > 0) {
      united.push({ smallestKey, largestKey });
    } else if (compareBytes(largestKey, last.largestKey) > 0) {
      united[united.length - 1] = { smallestKey: last.smallestKey, largestKey };
    }
  }
  return united;
}

/** Answers "may an older version of this key exist elsewhere?" for keys that never descend. */
export class OlderRangeTracker {
  readonly #ranges: OlderRanges;
  #next = 0;

  constructor(ranges: OlderRanges) {
    this.#ranges = ranges;
  }

  mayHaveOlder(bytes: Uint8Array, offset: number, length: number): boolean {
    const { everywhere, spans } = this.#ranges;
    if (everywhere) return true;
    while (this.#next < spans.length) {
      const { smallestKey, largestKey } = at(spans, this.#next);
      if (compareRange(bytes, offset, length, largestKey, 0, largestKey.length) > 0) {
        this.#next++;
        continue;
      }
      return compareRange(bytes, offset, length, smallestKey, 0, smallestKey.length) >= 0;
    }
    return false;
  }
}
