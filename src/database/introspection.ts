/** What a database tells of itself: plain data computed on request. */

import { join } from "../base/paths.ts";
import { memFileName, tableFileName, valueLogFileName } from "../format/file-names.ts";
import type { LevelInfo, SizeInfo, SpaceReport, TableInfo, ValueLogInfo } from "./contract.ts";
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
  const { collection, snapshots, oracle } = parts;
  const tables = parts.trees.tree.version.levels.flat().map((table) => ({
    file: tableFileName(table.fileNumber),
    sizeBytes: table.sizeBytes,
    liveBytes: Math.max(0, table.sizeBytes - table.staleBytes),
    garbageBytes: Math.min(table.sizeBytes, table.staleBytes),
    reason:
      table.staleBytes === 0
        ? `level ${table.level}: nothing in it is known to be garbage`
        : `level ${table.level}: kept until a compaction takes it`,
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
  const holders = snapshots
    .list()
    .filter(({ readVersion }) => readVersion < oracle.lastCommitted)
    .sort((a, b) => a.readVersion - b.readVersion)
    .map(
      ({ id, kind, readVersion, ageMs }) =>
        `${kind} ${id} reads version ${readVersion}, open for ${Math.round(ageMs / 1000)} s`,
    );
  return {
    files,
    sizeBytes: sum(files, (file) => file.sizeBytes),
    liveBytes: sum(files, (file) => file.liveBytes),
    holders,
  };
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
