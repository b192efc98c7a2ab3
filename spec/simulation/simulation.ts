/**
 * One simulated history: a database lives through random work, faults, kills and power losses, and is
 * compared with what it may hold after every step and every recovery. Everything follows from the seed.
 *
 * Each step draws from a random source of its own, so that steps can be left out and the others stay
 * what they are: that is how a failing history is cut down (shrink.ts).
 */

import { MelesError } from "../../src/base/errors.ts";
import type { Transaction } from "../../src/database/contract.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { OpenOptions } from "../../src/options.ts";
import { DatabaseLife, DIRECTORY, VALUE_DIRECTORY } from "./database-life.ts";
import {
  type Content,
  difference,
  ExpectedCommits,
  type Stored,
  type Times,
  type Write,
} from "./expected-commits.ts";
import { FaultSource } from "./fault-source.ts";
import { chooseOptions, placeOfValues, reopenOptions } from "./simulated-options.ts";
import { STEPS, type Step } from "./steps.ts";
import { Workload } from "./workload.ts";
import { Died, type End, World } from "./world.ts";

export interface SimulationOptions {
  readonly steps?: number;
  /** Only these steps, by number. */
  readonly only?: ReadonlySet<number>;
  /** A flaw to plant: wraps every file system the engine sees. */
  readonly plant?: (files: FileSystem, world: World) => FileSystem;
  readonly options?: OpenOptions;
}

/** A history went wrong. */
export class SimulationError extends Error {
  readonly seed: number;
  readonly step: number;
  readonly script: readonly string[];

  constructor(
    seed: number,
    step: number,
    script: readonly string[],
    trace: readonly string[],
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `seed ${seed}, step ${step}: ${reason}\n  ${script.slice(-25).join("\n  ")}\nlast operations:\n  ` +
        trace.join("\n  "),
      { cause },
    );
    this.seed = seed;
    this.step = step;
    this.script = script;
  }
}

/** A transaction that stays open over steps, and what it must see. */
export interface OpenTransaction {
  readonly real: Transaction;
  /** Its snapshot with its own writes. */
  readonly content: Map<string, Stored>;
  readonly writes: Map<string, Write>;
  readonly readKeys: Set<string>;
  readonly readPrefixes: Set<string>;
  /** The newest commit that it sees. */
  readonly after: number;
}

export const STEPS_DEFAULT = 60;
/** Beyond the numbers of commits. */
const BUFFERED_FROM = 10_000;

export class Simulation {
  readonly seed: number;
  readonly world: World;
  readonly expected = new ExpectedCommits();
  readonly workload: Workload;
  readonly faults: FaultSource;
  readonly #settings: SimulationOptions;
  readonly #fixed: OpenOptions;
  readonly #parallelism: number;
  readonly #deaths: number;
  #current: DatabaseLife | undefined;
  transactions: OpenTransaction[] = [];
  #latestMs = 0;
  #buffered = 0;
  #script: string[] = [];
  /** Steps taken, by name; recoveries by what came before. */
  readonly taken = new Map<string, number>();

  constructor(seed: number, settings: SimulationOptions = {}) {
    this.seed = seed;
    this.#settings = settings;
    this.world = new World(seed);
    const random = new SeededRandom(seed ^ 0x5eed);
    this.workload = new Workload(seed, () => Math.floor(this.world.wallMs / 1000));
    this.#fixed = { ...chooseOptions(random), ...placeOfValues(seed), ...settings.options };
    this.#parallelism = 1 + random.below(3);
    this.#deaths = random.below(4) === 0 ? 0.15 : 0;
    this.faults = new FaultSource(this.world);
  }

  /** The database, which is open between steps. */
  get current(): DatabaseLife {
    if (this.#current === undefined) throw new Error("no database is open");
    return this.#current;
  }

  get random(): SeededRandom {
    return this.world.random;
  }

  /** Runs the whole history; throws a `SimulationError`. */
  async run(): Promise<void> {
    const { steps = STEPS_DEFAULT, only } = this.#settings;
    let step = -1;
    try {
      await this.#guarded(() => this.#start());
      for (step = 0; step < steps; step++) {
        if (only !== undefined && !only.has(step)) continue;
        this.world.random = new SeededRandom(
          Math.imul(this.seed, 0x9e3779b1) ^ Math.imul(step + 1, 0x85ebca6b),
        );
        await this.#step(step);
      }
      await this.#end();
    } catch (error) {
      const script = [this.#describeOptions(), ...this.#script];
      throw new SimulationError(
        this.seed,
        step,
        script,
        this.world.trace.last(Number(process.env["TRACE_LINES"] ?? 40)),
        error,
      );
    }
  }

  #describeOptions(): string {
    const { encryptionKey, ...shown } = this.#fixed;
    return JSON.stringify({ ...shown, encrypted: encryptionKey !== undefined });
  }

  /** What tells a write of a transaction from all others, before it has the number of a commit. */
  nextBuffered(): number {
    return BUFFERED_FROM + this.#buffered++;
  }

  count(what: string): void {
    this.taken.set(what, (this.taken.get(what) ?? 0) + 1);
  }

  async #step(number: number): Promise<void> {
    const step = this.#choose();
    this.count(step.name);
    this.#script.push(`${number} ${step.name}`);
    this.world.trace.note(`step ${number}: ${step.name}`);
    await this.#guarded(async () => {
      await step.take(this);
      this.current.judge();
      if (this.random.below(2) === 0) this.current.life.runTask();
      if (this.random.below(4) === 0) await this.current.life.rest();
    });
  }

  #choose(): Step {
    const { random } = this;
    const isPoisoned = this.current.isPoisoned && random.below(2) === 0;
    const table = isPoisoned ? STEPS.filter((step) => step.ends) : STEPS;
    let draw = random.below(table.reduce((sum, { weight }) => sum + weight, 0));
    return table.find(({ weight }) => (draw -= weight) < 0) ?? (table[0] as Step);
  }

  /** Runs part of the history; if the process dies on the way, recovers. */
  async #guarded(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
      if (!this.world.life.isAlive) throw new Died(this.world.life.end ?? "kill");
    } catch (error) {
      if (error instanceof Died) await this.recover(this.world.life.end ?? error.end);
      else if (!this.world.life.isAlive) await this.recover(this.world.life.end ?? "kill");
      else throw error;
    }
    this.#noteTime();
  }

  #noteTime(): void {
    this.#latestMs = Math.max(this.#latestMs, this.world.wallMs);
  }

  get times(): Times {
    this.#noteTime();
    return {
      nowSeconds: Math.floor(this.world.wallMs / 1000),
      latestSeconds: Math.floor(this.#latestMs / 1000),
    };
  }

  // ------------------------------------------------------------------------- lifecycle

  async #start(): Promise<void> {
    await this.#open(this.#fixed);
  }

  async #open(options: OpenOptions): Promise<void> {
    const { plant = (files: FileSystem): FileSystem => files } = this.#settings;
    this.#current = await DatabaseLife.open(this.world, this.expected, {
      options,
      parallelism: this.#parallelism,
      deaths: this.#deaths,
      plant,
    });
  }

  /** A process has died: opens what it has left, dying some more times on the way. */
  async recover(end: End): Promise<void> {
    this.transactions = [];
    const wasDisturbed = this.#current?.isDisturbed ?? false;
    const promisesNothing = this.#current?.sync === "never";
    let withPower = end === "power loss";
    for (let attempt = 0; ; attempt++) {
      this.count(`recovery after ${end}`);
      const seen = this.random.below(4) === 0 ? await this.#look() : undefined;
      const life = this.world.begin();
      const isDisturbed = attempt < 2 && this.random.below(4) === 0;
      if (isDisturbed) this.faults.disturbOpening(life);
      const error = await this.#tryOpen();
      if (error === undefined) {
        this.#compareWithLook(seen);
        break;
      }
      this.world.trace.note(`opening: ${error instanceof Error ? error.message : "failed"}`);
      if (error instanceof Died) withPower ||= error.end === "power loss";
      else if (!isDisturbed || !(error instanceof MelesError)) throw error;
      else if (error.code !== "ERR_IO" && error.code !== "ERR_DISK_FULL") throw error;
    }
    this.faults.calm(this.world.life);
    const content = this.current.content();
    if (content === undefined) throw new Error("unreadable without a fault");
    const past = this.#contentLongAgo();
    const told =
      withPower && promisesNothing
        ? this.expected.recoverParts(content, this.times, past)
        : this.expected.recover(content, this.times, withPower, wasDisturbed, past);
    this.#note(`recovered: ${told}`);
    this.compare();
    if (this.random.below(3) === 0) await this.verify();
  }

  /** What there is for a clock that stands before every expiry. */
  #contentLongAgo(): Content | undefined {
    const { wallMs } = this.world;
    this.world.wallMs = 0;
    try {
      return this.current.content();
    } finally {
      this.world.wallMs = wallMs;
    }
  }

  /** What whoever opens it read-only finds, before anything is recovered; changes nothing. */
  async #look(): Promise<Content | undefined> {
    if (this.world.disk.file(`${DIRECTORY}/MANIFEST`) === undefined) return undefined;
    const life = this.world.begin();
    this.count("look");
    await this.#open({ ...this.#fixed, readOnly: true });
    const content = this.current.content();
    await life.settle(this.current.db.close());
    if (life.operations > 0) throw new Error("opening read-only has changed something");
    return content;
  }

  #compareWithLook(seen: Content | undefined): void {
    if (seen === undefined) return;
    const found = this.current.content();
    const wrong = found === undefined ? undefined : difference(seen, found, this.times);
    if (wrong !== undefined) throw new Error(`not what was seen read-only before: ${wrong}`);
  }

  async #tryOpen(): Promise<unknown> {
    try {
      await this.#open(reopenOptions(this.#fixed, this.random));
      if (!this.world.life.isAlive) throw new Died(this.world.life.end ?? "kill");
      return undefined;
    } catch (error) {
      return this.world.life.isAlive ? error : new Died(this.world.life.end ?? "kill");
    }
  }

  #note(line: string): void {
    this.#script.push(`    ${line}`);
    this.world.trace.note(line);
  }

  /** Adds what a step did to the script that is printed when something goes wrong. */
  tell(line: string): void {
    this.#note(line);
  }

  async reopen(): Promise<void> {
    for (const { real } of this.transactions) real.discard();
    this.transactions = [];
    const { current } = this;
    const isClosed = await current.call(() => current.db.close(), !current.isDisturbed);
    await current.settleAll();
    const wasDisturbed = current.isDisturbed || !isClosed;
    this.world.begin();
    await this.#open(reopenOptions(this.#fixed, this.random));
    const content = this.current.content();
    if (content === undefined) throw new Error("unreadable without a fault");
    // A close that could not write everything leaves what a kill leaves.
    this.expected.recover(content, this.times, false);
    if (!wasDisturbed) this.expected.promise();
  }

  async #end(): Promise<void> {
    this.world.random = new SeededRandom(this.seed);
    this.faults.calm(this.world.life);
    await this.#guarded(async () => {
      await this.current.settleAll();
      this.compare();
    });
    await this.#guarded(async () => {
      await this.reopen();
      this.compare();
      await this.verify();
      await this.current.call(() => this.current.db.compact());
      this.compare();
      await this.reopen();
    });
    this.compare();
    const { current } = this;
    if ((await current.call(() => current.db.close())) && !current.isDisturbed)
      this.expected.promise();
    this.world.end("power loss", true);
    await this.recover("power loss");
    await this.current.life.settle(this.current.db.close());
    this.#checkFiles();
  }

  /** No file is left that has no owner. Drafts that the next one replaces, and torn backups, may lie there. */
  #checkFiles(): void {
    const names = [DIRECTORY, VALUE_DIRECTORY].flatMap((path) => [
      ...(this.world.disk.directory(path)?.names.keys() ?? []),
    ]);
    const left = names.filter((name) => name.endsWith(".tmp"));
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  }

  // ------------------------------------------------------------------------ comparison

  /** Holds what can be read now against what must be there. */
  compare(): void {
    const { current, expected } = this;
    if (expected.hasOpen) return;
    const content = current.content();
    if (content === undefined) return;
    const wrong = difference(expected.content(), content, this.times);
    if (wrong !== undefined) throw new Error(`a scan: ${wrong}`);
    for (const key of this.workload.keys) {
      const found = current.read(() => ({
        value: current.db.getEntry(Buffer.from(key, "latin1")),
      }));
      if (found === undefined) return;
      const text =
        found.value === undefined ? undefined : Buffer.from(found.value.value).toString("latin1");
      if (text !== content.get(key)?.value) {
        throw new Error(
          `get(${JSON.stringify(key)}) and a scan differ: ${text?.slice(0, 20)}, ${content.get(key)?.value.slice(0, 20)}`,
        );
      }
    }
  }

  /** Checks every byte. */
  async verify(): Promise<void> {
    const { current } = this;
    if (current.isDisturbed) return;
    const { findings } = await current.life.settle(current.db.verify());
    if (findings.length > 0 && !current.isDisturbed)
      throw new Error(`verify found ${JSON.stringify(findings[0])}`);
  }
}
