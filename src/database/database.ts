/**
 * `MelesDatabase`: the façade. It checks arguments, hands work to the parts that `open.ts` assembled,
 * and owns nothing but their wiring and the event listeners.
 */

import { ConflictError, MelesError } from "../base/errors.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Version } from "../base/ids.ts";
import type { KeySpan } from "../compaction/key-span.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import type { Env } from "../env/env.ts";
import type { FileSystem } from "../env/file-system.ts";
import type { BannedNamespaces } from "../format/namespace.ts";
import { META_DELETE, META_DISCARD_EARLIER } from "../format/stored-value.ts";
import type { ManifestLog } from "../manifest/manifest-log.ts";
import type { BlockCache } from "../table/block-cache.ts";
import type { ConflictTable } from "../transaction/conflict-table.ts";
import { OWN_WRITE_VERSION, type Oracle } from "../transaction/oracle.ts";
import type { ValueLogReader } from "../value-log/value-log-reader.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import {
  type Bounds,
  boundsOf,
  expiryOf,
  invalid,
  readKey,
  userMetaOf,
  writeKey,
  writeValue,
} from "./arguments.ts";
import { backupDatabase, restoreDatabase } from "./backups.ts";
import { BulkBatch } from "./bulk-batch.ts";
import type { Collection } from "./collection.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { Cuts } from "./cuts.ts";
import type {
  BackupOptions,
  BackupSink,
  BackupSource,
  Batch,
  BatchOptions,
  BeginOptions,
  CollectOptions,
  CollectReport,
  Database,
  DatabaseEvent,
  Entry,
  Key,
  LevelInfo,
  PutOptions,
  Query,
  QueryParameters,
  Range,
  RestoreOptions,
  Scan,
  SizeInfo,
  SnapshotInfo,
  SpaceReport,
  Stats,
  TableInfo,
  Transaction,
  UpdateOptions,
  Value,
  ValueLogInfo,
  VerifyOptions,
  VerifyReport,
} from "./contract.ts";
import type { DataKeys } from "./data-keys.ts";
import { dropPrefixes } from "./drop-prefixes.ts";
import type { EventHub } from "./event-hub.ts";
import {
  describeLevels,
  explainSpace,
  describeSize,
  describeTables,
  describeValueLogs,
} from "./introspection.ts";
import type { Maintenance } from "./maintenance.ts";
import { chosenVersion } from "./managed-versions.ts";
import type { Memtables } from "./memtables.ts";
import { ban } from "./namespaces.ts";
import type { ReadPath } from "./read-path.ts";
import { DatabaseScan, type ScanHost } from "./scan.ts";
import { openSource } from "./scan-source.ts";
import type { Settings } from "./settings.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";
import { readEntry, TransactionHandle, type TransactionHost } from "./transaction-handle.ts";
import type { TreeState } from "./tree-state.ts";
import { verifyDatabase } from "./verify.ts";

/** Runs the query language over a database; injected, because the language lies above. */
export type QueryEngine = (database: Database, text: string, parameters?: QueryParameters) => Query;

/** Everything `open.ts` put together. */
export interface DatabaseParts {
  /** As the user knows it. */
  readonly name: string;
  /** The directory. */
  readonly path: string;
  readonly valueDirectory: string;
  readonly env: Env;
  /** Files that are not the database's own, such as backups. */
  readonly outside: FileSystem;
  readonly settings: Settings;
  readonly oracle: Oracle;
  readonly conflicts: ConflictTable;
  readonly snapshots: Snapshots;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly manifest: ManifestLog;
  readonly keys: DataKeys;
  readonly cache: BlockCache;
  readonly valueLog: ValueLogWriter;
  readonly values: ValueLogReader;
  readonly collection: Collection;
  readonly queue: CommitQueue;
  readonly maintenance: Maintenance;
  readonly cuts: Cuts;
  readonly banned: BannedNamespaces;
  readonly reads: ReadPath;
  readonly events: EventHub;
  readonly runQuery: QueryEngine;
  /** Releases files, threads and the lock, after everything is written. */
  readonly release: () => Promise<void>;
}

/** First back-off after a conflict; doubles with each retry, with jitter. */
const RETRY_DELAY_MS = 0.5;
const RETRY_DELAY_MAX_MS = 50;

export class MelesDatabase implements Database {
  readonly #parts: DatabaseParts;
  readonly #transactionHost: TransactionHost;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();
  #scans = 0;

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
    const { settings, reads, values, queue, env, memtables } = parts;
    this.#transactionHost = {
      reads,
      values,
      valueThreshold: settings.valueThreshold,
      valueSizeMax: settings.valueLogFileSize,
      commitBytesMax: memtables.commitBytesMax,
      managed: settings.managed,
      banned: parts.banned,
      requireOpen: () => this.#requireOpen(),
      nowMs: () => env.clock.nowMs(),
      noteWaste: (span) => this.#noteWaste(span),
      openSource: (ownWrites, bounds, readVersion) =>
        this.#openSource(ownWrites, bounds, readVersion),
      commit: (commit) => queue.commit(commit),
    };
  }

  get path(): string {
    return this.#parts.name;
  }

  get valueDirectory(): string {
    const { name, path, valueDirectory } = this.#parts;
    return path === valueDirectory ? name : valueDirectory;
  }

  get readOnly(): boolean {
    return this.#parts.settings.readOnly;
  }

  // -------------------------------------------------------------------- reads

  get(key: Key): Uint8Array | undefined {
    this.#requireOpen();
    return this.#parts.reads.get(this.#readKey(key), this.#parts.oracle.lastCommitted);
  }

  getEntry(key: Key): Entry | undefined {
    this.#requireOpen();
    return readEntry(this.#parts.reads, this.#readKey(key), this.#parts.oracle.lastCommitted);
  }

  getMany(keys: readonly Key[]): (Uint8Array | undefined)[] {
    this.#requireOpen();
    const { reads, oracle } = this.#parts;
    return keys.map((key) => reads.get(this.#readKey(key), oracle.lastCommitted));
  }

  has(key: Key): boolean {
    this.#requireOpen();
    const { reads, oracle } = this.#parts;
    return reads.findLive(this.#readKey(key), oracle.lastCommitted) !== undefined;
  }

  #readKey(key: Key): Uint8Array {
    return readKey(key, this.#parts.banned);
  }

  scan(range?: Range): Scan {
    return this.#scan(boundsOf(range));
  }

  count(range?: Range): number {
    const scan = this.#scan({ ...boundsOf(range), keysOnly: true });
    return scan.count();
  }

  #scan(bounds: Bounds): DatabaseScan {
    this.#requireOpen();
    this.#scans++;
    const { snapshots, values, env } = this.#parts;
    let snapshot: Snapshot | undefined = snapshots.open("scan");
    const { readVersion } = snapshot;
    const host: ScanHost = {
      readVersion,
      values,
      nowSeconds: () => Math.floor(env.clock.nowMs() / 1000),
      requireOpen: () => this.#requireOpen(),
      openSource: (within) => {
        if (snapshot === undefined) this.#requireVersion(readVersion);
        return this.#openSource(undefined, within, readVersion);
      },
      trackRange: () => undefined,
      noteWaste: (span) => this.#noteWaste(span),
      release: () => {
        snapshot?.close();
        snapshot = undefined;
      },
    };
    const scan = new DatabaseScan(host, bounds);
    snapshots.closeWith(scan, snapshot);
    return scan;
  }

  #noteWaste(span: KeySpan): void {
    if (!this.readOnly && this.#closing === undefined) this.#parts.maintenance.noteWaste(span);
  }

  #openSource(
    ownWrites: EntryCursor | undefined,
    bounds: Bounds,
    readVersion: Version,
  ): EntryCursor {
    const { memtables, trees, cuts, banned } = this.#parts;
    const { newestFirst } = memtables;
    return openSource(ownWrites, newestFirst, trees.tree, bounds, cuts.upTo(readVersion), banned);
  }

  // ------------------------------------------------------------------- writes

  async put(key: Key, value: Value, options?: PutOptions): Promise<Version> {
    this.#requireWritable();
    this.#requireUnmanaged("put()");
    const { settings, queue, env, banned } = this.#parts;
    const keyBytes = writeKey(key, banned);
    const valueBytes = writeValue(value, settings.valueLogFileSize);
    if (options === undefined) return queue.put(keyBytes, valueBytes, 0, 0, 0);
    const meta = options.discardEarlierVersions === true ? META_DISCARD_EARLIER : 0;
    const expiresAt = expiryOf(options, env.clock.nowMs());
    return queue.put(keyBytes, valueBytes, meta, userMetaOf(options), expiresAt);
  }

  async delete(key: Key): Promise<Version> {
    this.#requireWritable();
    this.#requireUnmanaged("delete()");
    const { queue, banned } = this.#parts;
    return queue.put(writeKey(key, banned), EMPTY_BYTES, META_DELETE, 0, 0);
  }

  batch({ maxPendingBytes, version }: BatchOptions = {}): Batch {
    this.#requireWritable();
    const { queue, settings, env, banned } = this.#parts;
    if (version === undefined) this.#requireUnmanaged("batch() without a version");
    else this.#requireManaged("the version of a batch");
    if (maxPendingBytes !== undefined && !(maxPendingBytes > 0)) {
      throw invalid("maxPendingBytes is a positive number of bytes");
    }
    return new BulkBatch(
      {
        queue,
        valueSizeMax: settings.valueLogFileSize,
        banned,
        syncsOnCommit: settings.sync === "commit",
        requireWritable: () => this.#requireWritable(),
        nowMs: () => env.clock.nowMs(),
      },
      maxPendingBytes,
      version === undefined ? undefined : chosenVersion(version),
    );
  }

  // ------------------------------------------------------------- transactions

  begin(options: BeginOptions = {}): Transaction {
    return this.#begin(options);
  }

  #begin(options: BeginOptions): TransactionHandle {
    this.#requireOpen();
    const { settings, snapshots, queue, conflicts } = this.#parts;
    const at = options.at === undefined ? undefined : this.#requireVersion(options.at);
    const isPast = at !== undefined && !settings.managed;
    const readOnly = options.readOnly === true || isPast || settings.readOnly;
    const tracked = !readOnly && settings.detectConflicts;
    if (tracked) queue.beforeUpdate();
    const snapshot = snapshots.open(
      "transaction",
      at,
      tracked ? (version) => conflicts.endUpdate(version) : undefined,
    );
    if (tracked) conflicts.beginUpdate(snapshot.readVersion);
    const transaction = new TransactionHandle(this.#transactionHost, snapshot, {
      readOnly,
      detectConflicts: settings.detectConflicts,
    });
    snapshots.closeWith(transaction, snapshot);
    return transaction;
  }

  view<T>(read: (transaction: Transaction) => T): T {
    const transaction = this.begin({ readOnly: true });
    let result: T;
    try {
      result = read(transaction);
    } catch (error) {
      transaction.discard();
      throw error;
    }
    if (result instanceof Promise) {
      return result.finally(() => transaction.discard()) as T;
    }
    transaction.discard();
    return result;
  }

  async update<T>(
    run: (transaction: Transaction) => T | Promise<T>,
    options: UpdateOptions = {},
  ): Promise<T> {
    this.#requireUnmanaged("update()");
    const { clock, random } = this.#parts.env;
    const retries = options.retries ?? 10;
    for (let attempt = 0; ; attempt++) {
      if (options.signal?.aborted === true) {
        const { reason } = options.signal;
        throw new MelesError("ERR_ABORTED", "the update was aborted", { cause: reason });
      }
      this.#requireWritable();
      const transaction = this.#begin({});
      try {
        const result = await run(transaction);
        await transaction.conclude();
        return result;
      } catch (error) {
        if (!(error instanceof ConflictError) || attempt >= retries) throw error;
      } finally {
        transaction.discard();
      }
      const ceiling = Math.min(RETRY_DELAY_MAX_MS, RETRY_DELAY_MS * 2 ** attempt);
      const delayMs = ceiling * random.next();
      await new Promise<void>((resume) => {
        clock.after(delayMs, resume, true);
      });
    }
  }

  // -------------------------------------------------------------- maintenance

  query(text: string, parameters?: QueryParameters): Query {
    this.#requireOpen();
    return this.#parts.runQuery(this, text, parameters);
  }

  async dropPrefix(...prefixes: readonly Key[]): Promise<void> {
    this.#requireWritable();
    await dropPrefixes(this.#parts, prefixes);
  }

  async dropAll(): Promise<void> {
    this.#requireWritable();
    await dropPrefixes(this.#parts, [""]);
  }

  setDiscardVersion(version: Version): void {
    this.#requireWritable();
    this.#requireManaged("setDiscardVersion()");
    this.#parts.oracle.setDiscardVersion(chosenVersion(version));
    this.#parts.maintenance.noteRelease();
  }

  async banNamespace(namespace: number | bigint): Promise<void> {
    this.#requireWritable();
    await ban(this.#parts.banned, this.#parts.queue, namespace);
  }

  bannedNamespaces(): bigint[] {
    this.#requireOpen();
    return this.#parts.banned.list();
  }

  async flush(): Promise<void> {
    this.#requireWritable();
    await this.#parts.queue.drain(false);
    await this.#parts.maintenance.flushAll();
  }

  async sync(): Promise<void> {
    this.#requireWritable();
    await this.#parts.queue.drain(false);
    await this.#parts.queue.syncInBackground();
  }

  async compact(): Promise<void> {
    await this.flush();
    await this.#parts.maintenance.compactAll();
  }

  async collectGarbage(options: CollectOptions = {}): Promise<CollectReport> {
    const { discardRatio = 0.05 } = options;
    if (typeof discardRatio !== "number" || !(discardRatio > 0 && discardRatio < 1)) {
      throw invalid("discardRatio is a number between 0 and 1");
    }
    const { maintenance, collection } = this.#parts;
    const { removedFiles, removedBytes } = collection;
    await this.compact();
    await maintenance.collectAll(discardRatio);
    return {
      files: collection.removedFiles - removedFiles,
      bytes: collection.removedBytes - removedBytes,
    };
  }

  explainSpace(): SpaceReport {
    this.#requireOpen();
    return explainSpace(this.#parts);
  }

  async backup(sink: BackupSink, options: BackupOptions = {}): Promise<{ version: Version }> {
    this.#requireOpen();
    return backupDatabase(this.#parts, sink, options, this.#closed.signal);
  }

  async restore(
    source: BackupSource,
    options: RestoreOptions = {},
  ): Promise<{ version: Version; entries: number }> {
    this.#requireWritable();
    return restoreDatabase(this.#parts, source, options, this.#closed.signal);
  }

  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.#requireOpen();
    if (!this.readOnly) await this.#parts.queue.drain(false);
    return verifyDatabase(this.#parts, options);
  }

  stats(): Stats {
    const { oracle, reads, queue, valueLog, values, maintenance, memtables, cache, snapshots } =
      this.#parts;
    const commit = queue.counters;
    const work = maintenance.counters;
    return {
      version: oracle.lastCommitted,
      gets: reads.counters.gets,
      scans: this.#scans,
      commits: commit.commits,
      conflicts: commit.conflicts,
      entriesWritten: commit.entries,
      bytesWrittenUser: commit.userBytes,
      bytesWrittenLog: commit.logBytes,
      bytesWrittenValueLog: valueLog.bytesWritten,
      bytesWrittenFlush: work.flushBytes,
      bytesWrittenCompaction: work.compactionBytes,
      bytesWrittenCollection: work.relocatedBytes,
      flushes: work.flushes,
      compactions: work.compactions,
      bloomChecks: reads.counters.bloomChecks,
      bloomHits: reads.counters.bloomHits,
      blockReads: cache.misses,
      blockCacheHits: cache.hits,
      valueLogReads: values.reads,
      stallMs: commit.stallMs,
      memtableBytes: memtables.heldBytes,
      memtables: memtables.newestFirst.length,
      blockCacheBytes: cache.usedBytes,
      openSnapshots: snapshots.size,
    };
  }

  levels(): LevelInfo[] {
    return describeLevels(this.#parts);
  }

  tables(): TableInfo[] {
    return describeTables(this.#parts);
  }

  valueLogs(): ValueLogInfo[] {
    return describeValueLogs(this.#parts);
  }

  snapshots(): SnapshotInfo[] {
    return this.#parts.snapshots.list();
  }

  options(): Readonly<Record<string, unknown>> {
    const { encryptionKey, ...shown } = this.#parts.settings;
    const encrypted = encryptionKey !== undefined || shown.authenticatedEncryption;
    return { ...shown, encrypted };
  }

  size(): SizeInfo {
    return describeSize(this.#parts);
  }

  on(event: DatabaseEvent, listener: (detail: unknown) => void): () => void {
    return this.#parts.events.on(event, listener);
  }

  close(): Promise<void> {
    this.#closed.abort();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { queue, maintenance, cuts, snapshots, release } = this.#parts;
    try {
      if (!this.readOnly && queue.failure === undefined) await queue.drain(false);
      queue.close();
      // What dropped prefixes hide can go now, whoever could still see it.
      if (!cuts.isEmpty) snapshots.closeAll();
      if (!this.readOnly) await maintenance.finish(queue.failure === undefined);
    } finally {
      queue.close();
      await release();
    }
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new MelesError("ERR_CLOSED", "the database is closed");
  }

  #requireWritable(): void {
    this.#requireOpen();
    if (this.readOnly) {
      throw new MelesError("ERR_READ_ONLY", "the database was opened read-only");
    }
  }

  #requireUnmanaged(what: string): void {
    if (!this.#parts.settings.managed) return;
    throw invalid(
      `the database is managed, so ${what} has no version to write at: ` +
        "begin({ at }), then commit({ version }), or batch({ version })",
    );
  }

  #requireManaged(what: string): void {
    if (this.#parts.settings.managed) return;
    throw invalid(`${what} is for managed databases: open with managed`);
  }

  /** A version that can still be read exactly. */
  #requireVersion(at: Version): Version {
    const { oracle, manifest, settings } = this.#parts;
    if (!Number.isSafeInteger(at) || at < 0) {
      throw invalid("a version is a whole number from 0 to 2^53 − 1");
    }
    if (at > oracle.lastCommitted && !settings.managed) {
      throw invalid(`version ${at} does not exist yet; the newest is ${oracle.lastCommitted}`);
    }
    if (at < manifest.thinnedVersion) {
      throw new MelesError(
        "ERR_VERSION_GONE",
        `version ${at} cannot be read any more: compaction has dropped versions below ${manifest.thinnedVersion}`,
      );
    }
    return Math.min(at, OWN_WRITE_VERSION - 1);
  }
}
