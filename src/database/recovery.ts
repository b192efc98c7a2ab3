/**
 * Recovery: from files to state, after any kind of stop. A kill is a normal way to stop.
 *
 * Logs are replayed in order up to the first record that is torn, or that points to a value which a
 * power cut has taken; a transaction counts whole or not at all. The newest value-log file is cut at
 * its last whole record and never appended to again. In a read-only database nothing is changed.
 */

import type { FileNumber, Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import type { File } from "../env/file-system.ts";
import { DISCARD, memFileName, valueLogFileName } from "../format/file-names.ts";
import { decodeDiscardTable } from "../format/discard-table.ts";
import { decodeLogHeader, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { located } from "../format/damage.ts";
import { LogRecordView } from "../format/log-record.ts";
import { LogReplay } from "../format/log-replay.ts";
import { META_POINTER } from "../format/stored-value.ts";
import { pointerFile, pointerLength, pointerOffset } from "../format/value-pointer.ts";
import { findLogEnd } from "../log/log-end.ts";
import { LogFile } from "../log/log-file.ts";
import { cipherOf, type LogKeys } from "../log/log-keys.ts";
import { Memtable } from "../memtable/memtable.ts";
import type { LoggedMemtable } from "./memtables.ts";

export interface RecoveredValueLogs {
  /** Whole bytes of each file; 0 for one that held nothing and was removed. */
  readonly sizes: Map<FileNumber, number>;
  readonly nextNumber: FileNumber;
  /** Bytes known to be garbage. */
  readonly discards: Map<FileNumber, number>;
}

/** Finds the ends of the value-log files; unless `readOnly`, cuts the newest and removes empty ones. */
export function recoverValueLogs(
  env: Env,
  directory: string,
  numbers: readonly FileNumber[],
  readOnly: boolean,
): RecoveredValueLogs {
  const sizes = new Map<FileNumber, number>();
  const newest = numbers.at(-1) ?? 0;
  for (const number of numbers) {
    const path = join(directory, valueLogFileName(number));
    const size = env.fileSystem.info(path)?.size ?? 0;
    if (!readOnly && size <= LOG_HEADER_SIZE) {
      env.fileSystem.remove(path);
      // Pointers into it are dangling, not stale: a power cut has taken the values.
      sizes.set(number, 0);
      continue;
    }
    sizes.set(number, number === newest && !readOnly ? cutValueLog(env, path, size) : size);
  }
  const discards = decodeDiscardTable(
    env.fileSystem.readFile(join(directory, DISCARD)) ?? new Uint8Array(0),
  );
  for (const number of discards.keys()) {
    if (!sizes.has(number)) discards.delete(number);
  }
  return { sizes, nextNumber: newest + 1, discards };
}

function cutValueLog(env: Env, path: string, size: number): number {
  const file = env.fileSystem.open(path, { write: true, create: "never" });
  try {
    const end = findLogEnd(file);
    if (end < size) file.truncate(end);
    return end;
  } finally {
    file.close();
  }
}

export interface RecoveredLogs {
  /** Oldest first. */
  readonly memtables: LoggedMemtable[];
  readonly nextNumber: FileNumber;
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
  valueLogSizes: ReadonlyMap<FileNumber, number>,
  arenaBytes: number,
  floorVersion: Version,
  keys: LogKeys,
  readOnly: boolean,
): RecoveredLogs {
  const memtables: LoggedMemtable[] = [];
  let floor = floorVersion;
  try {
    for (const number of numbers) {
      const logged = recoverLog(
        env,
        directory,
        number,
        valueLogSizes,
        arenaBytes,
        floor,
        keys,
        readOnly,
      );
      if (logged === undefined) continue;
      memtables.push(logged);
      floor = Math.max(floor, logged.memtable.maxVersion);
    }
  } catch (error) {
    for (const { log } of memtables) log?.close();
    throw error;
  }
  return { memtables, nextNumber: (numbers.at(-1) ?? 0) + 1 };
}

function recoverLog(
  env: Env,
  directory: string,
  number: FileNumber,
  valueLogSizes: ReadonlyMap<FileNumber, number>,
  arenaBytes: number,
  floorVersion: Version,
  keys: LogKeys,
  readOnly: boolean,
): LoggedMemtable | undefined {
  const name = memFileName(number);
  const log = LogFile.open(env.fileSystem, directory, name, !readOnly);
  try {
    const size = log.file.size();
    const memtable = new Memtable(Math.max(arenaBytes, size), floorVersion);
    const end = size < LOG_HEADER_SIZE ? 0 : replay(log.file, memtable, size, valueLogSizes, keys);
    if (memtable.isEmpty) {
      log.close();
      if (!readOnly) env.fileSystem.remove(join(directory, name));
      return undefined;
    }
    if (readOnly) {
      log.close();
      return { memtable, number, log: undefined, cipher: undefined };
    }
    if (end < size) log.truncate(end);
    return { memtable, number, log, cipher: undefined };
  } catch (error) {
    log.close();
    throw located(error, name, 0);
  }
}

const CHUNK_BYTES = 1 << 20;

/**
 * Reads a log into the arena. Badger preallocates its logs, so most of the file may be zeros: chunks
 * of zeros are left untouched in the arena, where they cost no memory.
 */
function loadArena(file: File, size: number, arena: Uint8Array): void {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, size));
  const words = new Uint32Array(chunk.buffer, 0, chunk.length >>> 2);
  for (let position = 0; position < size; position += chunk.length) {
    const filled = file.read(chunk, 0, Math.min(chunk.length, size - position), position);
    if (filled === chunk.length && chunk.length % 4 === 0 && words.every((word) => word === 0)) {
      continue;
    }
    arena.set(filled === chunk.length ? chunk : chunk.subarray(0, filled), position);
  }
}

/** Indexes every record that counts and returns where the log ends. */
function replay(
  file: File,
  memtable: Memtable,
  size: number,
  valueLogSizes: ReadonlyMap<FileNumber, number>,
  keys: LogKeys,
): number {
  const { arena } = memtable;
  const view = new LogRecordView();
  const replayer = new LogReplay();
  const offsets: number[] = [];
  let limit = size;
  for (;;) {
    // A replay decrypts in place, so each one starts from the file.
    loadArena(file, size, arena);
    const cipher = cipherOf(decodeLogHeader(arena.subarray(0, LOG_HEADER_SIZE)), keys);
    offsets.length = 0;
    let dangling = -1;
    const visit = (offset: number): void => {
      offsets.push(offset);
      if (dangling >= 0 || !view.decode(arena, offset, size)) return;
      if (!isPointerWhole(view, arena, valueLogSizes)) dangling = offset;
    };
    const end = replayer.replay(arena, LOG_HEADER_SIZE, limit, visit, cipher);
    if (dangling < 0) {
      for (const offset of offsets) memtable.indexRecord(offset);
      memtable.finishReplay(end);
      return end;
    }
    // Everything from the commit with the lost value on is cut: order carries the meaning.
    limit = dangling;
  }
}

function isPointerWhole(
  view: LogRecordView,
  arena: Uint8Array,
  valueLogSizes: ReadonlyMap<FileNumber, number>,
): boolean {
  if ((view.meta & META_POINTER) === 0) return true;
  const size = valueLogSizes.get(pointerFile(arena, view.valueOffset));
  // A file that is gone altogether was collected: a newer record of the same key shadows this one.
  if (size === undefined) return true;
  return pointerOffset(arena, view.valueOffset) + pointerLength(arena, view.valueOffset) <= size;
}
