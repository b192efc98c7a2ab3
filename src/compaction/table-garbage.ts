/**
 * Table garbage: what a table's statistics say about entries that could go. Pure.
 *
 * A table is written again only if that is sure to remove what counts as garbage here; otherwise the
 * same table would be picked again and again.
 */

import { at } from "../base/assert.ts";
import type { Version } from "../base/ids.ts";
import type { TableMeta, TreeVersion } from "../manifest/version.ts";
import { anyOverlaps, overlapping } from "./key-span.ts";
import type { KeySpan } from "./key-span.ts";

/** Delete markers among all entries, 0 … 1. */
export function tombstoneShare(table: TableMeta): number {
  return table.entryCount === 0 ? 0 : table.tombstoneCount / table.entryCount;
}

/** Share of the expiring entries that have expired, taken as evenly spread; 0 when nothing expires. */
export function expiredShare(table: TableMeta, nowSeconds: number): number {
  const { minExpiresAt, maxExpiresAt } = table;
  if (maxExpiresAt === 0) return 0;
  if (maxExpiresAt <= nowSeconds) return 1;
  if (minExpiresAt === 0 || nowSeconds < minExpiresAt) return 0;
  return (nowSeconds - minExpiresAt) / (maxExpiresAt - minExpiresAt);
}

/** What has expired leaves the disk at the latest so long afterwards, however little it is. */
export const EXPIRED_STAY_MAX_SECONDS = 86_400;

/** Whether something in the table has been expired for so long that it must go. */
export function isOverdue({ minExpiresAt }: TableMeta, nowSeconds: number): boolean {
  return minExpiresAt > 0 && minExpiresAt + EXPIRED_STAY_MAX_SECONDS <= nowSeconds;
}

/** Share of a bottommost table that nothing needs any more, 0 … 1; expiries are judged separately. */
export function garbageShare(table: TableMeta): number {
  const stale = table.sizeBytes === 0 ? 0 : table.staleBytes / table.sizeBytes;
  return Math.min(1, Math.max(stale, tombstoneShare(table)));
}

/** Whether the statistics know of anything to drop, or are missing (a table written by Badger). */
export function mayHoldGarbage(table: TableMeta, nowSeconds: number): boolean {
  return (
    !table.knownOrdered ||
    table.staleBytes > 0 ||
    table.tombstoneCount > 0 ||
    expiredShare(table, nowSeconds) > 0
  );
}

/** Nothing in the table can be seen any more: delete markers, and entries that have all expired. */
export function hasEnded(table: TableMeta, nowSeconds: number): boolean {
  const { entryCount, endingCount, tombstoneCount, maxExpiresAt } = table;
  const ending = Math.max(endingCount, tombstoneCount);
  return entryCount > 0 && ending === entryCount && maxExpiresAt <= nowSeconds;
}

/** Every version in the table is old enough to be judged without regard to snapshots. */
export function isSettled(table: TableMeta, discardVersion: Version): boolean {
  return table.maxVersion <= discardVersion;
}

/** A delete marker in this table has nothing to hide: no older version of any of its keys elsewhere. */
export function isBottommost(version: TreeVersion, table: TableMeta): boolean {
  return version.levels.every((tables, level) => {
    if (level > table.level) return !anyOverlaps(tables, level, table);
    if (level === table.level && level > 0) return true;
    const others = tables.filter((other) =>
      level === 0 && table.level === 0
        ? other.fileNumber < table.fileNumber || (other !== table && !other.knownOrdered)
        : !other.knownOrdered,
    );
    return !anyOverlaps(others, level, table);
  });
}

/** Entries in the first level below `level` that the span meets; 0 when there is none at all. */
export function entriesBelow(version: TreeVersion, level: number, span: KeySpan): number {
  for (let below = level + 1; below < version.levels.length; below++) {
    const met = overlapping(at(version.levels, below), span);
    if (met.length > 0) return met.reduce((sum, table) => sum + table.entryCount, 0);
  }
  return 0;
}
