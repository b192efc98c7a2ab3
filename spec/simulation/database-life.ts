/**
 * A database opened in one life of the simulated world, and what its commits came to. Everything that is
 * issued goes through here, so that the record of it is complete whatever happens in between.
 */

import { MelesError, type ErrorCode } from "../../src/base/errors.ts";
import type { Database, PutOptions, SyncLevel, Transaction } from "../../src/database/contract.ts";
import { openDatabase } from "../../src/database/open.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { type OpenOptions, resolveOptions } from "../../src/options.ts";
import { withSeals } from "../../src/sealed-parts.ts";
import { createQuery } from "../../src/query/query.ts";
import { runJob } from "../../src/worker/jobs.ts";
import type { Commit, Content, ExpectedCommits, Stored, Write } from "./expected-commits.ts";
import { LateExecutor } from "./late-executor.ts";
import { Died, type Life, type World } from "./world.ts";

export const DIRECTORY = "/data";
/** Of the value log, in some histories. */
export const VALUE_DIRECTORY = "/values";

export interface LifeOptions {
  readonly options: OpenOptions;
  readonly parallelism: number;
  /** Share of background jobs that die. */
  readonly deaths: number;
  /** A flaw to plant: wraps every file system the engine sees. */
  readonly plant: (files: FileSystem, world: World) => FileSystem;
}

/** What faults may make of a call, and nothing else may. */
const FAULT_CODES: ReadonlySet<ErrorCode> = new Set([
  "ERR_IO",
  "ERR_DISK_FULL",
  "ERR_READ_ONLY",
  "ERR_ABORTED",
]);
/** Refused before anything was staged. */
const WITHOUT_EFFECT: ReadonlySet<ErrorCode> = new Set([
  "ERR_READ_ONLY",
  "ERR_CONFLICT",
  "ERR_TRANSACTION_TOO_LARGE",
]);

export class DatabaseLife {
  readonly world: World;
  readonly life: Life;
  readonly db: Database;
  readonly sync: SyncLevel;
  readonly #expected: ExpectedCommits;
  readonly #executor: LateExecutor;
  #inFlight: Promise<unknown>[] = [];
  /** What a commit did that nothing allows; thrown at the next opportunity. */
  #offence: Error | undefined;
  /** The database takes no more writes until it is reopened. */
  isPoisoned = false;

  private constructor(
    world: World,
    db: Database,
    sync: SyncLevel,
    expected: ExpectedCommits,
    executor: LateExecutor,
  ) {
    this.world = world;
    this.life = world.life;
    this.db = db;
    this.sync = sync;
    this.#expected = expected;
    this.#executor = executor;
  }

  /** Opens the database in the world's current life. */
  static async open(
    world: World,
    expected: ExpectedCommits,
    { options, parallelism, deaths, plant }: LifeOptions,
  ): Promise<DatabaseLife> {
    const { life } = world;
    const wrap = (files: FileSystem): FileSystem => plant(files, world);
    const executor = new LateExecutor(world, { parallelism, deaths, wrap });
    const chosen = resolveOptions(options, { memoryBytes: 1 << 30, cores: 2 });
    const pair = { directory: DIRECTORY, valueDirectory: chosen.valueDirectory ?? DIRECTORY };
    const parts = withSeals(pair, {
      env: life.env(wrap(life.files)),
      settings: chosen,
      executor,
    });
    const { env, settings } = parts;
    const opening = openDatabase(pair, {
      ...parts,
      name: DIRECTORY,
      outside: life.files,
      runInline: (job) => runJob(job, env),
      runQuery: (target, text, parameters) => createQuery(target, env, text, parameters),
    });
    const db = await life.settle(opening);
    return new DatabaseLife(world, db, settings.sync, expected, executor);
  }

  /** Something was injected that may make calls fail. */
  get isDisturbed(): boolean {
    return this.life.faultCount > 0 || this.#executor.deathCount > 0;
  }

  // ---------------------------------------------------------------------------- commits

  put(write: Write): Promise<void> {
    const { key, value } = write;
    return this.#watch([write], undefined, () =>
      value === undefined
        ? this.db.delete(bytesOf(key))
        : this.db.put(bytesOf(key), bytesOf(value), optionsOf(write)),
    );
  }

  /** Several writes as one commit, without reads. */
  writeAll(writes: readonly Write[], sync?: boolean): Promise<void> {
    return this.commit(this.db.begin(), writes, sync);
  }

  /** Ends a transaction that has buffered exactly `writes` already, or buffers them now. */
  commit(transaction: Transaction, writes: readonly Write[], sync?: boolean): Promise<void> {
    for (const write of writes) buffer(transaction, write);
    return this.finish(transaction, writes, sync);
  }

  finish(transaction: Transaction, writes: readonly Write[], sync?: boolean): Promise<void> {
    return this.#watch(writes, sync, () => transaction.commit(sync === undefined ? {} : { sync }));
  }

  /** A call that deletes these keys, all that begin with `prefix`, at once. */
  drop(prefix: string, writes: readonly Write[], start: () => Promise<unknown>): Promise<void> {
    return this.#watch(writes, undefined, start, prefix);
  }

  /** Issues a commit whose outcome the caller judges by itself. */
  issue(writes: readonly Write[]): Commit {
    return this.#expected.issue(writes);
  }

  /** Follows one commit to its end; resolves then, whatever the end is. */
  #watch(
    writes: readonly Write[],
    sync: boolean | undefined,
    start: () => Promise<unknown>,
    dropped?: string,
  ): Promise<void> {
    const commit = this.#expected.issue(writes, dropped);
    const done = start().then(
      () => {
        if (this.life.isAlive) this.#acknowledged(commit, sync);
      },
      (error: unknown) => {
        if (this.life.isAlive) this.#failed(commit, error);
      },
    );
    this.#inFlight.push(done);
    return done;
  }

  #acknowledged(commit: Commit, sync: boolean | undefined): void {
    this.world.trace.note(`commit ${commit.number} acknowledged`);
    commit.fate = "acknowledged";
    if (sync ?? this.sync === "commit") this.#expected.promise(commit);
  }

  #failed(commit: Commit, error: unknown): void {
    this.world.trace.note(`commit ${commit.number}: ${String(error)}`);
    if (error instanceof MelesError && WITHOUT_EFFECT.has(error.code))
      this.#expected.withdraw(commit);
    else commit.fate = "failed";
    this.note(error);
  }

  /** Takes an error for what faults may do, or for an offence. */
  note(error: unknown): void {
    if (error instanceof MelesError && FAULT_CODES.has(error.code) && this.isDisturbed) {
      if (error.code === "ERR_READ_ONLY") this.isPoisoned = true;
      return;
    }
    this.#offence ??= error instanceof Error ? error : new Error(String(error));
  }

  /** Throws what a commit did wrong in the meantime. */
  judge(): void {
    if (this.#offence !== undefined) throw this.#offence;
  }

  get hasInFlight(): boolean {
    return this.#inFlight.length > 0;
  }

  /** Waits for every commit that is under way. */
  async settleAll(): Promise<void> {
    const waiting = this.#inFlight;
    this.#inFlight = [];
    await this.life.settle(Promise.all(waiting));
    this.judge();
  }

  // ------------------------------------------------------------------------------ calls

  /**
   * Waits for a call. False when it failed as faults may make it; throws for any other failure.
   * `durable`: when it succeeds, what was acknowledged at its beginning survives a power loss.
   */
  async call(start: () => Promise<unknown>, durable = false): Promise<boolean> {
    const last = this.#expected.lastAcknowledged;
    try {
      await this.life.settle(start());
    } catch (error) {
      if (error instanceof Died) throw error;
      this.note(error);
      this.world.trace.note(`call: ${String(error)}`);
      this.judge();
      return false;
    }
    if (durable && last !== undefined) this.#expected.promise(last);
    this.judge();
    return true;
  }

  /** What `read` answers; `undefined` when a fault has kept it from answering. */
  read<T>(read: () => T): T | undefined {
    const before = this.life.faultCount;
    try {
      return read();
    } catch (error) {
      if (!this.life.isAlive) throw new Died(this.life.end ?? "kill");
      const isFault = error instanceof MelesError && error.code === "ERR_IO";
      if (isFault && this.life.faultCount > before) return undefined;
      throw error;
    }
  }

  /** Everything that can be read, by a scan. */
  content(source: Pick<Database, "scan"> = this.db, range = {}): Content | undefined {
    return this.read(() => {
      const content = new Map<string, Stored>();
      for (const { key, value, userMeta, expiresAt } of source.scan(range)) {
        content.set(textOf(key), { value: textOf(value), userMeta, expiresAt });
      }
      return content;
    });
  }
}

export function buffer(transaction: Transaction, write: Write): void {
  const key = bytesOf(write.key);
  if (write.value === undefined) transaction.delete(key);
  else transaction.put(key, bytesOf(write.value), optionsOf(write));
}

function optionsOf({ userMeta, expiresAt }: Write): PutOptions | undefined {
  return userMeta === 0 && expiresAt === 0 ? undefined : { userMeta, expiresAt };
}

export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
