/** `bun:sqlite`: write-ahead log, `synchronous` NORMAL (FULL where power may go), prepared statements. */

import { Database, type Statement } from "bun:sqlite";
import { join } from "node:path";
import type { Keys, Values } from "../data.ts";
import { type Job, KEY_BYTES, type ScanWay } from "../job.ts";
import { type Store, touch } from "./store.ts";

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export async function openSqlite(job: Job): Promise<Store> {
  const db = new Database(join(job.directory, "sqlite.db"));
  db.run("PRAGMA journal_mode = WAL");
  db.run(`PRAGMA synchronous = ${job.durability === "power" ? "FULL" : "NORMAL"}`);
  db.run(`PRAGMA cache_size = -${Math.floor(job.cacheBytes / 1024)}`);
  db.run("CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
  return new SqliteStore(db);
}

class SqliteStore implements Store {
  readonly #db: Database;
  readonly #insert: Statement<undefined, [Uint8Array, Uint8Array]>;
  readonly #remove: Statement<undefined, [Uint8Array]>;
  readonly #select: Statement<{ value: Uint8Array }, [Uint8Array]>;
  readonly #some: Statement<Row, [Uint8Array, number]>;
  readonly #insertMany: (keys: Keys, values: Values, from: number, to: number) => void;
  readonly #change: (key: Uint8Array, value: Uint8Array) => void;

  constructor(db: Database) {
    this.#db = db;
    this.#insert = db.prepare("INSERT OR REPLACE INTO kv VALUES (?, ?)");
    this.#remove = db.prepare("DELETE FROM kv WHERE key = ?");
    this.#select = db.prepare("SELECT value FROM kv WHERE key = ?");
    this.#some = db.prepare("SELECT key, value FROM kv WHERE key >= ? ORDER BY key LIMIT ?");
    this.#insertMany = db.transaction((keys: Keys, values: Values, from: number, to: number) => {
      const block = keys.block(from, to);
      for (let i = from; i < to; i++) {
        const at = (i - from) * KEY_BYTES;
        this.#insert.run(block.subarray(at, at + KEY_BYTES), values.at(i));
      }
    });
    this.#change = db.transaction((key: Uint8Array, value: Uint8Array) => {
      this.#select.get(key);
      this.#insert.run(key, value);
    });
  }

  writeBatch(keys: Keys, values: Values, from: number, to: number): undefined {
    this.#insertMany(keys, values, from, to);
  }

  async endLoad(): Promise<void> {}

  put(key: Uint8Array, value: Uint8Array): undefined {
    this.#insert.run(key, value);
  }

  delete(key: Uint8Array): undefined {
    this.#remove.run(key);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#select.get(key)?.value;
  }

  readonly update = (key: Uint8Array, value: Uint8Array): undefined => {
    this.#change(key, value);
  };

  scan(how: ScanWay): number | undefined {
    if (how === "views" || how === "prefetch") return undefined;
    let count = 0;
    let bytes = 0;
    if (how === "keys") {
      for (const row of this.#db
        .query<{ key: Uint8Array }, []>("SELECT key FROM kv ORDER BY key")
        .iterate()) {
        count++;
        bytes += row.key.length;
      }
    } else {
      const direction = how === "reverse" ? "DESC" : "ASC";
      const all = `SELECT key, value FROM kv ORDER BY key ${direction}`;
      for (const row of this.#db.query<Row, []>(all).iterate()) {
        count++;
        bytes += row.key.length + touch(row.value);
      }
    }
    return bytes > 0 ? count : 0;
  }

  range(start: Uint8Array, length: number): number {
    let count = 0;
    let bytes = 0;
    for (const { key, value } of this.#some.all(start, length)) {
      count++;
      bytes += key.length + touch(value);
    }
    return bytes > 0 ? count : 0;
  }

  async settle(): Promise<void> {
    this.#db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
