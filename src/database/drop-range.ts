/**
 * Dropping prefixes: deletes what a snapshot taken at the call holds, in batches, then compacts the
 * level-0 leftovers away in the background as any delete. Writers go on; what they write after the
 * call has a newer version and stays, because only keys of the snapshot that have not changed since
 * are deleted, each in a transaction of its own range.
 */

import type { Database, Key } from "./contract.ts";

/** Keys deleted in one transaction. */
const KEYS_PER_COMMIT = 2048;

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
      for (const key of cut.scan({ prefix, keysOnly: true }).keys()) {
        keys.push(key);
        if (keys.length < KEYS_PER_COMMIT) continue;
        await this.#delete(keys, cut.readVersion);
        keys = [];
      }
      await this.#delete(keys, cut.readVersion);
    } finally {
      cut.discard();
    }
  }

  /** Deletes those keys that have not been written since the cut. */
  async #delete(keys: readonly Uint8Array[], cutVersion: number): Promise<void> {
    if (keys.length === 0) return;
    await this.#database.update((transaction) => {
      for (const key of keys) {
        const entry = transaction.getEntry(key);
        if (entry !== undefined && entry.version <= cutVersion) transaction.delete(key);
      }
    });
  }
}
