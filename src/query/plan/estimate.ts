/** How many rows a set of keys may hold and which tables lie in it, from the tables' key ranges alone. */

import { commonPrefixLength, compareBytes } from "../../base/bytes.ts";
import type { TableInfo } from "../../database/contract.ts";
import { pointKey, type KeyRange, type KeySet } from "./key-range.ts";

export interface LevelTouch {
  readonly level: number;
  readonly touched: number;
  readonly tables: number;
}

export interface Estimate {
  readonly rows: number;
  readonly tablesTouched: number;
  readonly tables: number;
  readonly levels: readonly LevelTouch[];
}

export function estimateKeys(keys: KeySet, tables: readonly TableInfo[]): Estimate {
  let rows = 0;
  let tablesTouched = 0;
  const levels = new Map<number, { touched: number; tables: number }>();
  for (const table of tables) {
    const overlapping = keys.filter((range) => overlaps(range, table));
    const level = levels.get(table.level) ?? { touched: 0, tables: 0 };
    level.tables++;
    if (overlapping.length > 0) {
      level.touched++;
      tablesTouched++;
    }
    levels.set(table.level, level);
    rows += overlapping.reduce((sum, range) => sum + rowsIn(range, table), 0);
  }
  return {
    rows: Math.min(Math.round(rows), rowsMax(keys)),
    tablesTouched,
    tables: tables.length,
    levels: [...levels]
      .map(([level, counts]) => ({ level, ...counts }))
      .sort((a, b) => a.level - b.level),
  };
}

/** Points hold at most one row each. */
function rowsMax(keys: KeySet): number {
  return keys.every((range) => pointKey(range) !== undefined) ? keys.length : Infinity;
}

function overlaps(range: KeyRange, table: TableInfo): boolean {
  return (
    compareBytes(range.from, table.largestKey) <= 0 &&
    (range.to === undefined || compareBytes(range.to, table.smallestKey) > 0)
  );
}

/** Live rows of a table inside a range, as if its keys were spread evenly. */
function rowsIn(range: KeyRange, table: TableInfo): number {
  if (pointKey(range) !== undefined) return 1;
  const live = Math.max(0, table.entries - table.tombstones);
  const from = position(range.from, table);
  const to = range.to === undefined ? 1 : position(range.to, table);
  return Math.min(live, Math.max(1, live * Math.max(0, to - from)));
}

/** Where a key lies between a table's first and last key, from 0 to 1. */
function position(key: Uint8Array, table: TableInfo): number {
  const { smallestKey, largestKey } = table;
  if (compareBytes(key, smallestKey) <= 0) return 0;
  if (compareBytes(key, largestKey) > 0) return 1;
  const common = commonPrefixLength(smallestKey, largestKey);
  const low = fractionAt(smallestKey, common);
  const high = fractionAt(largestKey, common);
  return high === low ? 0.5 : (fractionAt(key, common) - low) / (high - low);
}

/** Six bytes from `offset` on as a number: as much as a double holds exactly. */
function fractionAt(key: Uint8Array, offset: number): number {
  let number = 0;
  for (let i = 0; i < 6; i++) number = number * 256 + (key[offset + i] ?? 0);
  return number;
}
