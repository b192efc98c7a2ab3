/**
 * The relations a SELECT can name and their columns: `kv` and `history` over entries, and the engine's own
 * state as read-only relations that are listed in full when read.
 */

import type {
  Database,
  LevelInfo,
  SnapshotInfo,
  TableInfo,
  ValueLogInfo,
} from "../../database/contract.ts";
import type { StaticType } from "../expression/compiled.ts";
import type { Frame } from "../expression/frame.ts";
import type { Datum } from "../value/datum.ts";

export interface Column {
  readonly name: string;
  readonly type: StaticType;
  readonly read: (frame: Frame, nowSeconds: number) => Datum;
  /** What has to be read for it beyond key and version: the value, or the rest of the entry. */
  readonly needs?: "value" | "entry";
}

export interface RelationDefinition {
  readonly name: string;
  readonly kind: "entries" | "versions" | "system";
  readonly columns: readonly Column[];
  /** Rows of a system relation, as fields in the order of the columns. */
  readonly list?: (database: Database) => Datum[][];
}

const KV_COLUMNS: readonly Column[] = [
  { name: "key", type: "bytes", read: (frame) => frame.key },
  {
    name: "value",
    type: "bytes",
    read: (frame) => (frame.deleted ? null : frame.value),
    needs: "value",
  },
  { name: "version", type: "integer", read: (frame) => frame.version },
  { name: "user_meta", type: "integer", read: (frame) => frame.userMeta, needs: "entry" },
  {
    name: "expires_at",
    type: "integer",
    read: (frame) => (frame.expiresAt === 0 ? null : frame.expiresAt),
    needs: "entry",
  },
  {
    name: "ttl",
    type: "integer",
    read: (frame, now) => (frame.expiresAt === 0 ? null : Math.max(0, frame.expiresAt - now)),
    needs: "entry",
  },
  { name: "size", type: "integer", read: (frame) => frame.size, needs: "entry" },
];

const HISTORY_COLUMNS: readonly Column[] = [
  ...KV_COLUMNS,
  { name: "deleted", type: "boolean", read: (frame) => frame.deleted, needs: "entry" },
];

/** A system relation over a list of plain objects: one column per field. */
function system<T>(
  name: string,
  fields: readonly (readonly [name: string, type: StaticType, pick: (item: T) => Datum])[],
  items: (database: Database) => readonly T[],
): RelationDefinition {
  return {
    name,
    kind: "system",
    columns: fields.map(([column, type], index) => ({
      name: column,
      type,
      read: (frame) => frame.fields[index] ?? null,
    })),
    list: (database) => items(database).map((item) => fields.map(([, , pick]) => pick(item))),
  };
}

const SYSTEM_RELATIONS: readonly RelationDefinition[] = [
  system<LevelInfo>(
    "meles_levels",
    [
      ["level", "integer", (level) => level.level],
      ["tables", "integer", (level) => level.tables],
      ["size_bytes", "integer", (level) => level.sizeBytes],
      ["target_bytes", "number", (level) => level.targetBytes],
      ["score", "real", (level) => level.score],
      ["entries", "integer", (level) => level.entries],
      ["tombstones", "integer", (level) => level.tombstones],
      ["stale_bytes", "integer", (level) => level.staleBytes],
    ],
    (database) => database.levels(),
  ),
  system<TableInfo>(
    "meles_tables",
    [
      ["file", "text", (table) => table.file],
      ["level", "integer", (table) => table.level],
      ["size_bytes", "integer", (table) => table.sizeBytes],
      ["entries", "integer", (table) => table.entries],
      ["tombstones", "integer", (table) => table.tombstones],
      ["smallest_key", "bytes", (table) => table.smallestKey],
      ["largest_key", "bytes", (table) => table.largestKey],
      ["max_version", "integer", (table) => table.maxVersion],
      ["compression", "text", (table) => table.compression],
      ["encrypted", "boolean", (table) => table.encrypted],
      ["known_ordered", "boolean", (table) => table.knownOrdered],
    ],
    (database) => database.tables(),
  ),
  system<ValueLogInfo>(
    "meles_vlogs",
    [
      ["file", "text", (log) => log.file],
      ["size_bytes", "integer", (log) => log.sizeBytes],
      ["discard_bytes", "integer", (log) => log.discardBytes],
      ["active", "boolean", (log) => log.active],
    ],
    (database) => database.valueLogs(),
  ),
  system<readonly [string, number]>(
    "meles_stats",
    [
      ["name", "text", ([name]) => name],
      ["value", "number", ([, value]) => value],
    ],
    (database) =>
      Object.entries({ ...database.stats() }).map(([name, value]) => [snake(name), value]),
  ),
  system<readonly [string, unknown]>(
    "meles_options",
    [
      ["name", "text", ([name]) => name],
      ["value", "any", ([name, value]) => optionDatum(name, value)],
    ],
    (database) => Object.entries(database.options()),
  ),
  system<SnapshotInfo>(
    "meles_snapshots",
    [
      ["id", "integer", (snapshot) => snapshot.id],
      ["read_version", "integer", (snapshot) => snapshot.readVersion],
      ["age_ms", "number", (snapshot) => snapshot.ageMs],
      ["kind", "text", (snapshot) => snapshot.kind],
    ],
    (database) => database.snapshots(),
  ),
];

export const RELATIONS: ReadonlyMap<string, RelationDefinition> = new Map(
  [
    { name: "kv", kind: "entries", columns: KV_COLUMNS } as const,
    { name: "history", kind: "versions", columns: HISTORY_COLUMNS } as const,
    ...SYSTEM_RELATIONS,
  ].map((relation) => [relation.name, relation]),
);

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** An option as a value. An encryption key is never shown. */
function optionDatum(name: string, value: unknown): Datum {
  if (/key$/i.test(name) && value !== undefined && value !== null) return "(set)";
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    case "object":
      return value === null || value instanceof Uint8Array ? value : { json: value };
    case "function":
      return "(function)";
    default:
      return null;
  }
}
