/** Meles through its public calls, with default options but for what the job fixes for all. */

import { type Batch, type Database, open } from "../../../src/index.ts";
import type { Keys, Values } from "../data.ts";
import { type Job, KEY_BYTES, type ScanWay } from "../job.ts";
import { type Store, touch } from "./store.ts";

/** What an entry takes in a log beside key and value, roughly: makes a batch of ours a group. */
const ENTRY_OVERHEAD_BYTES = 20;
const POLL_MS = 20;
const QUIET_POLLS = 10;

export async function openMeles(job: Job): Promise<Store> {
  const db = await open(job.directory, {
    sync: job.durability === "power" ? "commit" : "interval",
    blockCacheSize: job.cacheBytes,
    memtableSize: job.memtableBytes,
    valueThreshold: job.valueThreshold,
    valueLogFileSize: job.valueLogFileBytes,
  });
  return new MelesStore(db, job.valueBytes);
}

class MelesStore implements Store {
  readonly #db: Database;
  readonly #entryBytes: number;
  #batch: Batch | undefined;

  constructor(db: Database, valueBytes: number) {
    this.#db = db;
    this.#entryBytes = KEY_BYTES + valueBytes + ENTRY_OVERHEAD_BYTES;
  }

  async writeBatch(keys: Keys, values: Values, from: number, to: number): Promise<void> {
    this.#batch ??= this.#db.batch({ maxPendingBytes: (to - from) * this.#entryBytes });
    const batch = this.#batch;
    const block = keys.block(from, to);
    for (let i = from; i < to; i++) {
      const at = (i - from) * KEY_BYTES;
      const waiting = batch.put(block.subarray(at, at + KEY_BYTES), values.at(i));
      if (waiting !== undefined) await waiting;
    }
  }

  async endLoad(): Promise<void> {
    await this.#batch?.flush();
    this.#batch = undefined;
  }

  put(key: Uint8Array, value: Uint8Array): Promise<unknown> {
    return this.#db.put(key, value);
  }

  putFor(key: Uint8Array, value: Uint8Array, ttlSeconds: number): Promise<unknown> {
    return this.#db.put(key, value, { ttl: ttlSeconds });
  }

  delete(key: Uint8Array): Promise<unknown> {
    return this.#db.delete(key);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#db.get(key);
  }

  readonly update = (key: Uint8Array, value: Uint8Array): Promise<unknown> =>
    this.#db.update((transaction) => {
      transaction.get(key);
      transaction.put(key, value);
    });

  scan(how: ScanWay): number | undefined {
    if (how === "prefetch") return undefined;
    let count = 0;
    let bytes = 0;
    if (how === "entries") {
      for (const entry of this.#db.scan()) {
        count++;
        bytes += entry.key.length + touch(entry.value);
      }
    } else if (how === "keys") {
      this.#db.scan({ keysOnly: true }).forEach((key) => {
        count++;
        bytes += key.length;
      });
    } else {
      this.#db.scan({ reverse: how === "reverse" }).forEach((key, value) => {
        count++;
        bytes += key.length + touch(value);
      });
    }
    return bytes > 0 ? count : 0;
  }

  range(start: Uint8Array, length: number): number {
    let count = 0;
    let bytes = 0;
    this.#db.scan({ gte: start, limit: length }).forEach((key, value) => {
      count++;
      bytes += key.length + touch(value);
    });
    return bytes > 0 ? count : 0;
  }

  /** Memtables written, no level above its target, and no new table for a while. */
  async settle(): Promise<void> {
    await this.#db.flush();
    let seen = -1;
    for (let quiet = 0; quiet < QUIET_POLLS; quiet++) {
      await Bun.sleep(POLL_MS);
      const { flushes, compactions } = this.#db.stats();
      // The last level is as large as it is: nothing is below it.
      const owing = this.#db.levels().some(({ score }, i, all) => i < all.length - 1 && score >= 1);
      if (owing || flushes + compactions !== seen) quiet = 0;
      seen = flushes + compactions;
    }
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}
