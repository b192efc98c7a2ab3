/**
 * Carries a history out on the real engine, in memory, with every background job under control, and
 * compares it after every step with a twin that remembers all versions. Throws at the first difference.
 */

import { toText } from "../../src/base/bytes.ts";
import { at } from "../../src/base/assert.ts";
import type { Version } from "../../src/base/ids.ts";
import type { Database, Entry, Transaction } from "../../src/database/contract.ts";
import type { Policies } from "../../src/database/policies.ts";
import type { Settings } from "../../src/database/settings.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { ManifestLog } from "../../src/manifest/manifest-log.ts";
import { runJob, type Job, type JobResult } from "../../src/worker/jobs.ts";
import { copyToMemory } from "../suites/copy-file-system.ts";
import { DIRECTORY, testEnv, type TestEnv } from "../suites/open-database.ts";
import { writeBadgerCopy } from "./badger-copy.ts";
import { openSmall, SMALL_SETTINGS } from "./open-small.ts";
import { randomPolicies } from "./random-policies.ts";
import { KEY_COUNT, type SpaceStep } from "./space-steps.ts";
import { StepExecutor } from "./step-executor.ts";
import { type BookedVersion, VersionBook } from "./version-book.ts";

/** What a spec may put in the engine's place to show that the histories notice. */
export interface Sabotage {
  readonly policies?: (honest: Policies) => Policies;
  /** Changes a job before it runs. */
  readonly job?: (job: Job) => Job;
  /** Badger's copy is chosen at one step and written at the next such step, whatever happened in between. */
  readonly copiesLate?: boolean;
  /** Leaves Badger's copies out, so that the mistake has to show by itself. */
  readonly withoutCopies?: boolean;
}

interface OpenSnapshot {
  readonly transaction: Transaction;
  readonly nowMs: number;
}

/** Turns of promises after which everything that can go on has gone on. */
const TURNS = 24;
const PUMP_MAX = 3000;

export class SpaceRun {
  readonly #seed: number;
  readonly #sabotage: Sabotage;
  readonly #book = new VersionBook();
  readonly #random: SeededRandom;
  #env: TestEnv;
  #executor: StepExecutor;
  #db: Database | undefined;
  #snapshots: OpenSnapshot[] = [];
  #writes = 0;
  /** A copy that a sabotaged collection has read and not written yet. */
  #late: Entry | undefined;
  #settings: Settings;
  #failure: unknown;

  constructor(seed: number, sabotage: Sabotage = {}) {
    this.#seed = seed;
    this.#sabotage = sabotage;
    this.#random = new SeededRandom(seed);
    this.#env = testEnv(new MemoryFileSystem(), seed);
    this.#executor = new StepExecutor(1, (job) => runJob(job, this.#env));
    this.#settings = settingsOf(seed, 0, 2);
  }

  async run(steps: readonly SpaceStep[]): Promise<void> {
    await this.#open(0, 2);
    for (const step of steps) {
      await this.#take(step);
      await this.#settle();
      this.#check();
    }
    this.#endSnapshots();
    await this.#reopen(this.#seed);
    this.#check();
    const db = this.#required;
    await this.#pump(db.compact());
    this.#check();
    const { findings } = await this.#pump(db.verify());
    if (findings.length > 0) throw new Error(`verify: ${findings[0]?.message}`);
    this.#checkFiles();
    await this.#pump(db.close());
  }

  get #required(): Database {
    if (this.#db === undefined) throw new Error("the database is open");
    return this.#db;
  }

  // -------------------------------------------------------------------------- steps

  async #take(step: SpaceStep): Promise<void> {
    const db = this.#required;
    switch (step.do) {
      case "put":
        return this.#put(step.key, step.size, step.ttl, step.discards);
      case "delete": {
        const version = await this.#pump(db.delete(keyName(step.key)));
        this.#note(step.key, { version, value: undefined, userMeta: 0, expiresAt: 0 });
        return;
      }
      case "commit":
        return this.#commit(step.key, step.count, step.size);
      case "snapshot":
        if (this.#snapshots.length >= 3) return;
        this.#snapshots.push({
          transaction: db.begin({ readOnly: true }),
          nowMs: this.#env.clock.nowMs(),
        });
        return;
      case "end snapshot":
        this.#snapshots.splice(step.index, 1)[0]?.transaction.discard();
        return;
      case "flush":
        return this.#pump(db.flush());
      case "work":
        this.#executor.step(step.index);
        return;
      case "compact":
        return this.#pump(db.compact());
      case "collect":
        await this.#pump(db.collectGarbage({ discardRatio: step.share }));
        return;
      case "drop":
        return this.#drop(step.key);
      case "drop and kill":
        return this.#dropAndKill(step.key, step.jobs, step.shape);
      case "pass time":
        this.#env.clock.advance(step.ms);
        return;
      case "kill":
        return this.#kill(step.shape);
      case "reopen":
        return this.#reopen(step.shape);
      case "badger copy":
        return this.#badgerCopy(step.index, step.shape);
    }
  }

  async #put(key: number, size: number, ttl: number, discards: boolean): Promise<void> {
    const value = this.#value(size);
    const userMeta = this.#writes % 256;
    const expiresAt = ttl === 0 ? 0 : Math.floor(this.#env.clock.nowMs() / 1000) + ttl;
    const options = { userMeta, expiresAt, discardEarlierVersions: discards };
    const version = await this.#pump(this.#required.put(keyName(key), value, options));
    this.#note(key, { version, value, userMeta, expiresAt });
  }

  async #commit(first: number, count: number, size: number): Promise<void> {
    const transaction = this.#required.begin();
    const written: [number, Uint8Array | undefined][] = [];
    for (let i = 0; i < count; i++) {
      const key = (first + i) % KEY_COUNT;
      const value = i === 0 ? undefined : this.#value(size);
      if (value === undefined) transaction.delete(keyName(key));
      else transaction.put(keyName(key), value);
      written.push([key, value]);
    }
    const version = await this.#pump(transaction.commit());
    for (const [key, value] of written)
      this.#note(key, { version, value, userMeta: 0, expiresAt: 0 });
  }

  async #drop(key: number): Promise<void> {
    const db = this.#required;
    const prefix = prefixOf(key);
    const seen = this.#namesUnder(prefix);
    await this.#pump(prefix === "" ? db.dropAll() : db.dropPrefix(prefix));
    this.#noteDrop(seen);
  }

  /** All of it is gone or none; none only if the call had not returned. */
  async #dropAndKill(key: number, jobs: number, shape: number): Promise<void> {
    const prefix = prefixOf(key);
    const seen = this.#namesUnder(prefix);
    let isDone = false;
    this.#required.dropPrefix(prefix).then(
      () => (isDone = true),
      () => undefined,
    );
    for (let left = jobs; left > 0; left--) {
      for (let turn = this.#random.below(TURNS); turn > 0; turn--) await Promise.resolve();
      this.#executor.step(left);
    }
    // The abandoned process may go on, and end the call in its own world.
    const hadReturned = isDone;
    await this.#kill(shape);
    const found = seen.filter((name) => this.#required.has(name));
    if (found.length > 0 && (hadReturned || found.length < seen.length)) {
      throw new Error(`${found.join()} of ${seen.join()} came back after a drop and a kill`);
    }
    if (found.length === 0) this.#noteDrop(seen);
  }

  #namesUnder(prefix: string): string[] {
    const { version } = this.#required.stats();
    const names = this.#book.keys(version, this.#env.clock.nowMs());
    return names.filter((name) => name.startsWith(prefix));
  }

  #noteDrop(names: readonly string[]): void {
    const { version } = this.#required.stats();
    for (const name of names) {
      this.#book.add(name, { version, value: undefined, userMeta: 0, expiresAt: 0 });
    }
  }

  #value(size: number): Uint8Array {
    const value = new Uint8Array(size);
    const number = ++this.#writes;
    value.fill(number & 0xff);
    if (size >= 4) new DataView(value.buffer).setUint32(0, number);
    return value;
  }

  #note(key: number, booked: BookedVersion): void {
    this.#book.add(keyName(key), booked);
  }

  // ------------------------------------------------------------------ ends and beginnings

  async #open(shape: number, levelsMin: number): Promise<void> {
    this.#settings = settingsOf(this.#seed, shape, levelsMin);
    const env = this.#env;
    // The abandoned process of a kill keeps the world it was in.
    const run = (job: Job): JobResult => runJob(this.#sabotage.job?.(job) ?? job, env);
    this.#executor = new StepExecutor(1 + this.#random.below(3), run);
    const { policies } = this.#sabotage;
    const honest = randomPolicies(this.#random, 300 + this.#random.below(3000));
    this.#db = await openSmall(env, {
      settings: this.#settings,
      executor: this.#executor,
      runJob: run,
      policies: policies === undefined ? honest : policies(honest),
    });
    this.#db.on("error", (error) => (this.#failure ??= error));
    await this.#settle();
  }

  /** As many levels as the directory needs. */
  #levelsOf(fileSystem: FileSystem): number {
    const manifest = ManifestLog.open(fileSystem, DIRECTORY, 0);
    return Math.max(2, ...[...manifest.tables.values()].map(({ level }) => level + 1));
  }

  /** What the process has written so far is what the next one finds; it itself is forgotten. */
  async #kill(shape: number): Promise<void> {
    const { clock, random, log } = this.#env;
    this.#snapshots = [];
    const fileSystem = copyToMemory(this.#env.fileSystem, DIRECTORY);
    // The abandoned one goes on in its own world, if at all.
    this.#env = { fileSystem, clock, random, log };
    await this.#open(shape, this.#levelsOf(fileSystem));
  }

  async #reopen(shape: number): Promise<void> {
    this.#endSnapshots();
    await this.#pump(this.#required.close());
    await this.#open(shape, this.#levelsOf(this.#env.fileSystem));
  }

  #endSnapshots(): void {
    for (const { transaction } of this.#snapshots) transaction.discard();
    this.#snapshots = [];
  }

  async #badgerCopy(index: number, shape: number): Promise<void> {
    if (this.#sabotage.withoutCopies === true) return;
    const stored = [...this.#required.scan({ allVersions: true })].filter((one) => !one.deleted);
    const chosen = stored[index % Math.max(1, stored.length)];
    const entry = this.#sabotage.copiesLate === true ? this.#late : chosen;
    this.#late = chosen;
    if (entry === undefined) return;
    const { clock, random, log } = this.#env;
    this.#snapshots = [];
    const fileSystem = copyToMemory(this.#env.fileSystem, DIRECTORY);
    writeBadgerCopy(fileSystem, DIRECTORY, entry);
    this.#env = { fileSystem, clock, random, log };
    await this.#open(shape, this.#levelsOf(fileSystem));
  }

  // ------------------------------------------------------------------------- checking

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    const db = this.#required;
    const nowMs = this.#env.clock.nowMs();
    this.#compare(db, db.stats().version, nowMs, "now");
    for (const { transaction } of this.#snapshots) {
      this.#compare(transaction, transaction.readVersion, nowMs, "in a snapshot");
    }
  }

  #compare(reader: Database | Transaction, version: Version, nowMs: number, when: string): void {
    for (let key = 0; key < KEY_COUNT; key++) {
      const name = keyName(key);
      const expected = this.#book.visible(name, version, nowMs);
      const found = reader.getEntry(name);
      if (expected === undefined) {
        if (found !== undefined) throw new Error(`${name}@${found.version} came back ${when}`);
        continue;
      }
      if (found === undefined) throw new Error(`${name}@${expected.version} is lost ${when}`);
      if (found.version !== expected.version) {
        throw new Error(`${name}@${found.version} instead of @${expected.version} ${when}`);
      }
      if (
        found.userMeta !== expected.userMeta ||
        found.expiresAt !== expected.expiresAt ||
        Buffer.compare(found.value, expected.value as Uint8Array) !== 0
      ) {
        throw new Error(`${name}@${found.version} has another value or other bits ${when}`);
      }
    }
    const scanned = [...reader.scan({ keysOnly: true }).keys()].map((key) => toText(key));
    const keys = this.#book.keys(version, nowMs);
    if (scanned.join() !== keys.join()) {
      throw new Error(`a scan finds ${scanned.join()} instead of ${keys.join()} ${when}`);
    }
  }

  /** Every table and value-log file in the directory is one the database knows. */
  #checkFiles(): void {
    const db = this.#required;
    const known = new Set([...db.tables(), ...db.valueLogs()].map(({ file }) => file));
    for (const name of this.#env.fileSystem.list(DIRECTORY)) {
      if (/\.(sst|vlog)$/.test(name) && !known.has(name)) throw new Error(`${name} is left over`);
    }
  }

  // ----------------------------------------------------------------------------- turns

  /** Lets promises go on; background jobs stay where they are. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
  }

  /** Waits for a promise, running background jobs only if it needs them. */
  async #pump<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const end = (): void => void (isDone = true);
    promise.then(end, end);
    for (let turn = 0; ; turn++) {
      await this.#settle();
      if (isDone) return promise;
      if (turn > PUMP_MAX) throw new Error("nothing goes on");
      if (!this.#executor.step(this.#random.below(4))) {
        await new Promise<void>((resume) => setImmediate(resume));
      }
    }
  }
}

export function keyName(key: number): string {
  return `k${Math.floor(key / 4)}-${key}`;
}

/** Everything, a group of keys, or a single one. */
function prefixOf(key: number): string {
  if (key === KEY_COUNT - 1) return "";
  return key % 2 === 0 ? keyName(key).slice(0, 2) : keyName(key);
}

/** Settings at random from two numbers; never fewer levels than the directory has. */
function settingsOf(seed: number, shape: number, levelsMin: number): Settings {
  const random = new SeededRandom(seed * 1009 + shape);
  const pick = <T>(choices: readonly T[]): T => at(choices, random.below(choices.length));
  const fixed = new SeededRandom(seed);
  const isEncrypted = fixed.below(12) === 0;
  return {
    ...SMALL_SETTINGS,
    memtableSize: pick([3000, 6000, 20_000]),
    blockCacheSize: pick([0, 16_000]),
    blockSize: pick([128, 512]),
    baseLevelSize: pick([200, 1000, 6000]),
    levelSizeMultiplier: pick([2, 3, 10]),
    maxLevels: Math.max(levelsMin, pick([2, 3, 4, 6])),
    levelZeroTables: pick([1, 2, 4]),
    levelZeroTablesStall: pick([5, 9]),
    valueThreshold: pick([1, 30, 100, 1000]),
    valueLogFileSize: pick([300, 800, 4000]),
    versionsToKeep: pick([1, 1, 1, 2, 0]),
    compression: pick([["none"], ["none"], ["none", "zstd"], ["snappy"]] as const),
    bloomFalsePositive: pick([0.01, 0]),
    sync: "never",
    encryptionKey: isEncrypted ? new Uint8Array(16).fill(seed) : undefined,
  };
}
