/** Builds and opens tables in memory, for the specs of this folder. */

import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { TableMeta } from "../../src/manifest/version.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import { TableBuilder } from "../../src/table/table-builder.ts";
import { TABLE_OPTIONS, type TableOptions } from "../../src/table/table-options.ts";
import { type ChecksumVerification, TableReader } from "../../src/table/table-reader.ts";
import type { SuiteEntry } from "../suites/sorted-entries.ts";

export const TABLE_PATH = "000001.sst";

export interface BuiltTable {
  readonly fileSystem: FileSystem;
  readonly meta: TableMeta;
  readonly options: TableOptions;
}

export function addEntry(builder: TableBuilder, one: SuiteEntry, stale = false): void {
  // Inside larger buffers, as merge and memtable cursors hand them over.
  const key = embedded(one.key, 3);
  const value = embedded(one.value, 5);
  builder.add(
    key,
    3,
    one.key.length,
    one.version,
    one.meta,
    one.userMeta,
    one.expiresAt,
    value,
    5,
    one.value.length,
    stale,
  );
}

function embedded(bytes: Uint8Array, offset: number): Uint8Array {
  const buffer = new Uint8Array(offset + bytes.length + 2).fill(0xaa);
  buffer.set(bytes, offset);
  return buffer;
}

export function buildTable(
  entries: readonly SuiteEntry[],
  changes: Partial<TableOptions> = {},
  isStale: (entry: SuiteEntry) => boolean = () => false,
): BuiltTable {
  const fileSystem = new MemoryFileSystem();
  const options: TableOptions = { ...TABLE_OPTIONS, ...changes };
  const file = fileSystem.open(TABLE_PATH, { write: true, create: "exclusive" });
  const identity = { fileNumber: 1, level: 2, knownOrdered: true };
  const builder = new TableBuilder(file, identity, options, new SeededRandom(1));
  for (const one of entries) addEntry(builder, one, isStale(one));
  const meta = builder.finish();
  file.close();
  return { fileSystem, meta, options };
}

export function openTable(
  table: BuiltTable,
  cache = new BlockCache(1 << 20),
  verifyChecksums: ChecksumVerification = "read",
): TableReader {
  const { compression, encryption } = table.options;
  const file = table.fileSystem.open(TABLE_PATH, { write: false, create: "never" });
  return TableReader.open(
    file,
    {
      fileNumber: 1,
      level: 2,
      compression,
      keyId: encryption?.keyId ?? 0,
      ...(encryption === undefined ? {} : { key: encryption.key }),
    },
    cache,
    { verifyChecksums },
  );
}

export function tableBytes(table: BuiltTable): Uint8Array {
  const bytes = table.fileSystem.readFile(TABLE_PATH);
  if (bytes === undefined) throw new Error("the table is not there");
  return bytes;
}

/** The same table with other bytes in its file. */
export function withBytes(table: BuiltTable, bytes: Uint8Array): BuiltTable {
  const fileSystem = new MemoryFileSystem();
  const file = fileSystem.open(TABLE_PATH, { write: true, create: "exclusive" });
  file.write(bytes, 0, bytes.length, 0);
  file.close();
  return { ...table, fileSystem };
}

/** Everything in the table, read through a cursor. */
export function readAll(reader: TableReader): SuiteEntry[] {
  const cursor = reader.cursor();
  const entries: SuiteEntry[] = [];
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    const { keyBytes, keyOffset, keyLength, valueBytes, valueOffset, valueLength } = cursor;
    entries.push({
      key: keyBytes.slice(keyOffset, keyOffset + keyLength),
      version: cursor.version,
      meta: cursor.meta,
      userMeta: cursor.userMeta,
      expiresAt: cursor.expiresAt,
      value: valueBytes.slice(valueOffset, valueOffset + valueLength),
    });
  }
  cursor.close();
  return entries;
}
