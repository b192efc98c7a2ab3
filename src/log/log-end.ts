/**
 * Where a value-log file ends: behind its last whole record. Reads the file in windows of 4 MiB;
 * only a record that claims to be larger, and whose claim the file can hold, makes the window grow.
 */

import type { File } from "../env/file-system.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LogRecordView } from "../format/log-record.ts";

const WINDOW_BYTES = 4 << 20;

/** Offset behind the last record with a right checksum; the header's end if there is none. */
export function findLogEnd(file: File): number {
  const size = file.size();
  const view = new LogRecordView();
  let window = new Uint8Array(Math.min(WINDOW_BYTES, Math.max(size, 1)));
  let position = LOG_HEADER_SIZE;
  while (position < size) {
    const filled = file.read(window, 0, Math.min(window.length, size - position), position);
    const consumed = countWhole(view, window, filled);
    if (consumed > 0) {
      position += consumed;
      continue;
    }
    // Nothing whole in the window: a record larger than it, or the end.
    if (filled < window.length || position + window.length >= size) return position;
    if (!claimsMore(view, window, filled)) return position;
    window = new Uint8Array(Math.min(size - position, window.length * 4));
  }
  return position;
}

/** Bytes of whole records at the window's start. */
function countWhole(view: LogRecordView, window: Uint8Array, filled: number): number {
  let offset = 0;
  while (offset < filled && view.check(window, offset, filled) === "ok") offset = view.end;
  return offset;
}

/** Whether the first record is merely cut off by the window: its header is plausible and it reaches beyond. */
function claimsMore(view: LogRecordView, window: Uint8Array, filled: number): boolean {
  return !view.decode(window, 0, filled) && view.decode(window, 0, Number.MAX_SAFE_INTEGER);
}
