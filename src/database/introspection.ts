/** What a database tells of itself: plain data computed on request. */

import type { Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import { memFileName, tableFileName, valueLogFileName } from "../format/file-names.ts";
import type { LevelInfo, SizeInfo, SpaceReport, TableInfo, ValueLogInfo } from "./contract.ts";
import type { TableMeta } from "../manifest/version.ts";
import type { DatabaseParts } from "./database.ts";

const COMPRESSION_NAMES = ["none", "snappy", "zstd"] as const;

export function describeLevels({ trees, maintenance }: DatabaseParts): LevelInfo[] {
  const { version } = trees.tree;
  const scores = maintenance.levelScores();
  return version.levels.map((tables, level) => ({
    level,
    tables: tables.length,
    sizeBytes: sum(tables, (table) => table.sizeBytes),
    targetBytes: scores[level]?.targetBytes ?? 0,
    score: scores[level]?.score ?? 0,
    entries: sum(tables, (table) => table.entryCount),
    tombstones: sum(tables, (table) => table.tombstoneCount),
    staleBytes: sum(tables, (table) => table.staleBytes),
  }));
}

export function describeTables({ trees }: DatabaseParts): TableInfo[] {
  return trees.tree.version.levels.flat().map((table) => ({
    file: tableFileName(table.fileNumber),
    level: table.level,
    sizeBytes: table.sizeBytes,
    entries: table.entryCount,
    tombstones: table.tombstoneCount,
    smallestKey: table.smallestKey.slice(),
    largestKey: table.largestKey.slice(),
    maxVersion: table.maxVersion,
    compression: COMPRESSION_NAMES[table.compression],
    encrypted: table.keyId !== 0,
    knownOrdered: table.knownOrdered,
  }));
}

export function describeValueLogs({ valueLog, collection }: DatabaseParts): ValueLogInfo[] {
  return collection.states().map(({ file, sizeBytes, liveBytes }) => ({
    file: valueLogFileName(file),
    sizeBytes,
    discardBytes: sizeBytes - liveBytes,
    active: file === valueLog.activeFile,
  }));
}

/** Per file: size, what lives in it, and why it is still there. */
export function explainSpace(parts: DatabaseParts): SpaceReport {
  const { collection } = parts;
  const held = heldBy(parts);
  const tables = parts.trees.tree.version.levels.flat().map((table) => ({
    file: tableFileName(table.fileNumber),
    sizeBytes: table.sizeBytes,
    liveBytes: Math.max(0, table.sizeBytes - table.staleBytes),
    garbageBytes: Math.min(table.sizeBytes, table.staleBytes),
    reason: `level ${table.level}: ${whyKept(table, held)}`,
  }));
  const condemned = collection.condemned();
  const values = collection.states().map((state) => ({
    file: valueLogFileName(state.file),
    sizeBytes: state.sizeBytes,
    liveBytes: state.liveBytes,
    garbageBytes: state.sizeBytes - state.liveBytes,
    reason: collection.reasonOf(state, condemned),
  }));
  const files = [...tables, ...values];
  return {
    files,
    sizeBytes: sum(files, (file) => file.sizeBytes),
    liveBytes: sum(files, (file) => file.liveBytes),
    holders: held.map(
      ({ what, readVersion }) =>
        `${what}; what has been replaced after version ${readVersion} stays`,
    ),
  };
}

interface Holder {
  readonly readVersion: Version;
  /** "scan 41 open for 3 min, opened at 2026-11-23T05:40:00Z" */
  readonly what: string;
}

/** Open snapshots of older states, oldest state first. */
function heldBy({ env, snapshots, oracle }: DatabaseParts): Holder[] {
  const nowMs = env.clock.nowMs();
  return snapshots
    .list()
    .filter(({ readVersion }) => readVersion < oracle.lastCommitted)
    .sort((a, b) => a.readVersion - b.readVersion)
    .map(({ id, kind, readVersion, ageMs }) => {
      const openedAt = new Date(nowMs - ageMs).toISOString().replace(/\.\d+Z$/, "Z");
      const name = kind === "transaction" ? "snapshot" : kind;
      return {
        readVersion,
        what: `${name} ${id} open for ${shownAge(ageMs)}, opened at ${openedAt}`,
      };
    });
}

function whyKept({ staleBytes, maxVersion }: TableMeta, held: readonly Holder[]): string {
  const oldest = held[0];
  if (oldest !== undefined && oldest.readVersion < maxVersion) return oldest.what;
  return staleBytes === 0
    ? "nothing in it is known to be garbage"
    : "kept until a compaction takes it";
}

function shownAge(ageMs: number): string {
  const seconds = Math.round(ageMs / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

export function describeSize(parts: DatabaseParts): SizeInfo {
  const { env, path, trees, memtables } = parts;
  const tables = sum(trees.tree.version.levels.flat(), (table) => table.sizeBytes);
  const valueLogs = sum(describeValueLogs(parts), (file) => file.sizeBytes);
  const logs = sum(
    [...memtables.frozen, memtables.active],
    ({ number }) => env.fileSystem.info(join(path, memFileName(number)))?.size ?? 0,
  );
  return { tables, valueLogs, logs, total: tables + valueLogs + logs };
}

function sum<T>(items: readonly T[], sizeOf: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += sizeOf(item);
  return total;
}
