/** Memtables with given entries in them, written as commits and as a replay would. */

import { logRecordLength, writeLogRecord } from "../../src/format/log-record.ts";
import { Memtable } from "../../src/memtable/memtable.ts";
import type { SuiteEntry } from "../suites/sorted-entries.ts";

/** Writes entries to the tail without making them readable; returns their offset. */
export function stage(memtable: Memtable, entries: readonly SuiteEntry[]): number {
  const start = memtable.usedBytes;
  for (const { key, version, meta, userMeta, expiresAt, value } of entries) {
    const offset = memtable.reserve(logRecordLength(key.length, value.length, expiresAt));
    writeLogRecord(memtable.arena, offset, meta, userMeta, expiresAt, key, version, value);
  }
  return start;
}

/** One commit group. */
export function commit(memtable: Memtable, entries: readonly SuiteEntry[]): void {
  stage(memtable, entries);
  memtable.index();
}

/** A memtable that was filled from a log: every record counts, whatever its meta bits say. */
export function replayed(entries: readonly SuiteEntry[]): Memtable {
  const memtable = new Memtable(4096 + logBytes(entries), 0);
  for (const entry of entries) memtable.indexRecord(stage(memtable, [entry]));
  memtable.finishReplay(memtable.usedBytes);
  return memtable;
}

/** A memtable that took each entry as a commit of its own. */
export function committed(entries: readonly SuiteEntry[], floorVersion = 0): Memtable {
  const memtable = new Memtable(4096 + logBytes(entries), floorVersion);
  for (const entry of entries) commit(memtable, [entry]);
  return memtable;
}

export function logBytes(entries: readonly SuiteEntry[]): number {
  return entries.reduce(
    (sum, { key, value, expiresAt }) => sum + logRecordLength(key.length, value.length, expiresAt),
    0,
  );
}

/** The same entries in a random order. */
export function shuffled<T>(items: readonly T[], below: (limit: number) => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
