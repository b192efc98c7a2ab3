/**
 * A transaction as callers hold it: snapshot reads over own writes, a read set for the conflict
 * check, and one way out, `commit` or `discard`.
 *
 * Read-only ones track nothing. An update transaction that is collected without an end is discarded
 * (snapshots.ts), so a forgotten one does not hold back compaction for ever.
 */

import { MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import type { KeySpan } from "../compaction/key-span.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { logRecordLength } from "../format/log-record.ts";
import type { BannedNamespaces } from "../format/namespace.ts";
import { isDeletedOrExpired, META_DISCARD_EARLIER } from "../format/stored-value.ts";
import { VALUE_POINTER_SIZE } from "../format/value-pointer.ts";
import { type RangeRead, ReadSet } from "../transaction/read-set.ts";
import { type WriteEntry, WriteSet } from "../transaction/write-set.ts";
import {
  type Bounds,
  boundsOf,
  expiryOf,
  invalid,
  owned,
  readKey,
  userMetaOf,
  writeKey,
  writeValue,
} from "./arguments.ts";
import type {
  CommitOptions,
  Entry,
  Key,
  PutOptions,
  Range,
  Scan,
  Transaction,
  Value,
} from "./contract.ts";
import type { TransactionCommit } from "./commit-parts.ts";
import { OwnedEntry } from "./entry.ts";
import { chosenVersion } from "./managed-versions.ts";
import type { ReadPath } from "./read-path.ts";
import { DatabaseScan, type ScanHost } from "./scan.ts";
import type { Snapshot } from "./snapshots.ts";

/** What a transaction needs of its database. */
export interface TransactionHost {
  readonly reads: ReadPath;
  readonly values: ScanHost["values"];
  readonly valueThreshold: number;
  readonly valueSizeMax: number;
  readonly commitBytesMax: number;
  readonly managed: boolean;
  readonly banned: BannedNamespaces;
  requireOpen(): void;
  nowMs(): number;
  noteWaste(span: KeySpan): void;
  openSource(ownWrites: EntryCursor | undefined, bounds: Bounds, readVersion: Version): EntryCursor;
  commit(commit: TransactionCommit): Promise<Version>;
}

export class TransactionHandle implements Transaction {
  readonly readVersion: Version;
  readonly readOnly: boolean;
  readonly #host: TransactionHost;
  readonly #snapshot: Snapshot;
  readonly #reads: ReadSet | undefined;
  readonly #writes: WriteSet | undefined;
  #state: "open" | "committing" | "finished" = "open";
  /** The first call of `commit`. */
  #commitment: Promise<Version> | undefined;

  constructor(
    host: TransactionHost,
    snapshot: Snapshot,
    options: { readonly readOnly: boolean; readonly detectConflicts: boolean },
  ) {
    this.#host = host;
    this.#snapshot = snapshot;
    this.readVersion = snapshot.readVersion;
    this.readOnly = options.readOnly;
    if (options.readOnly) return;
    const { valueThreshold } = host;
    this.#writes = new WriteSet((keyLength, valueLength, expiresAt) =>
      logRecordLength(
        keyLength,
        valueLength >= valueThreshold && valueLength > 0 ? VALUE_POINTER_SIZE : valueLength,
        expiresAt,
      ),
    );
    if (options.detectConflicts) this.#reads = new ReadSet();
  }

  get(key: Key): Uint8Array | undefined {
    const bytes = this.#beginRead(key);
    const hash = bloomHash(bytes, 0, bytes.length);
    const own = this.#writes?.get(bytes, hash);
    if (own !== undefined) return this.#isLive(own) ? own.value.slice() : undefined;
    this.#reads?.addKey(bytes);
    return this.#host.reads.get(bytes, this.readVersion);
  }

  getEntry(key: Key): Entry | undefined {
    const bytes = this.#beginRead(key);
    const own = this.#writes?.get(bytes);
    if (own !== undefined) {
      if (!this.#isLive(own)) return undefined;
      const { value, userMeta, expiresAt } = own;
      return new OwnedEntry(
        bytes.slice(),
        value.slice(),
        this.readVersion,
        userMeta,
        expiresAt,
        false,
        value.length,
      );
    }
    this.#reads?.addKey(bytes);
    return readEntry(this.#host.reads, bytes, this.readVersion);
  }

  has(key: Key): boolean {
    const bytes = this.#beginRead(key);
    const own = this.#writes?.get(bytes);
    if (own !== undefined) return this.#isLive(own);
    this.#reads?.addKey(bytes);
    return this.#host.reads.findLive(bytes, this.readVersion) !== undefined;
  }

  scan(range?: Range): Scan {
    return this.#scan(boundsOf(range));
  }

  count(range?: Range): number {
    return this.#scan({ ...boundsOf(range), keysOnly: true }).count();
  }

  #scan(bounds: Bounds): DatabaseScan {
    this.#requireOpen();
    const host = this.#host;
    return new DatabaseScan(
      {
        readVersion: this.readVersion,
        values: host.values,
        nowSeconds: () => Math.floor(host.nowMs() / 1000),
        requireOpen: () => this.#requireOpen(),
        openSource: (within) => {
          const writes = this.#writes;
          const own = writes === undefined || writes.size === 0 ? undefined : writes.cursor();
          return host.openSource(own, within, this.readVersion);
        },
        trackRange: (within) => this.#trackRange(within),
        noteWaste: (span) => host.noteWaste(span),
        release: () => undefined,
      },
      bounds,
    );
  }

  #trackRange({ lower, upper, reverse }: Bounds): RangeRead | undefined {
    const reads = this.#reads;
    if (reads === undefined || this.#state !== "open") return undefined;
    return reads.openRange({ lower, lowerInclusive: true, upper, upperInclusive: false }, reverse);
  }

  put(key: Key, value: Value, options?: PutOptions): void {
    const writes = this.#requireWritable();
    const keyBytes = writeKey(key, this.#host.banned);
    const valueBytes = writeValue(value, this.#host.valueSizeMax);
    const meta = options?.discardEarlierVersions === true ? META_DISCARD_EARLIER : 0;
    const expiresAt = expiryOf(options, this.#host.nowMs());
    const userMeta = userMetaOf(options);
    this.#requireRoom(writes, keyBytes.length, valueBytes.length);
    writes.put(owned(key, keyBytes), owned(value, valueBytes), meta, userMeta, expiresAt);
  }

  delete(key: Key): void {
    const writes = this.#requireWritable();
    const bytes = writeKey(key, this.#host.banned);
    this.#requireRoom(writes, bytes.length, 0);
    writes.delete(owned(key, bytes));
  }

  commit(options?: CommitOptions): Promise<Version> {
    const commitment = this.#commit(options);
    this.#commitment ??= commitment;
    return commitment;
  }

  /** For `update`: commits, unless its callback has done so by itself; then that is the outcome. */
  conclude(): Promise<Version> {
    return this.#commitment ?? this.commit();
  }

  async #commit(options?: CommitOptions): Promise<Version> {
    this.#requireOpen();
    const version = this.#chosenVersion(options?.version);
    const writes = this.#writes;
    if (writes === undefined || writes.size === 0) {
      this.discard();
      return this.readVersion;
    }
    if (version === undefined && this.#host.managed) {
      throw invalid("the database is managed: say at which version, commit({ version })");
    }
    this.#state = "committing";
    try {
      // Checked, versioned and staged inside this call; what follows is only the wait for the disk.
      return await this.#host.commit({
        readVersion: this.readVersion,
        version,
        reads: this.#reads,
        writes: writes.entries,
        bytes: writes.bytes,
        sync: options?.sync,
        endUpdate: () => this.#snapshot.untrack(),
      });
    } finally {
      this.#finish();
    }
  }

  #chosenVersion(given: Version | undefined): Version | undefined {
    if (given === undefined) return undefined;
    if (!this.#host.managed) {
      throw invalid("only a managed database takes the version of a commit: open it with managed");
    }
    return chosenVersion(given);
  }

  discard(): void {
    if (this.#state === "open") this.#finish();
  }

  [Symbol.dispose](): void {
    this.discard();
  }

  #finish(): void {
    if (this.#state === "finished") return;
    this.#state = "finished";
    this.#snapshot.close();
  }

  #beginRead(key: Key): Uint8Array {
    this.#requireOpen();
    return readKey(key, this.#host.banned);
  }

  #requireOpen(): void {
    if (this.#state !== "open") {
      throw new MelesError("ERR_DISCARDED", "the transaction is over; begin a new one");
    }
    this.#host.requireOpen();
  }

  #requireWritable(): WriteSet {
    this.#requireOpen();
    if (this.#writes === undefined) {
      throw new MelesError("ERR_READ_ONLY", "the transaction is read-only");
    }
    return this.#writes;
  }

  #requireRoom(writes: WriteSet, keyLength: number, valueLength: number): void {
    const allowed = this.#host.commitBytesMax;
    const inline = valueLength < this.#host.valueThreshold ? valueLength : VALUE_POINTER_SIZE;
    // 64 bytes cover a record's header and the end marker.
    const used = writes.bytes + keyLength + inline + 64;
    if (used <= allowed) return;
    throw new MelesError(
      "ERR_TRANSACTION_TOO_LARGE",
      `the transaction would take ${used} bytes of log, ${allowed} are allowed; commit what there is ` +
        "and go on in a new one, write through batch(), or open with a larger memtableSize",
    );
  }

  #isLive(own: WriteEntry): boolean {
    return !isDeletedOrExpired(own.meta, own.expiresAt, Math.floor(this.#host.nowMs() / 1000));
  }
}

/** The live entry of a key at a version, as callers get it. */
export function readEntry(reads: ReadPath, key: Uint8Array, version: Version): Entry | undefined {
  const slot = reads.findLive(key, version);
  if (slot === undefined) return undefined;
  const { version: found, userMeta, expiresAt } = slot;
  const value = reads.valueOf(slot, key);
  return new OwnedEntry(key.slice(), value, found, userMeta, expiresAt, false, value.length);
}
