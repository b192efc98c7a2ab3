/**
 * The naive database's transaction: a snapshot (an immutable array and a version), buffered writes, and a
 * note of every key read and every range walked, which the commit reads again to find conflicts.
 */

import { compareBytes, EMPTY_BYTES, startsWith, toBytes, toText } from "../../src/base/bytes.ts";
import { MelesError } from "../../src/base/errors.ts";
import { KEY_SIZE_MAX, RESERVED_KEY_PREFIX, type Version } from "../../src/base/ids.ts";
import type {
  Entry,
  Key,
  PutOptions,
  Range,
  Scan,
  Transaction,
  Value,
} from "../../src/database/contract.ts";
import {
  findKey,
  inBounds,
  sliceOf,
  type NaiveRecord,
  type NaiveVersion,
} from "./naive-records.ts";
import { NaiveScan } from "./naive-scan.ts";

/** A buffered write: a version that has no number yet. */
export type PendingWrite = Omit<NaiveVersion, "version"> & { readonly key: Uint8Array };

export interface TransactionHost {
  readonly records: readonly NaiveRecord[];
  readonly readVersion: Version;
  readonly readOnly: boolean;
  readonly startedMs: number;
  readonly bytesMax: number;
  readonly nowSeconds: () => number;
  readonly onRead: (kind: "gets" | "scans") => void;
  /** Throws a `ConflictError`, or returns the new version. Writes are sorted by key. */
  readonly onCommit: (writes: readonly PendingWrite[]) => Version;
  readonly onEnd: () => void;
}

export class NaiveTransaction implements Transaction {
  readonly readVersion: Version;
  readonly readOnly: boolean;
  readonly startedMs: number;
  readonly #host: TransactionHost;
  /** Sorted by key. */
  #writes: PendingWrite[] = [];
  #bytes = 0;
  readonly #rangesRead: Range[] = [];
  #state: "open" | "committed" | "discarded" = "open";

  constructor(host: TransactionHost) {
    this.#host = host;
    this.readVersion = host.readVersion;
    this.readOnly = host.readOnly;
    this.startedMs = host.startedMs;
  }

  get(key: Key): Uint8Array | undefined {
    return this.getEntry(key)?.value;
  }

  has(key: Key): boolean {
    return this.getEntry(key) !== undefined;
  }

  getEntry(key: Key): Entry | undefined {
    this.#check();
    this.#host.onRead("gets");
    this.noteRead({ gte: key, lte: key });
    return [...this.walk({ gte: key, lte: key })][0];
  }

  scan(range: Range = {}): Scan {
    this.#check();
    this.#host.onRead("scans");
    return new NaiveScan(this, range);
  }

  count(range: Range = {}): number {
    return this.scan(range).toArray().length;
  }

  put(key: Key, value: Value, options: PutOptions = {}): void {
    const { ttl, expiresAt, userMeta = 0 } = options;
    if (ttl !== undefined && expiresAt !== undefined) {
      throw new MelesError("ERR_INVALID_ARGUMENT", "give ttl or expiresAt, not both");
    }
    const expires = ttl === undefined ? (expiresAt ?? 0) : Math.ceil(this.#host.nowSeconds() + ttl);
    const copy = toBytes(value).slice();
    this.#write({
      key: checkedKey(key),
      value: copy,
      userMeta,
      expiresAt: expires,
      deleted: false,
    });
  }

  delete(key: Key): void {
    const none = { value: EMPTY_BYTES, userMeta: 0, expiresAt: 0, deleted: true };
    this.#write({ key: checkedKey(key), ...none });
  }

  async commit(): Promise<Version> {
    this.#check();
    try {
      if (this.#writes.length === 0) return this.readVersion;
      return this.#host.onCommit(this.#writes);
    } finally {
      this.#end("committed");
    }
  }

  discard(): void {
    if (this.#state === "open") this.#end("discarded");
  }

  [Symbol.dispose](): void {
    this.discard();
  }

  /** Notes what a commit has to read again. */
  noteRead(range: Range): void {
    if (!this.readOnly) this.#rangesRead.push(range);
  }

  /** The start of something read that has changed in `records`, if anything has. */
  conflictWith(records: readonly NaiveRecord[]): Uint8Array | undefined {
    for (const range of this.#rangesRead) {
      const before = stateOf(this.#host.records, range, this.readVersion);
      const after = stateOf(records, range, Number.POSITIVE_INFINITY);
      if (before !== after) return toBytes(range.gte ?? range.gt ?? range.prefix ?? EMPTY_BYTES);
    }
    return undefined;
  }

  /**
   * Entries of the snapshot and the own writes inside the range, in its order; `limit` is ignored. An own
   * write has the read version. It hides what is stored, except with `allVersions`, where it is the newest.
   */
  *walk(range: Range): Generator<Entry> {
    this.#check();
    const now = this.#host.nowSeconds();
    const reverse = range.reverse === true;
    const records = this.#host.records;
    let [low, high] = sliceOf(records, range);
    const own = this.#writes.filter((write) => inBounds(write.key, range));
    let [ownLow, ownHigh] = [0, own.length];
    while (low < high || ownLow < ownHigh) {
      const left = low < high ? records[reverse ? high - 1 : low] : undefined;
      const right = ownLow < ownHigh ? own[reverse ? ownHigh - 1 : ownLow] : undefined;
      const order = compareSides(left, right, reverse);
      const stored = order <= 0 ? left : undefined;
      const pending = order >= 0 ? right : undefined;
      if (stored !== undefined) reverse ? high-- : low++;
      if (pending !== undefined) reverse ? ownHigh-- : ownLow++;
      yield* this.#entries(stored, pending, range, now);
    }
  }

  *#entries(
    stored: NaiveRecord | undefined,
    pending: PendingWrite | undefined,
    range: Range,
    now: number,
  ): Generator<Entry> {
    const all = range.allVersions === true;
    const version = pending === undefined ? [] : [{ ...pending, version: this.readVersion }];
    const key = (pending ?? stored)?.key ?? EMPTY_BYTES;
    const own = version
      .filter((write) => all || isLive(write, now))
      .map((write) => entryOf(key, write, !isLive(write, now), range));
    const others =
      stored !== undefined && (all || pending === undefined)
        ? [...this.#stored(stored, range, now)]
        : [];
    yield* range.reverse === true ? [...others, ...own] : [...own, ...others];
  }

  *#stored(record: NaiveRecord, range: Range, now: number): Generator<Entry> {
    const visible = record.versions.filter((version) => version.version <= this.readVersion);
    const since = range.since ?? -1;
    if (range.allVersions === true) {
      const ordered = range.reverse === true ? visible.toReversed() : visible;
      for (const version of ordered) {
        if (version.version > since) {
          yield entryOf(record.key, version, !isLive(version, now), range);
        }
      }
      return;
    }
    const newest = visible[0];
    if (newest !== undefined && newest.version > since && isLive(newest, now)) {
      yield entryOf(record.key, newest, false, range);
    }
  }

  #write(write: PendingWrite): void {
    this.#check();
    if (this.readOnly) throw new MelesError("ERR_READ_ONLY", "the transaction is read-only");
    const bytes = this.#bytes + write.key.length + write.value.length;
    if (bytes > this.#host.bytesMax) {
      throw new MelesError(
        "ERR_TRANSACTION_TOO_LARGE",
        `the transaction would hold ${bytes} bytes, ${this.#host.bytesMax} are allowed; split it`,
      );
    }
    this.#bytes = bytes;
    const index = findKey(this.#writes, write.key);
    const found = this.#writes[index];
    const same = found !== undefined && compareBytes(found.key, write.key) === 0;
    this.#writes.splice(index, same ? 1 : 0, write);
  }

  #check(): void {
    if (this.#state !== "open") {
      throw new MelesError("ERR_DISCARDED", `the transaction has been ${this.#state}`);
    }
  }

  #end(state: "committed" | "discarded"): void {
    this.#state = state;
    this.#host.onEnd();
  }
}

function compareSides(
  left: NaiveRecord | undefined,
  right: PendingWrite | undefined,
  reverse: boolean,
): number {
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  return compareBytes(left.key, right.key) * (reverse ? -1 : 1);
}

function isLive(version: NaiveVersion, nowSeconds: number): boolean {
  return !version.deleted && (version.expiresAt === 0 || version.expiresAt > nowSeconds);
}

/** Which version of which key a range holds, as text: equal texts mean that nothing has changed. */
function stateOf(records: readonly NaiveRecord[], range: Range, at: Version): string {
  const [start, end] = sliceOf(records, range);
  const state: string[] = [];
  for (let i = start; i < end; i++) {
    const record = records[i] as NaiveRecord;
    const newest = record.versions.find((version) => version.version <= at);
    if (newest !== undefined) state.push(`${record.key.toHex()}@${newest.version}`);
  }
  return state.join();
}

function entryOf(key: Uint8Array, version: NaiveVersion, deleted: boolean, range: Range): Entry {
  return new NaiveEntry(key, version, deleted, range.keysOnly === true);
}

class NaiveEntry implements Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: Version;
  readonly userMeta: number;
  readonly expiresAt: number;
  readonly deleted: boolean;
  readonly valueSize: number;

  constructor(key: Uint8Array, version: NaiveVersion, deleted: boolean, keysOnly: boolean) {
    this.key = key.slice();
    this.value = keysOnly ? EMPTY_BYTES : version.value.slice();
    this.version = version.version;
    this.userMeta = version.userMeta;
    this.expiresAt = version.expiresAt;
    this.deleted = deleted;
    this.valueSize = version.value.length;
  }

  text(): string {
    return toText(this.value);
  }

  json(): unknown {
    return JSON.parse(this.text());
  }
}

function checkedKey(key: Key): Uint8Array {
  const bytes = toBytes(key).slice();
  if (bytes.length === 0) throw new MelesError("ERR_EMPTY_KEY", "a key has at least one byte");
  if (bytes.length > KEY_SIZE_MAX) {
    throw new MelesError("ERR_KEY_TOO_LARGE", `a key has at most ${KEY_SIZE_MAX} bytes`);
  }
  if (startsWith(bytes, RESERVED_KEY_PREFIX)) {
    throw new MelesError("ERR_RESERVED_KEY", "keys that start with !badger! are reserved");
  }
  return bytes;
}
