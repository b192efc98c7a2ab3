/**
 * The public types: what `open` returns and what its calls take. The query layer and the shell are
 * written against these interfaces alone, and `spec/suites` holds a naive implementation of them.
 *
 * Times: `ttl` in seconds, `expiresAt` in unix seconds (0 = never), names ending in `Ms` in
 * milliseconds; sizes in bytes. A string key or value means its UTF-8 bytes.
 */

import type { BackupProgress } from "../backup/backup.ts";
import type { BackupSink } from "../backup/destination.ts";
import type { BackupSource } from "../backup/origin.ts";
import type { Version } from "../base/ids.ts";

export type { BackupProgress, BackupSink, BackupSource };

export type Key = string | Uint8Array;
export type Value = string | Uint8Array;

export interface Entry {
  /** Owned by the caller. */
  readonly key: Uint8Array;
  /** Owned by the caller; empty with `keysOnly` and for delete markers. */
  readonly value: Uint8Array;
  readonly version: Version;
  /** One byte of the caller's own, 0 … 255. */
  readonly userMeta: number;
  /** Unix seconds, 0 = never. */
  readonly expiresAt: number;
  /** True only with `allVersions`: this version is a delete marker, or had expired when it was read. */
  readonly deleted: boolean;
  /** Size of the value in bytes, known without reading it (also with `keysOnly`). */
  readonly valueSize: number;
  /** The value as UTF-8 text. */
  text(): string;
  /** The value parsed as JSON. */
  json(): unknown;
}

export interface PutOptions {
  /** Seconds from now; excludes `expiresAt`. */
  readonly ttl?: number;
  /** Unix seconds; 0 = never. */
  readonly expiresAt?: number;
  readonly userMeta?: number;
  /** Lets compaction drop all older versions of this key. */
  readonly discardEarlierVersions?: boolean;
}

export interface Range {
  readonly prefix?: Key;
  readonly gt?: Key;
  readonly gte?: Key;
  readonly lt?: Key;
  readonly lte?: Key;
  readonly reverse?: boolean;
  /** At most so many entries; 0 or more. */
  readonly limit?: number;
  /** Leaves values out: the value log is not read. */
  readonly keysOnly?: boolean;
  /** Every stored version, newest first, delete markers and expired ones included. */
  readonly allVersions?: boolean;
  /** Only versions strictly greater than this. */
  readonly since?: Version;
}

/**
 * An ordered walk over a snapshot. Iterating consumes nothing: every iteration starts again from the
 * same snapshot. Dispose a scan you do not finish, or the snapshot stays open until collected.
 */
export interface Scan extends Iterable<Entry>, AsyncIterable<Entry>, Disposable {
  keys(): Iterable<Uint8Array>;
  values(): Iterable<Uint8Array>;
  toArray(): Entry[];
  first(): Entry | undefined;
  /** The fast way: `key` and `value` are views valid during the callback only. Return `false` to stop. */
  forEach(
    visit: (key: Uint8Array, value: Uint8Array, version: Version) => boolean | undefined | void,
  ): void;
  cursor(): ScanCursor;
  toReadableStream(): ReadableStream<Entry>;
}

/** Explicit positioning inside the scan's range. */
export interface ScanCursor extends Disposable {
  readonly valid: boolean;
  /** A view, valid until the cursor moves. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: Version;
  /** To the first entry at or after `key` in scan direction. */
  seek(key: Key): void;
  next(): void;
}

/** What can be read, from a database (latest committed state) or a transaction (its snapshot and own writes). */
export interface Reader {
  get(key: Key): Uint8Array | undefined;
  getEntry(key: Key): Entry | undefined;
  has(key: Key): boolean;
  scan(range?: Range): Scan;
  /** Exact number of live entries in the range. */
  count(range?: Range): number;
}

export type SyncLevel = "commit" | "interval" | "never";

export interface Transaction extends Reader, Disposable {
  /** The snapshot: everything committed up to and including this version is visible. */
  readonly readVersion: Version;
  readonly readOnly: boolean;
  /** Buffers a write. Throws for bad keys and values, read-only or finished transactions. */
  put(key: Key, value: Value, options?: PutOptions): void;
  delete(key: Key): void;
  /**
   * Resolves with the commit version once acknowledged at the durability level; a transaction without
   * writes resolves with its read version. Rejects with `ERR_CONFLICT` if anything it read has changed.
   */
  commit(options?: CommitOptions): Promise<Version>;
  /** Drops the buffered writes. Idempotent, harmless after `commit`. */
  discard(): void;
}

export interface CommitOptions {
  /** Waits for the disk, or not, whatever the option `sync` of the database says. */
  readonly sync?: boolean;
  /**
   * Managed databases, which need it: the version of everything that is committed. Any that is neither
   * below the discard version nor 0; what has the same key and version is replaced.
   */
  readonly version?: Version;
}

/** Bulk writer: not atomic, never conflicts, splits itself. */
export interface Batch extends AsyncDisposable {
  /** `undefined`, or a promise to await before going on (back-pressure). */
  put(key: Key, value: Value, options?: PutOptions): Promise<void> | undefined;
  delete(key: Key): Promise<void> | undefined;
  /** Writes what is buffered and waits for everything so far. */
  flush(): Promise<void>;
  /** Drops what is still buffered. */
  cancel(): void;
}

export interface BeginOptions {
  readonly readOnly?: boolean;
  /**
   * Read as of this version; implies `readOnly`. `ERR_VERSION_GONE` when already thinned. In a managed
   * database it may also be a version that does not exist yet, and the transaction may write.
   */
  readonly at?: Version;
}

export interface BatchOptions {
  /** Default 1 MiB. */
  readonly maxPendingBytes?: number;
  readonly version?: Version;
}

export interface UpdateOptions {
  /** How often to run again after `ERR_CONFLICT`. Default 10. */
  readonly retries?: number;
  readonly signal?: AbortSignal;
}

export type QueryValue = null | boolean | number | string | Uint8Array | QueryJson;
/** A JSON object or array that a `->` or `json()` expression produced. */
export type QueryJson = { readonly json: unknown };
export type Row = Record<string, QueryValue>;
/** Positional (`?`) or named (`:name`) parameters. */
export type QueryParameters =
  | readonly (null | boolean | number | string | Uint8Array)[]
  | Readonly<Record<string, null | boolean | number | string | Uint8Array>>;

/** A prepared query. Statements that write start when the query is first consumed. */
export interface Query extends AsyncIterable<Row> {
  readonly columns: readonly string[];
  /** All rows. */
  all(): Promise<Row[]>;
  first(): Promise<Row | undefined>;
  /** Runs for effect. `version` is that of the last commit, if anything was written. */
  run(): Promise<{ rowsAffected: number; version: Version | undefined }>;
  /** The plan as `EXPLAIN` prints it. */
  plan(): string;
}

export interface LevelInfo {
  readonly level: number;
  readonly tables: number;
  readonly sizeBytes: number;
  readonly targetBytes: number;
  readonly score: number;
  readonly entries: number;
  readonly tombstones: number;
  readonly staleBytes: number;
}

export interface TableInfo {
  readonly file: string;
  readonly level: number;
  readonly sizeBytes: number;
  readonly entries: number;
  readonly tombstones: number;
  readonly smallestKey: Uint8Array;
  readonly largestKey: Uint8Array;
  readonly maxVersion: Version;
  readonly compression: "none" | "snappy" | "zstd";
  readonly encrypted: boolean;
  readonly knownOrdered: boolean;
}

export interface ValueLogInfo {
  readonly file: string;
  readonly sizeBytes: number;
  /** Bytes known to be droppable. */
  readonly discardBytes: number;
  readonly active: boolean;
}

export interface SnapshotInfo {
  readonly id: number;
  readonly readVersion: Version;
  readonly ageMs: number;
  readonly kind: "transaction" | "scan" | "stream";
}

/** Counters since open and sizes now. Plain numbers, so that they can be diffed around a statement. */
export interface Stats {
  readonly version: Version;
  readonly gets: number;
  readonly scans: number;
  readonly commits: number;
  readonly conflicts: number;
  readonly entriesWritten: number;
  readonly bytesWrittenUser: number;
  readonly bytesWrittenLog: number;
  readonly bytesWrittenValueLog: number;
  readonly bytesWrittenFlush: number;
  readonly bytesWrittenCompaction: number;
  /** Values moved by value-log collection. */
  readonly bytesWrittenCollection: number;
  readonly flushes: number;
  readonly compactions: number;
  readonly bloomChecks: number;
  /** Checks that spared a table read. */
  readonly bloomHits: number;
  readonly blockReads: number;
  readonly blockCacheHits: number;
  readonly valueLogReads: number;
  readonly stallMs: number;
  readonly memtableBytes: number;
  readonly memtables: number;
  readonly blockCacheBytes: number;
  readonly openSnapshots: number;
}

export interface SizeInfo {
  readonly tables: number;
  readonly valueLogs: number;
  readonly logs: number;
  readonly total: number;
}

export type DatabaseEvent = "error" | "stall" | "compaction" | "flush" | "collection";

export interface Database extends Reader, AsyncDisposable {
  /** Absolute path, or ":memory:". */
  readonly path: string;
  /** Where the value log lies: as `path`, unless the option `valueDirectory` says otherwise. */
  readonly valueDirectory: string;
  readonly readOnly: boolean;
  getMany(keys: readonly Key[]): (Uint8Array | undefined)[];
  put(key: Key, value: Value, options?: PutOptions): Promise<Version>;
  delete(key: Key): Promise<Version>;
  view<T>(read: (transaction: Transaction) => T): T;
  /**
   * Runs `run` in a transaction and commits it, unless `run` has done so itself; runs it again with a new
   * one, after a pause that grows, when the commit conflicts. The last conflict is thrown.
   */
  update<T>(run: (transaction: Transaction) => T | Promise<T>, options?: UpdateOptions): Promise<T>;
  begin(options?: BeginOptions): Transaction;
  /** `version`: in a managed database, which needs it, that of everything in the batch. */
  batch(options?: BatchOptions): Batch;
  query(text: string, parameters?: QueryParameters): Query;
  /**
   * Removes every key under the prefixes: one commit, however much it is, as durable as the level says when
   * it resolves. Writers go on; writes acknowledged after the call stay. The space comes back in the
   * background. `ERR_TRANSACTION_TOO_LARGE` for more prefixes than a memtable holds.
   */
  dropPrefix(...prefixes: readonly Key[]): Promise<void>;
  dropAll(): Promise<void>;
  /**
   * Managed databases: nobody reads below this version any more and nobody commits below it, so that
   * compaction may leave out what only such readers need. Never goes back; forgotten when closed, and
   * then nothing goes before it is called again.
   */
  setDiscardVersion(version: Version): void;
  /**
   * Bans a namespace (option `namespaceOffset`) for good: reads and writes of its keys fail with
   * `ERR_BANNED`, scans and backups pass over them. What it holds stays on disk.
   */
  banNamespace(namespace: number | bigint): Promise<void>;
  /** Ascending. */
  bannedNamespaces(): bigint[];
  /** Memtable to tables. */
  flush(): Promise<void>;
  /** Everything acknowledged becomes durable. */
  sync(): Promise<void>;
  /** Merges all levels down; drops what no snapshot needs. */
  compact(): Promise<void>;
  /**
   * Empties value-log files of which at least `discardRatio` (default 0.05) is garbage, after a flush
   * and a full compaction. Space comes back by itself; this is for those who cannot wait.
   */
  collectGarbage(options?: CollectOptions): Promise<CollectReport>;
  /** Why each file is still there. */
  explainSpace(): SpaceReport;
  /**
   * Writes what one snapshot holds as a backup that Badger's `Load` reads, too: every key's versions
   * newer than `since`, down to its last deletion. `version` is what to pass as the next `since`: an
   * incremental backup holds the deletions that no compaction has dropped meanwhile. A file appears under
   * its name when it is whole; a stream is closed at the end, or aborted. What comes out is not encrypted,
   * even if the database is. Reads and writes go on; memory is a few MiB. `ERR_ABORTED`, `ERR_IO`, or
   * what the stream fails with.
   */
  backup(sink: BackupSink, options?: BackupOptions): Promise<{ version: Version }>;
  /**
   * Reads a backup, Badger's or ours, and keeps its versions, user bytes, expiry times and deletions;
   * what has the same key and version is replaced. Restore incremental backups in their order. Other
   * writers wait until it is done, and older states (`begin({at})`) cannot be read afterwards. What came
   * before a failure stays: `ERR_CORRUPTION` with the offset in the stream, `ERR_ABORTED`, `ERR_DISK_FULL`.
   */
  restore(
    source: BackupSource,
    options?: RestoreOptions,
  ): Promise<{ version: Version; entries: number }>;
  /** Reads and checks every byte; findings are empty when all is well. */
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  stats(): Stats;
  levels(): LevelInfo[];
  tables(): TableInfo[];
  valueLogs(): ValueLogInfo[];
  snapshots(): SnapshotInfo[];
  /** The options in force, defaults resolved. */
  options(): Readonly<Record<string, unknown>>;
  size(): SizeInfo;
  on(event: DatabaseEvent, listener: (detail: unknown) => void): () => void;
  close(): Promise<void>;
}

export interface CollectOptions {
  /** Between 0 and 1, both excluded. */
  readonly discardRatio?: number;
}

export interface CollectReport {
  /** Value-log files removed, and their bytes. */
  readonly files: number;
  readonly bytes: number;
}

export interface SpaceReport {
  readonly files: readonly {
    readonly file: string;
    readonly sizeBytes: number;
    readonly liveBytes: number;
    /** Known garbage. */
    readonly garbageBytes: number;
    /** Why it is still there, in words. */
    readonly reason: string;
  }[];
  readonly sizeBytes: number;
  readonly liveBytes: number;
  /** Snapshots that hold back what compaction could drop, oldest first, in words. */
  readonly holders: readonly string[];
}

export interface BackupOptions {
  /** Only versions strictly greater than this; default 0, everything. */
  readonly since?: Version;
  readonly signal?: AbortSignal;
  /** Called about once per MiB. */
  readonly onProgress?: (done: BackupProgress) => void;
}

export interface RestoreOptions {
  readonly signal?: AbortSignal;
  /** Called about once per MiB. */
  readonly onProgress?: (done: BackupProgress) => void;
}

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: { bytes: number; totalBytes: number; file: string }) => void;
}

export interface VerifyReport {
  readonly files: number;
  readonly bytes: number;
  readonly entries: number;
  readonly findings: readonly {
    readonly file: string;
    readonly offset: number;
    readonly message: string;
  }[];
}
