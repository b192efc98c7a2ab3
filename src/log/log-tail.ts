/**
 * What lies behind the last record that counts: the remains of a write that a crash interrupted, or
 * damage in the middle of a log? The first is cut off in silence, the second must be an error, because
 * acknowledged commits follow it.
 *
 * A crash leaves a prefix of the bytes written (a kill), or sectors that never reached the disk (a power
 * cut, which may also keep later sectors). Such a sector reads as it was before: zeros, or, when a log
 * that ended in it was written on, zeros from that end to its own. So: if a whole record with a right
 * checksum follows, and no sector before it is zeros from the gap on, no crash explains the gap. Nor does
 * one explain a last record that is there from its first byte to its checksum, and wrong, or bytes that
 * begin no record.
 */

import { LogRecordView } from "../format/log-record.ts";
import { META_IN_TRANSACTION, META_TRANSACTION_END } from "../format/stored-value.ts";
import { hasZeroSector, SECTOR_BYTES } from "../format/zero-sector.ts";

/** How far behind the gap a record is looked for. */
const SEARCH_BYTES = 1 << 20;
/** A record with fewer bytes is found too easily by chance. */
const RECORD_BYTES_MIN = 16;

/** Whether `bytes[end, size)`, which does not continue the log, can be what a crash has left. */
export function isCrashTail(bytes: Uint8Array, end: number, size: number): boolean {
  const gap = endOfRecords(bytes, end, size);
  if (isComplete(bytes, gap, size)) return false;
  const follower = findRecord(bytes, gap + 1, Math.min(size, gap + SEARCH_BYTES), size);
  if (follower < 0) return !isNonsense(bytes, gap, size);
  // The sector of its first byte that is not zero has reached the disk; those before it need not have.
  let proof = follower;
  while (bytes[proof] === 0) proof++;
  return hasZeroSector(bytes, gap, proof - (proof % SECTOR_BYTES));
}

/**
 * Whether the record at `offset`, which is wrong, was written to its end. In a log that was filled with
 * zeros beforehand, as Badger's are, one that was not ends in a zero.
 */
function isComplete(bytes: Uint8Array, offset: number, size: number): boolean {
  const view = new LogRecordView();
  view.checkStored(bytes, offset, size);
  if (view.end > size || view.end - offset < RECORD_BYTES_MIN) return false;
  return bytes[view.end - 1] !== 0 && !hasZeroSector(bytes, offset, view.end);
}

/** Longest header of a record: meta, user meta, three numbers. */
const HEADER_BYTES_MAX = 22;

/** Whether no record begins with these bytes, although all of them have reached the disk. */
function isNonsense(bytes: Uint8Array, gap: number, size: number): boolean {
  if (new LogRecordView().extentOf(bytes, gap, size) !== "nonsense") return false;
  const end = Math.min(size, gap + HEADER_BYTES_MAX);
  return bytes[end - 1] !== 0 && !hasZeroSector(bytes, gap, end);
}

/** Records of a transaction whose end marker is missing are whole, but do not count: the gap is behind them. */
function endOfRecords(bytes: Uint8Array, start: number, size: number): number {
  const view = new LogRecordView();
  let offset = start;
  while (view.checkStored(bytes, offset, size) === "ok") offset = view.end;
  return offset;
}

/** Offset of the first whole record in `[from, to)`, or −1. */
function findRecord(bytes: Uint8Array, from: number, to: number, size: number): number {
  const view = new LogRecordView();
  for (let offset = from; offset < to; offset++) {
    if (!isPlausibleStart(bytes, offset)) continue;
    if (view.checkStored(bytes, offset, size) !== "ok") continue;
    if (view.end - offset >= RECORD_BYTES_MIN) return offset;
  }
  return -1;
}

/** Meta bits that exist, and a key length a record can have: rejects nearly every offset at once. */
function isPlausibleStart(bytes: Uint8Array, offset: number): boolean {
  const meta = bytes[offset] as number;
  if ((meta & 0x30) !== 0) return false;
  if ((meta & META_TRANSACTION_END) !== 0 && (meta & META_IN_TRANSACTION) !== 0) return false;
  return (bytes[offset + 2] as number) > 8;
}
