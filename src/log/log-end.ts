/**
 * Where a value-log file ends: behind its last whole record. Reads the file in windows of 4 MiB;
 * only a record that claims to be larger, and whose claim the file can hold, makes the window grow.
 */

import type { File } from "../env/file-system.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LOG_KEY_LENGTH_MAX, LogRecordView } from "../format/log-record.ts";
import { readExpiry } from "../format/stored-value.ts";
import { readUvarint, uvarintSize } from "../format/varint.ts";

const WINDOW_BYTES = 4 << 20;
const CRC_SIZE = 4;

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
    const claimed = claimedBytes(window, filled);
    if (claimed <= filled || claimed > size - position) return position;
    window = new Uint8Array(claimed);
  }
  return position;
}

/** Bytes of whole records at the window's start. */
function countWhole(view: LogRecordView, window: Uint8Array, filled: number): number {
  let offset = 0;
  while (offset < filled && view.checkStored(window, offset, filled) === "ok") offset = view.end;
  return offset;
}

/** Length of the whole first record as its header says, without believing it; 0 when that makes no sense. */
function claimedBytes(window: Uint8Array, filled: number): number {
  const keyLength = readUvarint(window, 2, filled);
  if (keyLength < 0 || keyLength > LOG_KEY_LENGTH_MAX) return 0;
  let position = 2 + uvarintSize();
  const valueLength = readUvarint(window, position, filled);
  if (valueLength < 0) return 0;
  position += uvarintSize();
  if (readExpiry(window, position, filled) < 0) return 0;
  return position + uvarintSize() + keyLength + valueLength + CRC_SIZE;
}
