/**
 * Dropping prefixes: deletes what a snapshot taken at the call holds, in batches, then compacts the
 * level-0 leftovers away in the background as any delete. Writers go on; what they write after the
 * call has a newer version and stays, because only keys of the snapshot that have not changed since
 * are deleted, each in a transaction of its own range.
 */

import type { Database, Key, Transaction } from "./contract.ts";

/** Keys deleted in one transaction, at most … */
const KEYS_PER_COMMIT = 2048;
/** … and so many bytes of key, with a record's other bytes: even the smallest memtable takes them. */
const BYTES_PER_COMMIT = 32 * 1024;
const RECORD_BYTES = 32;

export class DropRange {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async dropPrefixes(prefixes: readonly Key[]): Promise<void> {
    for (const prefix of prefixes) await this.#drop(prefix);
  }

  async #drop(prefix: Key): Promise<void> {
    const cut = this.#database.begin({ readOnly: true });
    try {
      let keys: Uint8Array[] = [];
      let bytes = 0;
      for (const key of cut.scan({ prefix, keysOnly: true }).keys()) {
        if (keys.length === KEYS_PER_COMMIT || bytes + key.length > BYTES_PER_COMMIT) {
          await this.#delete(keys, cut.readVersion);
          keys = [];
          bytes = 0;
        }
        keys.push(key);
        bytes += key.length + RECORD_BYTES;
      }
      await this.#delete(keys, cut.readVersion);
    } finally {
      cut.discard();
    }
  }

  /** Deletes those keys that have not been written since the cut. */
  async #delete(keys: readonly Uint8Array[], cutVersion: number): Promise<void> {
    let left = keys;
    // Every conflict takes at least one key out of the next attempt, so this ends however busy it is.
    const retries = Number.POSITIVE_INFINITY;
    const run = (transaction: Transaction): void => {
      left = left.filter((key) => {
        const entry = transaction.getEntry(key);
        if (entry === undefined || entry.version > cutVersion) return false;
        transaction.delete(key);
        return true;
      });
    };
    if (left.length > 0) await this.#database.update(run, { retries });
  }
}
