/**
 * A naive implementation of the `Database` contract: everything in one sorted array in memory, copied by
 * every commit. It is slow and obviously right, which makes it the twin that the real engine is held
 * against in model specs, and the database that the specs of the query language run on.
 *
 * Invariants: an array of records and the records in it are never changed once a commit has published
 * them, so a snapshot is the array it started with. A record's versions are newest first.
 */

import { compareBytes, startsWith, toBytes } from "../../src/base/bytes.ts";
import { ConflictError, MelesError } from "../../src/base/errors.ts";
import type { Version } from "../../src/base/ids.ts";
import type {
  Batch,
  BeginOptions,
  Database,
  DatabaseEvent,
  Entry,
  Key,
  LevelInfo,
  PutOptions,
  Query,
  QueryParameters,
  Range,
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
  VerifyReport,
} from "../../src/database/contract.ts";
import type { Env } from "../../src/env/env.ts";
import { createQuery } from "../../src/query/query.ts";
import { findKey, type NaiveRecord, type NaiveVersion } from "./naive-records.ts";
import { NaiveTransaction, type PendingWrite } from "./naive-transaction.ts";

export interface NaiveOptions {
  readonly readOnly?: boolean;
  /** A transaction with more key and value bytes is refused; default: none is. */
  readonly transactionBytesMax?: number;
  /** `compact` keeps so many versions of each key. Default 1. */
  readonly versionsToKeep?: number;
  /** `tables()` pretends that so many keys make a table. Default 1000. */
  readonly keysPerTable?: number;
}

export class NaiveDatabase implements Database {
  readonly path = ":memory:";
  readonly valueDirectory = ":memory:";
  readonly readOnly: boolean;
  readonly #env: Env;
  readonly #options: NaiveOptions;
  readonly #open = new Set<NaiveTransaction>();
  #records: readonly NaiveRecord[] = [];
  #version: Version = 0;
  /** Snapshots below this version cannot be had any more. */
  #thinnedBelow: Version = 0;
  #closed = false;
  #counters = { gets: 0, scans: 0, commits: 0, conflicts: 0, entriesWritten: 0, bytesWritten: 0 };

  constructor(env: Env, options: NaiveOptions = {}) {
    this.#env = env;
    this.#options = options;
    this.readOnly = options.readOnly ?? false;
  }

  // ------------------------------------------------------------------ reading

  get(key: Key): Uint8Array | undefined {
    return this.view((transaction) => transaction.get(key));
  }

  getEntry(key: Key): Entry | undefined {
    return this.view((transaction) => transaction.getEntry(key));
  }

  getMany(keys: readonly Key[]): (Uint8Array | undefined)[] {
    return this.view((transaction) => keys.map((key) => transaction.get(key)));
  }

  has(key: Key): boolean {
    return this.view((transaction) => transaction.has(key));
  }

  scan(range?: Range): Scan {
    return this.begin({ readOnly: true }).scan(range);
  }

  count(range?: Range): number {
    return this.view((transaction) => transaction.count(range));
  }

  // ------------------------------------------------------------- transactions

  begin(options: BeginOptions = {}): Transaction {
    this.#check();
    const at = options.at;
    if (at !== undefined && at < this.#thinnedBelow) {
      throw new MelesError("ERR_VERSION_GONE", `version ${at} has been thinned by compaction`);
    }
    const transaction: NaiveTransaction = new NaiveTransaction({
      records: this.#records,
      readVersion: at === undefined ? this.#version : Math.min(at, this.#version),
      readOnly: this.readOnly || (options.readOnly ?? at !== undefined),
      startedMs: this.#env.clock.monotonicMs(),
      nowSeconds: () => this.#env.clock.nowMs() / 1000,
      bytesMax: this.#options.transactionBytesMax ?? Number.POSITIVE_INFINITY,
      onRead: (kind) => void this.#counters[kind]++,
      onCommit: (writes) => this.#commit(transaction, writes),
      onEnd: () => void this.#open.delete(transaction),
    });
    this.#open.add(transaction);
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
    for (let left = options.retries ?? 10; ; left--) {
      options.signal?.throwIfAborted();
      const transaction = this.begin();
      try {
        const result = await run(transaction);
        await transaction.commit();
        return result;
      } catch (error) {
        if (!(error instanceof ConflictError) || left <= 0) throw error;
      } finally {
        transaction.discard();
      }
    }
  }

  async put(key: Key, value: Value, options?: PutOptions): Promise<Version> {
    const transaction = this.begin();
    transaction.put(key, value, options);
    return await transaction.commit();
  }

  async delete(key: Key): Promise<Version> {
    const transaction = this.begin();
    transaction.delete(key);
    return await transaction.commit();
  }

  batch(): Batch {
    let transaction = this.begin();
    let pending = 0;
    const flush = async (): Promise<void> => {
      pending = 0;
      await transaction.commit();
      transaction = this.begin();
    };
    const added = (): Promise<void> | undefined => (++pending >= 20_000 ? flush() : undefined);
    return {
      put: (key, value, options) => {
        transaction.put(key, value, options);
        return added();
      },
      delete: (key) => {
        transaction.delete(key);
        return added();
      },
      flush,
      cancel: () => transaction.discard(),
      [Symbol.asyncDispose]: flush,
    };
  }

  query(text: string, parameters?: QueryParameters): Query {
    this.#check();
    return createQuery(this, this.#env, text, parameters);
  }

  #commit(transaction: NaiveTransaction, writes: readonly PendingWrite[]): Version {
    this.#check();
    const conflict = transaction.conflictWith(this.#records);
    if (conflict !== undefined) {
      this.#counters.conflicts++;
      throw new ConflictError(conflict);
    }
    this.#version++;
    this.#counters.commits++;
    this.#counters.entriesWritten += writes.length;
    for (const write of writes)
      this.#counters.bytesWritten += write.key.length + write.value.length;
    this.#records = merge(this.#records, writes, this.#version);
    return this.#version;
  }

  // -------------------------------------------------------------- maintenance

  async dropPrefix(...prefixes: readonly Key[]): Promise<void> {
    this.#check();
    const dropped = prefixes.map(toBytes);
    this.#records = this.#records.filter(
      (record) => !dropped.some((prefix) => startsWith(record.key, prefix)),
    );
  }

  async dropAll(): Promise<void> {
    this.#check();
    this.#records = [];
  }

  async flush(): Promise<void> {
    this.#check();
  }

  async sync(): Promise<void> {
    this.#check();
  }

  /** Keeps the newest versions and whatever an open snapshot reads. */
  async compact(): Promise<void> {
    this.#check();
    const oldest = Math.min(this.#version, ...[...this.#open].map((open) => open.readVersion));
    const keep = this.#options.versionsToKeep ?? 1;
    const records: NaiveRecord[] = [];
    for (const { key, versions } of this.#records) {
      const seen = versions.findIndex((version) => version.version <= oldest);
      const kept = versions.slice(0, seen < 0 ? versions.length : Math.max(keep, seen + 1));
      if (kept.length === 1 && kept[0]?.deleted === true) continue;
      records.push({ key, versions: kept });
    }
    this.#records = records;
    this.#thinnedBelow = oldest;
  }

  collectGarbage(): Promise<{ files: number; bytes: number }> {
    return Promise.resolve({ files: 0, bytes: 0 });
  }

  setDiscardVersion(): void {
    throw new MelesError("ERR_INVALID_ARGUMENT", "the twin is not managed");
  }

  banNamespace(): Promise<never> {
    return Promise.reject(new MelesError("ERR_INVALID_ARGUMENT", "the twin has no namespaces"));
  }

  bannedNamespaces(): bigint[] {
    return [];
  }

  explainSpace(): SpaceReport {
    return { files: [], sizeBytes: 0, liveBytes: 0, holders: [] };
  }

  /** Backups are held against Badger's own, not against this twin. */
  backup(): Promise<never> {
    return Promise.reject(new MelesError("ERR_NOT_SUPPORTED", "the twin makes no backups"));
  }

  restore(): Promise<never> {
    return Promise.reject(new MelesError("ERR_NOT_SUPPORTED", "the twin reads no backups"));
  }

  async verify(): Promise<VerifyReport> {
    const entries = this.#records.reduce((sum, record) => sum + record.versions.length, 0);
    return { files: 1, bytes: this.size().total, entries, findings: [] };
  }

  // ------------------------------------------------------------------- status

  stats(): Stats {
    const { gets, scans, commits, conflicts, entriesWritten, bytesWritten } = this.#counters;
    return {
      version: this.#version,
      gets,
      scans,
      commits,
      conflicts,
      entriesWritten,
      bytesWrittenUser: bytesWritten,
      bytesWrittenLog: 0,
      bytesWrittenValueLog: 0,
      bytesWrittenFlush: 0,
      bytesWrittenCompaction: 0,
      bytesWrittenCollection: 0,
      flushes: 0,
      compactions: 0,
      bloomChecks: 0,
      bloomHits: 0,
      blockReads: 0,
      blockCacheHits: 0,
      valueLogReads: 0,
      stallMs: 0,
      memtableBytes: 0,
      memtables: 0,
      blockCacheBytes: 0,
      openSnapshots: this.#open.size,
    };
  }

  levels(): LevelInfo[] {
    const tables = this.tables();
    const sum = (pick: (table: TableInfo) => number): number =>
      tables.reduce((total, table) => total + pick(table), 0);
    return [
      {
        level: 6,
        tables: tables.length,
        sizeBytes: sum((table) => table.sizeBytes),
        targetBytes: 0,
        score: 0,
        entries: sum((table) => table.entries),
        tombstones: sum((table) => table.tombstones),
        staleBytes: 0,
      },
    ];
  }

  /** The records cut into pretended tables, so that plans have something to show. */
  tables(): TableInfo[] {
    const keysPerTable = this.#options.keysPerTable ?? 1000;
    const tables: TableInfo[] = [];
    for (let start = 0; start < this.#records.length; start += keysPerTable) {
      const records = this.#records.slice(start, start + keysPerTable);
      const [first, last] = [records.at(0), records.at(-1)];
      if (first === undefined || last === undefined) break;
      const versions = records.flatMap((record) => record.versions);
      tables.push({
        file: `${String(tables.length + 1).padStart(6, "0")}.sst`,
        level: 6,
        sizeBytes: sizeOf(records),
        entries: versions.length,
        tombstones: versions.filter((version) => version.deleted).length,
        smallestKey: first.key,
        largestKey: last.key,
        maxVersion: Math.max(...versions.map((version) => version.version)),
        compression: "none",
        encrypted: false,
        knownOrdered: true,
      });
    }
    return tables;
  }

  valueLogs(): ValueLogInfo[] {
    return [{ file: "000001.vlog", sizeBytes: 0, discardBytes: 0, active: true }];
  }

  snapshots(): SnapshotInfo[] {
    const now = this.#env.clock.monotonicMs();
    return [...this.#open].map((transaction, id) => ({
      id,
      readVersion: transaction.readVersion,
      ageMs: now - transaction.startedMs,
      kind: "transaction",
    }));
  }

  options(): Readonly<Record<string, unknown>> {
    return { ...this.#options, readOnly: this.readOnly };
  }

  size(): SizeInfo {
    const total = sizeOf(this.#records);
    return { tables: total, valueLogs: 0, logs: 0, total };
  }

  on(_event: DatabaseEvent, _listener: (detail: unknown) => void): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.#closed) throw new MelesError("ERR_CLOSED", "the database is closed");
  }
}

function sizeOf(records: readonly NaiveRecord[]): number {
  let total = 0;
  for (const { key, versions } of records) {
    for (const { value } of versions) total += key.length + value.length;
  }
  return total;
}

/** A new array of records with `writes` on top; `writes` are sorted by key. */
function merge(
  records: readonly NaiveRecord[],
  writes: readonly PendingWrite[],
  version: Version,
): readonly NaiveRecord[] {
  const merged: NaiveRecord[] = [];
  let from = 0;
  for (const write of writes) {
    const index = findKey(records, write.key);
    for (; from < index; from++) merged.push(records[from] as NaiveRecord);
    const newest: NaiveVersion = { ...write, version };
    const found = records[index];
    if (found !== undefined && compareBytes(found.key, write.key) === 0) {
      merged.push({ key: found.key, versions: [newest, ...found.versions] });
      from = index + 1;
    } else {
      merged.push({ key: write.key, versions: [newest] });
    }
  }
  for (; from < records.length; from++) merged.push(records[from] as NaiveRecord);
  return merged;
}
