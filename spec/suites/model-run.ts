/**
 * A random history, carried out on a database and on its naive twin at once. Every step compares what
 * the two answer; open transactions and scans are compared again and again while flushes and
 * compactions go on underneath. A difference is thrown with the seed and the step.
 *
 * The twin never forgets a version. So the real database may have fewer old versions, never others.
 */

import { MelesError } from "../../src/base/errors.ts";
import type { Version } from "../../src/base/ids.ts";
import type { Database, Entry, Range, Scan, Transaction } from "../../src/database/contract.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { OpenOptions } from "../../src/index.ts";
import { copyToMemory } from "./copy-file-system.ts";
import { outcome, same, sameBytes, sameEntries, show, visited } from "./model-compare.ts";
import { ModelInput } from "./model-input.ts";
import { NaiveDatabase } from "./naive-database.ts";
import { DIRECTORY, openIn, testEnv, TINY, type TestEnv } from "./open-database.ts";

interface Pair<T> {
  readonly real: T;
  readonly naive: T;
}

interface OpenTransaction extends Pair<Transaction> {
  /** The twin takes a get of an own write for a read of the snapshot, so such gets are left out. */
  hasWritten: boolean;
  /** A prefix was dropped since it began: having read where nothing was counts as a conflict, too. */
  sawDrop?: boolean;
}

/** A commit in both: one version of the twin, one or several of the real database. */
interface CommitVersions {
  readonly naive: Version;
  readonly first: Version;
  readonly last: Version;
}

const OPEN_MAX = 4;

export class ModelRun {
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #input: ModelInput;
  readonly #options: OpenOptions;
  #env: TestEnv;
  readonly #naive: NaiveDatabase;
  #real: Database;
  #transactions: OpenTransaction[] = [];
  #scans: Pair<Scan>[] = [];
  /** Walks that have stopped half-way and go on later. */
  #walks: Pair<Iterator<Entry>>[] = [];
  #commits: CommitVersions[] = [];
  /** Keys that one batch wrote twice, with its versions: it may have stored both, the twin knows the last. */
  readonly #writtenTwice = new Set<string>();
  #log: string[] = [];
  /** How often each step was taken, for the spec to see that a run was worth something. */
  readonly taken = new Map<string, number>();

  private constructor(seed: number, options: OpenOptions, env: TestEnv, real: Database) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    this.#input = new ModelInput(this.#random, env.clock);
    this.#options = options;
    this.#env = env;
    this.#naive = new NaiveDatabase(env);
    this.#real = real;
  }

  static async start(seed: number, options: OpenOptions): Promise<ModelRun> {
    const env = testEnv(undefined, seed);
    const merged = { ...TINY, ...options };
    return new ModelRun(seed, merged, env, await openIn(env, merged));
  }

  get real(): Database {
    return this.#real;
  }

  /** Takes so many random steps and ends with a comparison of everything. */
  async run(steps: number): Promise<void> {
    const table: readonly [number, string, () => unknown][] = [
      [22, "put", () => this.#put()],
      [10, "delete", () => this.#delete()],
      [8, "batch", () => this.#batch()],
      [8, "begin", () => this.#begin()],
      [25, "transaction step", () => this.#transactionStep()],
      [6, "end transaction", () => this.#endTransaction()],
      [4, "open scan", () => this.#openScan()],
      [6, "walk open scan", () => this.#walkOpenScan()],
      [6, "walk on", () => this.#walkOn()],
      [16, "read", () => this.#readSome(this.#real, this.#naive)],
      [4, "all versions", () => this.#compareVersions()],
      [3, "time travel", () => this.#timeTravel()],
      [5, "pass time", () => this.#env.clock.advance(this.#random.below(20_000))],
      [4, "flush", () => this.#real.flush()],
      [2, "compact", () => this.#real.compact()],
      [1, "collect", () => this.#real.collectGarbage({ discardRatio: 0.01 })],
      [1, "sync", () => this.#real.sync()],
      [1, "drop prefix", () => this.#dropPrefix()],
      [1, "reopen", () => this.#reopen()],
      [1, "crash", () => this.#crash()],
      [1, "verify", () => this.#verify()],
    ];
    const total = table.reduce((sum, [weight]) => sum + weight, 0);
    for (let step = 0; step < steps; step++) {
      let draw = this.#random.below(total);
      const chosen = table.find(([weight]) => (draw -= weight) < 0) ?? table[0];
      if (chosen === undefined) break;
      this.taken.set(chosen[1], (this.taken.get(chosen[1]) ?? 0) + 1);
      this.#log.push(`${step} ${chosen[1]}`);
      await this.#guarded(chosen[2]);
    }
    await this.#guarded(async () => {
      this.#compareAll();
      this.#compareVersions();
      await this.#verify();
      await this.#reopen();
      this.#compareAll();
      await this.#real.close();
    });
  }

  async #guarded(action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (cause) {
      const recent = this.#log.slice(-12).join("\n  ");
      throw new Error(`seed ${this.#seed}: ${String(cause)}\nlast steps:\n  ${recent}`, { cause });
    }
  }

  // ------------------------------------------------------------------- writing

  async #put(): Promise<void> {
    const { key, value, options } = this.#input.write();
    const first = await this.#real.put(key, value, options);
    this.#committed(await this.#naive.put(key, value, options), first);
  }

  async #delete(): Promise<void> {
    const key = this.#input.key();
    const first = await this.#real.delete(key);
    this.#committed(await this.#naive.delete(key), first);
  }

  async #batch(): Promise<void> {
    const first = this.#real.stats().version + 1;
    const real = this.#real.batch({ maxPendingBytes: 1 + this.#random.below(40_000) });
    const naive = this.#naive.batch();
    const written = new Set<string>();
    const twice = new Set<string>();
    for (let left = 1 + this.#random.below(300); left > 0; left--) {
      const { key, value, options } = this.#input.write();
      const name = key.toHex();
      if (written.has(name)) twice.add(name);
      written.add(name);
      if (this.#random.below(4) === 0) {
        await real.delete(key);
        await naive.delete(key);
      } else {
        await real.put(key, value, options);
        await naive.put(key, value, options);
      }
    }
    await real.flush();
    await naive.flush();
    this.#committed(this.#naive.stats().version, first, this.#real.stats().version);
    for (const name of twice) this.#writtenTwice.add(`${name} ${this.#spanOf(first)}`);
  }

  async #dropPrefix(): Promise<void> {
    const prefix = this.#input.prefix();
    const first = this.#real.stats().version + 1;
    const transaction = this.#naive.begin();
    const keys = [...transaction.scan({ prefix }).keys()];
    for (const key of keys) transaction.delete(key);
    const naive = await transaction.commit();
    await this.#real.dropPrefix(prefix);
    for (const pair of this.#transactions) pair.sawDrop = true;
    if (keys.length > 0) this.#committed(naive, first, this.#real.stats().version);
  }

  #committed(naive: Version, first: Version, last = first): void {
    const previous = this.#commits.at(-1)?.last ?? 0;
    if (first <= previous || last < first) {
      throw new Error(`versions ${first} … ${last} after ${previous}`);
    }
    this.#commits.push({ naive, first, last });
  }

  // -------------------------------------------------------------- transactions

  #begin(): void {
    if (this.#transactions.length >= OPEN_MAX) return;
    const options = this.#random.below(3) === 0 ? { readOnly: true } : {};
    const real = this.#real.begin(options);
    this.#transactions.push({ real, naive: this.#naive.begin(options), hasWritten: false });
  }

  #transactionStep(): void {
    const pair = this.#pick(this.#transactions);
    if (pair === undefined) return;
    const { real, naive } = pair;
    if (real.readOnly || this.#random.below(2) === 0) {
      this.#readSome(real, naive, pair);
      return;
    }
    const { key, value, options } = this.#input.write();
    if (this.#random.below(4) === 0) {
      real.delete(key);
      naive.delete(key);
    } else {
      real.put(key, value, options);
      naive.put(key, value, options);
    }
    pair.hasWritten = true;
  }

  async #endTransaction(): Promise<void> {
    const pair = this.#pick(this.#transactions);
    if (pair === undefined) return;
    this.#transactions = this.#transactions.filter((one) => one !== pair);
    if (this.#random.below(3) === 0) {
      pair.real.discard();
      pair.naive.discard();
      return;
    }
    const before = this.#naive.stats().version;
    const real = await outcome(pair.real.commit());
    if (real === "ERR_CONFLICT" && pair.sawDrop === true) {
      pair.naive.discard();
      return;
    }
    const naive = await outcome(pair.naive.commit());
    if (real === "ERR_CONFLICT" && naive !== "ERR_CONFLICT") throw new Error("a false conflict");
    if (naive === "ERR_CONFLICT" && real !== "ERR_CONFLICT") throw new Error("a missed conflict");
    if (typeof real === "number" && typeof naive === "number" && naive > before) {
      this.#committed(naive, real);
    }
  }

  // ------------------------------------------------------------------- reading

  #readSome(
    real: Database | Transaction,
    naive: Database | Transaction,
    pair?: OpenTransaction,
  ): void {
    const kind = this.#random.below(10);
    if (kind < 4) {
      const key = this.#input.key();
      if (pair !== undefined && pair.hasWritten) return this.#compareWalk(real, naive, {}, pair);
      same(real.get(key)?.toHex(), naive.get(key)?.toHex(), "get");
      same(real.has(key), naive.has(key), "has");
      sameEntries([real.getEntry(key)], [naive.getEntry(key)], "getEntry");
    } else if (kind < 5) {
      const range = this.#input.range();
      same(real.count(range), naive.count(range), `count ${show(range)}`);
    } else {
      this.#compareWalk(real, naive, this.#input.range(), pair);
    }
  }

  #compareWalk(
    real: Database | Transaction,
    naive: Database | Transaction,
    range: Range,
    pair?: OpenTransaction,
  ): void {
    // Seeking in an update transaction: the twin walks there, and so reads more.
    // What a limit means after a seek is nobody's promise.
    const canSeek = (pair === undefined || pair.real.readOnly) && range.limit === undefined;
    this.#compareScans({ real: real.scan(range), naive: naive.scan(range) }, show(range), canSeek);
  }

  #compareScans({ real, naive }: Pair<Scan>, what: string, canSeek: boolean): void {
    switch (this.#random.below(canSeek ? 6 : 5)) {
      case 0:
        return sameEntries(real.toArray(), naive.toArray(), `toArray ${what}`);
      case 1:
        return sameBytes(real.keys(), naive.keys(), `keys ${what}`);
      case 2:
        return sameBytes(real.values(), naive.values(), `values ${what}`);
      case 3:
        return sameEntries([real.first()], [naive.first()], `first ${what}`);
      case 4: {
        const limit = this.#random.below(20);
        sameBytes(visited(real, limit), visited(naive, limit), `forEach ${what}`);
        return;
      }
      default:
        return this.#compareCursors({ real, naive }, what);
    }
  }

  #compareCursors(pair: Pair<Scan>, what: string): void {
    using real = pair.real.cursor();
    using naive = pair.naive.cursor();
    for (let move = 0; move < 12; move++) {
      same(real.valid, naive.valid, `cursor is valid, ${what}`);
      if (real.valid) {
        same(real.key.toHex(), naive.key.toHex(), `cursor key, ${what}`);
        same(real.value.toHex(), naive.value.toHex(), `cursor value, ${what}`);
      }
      if (this.#random.below(3) === 0) {
        const key = this.#input.key();
        real.seek(key);
        naive.seek(key);
      } else if (real.valid) {
        real.next();
        naive.next();
      }
    }
  }

  #openScan(): void {
    if (this.#scans.length >= OPEN_MAX) this.#scans.shift()?.real[Symbol.dispose]();
    const range = this.#input.range();
    this.#scans.push({ real: this.#real.scan(range), naive: this.#naive.scan(range) });
  }

  /** A scan that was walked to an end holds its snapshot no longer: it may be gone, never different. */
  #walkOpenScan(): void {
    const pair = this.#pick(this.#scans);
    if (pair === undefined) return;
    try {
      sameEntries(pair.real.toArray(), pair.naive.toArray(), "an open scan");
    } catch (error) {
      if (!(error instanceof MelesError) || error.code !== "ERR_VERSION_GONE") throw error;
      this.#scans = this.#scans.filter((one) => one !== pair);
    }
  }

  /** Takes a walk a few entries further, or starts one; whatever was flushed or merged meanwhile. */
  #walkOn(): void {
    if (this.#walks.length < OPEN_MAX && this.#random.below(3) === 0) {
      const range = { ...this.#input.range(), limit: Number.POSITIVE_INFINITY };
      const real = this.#real.scan(range)[Symbol.iterator]();
      this.#walks.push({ real, naive: this.#naive.scan(range)[Symbol.iterator]() });
    }
    const walk = this.#pick(this.#walks);
    if (walk === undefined) return;
    for (let left = 1 + this.#random.below(15); left > 0; left--) {
      const real = walk.real.next();
      const naive = walk.naive.next();
      sameEntries([real.value], [naive.value], "a walk that goes on");
      if (real.done !== true) continue;
      this.#walks = this.#walks.filter((one) => one !== walk);
      return;
    }
  }

  #timeTravel(): void {
    const commit = this.#pick(this.#commits);
    if (commit === undefined) return;
    let real: Transaction;
    try {
      real = this.#real.begin({ at: commit.last });
    } catch (error) {
      if (error instanceof MelesError && error.code === "ERR_VERSION_GONE") return;
      throw error;
    }
    const naive = this.#naive.begin({ at: commit.naive });
    sameEntries(real.scan().toArray(), naive.scan().toArray(), `at version ${commit.last}`);
    if (this.#transactions.length < OPEN_MAX && this.#random.below(2) === 0) {
      this.#transactions.push({ real, naive, hasWritten: false });
    } else {
      real.discard();
      naive.discard();
    }
  }

  /** Every stored version is one of the twin's, and the newest is there; `since` cuts both alike. */
  #compareVersions(): void {
    const reverse = this.#random.below(2) === 0;
    const stored = new Map<string, Entry>();
    for (const entry of this.#naive.scan({ allVersions: true })) {
      stored.set(`${entry.key.toHex()} ${this.#realVersion(entry.version)}`, entry);
    }
    let previous: Entry | undefined;
    for (const entry of this.#real.scan({ allVersions: true, reverse })) {
      if (previous !== undefined) this.#checkOrder(previous, entry, reverse);
      previous = entry;
      const name = `${entry.key.toHex()} ${this.#spanOf(entry.version)}`;
      if (this.#writtenTwice.has(name)) continue;
      const twin = stored.get(name);
      if (twin === undefined) throw new Error(`a version nobody wrote: ${name}`);
      same(entry.deleted, twin.deleted, `deleted of ${name}`);
      if (!twin.deleted) sameEntries([entry], [twin], `version ${name}`);
    }
    const since = this.#pick(this.#commits);
    if (since === undefined) return;
    sameEntries(
      this.#real.scan({ since: since.last }).toArray(),
      this.#naive.scan({ since: since.naive }).toArray(),
      `since ${since.last}`,
    );
  }

  #checkOrder(before: Entry, after: Entry, reverse: boolean): void {
    const [low, high] = reverse ? [after, before] : [before, after];
    const order = Buffer.compare(low.key, high.key);
    if (order > 0 || (order === 0 && low.version <= high.version)) {
      throw new Error(
        `${low.key.toHex()}@${low.version} before ${high.key.toHex()}@${high.version}`,
      );
    }
  }

  #compareAll(): void {
    for (const reverse of [false, true]) {
      const entries = this.#real.scan({ reverse }).toArray();
      sameEntries(entries, this.#naive.scan({ reverse }).toArray(), "everything");
    }
    for (const key of this.#input.keys) {
      same(this.#real.get(key)?.toHex(), this.#naive.get(key)?.toHex(), "get of every key");
    }
    for (const { real, naive } of this.#transactions) {
      sameEntries(real.scan().toArray(), naive.scan().toArray(), "an open transaction");
    }
  }

  // ------------------------------------------------------------------ lifecycle

  async #reopen(): Promise<void> {
    this.#dropOpen();
    await this.#real.close();
    this.#real = await openIn(this.#env, this.#changedOptions());
  }

  /** The process dies: what it leaves behind is opened, with everything acknowledged in it. */
  async #crash(): Promise<void> {
    this.#dropOpen();
    const left = copyToMemory(this.#env.fileSystem, DIRECTORY);
    await this.#real.close();
    this.#env = { ...this.#env, fileSystem: left };
    this.#real = await openIn(this.#env, this.#changedOptions());
    this.#compareAll();
  }

  #dropOpen(): void {
    for (const { real, naive } of this.#transactions) {
      real.discard();
      naive.discard();
    }
    for (const { real } of this.#walks) real.return?.();
    this.#transactions = [];
    this.#scans = [];
    this.#walks = [];
  }

  /** Sizes and thresholds may change from one opening to the next. */
  #changedOptions(): OpenOptions {
    return {
      ...this.#options,
      valueThreshold: [0, 1, 64, 200, 5000][this.#random.below(5)] as number,
      blockSize: [256, 512, 4096][this.#random.below(3)] as number,
      levelZeroTables: 1 + this.#random.below(4),
      bloomFalsePositive: [0, 0.01, 0.5][this.#random.below(3)] as number,
      blockCacheSize: [0, 64 * 1024, 1 << 20][this.#random.below(3)] as number,
    };
  }

  async #verify(): Promise<void> {
    const { findings } = await this.#real.verify();
    if (findings.length > 0) throw new Error(`verify found ${JSON.stringify(findings[0])}`);
  }

  // ------------------------------------------------------------------ comparison

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#random.below(Math.max(1, list.length))];
  }

  /** The commit that a version belongs to, as text: the same for both databases. */
  #realVersion(naive: Version): string {
    const commit = this.#commits.find((one) => one.naive === naive);
    return commit === undefined ? `unknown ${naive}` : `${commit.first}…${commit.last}`;
  }

  #spanOf(real: Version): string {
    const commit = this.#commits.find((one) => one.first <= real && real <= one.last);
    return commit === undefined ? `unknown ${real}` : `${commit.first}…${commit.last}`;
  }
}
