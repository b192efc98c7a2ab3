/** The records that have committed cuts (format/cut.ts), as an opening and a salvage find them. */

import { bloomHash } from "../format/bloom-hash.ts";
import { type Cut, CUT_KEY, decodeLoggedCut } from "../format/cut.ts";
import { EntrySlot } from "./entry-slot.ts";

/** A memtable, or a table. */
export interface PointReader {
  get(key: Uint8Array, hash: number, version: number, slot: EntrySlot): boolean;
}

/** Oldest first. `ERR_CORRUPTION` for a record that is whole and holds no cut. */
export function cutRecords(reader: PointReader): Cut[] {
  const cuts: Cut[] = [];
  const slot = new EntrySlot();
  const hash = bloomHash(CUT_KEY, 0, CUT_KEY.length);
  let version = Number.MAX_SAFE_INTEGER;
  while (reader.get(CUT_KEY, hash, version, slot)) {
    const { valueBytes, valueOffset, valueLength } = slot;
    const cut = decodeLoggedCut(slot.version, valueBytes, valueOffset, valueLength);
    if (cut !== undefined) cuts.unshift(cut);
    version = slot.version - 1;
  }
  return cuts;
}
