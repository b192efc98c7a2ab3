/**
 * Recovery: from files to state, after any kind of stop. A kill is a normal way to stop.
 *
 * Logs are replayed in order up to the first record that is torn, or that points to a value which a
 * power cut has taken; a transaction counts whole or not at all, and nothing counts behind a gap. A
 * gap that no crash explains (log-tail.ts) is an error instead: acknowledged commits follow it.
 *
 * Old value-log files are never appended to, so a torn tail in one is harmless and stays; Badger would
 * cut the newest file at its first bad record, and healthy values behind a damaged one with it. In a
 * read-only database nothing is changed.
 */

import type { FileNumber, Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import type { File } from "../env/file-system.ts";
import { type DirectoryPair, directoriesOf } from "../format/directory-pair.ts";
import { DISCARD, memFileName, valueLogFileName } from "../format/file-names.ts";
import { decodeDiscardTable } from "../format/discard-table.ts";
import { decodeLogHeader, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { decodeLogLink } from "../format/log-link.ts";
import { damaged, located } from "../format/damage.ts";
import { LogRecordView, metaOfRecord } from "../format/log-record.ts";
import { LogReplay } from "../format/log-replay.ts";
import { META_POINTER } from "../format/stored-value.ts";
import { LogFile } from "../log/log-file.ts";
import { readLogHeader } from "../log/read-log-header.ts";
import { renew } from "../env/renew.ts";
import { isCrashTail } from "../log/log-tail.ts";
import { cipherOf, type LogKeys } from "../log/log-keys.ts";
import { Memtable } from "../memtable/memtable.ts";
import type { ValueProbe } from "../value-log/value-probe.ts";
import type { LoggedMemtable } from "./memtables.ts";

export interface RecoveredValueLogs {
  /** Files with values, ascending. */
  readonly files: readonly FileNumber[];
  readonly nextNumber: FileNumber;
  /** Bytes known to be garbage. */
  readonly discards: Map<FileNumber, number>;
}

/**
 * Looks at the value-log files; unless `readOnly`, removes those without a record.
 *
 * @param inUse numbers that tables point to
 */
export function recoverValueLogs(
  env: Env,
  valueDirectory: string,
  numbers: readonly FileNumber[],
  inUse: Iterable<FileNumber>,
  readOnly: boolean,
): RecoveredValueLogs {
  const files: FileNumber[] = [];
  for (const number of numbers) {
    const path = join(valueDirectory, valueLogFileName(number));
    const size = env.fileSystem.info(path)?.size ?? 0;
    if (size > LOG_HEADER_SIZE) files.push(number);
    else if (!readOnly) env.fileSystem.remove(path);
  }
  const discards = decodeDiscardTable(
    env.fileSystem.readFile(join(valueDirectory, DISCARD)) ?? new Uint8Array(0),
  );
  for (const number of discards.keys()) {
    if (!files.includes(number)) discards.set(number, 0);
  }
  return { files, nextNumber: nextValueLog(numbers, discards, inUse), discards };
}

/** A number in `DISCARD`, which has no checksum, counts only so near to those that are certain. */
const DISCARD_LEAD_MAX = 100_000;

/**
 * No number is given out twice, not even when collection has removed the file that had it: Badger's
 * leaves pointers into such files behind, and follows them unchecked.
 */
function nextValueLog(
  existing: readonly FileNumber[],
  discards: ReadonlyMap<FileNumber, number>,
  inUse: Iterable<FileNumber>,
): FileNumber {
  let largest = existing.at(-1) ?? 0;
  for (const number of inUse) largest = Math.max(largest, number);
  const certain = largest;
  for (const number of discards.keys()) {
    if (number <= certain + DISCARD_LEAD_MAX) largest = Math.max(largest, number);
  }
  return largest + 1;
}

/** Recovery's question to the value log. */
export interface LostValues {
  /** Whether a crash has taken the value that the 12 bytes at `offset` point to. */
  isLost(bytes: Uint8Array, offset: number): boolean;
}

export interface RecoveredLogs {
  /** Oldest first. */
  readonly memtables: LoggedMemtable[];
  readonly nextNumber: FileNumber;
  /** Logs were removed of which nothing counts. */
  readonly hasRemoved: boolean;
}

/**
 * Replays the write-ahead logs, oldest first.
 *
 * @param floorVersion the newest version in any table
 */
export function recoverLogs(
  env: Env,
  directory: string,
  numbers: readonly FileNumber[],
  values: LostValues,
  arenaBytes: number,
  floorVersion: Version,
  keys: LogKeys,
  readOnly: boolean,
): RecoveredLogs {
  const found: RecoveredLog[] = [];
  /** A power cut took the end of an older log: what these hold comes behind a gap. */
  const behindGap: FileNumber[] = [];
  let floor = floorVersion;
  try {
    for (const number of numbers) {
      const previous = found.at(-1);
      const isBehind =
        behindGap.length > 0 ||
        (previous !== undefined &&
          (previous.isCut || isBehindGap(env, directory, number, previous)));
      if (isBehind) {
        behindGap.push(number);
        continue;
      }
      const logged = recoverLog(env, directory, number, values, arenaBytes, floor, keys, readOnly);
      found.push(logged);
      floor = Math.max(floor, logged.memtable.maxVersion);
    }
    if (!readOnly) settleLogs(env, directory, found, behindGap);
  } catch (error) {
    for (const { log } of found) log?.close();
    throw error;
  }
  const memtables = found.filter(({ memtable }) => !memtable.isEmpty);
  return {
    memtables,
    nextNumber: (numbers.at(-1) ?? 0) + 1,
    hasRemoved: memtables.length < numbers.length,
  };
}

/**
 * Takes away what does not count. Logs behind a gap go first, the newest of them first, each for good:
 * without the ones before it, or once the gap is closed, a log would count again that a power cut brings back.
 */
function settleLogs(
  env: Env,
  directory: string,
  found: readonly RecoveredLog[],
  behindGap: readonly FileNumber[],
): void {
  for (const number of behindGap.toReversed()) {
    env.fileSystem.remove(join(directory, memFileName(number)));
    env.fileSystem.syncDirectory(directory);
  }
  for (const { log, end, memtable, number } of found) {
    if (log === undefined) continue;
    if (end < log.file.size()) log.truncate(end);
    if (!memtable.isEmpty) continue;
    log.close();
    env.fileSystem.remove(join(directory, memFileName(number)));
  }
}

/**
 * Makes durable what the stopped process may have left unsynced, or a failed sync behind it: from now on
 * tables and new commits build on it, and none of them may outlive it. Likewise what recovery has taken
 * away: everybody is told from now on that it is not there. Needed only when there were logs.
 */
export function syncRecovered(
  env: Env,
  pair: DirectoryPair,
  logs: RecoveredLogs,
  valueLogs: RecoveredValueLogs,
  values: ValueProbe,
): void {
  if (logs.memtables.length === 0) {
    if (logs.hasRemoved) env.fileSystem.syncDirectory(pair.directory);
    return;
  }
  for (const number of valueLogs.files) {
    const path = join(pair.valueDirectory, valueLogFileName(number));
    const file = env.fileSystem.open(path, { write: true, create: "never" });
    try {
      const found = values.foundIn(number);
      // The header tells the file's cipher, and lies apart from the values.
      if (found !== undefined) {
        renew(file, 0, LOG_HEADER_SIZE);
        renew(file, found.start, found.end);
      }
      file.sync();
    } finally {
      file.close();
    }
  }
  for (const { log } of logs.memtables) {
    if (log === undefined) continue;
    renew(log.file, 0, Number.POSITIVE_INFINITY);
    log.file.sync();
  }
  for (const directory of directoriesOf(pair)) env.fileSystem.syncDirectory(directory);
}

interface RecoveredLog extends LoggedMemtable {
  /** A crash has taken the end of the log. */
  readonly isCut: boolean;
  readonly end: number;
}

/** Whether this log was written after more of the previous one than is left of it. */
function isBehindGap(
  env: Env,
  directory: string,
  number: FileNumber,
  previous: RecoveredLog,
): boolean {
  const file = env.fileSystem.open(join(directory, memFileName(number)), {
    write: false,
    create: "never",
  });
  try {
    const header = readLogHeader(file);
    const link = header?.keyId === 0 ? decodeLogLink(header.baseIv) : undefined;
    return (
      link !== undefined &&
      link.previousNumber === previous.number &&
      previous.end < link.previousBytes
    );
  } finally {
    file.close();
  }
}

function recoverLog(
  env: Env,
  directory: string,
  number: FileNumber,
  values: LostValues,
  arenaBytes: number,
  floorVersion: Version,
  keys: LogKeys,
  readOnly: boolean,
): RecoveredLog {
  const name = memFileName(number);
  const log = LogFile.open(env.fileSystem, directory, name, !readOnly);
  try {
    const size = log.file.size();
    const memtable = new Memtable(Math.max(arenaBytes, size), floorVersion);
    const { end, contentEnd } =
      size < LOG_HEADER_SIZE
        ? { end: 0, contentEnd: loadArena(log.file, size, memtable.arena) }
        : replay(log.file, memtable, size, values, keys);
    const isCut = hasBytes(memtable.arena, end, contentEnd);
    if (readOnly) {
      log.close();
      return { memtable, number, log: undefined, cipher: undefined, isCut, end };
    }
    return { memtable, number, log, cipher: undefined, isCut, end };
  } catch (error) {
    log.close();
    throw located(error, name, 0);
  }
}

function hasBytes(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return true;
  return false;
}

const CHUNK_BYTES = 1 << 20;

const ZEROS = new Uint8Array(CHUNK_BYTES);

/**
 * Reads a log into the arena; returns an offset from which on there are only zeros. Badger preallocates
 * its logs, so that may be most of the file: chunks of zeros are left untouched in the arena but for the
 * first, where they cost no memory. All of it is read all the same: a power cut leaves zeros between
 * records, too.
 */
function loadArena(file: File, size: number, arena: Uint8Array): number {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, size));
  let contentEnd = 0;
  let position = 0;
  while (position < size) {
    const wanted = Math.min(chunk.length, size - position);
    const isContent = position === contentEnd;
    const target = isContent ? arena.subarray(position, position + wanted) : chunk;
    const length = file.read(target, 0, wanted, position);
    const filled = target.subarray(0, length);
    // Native: a loop over words takes half a second for an empty log of Badger's.
    if (Buffer.compare(filled, ZEROS.subarray(0, length)) !== 0) {
      if (!isContent) arena.set(filled, position);
      contentEnd = position + length;
    }
    position += wanted;
  }
  return contentEnd;
}

/** The file from `end` on, at its place; in the arena records that do not count may be decrypted. */
function storedTail(file: File, end: number, contentEnd: number): Uint8Array {
  const bytes = new Uint8Array(contentEnd);
  if (end < contentEnd) file.read(bytes, end, contentEnd - end, end);
  return bytes;
}

/** Indexes every record that counts; tells where the log ends, and from where on there are only zeros. */
function replay(
  file: File,
  memtable: Memtable,
  size: number,
  values: LostValues,
  keys: LogKeys,
): { readonly end: number; readonly contentEnd: number } {
  const { arena } = memtable;
  const view = new LogRecordView();
  const replayer = new LogReplay();
  const offsets: number[] = [];
  let limit = size;
  for (;;) {
    // A replay decrypts in place, so each one starts from the file.
    const contentEnd = loadArena(file, size, arena);
    const cipher = cipherOf(decodeLogHeader(arena.subarray(0, LOG_HEADER_SIZE)), keys);
    offsets.length = 0;
    let dangling = -1;
    const visit = (offset: number): void => {
      offsets.push(offset);
      if (dangling >= 0 || (metaOfRecord(arena, offset) & META_POINTER) === 0) return;
      if (!view.decode(arena, offset, size)) return;
      if (values.isLost(arena, view.valueOffset)) dangling = offset;
    };
    const end = replayer.replay(arena, LOG_HEADER_SIZE, limit, visit, cipher);
    if (dangling < 0) {
      if (limit === size && !isCrashTail(storedTail(file, end, contentEnd), end, contentEnd)) {
        throw damaged(end, "a whole log record", "damage that no crash leaves");
      }
      memtable.expectEntries(offsets.length);
      for (const offset of offsets) memtable.indexRecord(offset);
      memtable.finishReplay(end);
      return { end, contentEnd };
    }
    // Everything from the commit with the lost value on is cut: order carries the meaning.
    limit = dangling;
  }
}
