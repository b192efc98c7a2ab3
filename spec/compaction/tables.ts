/** Table descriptions as literals: what a policy sees of a table. */

import { toBytes } from "../../src/base/bytes.ts";
import type { TableMeta, TreeVersion } from "../../src/manifest/version.ts";

export const MIB = 1024 * 1024;

let nextNumber = 1;

export interface TableFields {
  fileNumber?: number;
  sizeBytes?: number;
  maxVersion?: number;
  entryCount?: number;
  tombstoneCount?: number;
  endingCount?: number;
  staleBytes?: number;
  minExpiresAt?: number;
  maxExpiresAt?: number;
  knownOrdered?: boolean;
  compression?: 0 | 1 | 2;
}

/** A table of `level` from the first to the last key; by default 1 MiB, 1000 live entries, version 1. */
export function table(
  level: number,
  smallest: string,
  largest: string,
  fields: TableFields = {},
): TableMeta {
  return {
    fileNumber: fields.fileNumber ?? nextNumber++,
    level,
    sizeBytes: fields.sizeBytes ?? MIB,
    smallestKey: toBytes(smallest),
    largestKey: toBytes(largest),
    maxVersion: fields.maxVersion ?? 1,
    entryCount: fields.entryCount ?? 1000,
    tombstoneCount: fields.tombstoneCount ?? 0,
    endingCount: fields.endingCount ?? fields.tombstoneCount ?? 0,
    staleBytes: fields.staleBytes ?? 0,
    minExpiresAt: fields.minExpiresAt ?? 0,
    maxExpiresAt: fields.maxExpiresAt ?? 0,
    valueLogBytes: new Map(),
    hasStatistics: true,
    knownOrdered: fields.knownOrdered ?? true,
    compression: fields.compression ?? 0,
    keyId: 0,
  };
}

/** A tree of tables given in any order. */
export function tree(tables: readonly TableMeta[], levels = 7): TreeVersion {
  const byLevel: TableMeta[][] = Array.from({ length: levels }, () => []);
  for (const one of tables) byLevel[one.level]?.push(one);
  return {
    levels: byLevel.map((level, number) =>
      level.sort((a, b) =>
        number === 0 ? b.fileNumber - a.fileNumber : Buffer.compare(a.smallestKey, b.smallestKey),
      ),
    ),
  };
}

/** The shape of Badger's defaults. */
export const BADGER_SHAPE = {
  maxLevels: 7,
  baseLevelSizeBytes: 10 * MIB,
  levelSizeMultiplier: 10,
  baseTableSizeBytes: 2 * MIB,
  tableSizeMultiplier: 2,
  levelZeroTables: 5,
};
