/**
 * Walks a value-log file of any size from record to record, in bounded memory, and tells what is none.
 * Only a record that claims to be larger than the window, and whose claim the file can hold, makes the
 * window grow.
 */

import { readU64BE } from "../format/integers.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LogRecordView } from "../format/log-record.ts";
import { claimedEnd, isUnfinished, type RecordGap, seekRecord } from "./record-scan.ts";
import type { SourceFile } from "./source-file.ts";

/** What lies between or behind the records of a file. */
export interface LogFault extends RecordGap {
  /** Behind the last record, and what an interrupted write leaves. */
  readonly isUnfinishedTail: boolean;
}

const WINDOW_BYTES = 8 << 20;

/**
 * Reads the whole file; yields after every window, with the bytes read so far, and returns what is no
 * record. Zeros that fill the end of the file are no fault: logs may be preallocated.
 */
export function* walkLog(file: SourceFile): Generator<number, LogFault[]> {
  const { size } = file;
  const view = new LogRecordView();
  const header = file.read(0, LOG_HEADER_SIZE);
  const isPlain = header.length >= 8 && readU64BE(header, 0) === 0;
  const faults: LogFault[] = [];
  let position = LOG_HEADER_SIZE;
  let windowBytes = WINDOW_BYTES;
  /** Where the stretch without records began that is being searched; −1 = none. */
  let faultStart = -1;
  while (position < size) {
    const window = file.read(position, position + windowBytes);
    const isLast = position + window.length >= size;
    yield position;
    if (faultStart >= 0) {
      const next = seekRecord(window, 0, isPlain);
      if (next < 0 && isLast) break;
      // A record may begin in this window and end in the next.
      position += next < 0 ? Math.ceil(window.length / 2) : next;
      if (next < 0) continue;
      faults.push({ start: faultStart, end: position, isUnfinishedTail: false });
      faultStart = -1;
      continue;
    }
    let offset = 0;
    while (offset < window.length && view.checkStored(window, offset, window.length) === "ok") {
      offset = view.end;
    }
    position += offset;
    if (offset > 0) continue;
    const claimed = claimedEnd(window, 0);
    if (!isLast && claimed > windowBytes && claimed <= size - position) {
      windowBytes = claimed;
      continue;
    }
    windowBytes = WINDOW_BYTES;
    faultStart = position;
    position++;
  }
  if (faultStart >= 0) faults.push(...tailOf(file, faultStart));
  return faults;
}

/** Everything from `start` on, unless it is zeros. */
function tailOf(file: SourceFile, start: number): LogFault[] {
  let end = start;
  for (let position = start; position < file.size; position += WINDOW_BYTES) {
    const window = file.read(position, position + WINDOW_BYTES);
    const last = window.findLastIndex((byte) => byte !== 0);
    if (last >= 0) end = position + last + 1;
  }
  if (end === start) return [];
  const bytes = file.read(start, Math.min(end, start + WINDOW_BYTES) + 16);
  const gap = { start: 0, end: Math.min(bytes.length, end - start) };
  return [{ start, end, isUnfinishedTail: isUnfinished(bytes, gap, file.size - start) }];
}
