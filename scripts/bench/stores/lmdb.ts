/**
 * lmdb (the `lmdb` package) with its default settings, binary keys and values. Each call is the fastest
 * that the package has: a batch is a turn of unawaited puts of which the last is awaited (they share a
 * transaction), a single put is `putSync`, which returns after its own commit.
 */

import type { Keys, Values } from "../data.ts";
import { type Job, KEY_BYTES, type ScanWay } from "../job.ts";
import { type Store, touch } from "./store.ts";

interface LmdbEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

interface LmdbRange {
  readonly start?: Uint8Array;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** The part of the package that is used here. */
interface Lmdb {
  put(key: Uint8Array, value: Uint8Array): Promise<boolean>;
  putSync(key: Uint8Array, value: Uint8Array): boolean;
  removeSync(key: Uint8Array): boolean;
  getBinary(key: Uint8Array): Uint8Array | undefined;
  transactionSync(run: () => void): void;
  getRange(range?: LmdbRange): Iterable<LmdbEntry>;
  getKeys(): Iterable<Uint8Array>;
  readonly flushed: Promise<boolean>;
  close(): Promise<void>;
}

interface LmdbPackage {
  open(options: Record<string, unknown>): Lmdb;
}

export async function loadLmdb(job: Job, modules: string): Promise<() => Promise<Store>> {
  const lmdb: LmdbPackage = await import(Bun.resolveSync("lmdb", modules));
  return async () => {
    const db = lmdb.open({
      path: job.directory,
      keyEncoding: "binary",
      encoding: "binary",
      noSync: job.durability === "process",
    });
    return new LmdbStore(db, job.durability === "power");
  };
}

class LmdbStore implements Store {
  readonly #db: Lmdb;
  readonly #isDurable: boolean;
  readonly put: Store["put"];

  constructor(db: Lmdb, isDurable: boolean) {
    this.#db = db;
    this.#isDurable = isDurable;
    this.put = isDurable
      ? // Concurrent writers share a transaction and its sync only with the asynchronous call.
        (key, value) => db.put(key, value).then(() => db.flushed)
      : (key, value) => void db.putSync(key, value);
  }

  async writeBatch(keys: Keys, values: Values, from: number, to: number): Promise<void> {
    const block = keys.block(from, to);
    let last: Promise<boolean> | undefined;
    for (let i = from; i < to; i++) {
      const at = (i - from) * KEY_BYTES;
      last = this.#db.put(block.subarray(at, at + KEY_BYTES), values.at(i));
    }
    await last;
  }

  async endLoad(): Promise<void> {
    if (this.#isDurable) await this.#db.flushed;
  }

  delete(key: Uint8Array): undefined {
    this.#db.removeSync(key);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#db.getBinary(key);
  }

  readonly update = (key: Uint8Array, value: Uint8Array): undefined => {
    this.#db.transactionSync(() => {
      this.#db.getBinary(key);
      this.#db.putSync(key, value);
    });
  };

  scan(how: ScanWay): number | undefined {
    if (how === "views" || how === "prefetch") return undefined;
    let count = 0;
    let bytes = 0;
    if (how === "keys") {
      for (const key of this.#db.getKeys()) {
        count++;
        bytes += key.length;
      }
    } else {
      for (const { key, value } of this.#db.getRange({ reverse: how === "reverse" })) {
        count++;
        bytes += key.length + touch(value);
      }
    }
    return bytes > 0 ? count : 0;
  }

  range(start: Uint8Array, length: number): number {
    let count = 0;
    let bytes = 0;
    for (const { key, value } of this.#db.getRange({ start, limit: length })) {
      count++;
      bytes += key.length + touch(value);
    }
    return bytes > 0 ? count : 0;
  }

  async settle(): Promise<void> {}

  async close(): Promise<void> {
    await this.#db.close();
  }
}
