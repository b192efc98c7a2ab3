/**
 * A cursor without what cuts hide. Used under a scan for the cuts its reader knows of, and in flushes and
 * compactions to leave out for good what nobody can read any more.
 *
 * Hidden entries are passed over one by one: cuts are carried out soon after they are made.
 */

import type { FileNumber } from "../base/ids.ts";
import { type Cut, hides } from "../format/cut.ts";
import { META_POINTER } from "../format/stored-value.ts";
import { pointerFile, pointerLength } from "../format/value-pointer.ts";
import type { EntryCursor } from "./cursor.ts";
import { FilterCursor } from "./filter-cursor.ts";

export class CutCursor extends FilterCursor {
  /** Value-log record bytes that passed-over entries pointed to, by file. */
  readonly #discardedBytes = new Map<FileNumber, number>();
  readonly #cuts: readonly Cut[];

  constructor(inner: EntryCursor, cuts: readonly Cut[]) {
    super(inner);
    this.#cuts = cuts;
  }

  /** Adds what was passed over to what somebody else has dropped. */
  addDiscardsTo(bytesByFile: Map<FileNumber, number>): void {
    for (const [file, bytes] of this.#discardedBytes) {
      bytesByFile.set(file, (bytesByFile.get(file) ?? 0) + bytes);
    }
  }

  protected override isHidden(inner: EntryCursor): boolean {
    const cuts = this.#cuts;
    for (let i = 0; i < cuts.length; i++) {
      const cut = cuts[i] as Cut;
      if (!hides(cut, inner.keyBytes, inner.keyOffset, inner.keyLength, inner.version)) continue;
      if ((inner.meta & META_POINTER) !== 0) this.#discard(inner);
      return true;
    }
    return false;
  }

  #discard({ valueBytes, valueOffset }: EntryCursor): void {
    const file = pointerFile(valueBytes, valueOffset);
    const bytes = pointerLength(valueBytes, valueOffset);
    this.#discardedBytes.set(file, (this.#discardedBytes.get(file) ?? 0) + bytes);
  }
}
