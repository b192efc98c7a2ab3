/** What a database tells of itself: plain data computed on request. */

import { join } from "../base/paths.ts";
import { memFileName, tableFileName, valueLogFileName } from "../format/file-names.ts";
import type { LevelInfo, SizeInfo, TableInfo, ValueLogInfo } from "./contract.ts";
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

export function describeValueLogs({
  env,
  path,
  valueLog,
  maintenance,
}: DatabaseParts): ValueLogInfo[] {
  const files: ValueLogInfo[] = [];
  for (const number of maintenance.valueLogNumbers()) {
    const file = valueLogFileName(number);
    files.push({
      file,
      sizeBytes: env.fileSystem.info(join(path, file))?.size ?? 0,
      discardBytes: maintenance.discardBytes(number),
      active: number === valueLog.activeFile,
    });
  }
  return files;
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
