/**
 * The engine's state as columns and rows, shared by the one-shot commands and the dot commands.
 * Column names are those of the relations `meles_levels`, `meles_tables` and `meles_vlogs`.
 */

import type { Database, QueryValue } from "./engine.ts";
import { formatBytes } from "./messages.ts";

export interface StateRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly QueryValue[])[];
}

/** Field of a state object → column; the order is the order of the columns. */
function rowsOf<T extends object>(
  items: readonly T[],
  fields: readonly (keyof T & string)[],
): StateRows {
  return {
    columns: fields.map(snakeCase),
    rows: items.map((item) => fields.map((field) => item[field] as QueryValue)),
  };
}

/** `blockCacheHits` → `block_cache_hits`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function levelRows(database: Database): StateRows {
  return rowsOf(database.levels(), [
    "level",
    "tables",
    "sizeBytes",
    "targetBytes",
    "score",
    "entries",
    "tombstones",
    "staleBytes",
  ]);
}

export function tableRows(database: Database): StateRows {
  return rowsOf(database.tables(), [
    "file",
    "level",
    "sizeBytes",
    "entries",
    "tombstones",
    "smallestKey",
    "largestKey",
    "maxVersion",
    "compression",
    "encrypted",
    "knownOrdered",
  ]);
}

export function valueLogRows(database: Database): StateRows {
  return rowsOf(database.valueLogs(), ["file", "sizeBytes", "discardBytes", "active"]);
}

/** One row per file: why it is still there; then the snapshots that keep old data alive. */
export function spaceRows(database: Database): StateRows {
  const { files, holders } = database.explainSpace();
  const none = { file: null, sizeBytes: null, liveBytes: null, garbageBytes: null };
  const rows = [...files, ...holders.map((reason) => ({ ...none, reason }))];
  return rowsOf(rows, ["file", "sizeBytes", "liveBytes", "garbageBytes", "reason"]);
}

export function statsRows(database: Database): StateRows {
  const stats = Object.entries(database.stats());
  return {
    columns: stats.map(([name]) => snakeCase(name)),
    rows: [stats.map(([, value]) => value as QueryValue)],
  };
}

/** One row: what somebody who finds the directory wants to know first. */
export function infoRows(database: Database): StateRows {
  const tables = database.tables();
  const valueLogs = database.valueLogs();
  const size = database.size();
  const options = database.options();
  const sum = (field: "entries" | "tombstones"): number =>
    tables.reduce((total, table) => total + table[field], 0);
  const fields: Record<string, QueryValue> = {
    path: database.path,
    ...(database.valueDirectory === database.path
      ? {}
      : { value_directory: database.valueDirectory }),
    version: database.stats().version,
    external_magic: options["externalMagic"] as number,
    levels: database.levels().filter((level) => level.tables > 0).length,
    level_contents: levelContents(database) || null,
    tables: tables.length,
    table_bytes: size.tables,
    table_entries: sum("entries"),
    table_tombstones: sum("tombstones"),
    smallest_key: tables.map((table) => table.smallestKey).sort(compareBytes)[0] ?? null,
    largest_key:
      tables
        .map((table) => table.largestKey)
        .sort(compareBytes)
        .at(-1) ?? null,
    value_logs: valueLogs.length,
    value_log_bytes: size.valueLogs,
    value_log_discard_bytes: valueLogs.reduce((total, file) => total + file.discardBytes, 0),
    log_pending: size.logs > 0,
    log_bytes: size.logs,
    total_bytes: size.total,
    encrypted: tables.some((table) => table.encrypted) || options["encrypted"] === true,
    compression: compressionsOf(tables) || null,
  };
  return { columns: Object.keys(fields), rows: [Object.values(fields)] };
}

/** `0: 3 tables, 1.8 KiB, none; 6: 1 table, 20.0 MiB, zstd`. */
function levelContents(database: Database): string {
  const tables = database.tables();
  const filled = database.levels().filter((level) => level.tables > 0);
  return filled
    .map(({ level, tables: count, sizeBytes }) => {
      const compression = compressionsOf(tables.filter((table) => table.level === level));
      return `${level}: ${count} ${count === 1 ? "table" : "tables"}, ${formatBytes(sizeBytes)}, ${compression}`;
    })
    .join("; ");
}

function compressionsOf(tables: ReturnType<Database["tables"]>): string {
  return [...new Set(tables.map((table) => table.compression))].sort().join(", ");
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}
