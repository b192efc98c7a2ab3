/** LevelDB (the `classic-level` package): chained batches, synchronous gets, iterators read by blocks. */

import type { Keys, Values } from "../data.ts";
import { type Job, KEY_BYTES, type ScanWay } from "../job.ts";
import { type Store, touch } from "./store.ts";

/** Entries per call of an iterator: fewer were slower, more no faster. */
const ITERATOR_BLOCK = 1000;

interface LevelIterator<T> {
  nextv(size: number): Promise<T[]>;
  close(): Promise<void>;
}

interface LevelBatch {
  put(key: Uint8Array, value: Uint8Array): LevelBatch;
  write(options: LevelWrite): Promise<void>;
}

interface LevelWrite {
  readonly sync: boolean;
}

interface LevelRange {
  readonly gte?: Uint8Array;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** The part of the package that is used here. */
interface Level {
  open(options: Record<string, unknown>): Promise<void>;
  batch(): LevelBatch;
  put(key: Uint8Array, value: Uint8Array, options: LevelWrite): Promise<void>;
  del(key: Uint8Array, options: LevelWrite): Promise<void>;
  getSync(key: Uint8Array): Uint8Array | undefined;
  iterator(range: LevelRange): LevelIterator<[Uint8Array, Uint8Array]>;
  keys(): LevelIterator<Uint8Array>;
  close(): Promise<void>;
}

interface LevelPackage {
  readonly ClassicLevel: new (directory: string, options: Record<string, unknown>) => Level;
}

export async function loadClassicLevel(job: Job, modules: string): Promise<() => Promise<Store>> {
  const { ClassicLevel }: LevelPackage = await import(Bun.resolveSync("classic-level", modules));
  return async () => {
    const db = new ClassicLevel(job.directory, { keyEncoding: "view", valueEncoding: "view" });
    await db.open({
      compression: false,
      cacheSize: job.cacheBytes,
      writeBufferSize: job.memtableBytes,
    });
    return new ClassicLevelStore(db, { sync: job.durability === "power" });
  };
}

class ClassicLevelStore implements Store {
  readonly #db: Level;
  readonly #writing: LevelWrite;
  readonly update = null;

  constructor(db: Level, writing: LevelWrite) {
    this.#db = db;
    this.#writing = writing;
  }

  writeBatch(keys: Keys, values: Values, from: number, to: number): Promise<void> {
    const batch = this.#db.batch();
    const block = keys.block(from, to);
    for (let i = from; i < to; i++) {
      const at = (i - from) * KEY_BYTES;
      batch.put(block.subarray(at, at + KEY_BYTES), values.at(i));
    }
    return batch.write(this.#writing);
  }

  async endLoad(): Promise<void> {}

  put(key: Uint8Array, value: Uint8Array): Promise<void> {
    return this.#db.put(key, value, this.#writing);
  }

  delete(key: Uint8Array): Promise<void> {
    return this.#db.del(key, this.#writing);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#db.getSync(key);
  }

  async scan(how: ScanWay): Promise<number | undefined> {
    if (how === "views" || how === "prefetch") return undefined;
    if (how === "keys") return walk(this.#db.keys(), (key) => key.length);
    return walk(
      this.#db.iterator({ reverse: how === "reverse" }),
      ([key, value]) => key.length + touch(value),
    );
  }

  async range(start: Uint8Array, length: number): Promise<number> {
    const iterator = this.#db.iterator({ gte: start, limit: length });
    const entries = await iterator.nextv(length);
    await iterator.close();
    let bytes = 0;
    for (const [key, value] of entries) bytes += key.length + touch(value);
    return bytes > 0 ? entries.length : 0;
  }

  async settle(): Promise<void> {}

  async close(): Promise<void> {
    await this.#db.close();
  }
}

async function walk<T>(iterator: LevelIterator<T>, size: (item: T) => number): Promise<number> {
  let count = 0;
  let bytes = 0;
  for (;;) {
    const items = await iterator.nextv(ITERATOR_BLOCK);
    if (items.length === 0) break;
    for (const item of items) bytes += size(item);
    count += items.length;
  }
  await iterator.close();
  return bytes > 0 ? count : 0;
}
