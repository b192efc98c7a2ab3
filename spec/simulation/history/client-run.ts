/**
 * Concurrent clients on one store, interleaved by a seeded scheduler: at each step one client takes its
 * next operation, and commits may stay under way while others go on. What they did and saw is the history.
 */

import { SeededRandom } from "../../../src/env/seeded-random.ts";
import { elementsOf, type History, type HistoryTransaction, type Operation } from "./history.ts";
import type { Store, StoreTransaction } from "./store.ts";
import { turn } from "../world.ts";

export interface ClientRunOptions {
  readonly kind: History["kind"];
  readonly clients?: number;
  readonly transactions?: number;
  /** Few keys meet often. */
  readonly keys?: number;
}

export async function runClients(
  store: Store,
  seed: number,
  { kind, clients = 4, transactions = 40, keys = 5 }: ClientRunOptions,
): Promise<History> {
  const run = new ClientRun(store, seed, kind, keys);
  await run.run(clients, transactions);
  return { kind, transactions: await run.finish() };
}

class ClientRun {
  readonly #store: Store;
  readonly #random: SeededRandom;
  readonly #kind: History["kind"];
  readonly #keys: readonly string[];
  readonly #done: HistoryTransaction[] = [];
  #lastId = 0;
  #lastValue = 0;

  constructor(store: Store, seed: number, kind: History["kind"], keys: number) {
    this.#store = store;
    this.#random = new SeededRandom(seed);
    this.#kind = kind;
    this.#keys = Array.from({ length: keys }, (_, index) => `k${index}`);
  }

  async run(clients: number, transactions: number): Promise<void> {
    const slots: (Client | undefined)[] = Array.from({ length: clients }, () => undefined);
    let left = transactions;
    while (left > 0 || slots.some((client) => client !== undefined)) {
      const index = this.#random.below(clients);
      const client = slots[index];
      if (client === undefined) {
        if (left-- > 0) slots[index] = new Client(++this.#lastId, this.#store.begin());
      } else if (client.isOver) {
        slots[index] = undefined;
      } else if (!client.isCommitting) {
        this.#step(client);
      }
      if (this.#random.below(3) === 0) await turn();
      if (this.#random.below(60) === 0) await this.#store.maintain(this.#random.below(3));
    }
  }

  /** The last transaction reads everything. */
  async finish(): Promise<readonly HistoryTransaction[]> {
    const transaction = this.#store.begin();
    const found = transaction.scan("k", "l");
    await transaction.commit();
    const operations: Operation[] = this.#keys.map((key) => ({
      kind: "read",
      key,
      value: found.get(key),
    }));
    this.#done.push({ id: ++this.#lastId, operations, outcome: "committed", version: undefined });
    return this.#done.sort((a, b) => a.id - b.id);
  }

  #step(client: Client): void {
    const { transaction, operations } = client;
    if (operations.length >= 2 && this.#random.below(3) === 0) {
      this.#end(client);
      return;
    }
    const key = this.#keys[this.#random.below(this.#keys.length)] as string;
    switch (this.#random.below(5)) {
      case 0:
      case 1:
        operations.push({ kind: "read", key, value: transaction.get(key) });
        return;
      case 2: {
        const [from, to] = this.#range();
        operations.push({ kind: "scan", from, to, found: transaction.scan(from, to) });
        return;
      }
      default:
        this.#write(client, key);
    }
  }

  #write({ transaction, operations }: Client, key: string): void {
    const value = `v${++this.#lastValue}`;
    if (this.#kind === "list") {
      const before = transaction.get(key);
      operations.push({ kind: "read", key, value: before });
      transaction.put(key, [...elementsOf(before), value].join(","));
      operations.push({ kind: "append", key, element: value });
    } else if (this.#random.below(4) === 0) {
      transaction.delete(key);
      operations.push({ kind: "delete", key });
    } else {
      transaction.put(key, value);
      operations.push({ kind: "write", key, value });
    }
  }

  #end(client: Client): void {
    const { id, transaction, operations } = client;
    if (this.#random.below(8) === 0) {
      transaction.abort();
      client.isOver = true;
      this.#done.push({ id, operations, outcome: "aborted", version: undefined });
      return;
    }
    client.isCommitting = true;
    const hasWritten = operations.some(({ kind }) => kind !== "read" && kind !== "scan");
    void transaction.commit().then((version) => {
      client.isOver = true;
      const outcome = version === undefined ? "aborted" : "committed";
      this.#done.push({ id, operations, outcome, version: hasWritten ? version : undefined });
    });
  }

  #range(): [from: string, to: string] {
    const [a, b] = [this.#random.below(this.#keys.length), this.#random.below(this.#keys.length)];
    return [`k${Math.min(a, b)}`, `k${Math.max(a, b) + 1}`];
  }
}

class Client {
  readonly id: number;
  readonly transaction: StoreTransaction;
  readonly operations: Operation[] = [];
  isCommitting = false;
  isOver = false;

  constructor(id: number, transaction: StoreTransaction) {
    this.id = id;
    this.transaction = transaction;
  }
}
