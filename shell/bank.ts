/**
 * A bank for torture: accounts with money, concurrent transfers, and one invariant: the sum never
 * changes, in no snapshot. Everything a transfer does is one transaction; a lost or torn one, a snapshot
 * that is none, or a conflict that went unnoticed shows in the sum.
 *
 *     bank            {"accounts":1000}
 *     bank:00000017   the balance, decimal digits
 */

import type { Database, Entry } from "./engine.ts";

const BOOK_KEY = "bank";
const ACCOUNT_PREFIX = "bank:";
const INITIAL_BALANCE = 100;
const AMOUNT_MAX = 20;
const WORKERS = 16;
const CHECKERS = 2;
/** A transfer that loses against others again and again is given up: another one is tried. */
const RETRIES = 50;

/** What is told of a broken invariant. */
export interface Breach {
  readonly version: number;
  readonly sum: number;
  readonly expected: number;
  /** Balances that this version has changed. */
  readonly changes: readonly Change[];
  /** Changes of the versions just before it, oldest first. */
  readonly before: readonly (readonly Change[])[];
}

export interface Change {
  readonly version: number;
  readonly account: string;
  /** `undefined` when the account was not there. */
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export class Bank {
  readonly #database: Database;
  readonly #accounts: number;
  readonly #random: () => number;
  transfers = 0;
  conflicts = 0;
  checks = 0;

  private constructor(database: Database, accounts: number, random: () => number) {
    this.#database = database;
    this.#accounts = accounts;
    this.#random = random;
  }

  /** Opens the accounts that are there, or `accounts` new ones, in one transaction. */
  static async open(
    database: Database,
    accounts: number,
    random: () => number = Math.random,
  ): Promise<Bank> {
    const book = database.getEntry(BOOK_KEY)?.json() as { accounts?: unknown } | undefined;
    if (typeof book?.accounts === "number") return new Bank(database, book.accounts, random);
    await database.update((transaction) => {
      transaction.put(BOOK_KEY, JSON.stringify({ accounts }));
      for (let i = 0; i < accounts; i++) transaction.put(keyOf(i), String(INITIAL_BALANCE));
    });
    return new Bank(database, accounts, random);
  }

  get accounts(): number {
    return this.#accounts;
  }

  get expectedSum(): number {
    return this.#accounts * INITIAL_BALANCE;
  }

  /** Transfers and checks until `isOver`, or until a sum is wrong; then tells of it. */
  async run(isOver: () => boolean): Promise<Breach | undefined> {
    let broken = !this.isSound();
    const isDone = (): boolean => broken || isOver();
    const work = async (step: () => Promise<void>): Promise<void> => {
      while (!isDone()) await step();
    };
    await Promise.all([
      ...Array.from({ length: WORKERS }, () => work(() => this.#transfer())),
      ...Array.from({ length: CHECKERS }, () =>
        work(async () => {
          await nextTurn();
          broken ||= !this.isSound();
        }),
      ),
    ]);
    return broken || !this.isSound() ? this.findBreach() : undefined;
  }

  /** Whether the sum is right in a snapshot taken now. */
  isSound(): boolean {
    this.checks++;
    return this.#database.view((transaction) => {
      let sum = 0;
      if (this.#random() < 0.5) {
        for (const entry of transaction.scan({ prefix: ACCOUNT_PREFIX })) sum += balanceOf(entry);
      } else {
        for (let i = 0; i < this.#accounts; i++) {
          const entry = transaction.getEntry(keyOf(i));
          sum += entry === undefined ? Number.NaN : balanceOf(entry);
        }
      }
      return sum === this.expectedSum;
    });
  }

  async #transfer(): Promise<void> {
    const from = keyOf(Math.floor(this.#random() * this.#accounts));
    const to = keyOf(Math.floor(this.#random() * this.#accounts));
    const amount = 1 + Math.floor(this.#random() * AMOUNT_MAX);
    let attempts = 0;
    try {
      await this.#database.update(
        async (transaction) => {
          attempts++;
          const before = transaction.getEntry(from);
          // Others run here: what was read may have changed by the time of the commit.
          await nextTurn();
          const after = transaction.getEntry(to);
          if (before === undefined || after === undefined || from === to) return;
          if (balanceOf(before) < amount) return;
          transaction.put(from, String(balanceOf(before) - amount));
          transaction.put(to, String(balanceOf(after) + amount));
        },
        { retries: RETRIES },
      );
      this.transfers++;
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_CONFLICT")
        throw error;
    }
    this.conflicts += attempts - 1;
  }

  /** The first version in the stored history at which the sum is wrong, and what led there. */
  findBreach(): Breach {
    const balances = new Map<string, number>();
    const expected = this.expectedSum;
    const history: Change[][] = [];
    let sum = 0;
    for (const changes of this.#history()) {
      const told = changes.map(({ version, account, to }) => {
        const from = balances.get(account);
        if (to === undefined) balances.delete(account);
        else balances.set(account, to);
        sum += (to ?? 0) - (from ?? 0);
        return { version, account, from, to };
      });
      history.push(told);
      // Compaction may have left out the oldest versions: only from here on the sum says something.
      const isComplete = balances.size >= this.#accounts || told.some(({ to }) => to === undefined);
      if (isComplete && sum !== expected) break;
    }
    const changes = history.at(-1) ?? [];
    const version = changes[0]?.version ?? 0;
    return { version, sum, expected, changes, before: history.slice(-6, -1) };
  }

  /** Changes by version, oldest first. */
  #history(): Change[][] {
    const byVersion = new Map<number, Change[]>();
    for (const entry of this.#database.scan({ prefix: ACCOUNT_PREFIX, allVersions: true })) {
      const { version, deleted } = entry;
      const to = deleted ? undefined : balanceOf(entry);
      const change = { version, account: new TextDecoder().decode(entry.key), from: undefined, to };
      const changes = byVersion.get(version);
      if (changes === undefined) byVersion.set(version, [change]);
      else changes.push(change);
    }
    return [...byVersion].sort(([a], [b]) => a - b).map(([, changes]) => changes);
  }
}

function keyOf(account: number): string {
  return ACCOUNT_PREFIX + String(account).padStart(8, "0");
}

/** NaN for what is no balance: no sum is right with it. */
function balanceOf(entry: Entry): number {
  const text = entry.text();
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function nextTurn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}
