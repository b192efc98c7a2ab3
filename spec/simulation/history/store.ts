/** What the clients of a history run need of an engine. */

import type { Database, Transaction } from "../../../src/database/contract.ts";
import { ConflictError } from "../../../src/base/errors.ts";
import type { Value } from "./history.ts";

export interface Store {
  begin(): StoreTransaction;
  /** Background work, for an engine that has some. */
  maintain(kind: number): Promise<void>;
}

export interface StoreTransaction {
  get(key: string): Value | undefined;
  put(key: string, value: Value): void;
  delete(key: string): void;
  /** Live keys in [from, to). */
  scan(from: string, to: string): Map<string, Value>;
  /** The commit's version; `undefined` when it lost against another. */
  commit(): Promise<number | undefined>;
  abort(): void;
}

/** A Meles database, whatever is planted in it. */
export class MelesStore implements Store {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  begin(): StoreTransaction {
    return new MelesTransaction(this.#db.begin());
  }

  async maintain(kind: number): Promise<void> {
    if (kind === 0) await this.#db.flush();
    else if (kind === 1) await this.#db.compact();
    else await this.#db.collectGarbage({ discardRatio: 0.01 });
  }
}

class MelesTransaction implements StoreTransaction {
  readonly #transaction: Transaction;

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  get(key: string): Value | undefined {
    const value = this.#transaction.get(key);
    return value === undefined ? undefined : Buffer.from(value).toString();
  }

  put(key: string, value: Value): void {
    this.#transaction.put(key, value);
  }

  delete(key: string): void {
    this.#transaction.delete(key);
  }

  scan(from: string, to: string): Map<string, Value> {
    const found = new Map<string, Value>();
    for (const { key, value } of this.#transaction.scan({ gte: from, lt: to })) {
      found.set(Buffer.from(key).toString(), Buffer.from(value).toString());
    }
    return found;
  }

  async commit(): Promise<number | undefined> {
    try {
      return await this.#transaction.commit();
    } catch (error) {
      if (error instanceof ConflictError) return undefined;
      throw error;
    }
  }

  abort(): void {
    this.#transaction.discard();
  }
}
