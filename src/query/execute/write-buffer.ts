/**
 * The writes of one statement, held back until it has succeeded: a statement that fails leaves nothing
 * behind, and one that scans what it changes does not meet its own changes.
 */

import type { PutOptions, Transaction } from "../../database/contract.ts";
import type { MemoryBudget } from "./memory-budget.ts";

interface BufferedWrite {
  readonly key: Uint8Array;
  /** Absent: delete. */
  readonly value: Uint8Array | undefined;
  readonly options: PutOptions;
}

const WRITE_BYTES = 120;
const NO_OPTIONS: PutOptions = {};

export class WriteBuffer {
  readonly #budget: MemoryBudget;
  readonly #writes: BufferedWrite[] = [];

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  get count(): number {
    return this.#writes.length;
  }

  put(key: Uint8Array, value: Uint8Array, options: PutOptions): void {
    this.#budget.take(WRITE_BYTES + key.length + value.length, "the writes");
    this.#writes.push({ key, value, options });
  }

  delete(key: Uint8Array): void {
    this.#budget.take(WRITE_BYTES + key.length, "the writes");
    this.#writes.push({ key, value: undefined, options: NO_OPTIONS });
  }

  applyTo(transaction: Transaction): void {
    for (const { key, value, options } of this.#writes) {
      if (value === undefined) transaction.delete(key);
      else transaction.put(key, value, options);
    }
  }
}
