/**
 * A ledger: numbered commits whose content follows from their number alone. Commit n writes `seq` = n and
 * a few other keys, so a database tells by itself which commits it holds, and whether it holds exactly the
 * first n: a torn, lost, doubled or misplaced commit shows in the comparison with the state after n.
 */

import { toText } from "../../src/base/bytes.ts";
import type { Database, Transaction } from "../../src/database/contract.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";

type Write = readonly [key: string, value: string | undefined];

const SEQUENCE_KEY = "seq";
/** Keys from here on are not the ledger’s. */
const OTHERS = "~";

export class Ledger {
  readonly #seed: number;
  readonly #keyCount: number;
  /** State after commit n, as sorted lines. */
  readonly #states: Map<string, string>[] = [new Map()];
  /** Commits handed to the database, and those it has acknowledged, in order. */
  issued = 0;
  acknowledged = 0;

  constructor(seed = 1, keyCount = 24) {
    this.#seed = seed;
    this.#keyCount = keyCount;
  }

  /** Carries out the next commit and waits for it; on failure the next call takes the same number. */
  async commit(db: Database, options: { readonly sync?: boolean } = {}): Promise<void> {
    const number = this.acknowledged + 1;
    this.issued = Math.max(this.issued, number);
    const writes = this.#writesOf(number);
    if (writes.length === 1 && options.sync === undefined) {
      await db.put(SEQUENCE_KEY, String(number));
    } else {
      const transaction = db.begin();
      try {
        for (const [key, value] of writes) {
          if (value === undefined) transaction.delete(key);
          else transaction.put(key, value);
        }
        await transaction.commit(options);
      } finally {
        transaction.discard();
      }
    }
    this.acknowledged = number;
  }

  /**
   * Throws unless the database holds exactly the first n commits, with n between the bounds. Returns n.
   * Default bounds: everything acknowledged, nothing that was not issued.
   */
  check(db: Database | Transaction, atLeast = this.acknowledged, atMost = this.issued): number {
    const sequence = db.get(SEQUENCE_KEY);
    const held = sequence === undefined ? 0 : Number(toText(sequence));
    if (held < atLeast || held > atMost) {
      throw new Error(`holds ${held} commits, ${atLeast} to ${atMost} were expected`);
    }
    const expected = this.#stateAfter(held);
    const found = new Map<string, string>();
    for (const { key, value } of db.scan({ lt: OTHERS })) found.set(toText(key), toText(value));
    for (const [key, value] of expected) {
      if (found.get(key) !== value) {
        throw new Error(
          `after ${held} commits ${key} is ${brief(found.get(key))}, not ${brief(value)}`,
        );
      }
      const single = db.get(key);
      if (single === undefined || toText(single) !== value) {
        throw new Error(`after ${held} commits get(${key}) differs from the scan`);
      }
    }
    if (found.size !== expected.size) {
      const extra = [...found.keys()].filter((key) => !expected.has(key));
      throw new Error(`after ${held} commits there should be no ${extra.join(", ")}`);
    }
    return held;
  }

  #stateAfter(number: number): Map<string, string> {
    for (let n = this.#states.length; n <= number; n++) {
      const state = new Map(this.#states[n - 1]);
      for (const [key, value] of this.#writesOf(n)) {
        if (value === undefined) state.delete(key);
        else state.set(key, value);
      }
      this.#states.push(state);
    }
    return this.#states[number] as Map<string, string>;
  }

  #writesOf(number: number): Write[] {
    const random = new SeededRandom(this.#seed * 1_000_003 + number);
    const writes = new Map<string, string | undefined>([[SEQUENCE_KEY, String(number)]]);
    for (let left = random.below(5); left > 0; left--) {
      const key = `key-${random.below(this.#keyCount)}`;
      const size = [3, 40, 150, 300, 700][random.below(5)] as number;
      const value = `${number}:`.padEnd(size, String.fromCharCode(97 + (number % 26)));
      writes.set(key, random.below(5) === 0 ? undefined : value);
    }
    return [...writes];
  }
}

function brief(value: string | undefined): string {
  return value === undefined ? "missing" : `"${value.slice(0, 12)}…" (${value.length})`;
}
