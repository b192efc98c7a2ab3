/**
 * Options: fields, defaults, validation. `resolveOptions` is the only reader of defaults and the only
 * validator; the layers below receive resolved values. Each field says what more and less of it costs.
 */

import { MelesError } from "./base/errors.ts";
import { KEY_SIZE_MAX } from "./base/ids.ts";
import type { Env, Log } from "./env/env.ts";
import type { SyncLevel } from "./database/contract.ts";
import type { CompressionName, Settings } from "./database/settings.ts";
import { SEAL_KEY_SIZE } from "./format/sealed-file.ts";

const MIB = 1 << 20;

export interface OpenOptions {
  /** Shared lock, nothing is written, also after a kill. Default false. */
  readonly readOnly?: boolean;
  /**
   * Directory of the value log (`.vlog`, `DISCARD`), as Badger's `ValueDir`: large values on another disk, say.
   * Default: the database's own. A database is always opened with the one that it was made with; another
   * one's is refused, and so is a missing option, before anything is changed.
   */
  readonly valueDirectory?: string;
  /**
   * What an acknowledged commit survives. `"commit"`: power loss; each group of commits costs one
   * `fdatasync`. `"interval"` (default): a process crash at once, power loss after at most
   * `syncIntervalMs`. `"never"`: a process crash.
   */
  readonly sync?: SyncLevel;
  /** Default 1000. Less shortens the window a power cut can take, at more background syncs. */
  readonly syncIntervalMs?: number;
  /**
   * Memory for memtables, block cache and builders, in bytes. Default: the smaller of 256 MiB and an
   * eighth of the machine's memory. Less means smaller memtables (more compaction) and more reads.
   */
  readonly memoryBudget?: number;
  /** Bytes of log a memtable takes before it is flushed; also the largest transaction. Default: an eighth of the budget, 1 … 64 MiB. */
  readonly memtableSize?: number;
  /** Default: half the budget. */
  readonly blockCacheSize?: number;
  /** Of new tables: one for all levels, or one per level (the last one repeats). Default "none". */
  readonly compression?: CompressionName | readonly CompressionName[];
  /** zstd level 1 … 19. Default 1. */
  readonly compressionLevel?: number;
  /** Values of at least so many bytes go to the value log, up to 1 MiB and half of `memtableSize`. Default 1024. More keeps them in the tree: faster scans, more compaction. */
  readonly valueThreshold?: number;
  /** A value-log file is closed beyond this, 1 MiB … 2 GiB. Default 256 MiB. */
  readonly valueLogFileSize?: number;
  /** Versions of a key that compaction keeps even when no snapshot needs them. Default 1. */
  readonly versionsToKeep?: number;
  /** Uncompressed bytes of a table block. Default 4096. More compresses better and costs point reads. */
  readonly blockSize?: number;
  /** 0 disables the filters; default 0.01. */
  readonly bloomFalsePositive?: number;
  /** Smallest size target of a level, bytes. Default 64 MiB. */
  readonly baseLevelSize?: number;
  /** Size ratio of neighbouring levels. Default 10. */
  readonly levelSizeMultiplier?: number;
  /** 2 … 7. Default 7, Badger's. */
  readonly maxLevels?: number;
  /** Level-0 tables that start a compaction. Default 4. */
  readonly levelZeroTables?: number;
  /** Level-0 tables at which writers wait. Default 12. */
  readonly levelZeroTablesStall?: number;
  /** Background threads, or "inline" for none. Default: cores − 1, at least 1. */
  readonly workers?: number | "inline";
  /**
   * What compaction and collection may write in a second, on average; 0 (default) = as fast as they can.
   * Less leaves the disk to others, and space comes back later. While they are so far behind that writers
   * are slowed down, and for what is asked for by a call, there is no limit.
   */
  readonly compactionBytesPerSecond?: number;
  /** Off: snapshot isolation instead of serializability. Default true. */
  readonly detectConflicts?: boolean;
  /**
   * The caller chooses versions: `begin({at})` reads as of any version, `commit({version})` writes at one,
   * `setDiscardVersion` says which old versions may go (none before it is called). `put`, `delete` and
   * `update`, which have no version to give, are refused. Nothing on disk tells the mode. Default false.
   */
  readonly managed?: boolean;
  /**
   * Where in a key the eight bytes of its namespace begin (big endian), so that namespaces can be banned
   * (`banNamespace`); as Badger's option of this name. Default −1: keys have no namespace.
   */
  readonly namespaceOffset?: number;
  /** Must equal the directory's; default 0. */
  readonly externalMagic?: number;
  /**
   * Master key, 16, 24 or 32 bytes: keys and values are encrypted on disk (AES-CTR, as Badger does;
   * lengths, versions and expiry stay readable). The directory must have been created with it.
   */
  readonly encryptionKey?: Uint8Array;
  /**
   * A new directory is authenticated, too: AES-256-GCM over every byte of every file, so that a changed, swapped
   * or older file is `ERR_CORRUPTION`. Badger cannot read it. Needs an `encryptionKey` of 32 bytes; bulk
   * writes take a quarter more time, a read that misses the cache 7 µs more. A directory that is authenticated is opened as such without this, too; with it, any
   * other is refused. Default false.
   */
  readonly authenticatedEncryption?: boolean;
  /** New files get a new data key when the last one is older. Default 10 days. */
  readonly encryptionKeyRotationMs?: number;
  /** When table block checksums are verified. Default "read". */
  readonly verifyChecksums?: "none" | "open" | "read" | "both";
  /** Where the engine reports what it does; default: warnings on stderr. */
  readonly logger?: Log;
  /** For specs: clock, disk and randomness. */
  readonly env?: Env;
}

/** Facts of the machine that defaults depend on. */
export interface Machine {
  readonly memoryBytes: number;
  readonly cores: number;
}

/** Badger's replay arena with its default options bounds how much one log may hold (hazard 10). */
const MEMTABLE_SIZE_MAX = 64 * MIB;
const MEMORY_BUDGET_MIN = 4 * MIB;
const WORKERS_MAX = 64;

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof OpenOptions>([
  "readOnly",
  "valueDirectory",
  "sync",
  "syncIntervalMs",
  "memoryBudget",
  "memtableSize",
  "blockCacheSize",
  "compression",
  "compressionLevel",
  "valueThreshold",
  "valueLogFileSize",
  "versionsToKeep",
  "blockSize",
  "bloomFalsePositive",
  "baseLevelSize",
  "levelSizeMultiplier",
  "maxLevels",
  "levelZeroTables",
  "levelZeroTablesStall",
  "workers",
  "compactionBytesPerSecond",
  "detectConflicts",
  "managed",
  "namespaceOffset",
  "externalMagic",
  "encryptionKey",
  "authenticatedEncryption",
  "encryptionKeyRotationMs",
  "verifyChecksums",
  "logger",
  "env",
]);

/** Fills defaults and refuses what is out of range with `ERR_INVALID_ARGUMENT` naming the option. */
export function resolveOptions(given: OpenOptions, machine: Machine): Settings {
  if (typeof given !== "object" || given === null) {
    throw new MelesError("ERR_INVALID_ARGUMENT", "the options of open() are an object");
  }
  for (const name of Object.keys(given)) {
    if (!OPTION_NAMES.has(name)) throw invalid(name, "is not an option of open()");
  }
  if (given.logger !== undefined && typeof given.logger !== "function") {
    throw invalid("logger", "must be a function");
  }
  if (given.env !== undefined && (typeof given.env !== "object" || given.env === null)) {
    throw invalid("env", "must be an environment");
  }
  const memoryBudget = integer(
    given,
    "memoryBudget",
    clamp(Math.floor(machine.memoryBytes / 8), MEMORY_BUDGET_MIN, 256 * MIB),
    MEMORY_BUDGET_MIN,
    Number.MAX_SAFE_INTEGER,
  );
  const memtableSize = integer(
    given,
    "memtableSize",
    clamp(Math.floor(memoryBudget / 8), MIB, MEMTABLE_SIZE_MAX),
    64 * 1024,
    MEMTABLE_SIZE_MAX,
  );
  const levelZeroTables = integer(given, "levelZeroTables", 4, 1, 1000);
  const levelZeroTablesStall = integer(
    given,
    "levelZeroTablesStall",
    Math.max(12, levelZeroTables * 3),
    2,
    10_000,
  );
  const valueThreshold = integer(given, "valueThreshold", 1024, 0, MIB);
  if (valueThreshold > memtableSize / 2) {
    throw invalid(
      "valueThreshold",
      `must be at most half of memtableSize (${memtableSize}), which takes all values below it`,
    );
  }
  if (levelZeroTablesStall <= levelZeroTables) {
    throw invalid("levelZeroTablesStall", "must be larger than levelZeroTables");
  }
  const key = encryptionKey(given.encryptionKey);
  const authenticatedEncryption = flag(given, "authenticatedEncryption", false);
  if (authenticatedEncryption && key?.length !== SEAL_KEY_SIZE) {
    throw invalid("authenticatedEncryption", "needs an encryptionKey of 32 bytes");
  }
  return Object.freeze({
    readOnly: flag(given, "readOnly", false),
    valueDirectory: directory(given.valueDirectory),
    sync: choice(given, "sync", ["commit", "interval", "never"] as const, "interval"),
    syncIntervalMs: integer(given, "syncIntervalMs", 1000, 1, 3_600_000),
    memoryBudget,
    memtableSize,
    blockCacheSize: integer(
      given,
      "blockCacheSize",
      Math.floor(memoryBudget / 2),
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    compression: compressionLevels(given.compression),
    compressionLevel: integer(given, "compressionLevel", 1, 1, 19),
    valueThreshold,
    valueLogFileSize: integer(given, "valueLogFileSize", 256 * MIB, MIB, 2 ** 31 - 1),
    versionsToKeep: integer(given, "versionsToKeep", 1, 1, Number.MAX_SAFE_INTEGER),
    blockSize: integer(given, "blockSize", 4096, 256, MIB),
    bloomFalsePositive: fraction(given, "bloomFalsePositive", 0.01),
    baseLevelSize: integer(given, "baseLevelSize", 64 * MIB, 64 * 1024, Number.MAX_SAFE_INTEGER),
    levelSizeMultiplier: integer(given, "levelSizeMultiplier", 10, 2, 100),
    maxLevels: integer(given, "maxLevels", 7, 2, 7),
    levelZeroTables,
    levelZeroTablesStall,
    compactionBytesPerSecond: integer(
      given,
      "compactionBytesPerSecond",
      0,
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    workers:
      given.workers === "inline"
        ? "inline"
        : integer(given, "workers", clamp(machine.cores - 1, 1, WORKERS_MAX), 1, WORKERS_MAX),
    detectConflicts: flag(given, "detectConflicts", true),
    managed: flag(given, "managed", false),
    namespaceOffset: integer(given, "namespaceOffset", -1, -1, KEY_SIZE_MAX - 8),
    externalMagic: integer(given, "externalMagic", 0, 0, 65_535),
    encryptionKey: key,
    authenticatedEncryption,
    encryptionKeyRotationMs: integer(
      given,
      "encryptionKeyRotationMs",
      10 * 86_400_000,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    verifyChecksums: choice(
      given,
      "verifyChecksums",
      ["none", "open", "read", "both"] as const,
      "read",
    ),
  } satisfies Settings);
}

function compressionLevels(given: OpenOptions["compression"]): readonly CompressionName[] {
  if (given === undefined) return ["none"];
  const list = typeof given === "string" ? [given] : given;
  if (!Array.isArray(list) || list.length === 0) {
    throw invalid("compression", 'is "none", "snappy", "zstd", or a list of them by level');
  }
  for (const name of list as readonly unknown[]) {
    if (name !== "none" && name !== "snappy" && name !== "zstd") {
      throw invalid("compression", 'is "none", "snappy", "zstd", or a list of them by level');
    }
  }
  return [...(list as readonly CompressionName[])];
}

function directory(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "string" || given === "" || given === ":memory:") {
    throw invalid("valueDirectory", "must be the path of a directory");
  }
  return given;
}

function encryptionKey(given: Uint8Array | undefined): Uint8Array | undefined {
  if (given === undefined) return undefined;
  if (!(given instanceof Uint8Array) || ![16, 24, 32].includes(given.length)) {
    throw invalid("encryptionKey", "must be a Uint8Array of 16, 24 or 32 bytes");
  }
  // A copy, which `slice` of a Buffer would not be.
  return new Uint8Array(given);
}

function integer(
  given: OpenOptions,
  name: keyof OpenOptions,
  byDefault: number,
  low: number,
  high: number,
): number {
  const value = given[name] === undefined ? byDefault : given[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < low || value > high) {
    throw invalid(name, `must be a whole number from ${low} to ${high}`);
  }
  return value;
}

function fraction(given: OpenOptions, name: keyof OpenOptions, byDefault: number): number {
  const value = given[name] === undefined ? byDefault : given[name];
  if (typeof value !== "number" || !(value >= 0 && value < 1)) {
    throw invalid(name, "must be at least 0 and less than 1");
  }
  return value;
}

function flag(given: OpenOptions, name: keyof OpenOptions, byDefault: boolean): boolean {
  const value = given[name] === undefined ? byDefault : given[name];
  if (typeof value !== "boolean") throw invalid(name, "must be true or false");
  return value;
}

function choice<T extends string>(
  given: OpenOptions,
  name: keyof OpenOptions,
  allowed: readonly T[],
  byDefault: T,
): T {
  const value = given[name] === undefined ? byDefault : given[name];
  const found = allowed.find((item) => item === value);
  if (found === undefined) {
    throw invalid(name, `must be one of ${allowed.map((item) => `"${item}"`).join(", ")}`);
  }
  return found;
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

function invalid(name: string, problem: string): MelesError {
  return new MelesError("ERR_INVALID_ARGUMENT", `option ${name} ${problem}`);
}
