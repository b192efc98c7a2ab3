/**
 * A fixed workload that touches every kind of file with every kind of operation: small and large values,
 * transactions, expiry, a batch, flushes, compactions, collection, dropping, a full disk, a new data key,
 * closing and opening. For crashing at each of its operations in turn.
 */

import type { OpenOptions } from "../../src/options.ts";
import { TINY } from "../suites/open-database.ts";
import { bytesOf, DatabaseLife, type LifeOptions } from "./database-life.ts";
import { difference, ExpectedCommits, type Times, type Write } from "./expected-commits.ts";
import type { FileOperation } from "./process-files.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { Died, type Doom, type End, World } from "./world.ts";

export const SCRIPT_OPTIONS: OpenOptions = {
  ...TINY,
  valueLogFileSize: 1 << 20,
  syncIntervalMs: 1000,
};

/** The state of disk and expectations between two operations. */
export interface Moment {
  /** Operations so far. */
  readonly number: number;
  readonly before: string;
  readonly disk: SimulatedDisk;
  readonly expected: ExpectedCommits;
  readonly wallMs: number;
  readonly isDisturbed: boolean;
}

/** One run of the workload, up to its end or to the death of its process. */
export class ScriptedRun {
  readonly world: World;
  readonly expected: ExpectedCommits;
  readonly #options: OpenOptions;
  #current: DatabaseLife | undefined;
  #wasDisturbed = false;
  /** What was done to which kind of file. */
  readonly seen = new Set<string>();
  operations = 0;
  /** A flaw to plant. */
  plant: LifeOptions["plant"] = (files) => files;
  /** Called before each operation. */
  onOperation: (operation: FileOperation, path: string) => void = () => undefined;

  constructor(options: OpenOptions, world = new World(1), expected = new ExpectedCommits()) {
    this.#options = { ...SCRIPT_OPTIONS, ...options };
    this.world = world;
    this.expected = expected;
  }

  /** A run whose process dies at this moment of another one. */
  static from(
    { number, disk, expected, wallMs, isDisturbed }: Moment,
    options: OpenOptions,
  ): ScriptedRun {
    const run = new ScriptedRun(options, new World(number, disk.clone(), wallMs), expected.clone());
    run.#wasDisturbed = isDisturbed;
    return run;
  }

  /** Runs the workload to its end and returns the moments between any two operations. */
  async moments(): Promise<Moment[]> {
    const moments: Moment[] = [];
    this.onOperation = (operation, path) => {
      moments.push({
        number: this.operations,
        before: `${operation} ${path.slice(path.lastIndexOf("/") + 1)}`,
        disk: this.world.disk.clone(),
        expected: this.expected.clone(),
        wallMs: this.world.wallMs,
        isDisturbed: this.#current?.isDisturbed ?? false,
      });
    };
    await this.#script(undefined);
    return moments;
  }

  get current(): DatabaseLife {
    if (this.#current === undefined) throw new Error("no database is open");
    return this.#current;
  }

  get times(): Times {
    const nowSeconds = Math.floor(this.world.wallMs / 1000);
    return { nowSeconds, latestSeconds: nowSeconds };
  }

  /** Runs the workload; true if it came to its end. Operations of all its lives count towards the doom. */
  async run(doom?: Doom): Promise<boolean> {
    try {
      await this.#script(doom);
      return true;
    } catch (error) {
      if (!this.world.life.isAlive) return false;
      throw error;
    }
  }

  async #open(doom: Doom | undefined, usedOperations: number): Promise<void> {
    const { life } = this.world;
    life.faults = (operation, path) => {
      if (
        operation !== "read" &&
        operation !== "open" &&
        operation !== "stat" &&
        operation !== "list"
      ) {
        this.onOperation(operation, path);
        this.operations++;
        this.seen.add(`${operation} ${kindOf(path)}`);
      }
      return undefined;
    };
    const afterOperations = (doom?.afterOperations ?? 0) - usedOperations;
    life.dieLater(
      doom === undefined || afterOperations < 1 ? undefined : { ...doom, afterOperations },
    );
    this.#current = await DatabaseLife.open(this.world, this.expected, {
      options: this.#options,
      parallelism: 1,
      deaths: 0,
      plant: this.plant,
    });
  }

  async #script(doom: Doom | undefined): Promise<void> {
    await this.#open(doom, 0);
    const { current } = this;
    const { life, db } = current;
    await this.#commits(0, 6);
    await current.call(() => db.flush(), true);
    await this.#commits(6, 12);
    await current.call(() => db.sync(), true);
    await current.call(() => db.flush(), true);
    await this.#batch(12, 60);
    await current.call(() => db.flush(), true);
    await life.rest();
    await this.#commits(60, 66);
    await current.call(() => db.compact(), true);
    // The same keys again: what the value log holds of them is garbage now.
    await this.#commits(72, 84);
    await current.call(() => db.collectGarbage({ discardRatio: 0.01 }), true);
    await this.#drop("k1");
    life.clock.advance(1500);
    await life.rest();
    await this.#fullDisk();
    life.clock.advance(60_000);
    await life.rest();
    await this.#commits(90, 96);
    const used = this.operations;
    if (await current.call(() => db.close(), true)) this.expected.promise();
    this.world.begin();
    await this.#open(doom, Math.max(used, this.operations));
    await this.#commits(96, 102);
    await this.current.call(() => this.current.db.compact(), true);
    await this.current.call(() => this.current.db.close(), true);
  }

  /** The process dies between two operations. */
  end(end: End, least: boolean): void {
    this.world.end(end, least);
  }

  /** Two commits in the same turn, then one; small and large values, a deletion, an expiry. */
  async #commits(from: number, to: number): Promise<void> {
    for (let number = from; number < to; number += 3) {
      void this.current.put(write(number, 20));
      void this.current.writeAll([
        write(number + 1, 700),
        write(number + 2, 100, 40),
        { key: `k${(number * 7) % 36}`, value: undefined, userMeta: 0, expiresAt: 0 },
      ]);
      await this.current.settleAll();
    }
  }

  async #batch(from: number, to: number): Promise<void> {
    const { current, expected } = this;
    const writer = current.db.batch({ maxPendingBytes: 2000 });
    const issued = [];
    for (let number = from; number < to; number++) {
      const { key, value = "" } = write(number, number % 3 === 0 ? 300 : 50);
      issued.push(current.issue([{ key, value, userMeta: 0, expiresAt: 0 }]));
      await writer.put(bytesOf(key), bytesOf(value));
    }
    await current.call(() => writer.flush());
    for (const commit of issued) commit.fate = "acknowledged";
    if (current.sync === "commit") expected.promise();
  }

  async #drop(prefix: string): Promise<void> {
    const { current, expected } = this;
    const writes = [...expected.content().keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => ({ key, value: undefined, userMeta: 0, expiresAt: 0 }));
    const commit = current.issue(writes);
    await current.call(() => current.db.dropPrefix(prefix));
    commit.fate = "acknowledged";
    if (current.sync === "commit") expected.promise(commit);
  }

  /** Commits and a flush that fail and leave partial writes behind to be cut off. */
  async #fullDisk(): Promise<void> {
    const { current } = this;
    const { life } = this.world;
    const usual = life.faults;
    const fill = (isFull: (path: string) => boolean): void => {
      life.faults = (operation, path) => {
        usual(operation, path);
        return operation === "write" && isFull(path) ? "ENOSPC" : undefined;
      };
    };
    fill((path) => path.endsWith(".vlog"));
    await this.#commits(84, 87);
    fill((path) => !path.endsWith(".sst") && !path.endsWith(".vlog"));
    await this.#commits(87, 90);
    await current.call(() => current.db.flush());
    life.faults = usual;
  }

  /**
   * After the death: opens what is left, compares, goes on, closes, compares again.
   *
   * @param again the process that opens dies, too
   */
  async recover(again?: Doom): Promise<void> {
    const end = this.world.life.end ?? "kill";
    let withPower = end === "power loss";
    const wasDisturbed = this.#current?.isDisturbed ?? this.#wasDisturbed;
    for (let doom = again; ; doom = undefined) {
      this.world.begin();
      try {
        await this.#open(doom, 0);
        if (!this.world.life.isAlive) throw new Died(this.world.life.end ?? "kill");
        break;
      } catch (error) {
        if (this.world.life.isAlive) throw error;
        withPower ||= this.world.life.end === "power loss";
      }
    }
    this.world.life.dieLater(undefined);
    const content = this.current.content() ?? new Map<string, never>();
    if (withPower && this.current.sync === "never") this.expected.recoverParts(content, this.times);
    else this.expected.recover(content, this.times, withPower, wasDisturbed);
    await this.#goOn();
  }

  async #goOn(): Promise<void> {
    await this.#commits(102, 108);
    this.#compare("after new commits");
    await this.current.call(() => this.current.db.compact(), true);
    this.#compare("after a compaction");
    const { findings } = await this.current.life.settle(this.current.db.verify());
    if (findings.length > 0) throw new Error(`verify found ${JSON.stringify(findings[0])}`);
    await this.current.call(() => this.current.db.close(), true);
    this.expected.promise();
    this.world.end("power loss", true);
    this.world.begin();
    await this.#open(undefined, 0);
    this.#compare("opened again");
    await this.current.life.settle(this.current.db.close());
  }

  #compare(when: string): void {
    const content = this.current.content();
    const wrong =
      content === undefined
        ? "unreadable"
        : difference(this.expected.content(), content, this.times);
    if (wrong !== undefined) throw new Error(`${when}: ${wrong}`);
  }
}

/** Write number n; 36 keys, so that everything is overwritten some time. */
function write(number: number, size: number, lifetimeSeconds = 0): Write {
  const key = `k${number % 36}`;
  const value = `${number}:`.padEnd(size, String.fromCharCode(97 + (number % 26)));
  const expiresAt = lifetimeSeconds === 0 ? 0 : Date.UTC(2030, 0, 1) / 1000 + lifetimeSeconds;
  return { key, value, userMeta: 0, expiresAt };
}

function kindOf(path: string): string {
  return /\.(?:mem|vlog|sst)(?:\.tmp)?$/.exec(path)?.[0] ?? path.slice(path.lastIndexOf("/") + 1);
}
