/** Directories for the hazard specs: written by Meles, as a close and as a kill leave them. */

import { cpSync } from "node:fs";
import type { Database, OpenOptions } from "../../../src/index.ts";
import { systemEnv } from "../../../src/env/system-env.ts";
import { TestClock } from "../../suites/test-clock.ts";
import { Ledger } from "../ledger.ts";
import { openMeles, writeHistory } from "../meles-side.ts";
import { type NaiveDirectory, naiveDirectory } from "../naive-files.ts";
import { RandomHistory, SEED } from "../random-history.ts";
import { ScratchFolder } from "../scratch-folder.ts";

export const text = (value: string) => new TextEncoder().encode(value);
export const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

export const MASTER_KEY = text("0123456789abcdef");

/** Small tables, many levels, several value-log files. */
export const SMALL: OpenOptions = {
  memtableSize: 64 << 10,
  baseLevelSize: 64 << 10,
  levelSizeMultiplier: 2,
  levelZeroTables: 2,
  valueThreshold: 250,
  blockSize: 700,
  versionsToKeep: 1_000_000,
};

/** The four ways to store a block. */
export const STORAGE: readonly { readonly name: string; readonly options: OpenOptions }[] = [
  { name: "plain", options: { compression: "none" } },
  { name: "Snappy", options: { compression: "snappy" } },
  { name: "Zstandard", options: { compression: "zstd" } },
  {
    name: "encrypted",
    options: { compression: ["none", "snappy", "zstd"], encryptionKey: MASTER_KEY },
  },
];

const SHAPE = { keyCount: 1500, valueThreshold: 250, valueLengthMax: 600 };

/** A directory that Meles wrote, removed when disposed. */
export class Sample implements Disposable {
  readonly folder = new ScratchFolder();
  readonly directory = this.folder.at("data");
  readonly ledger = new Ledger();
  readonly options: OpenOptions;
  readonly #history: RandomHistory;

  constructor(options: OpenOptions = {}, seed = SEED) {
    this.options = { ...SMALL, ...options };
    this.#history = new RandomHistory(seed, SHAPE);
  }

  /** Opens the directory, lets `use` work on it, closes it. */
  async use(work: (db: Database) => Promise<unknown>): Promise<this> {
    // A clock that stands still: no work begins because the machine is slow and a pause was long.
    const env = { ...systemEnv(), clock: new TestClock(Date.now()) };
    const db = await openMeles(this.directory, { ...this.options, env });
    try {
      await work(db);
    } finally {
      await db.close();
    }
    return this;
  }

  /** Writes so many random transactions. */
  async write(db: Database, count: number): Promise<void> {
    await writeHistory(db, this.#history.transactions(count), this.ledger);
  }

  /** Three times opened, written to and closed, once merged: tables at several levels. */
  async fill(): Promise<this> {
    await this.use((db) => this.write(db, 1000));
    await this.use((db) => this.write(db, 1000));
    return this.use(async (db) => {
      await this.write(db, 100);
      await db.flush();
      await this.write(db, 30);
    });
  }

  /** What a kill at this moment would leave: everything acknowledged is in the files. */
  killed(name = "killed"): string {
    const copy = this.folder.at(name);
    cpSync(this.directory, copy, { recursive: true });
    return copy;
  }

  read(directory: string = this.directory): NaiveDirectory {
    return naiveDirectory(directory, this.options.encryptionKey);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}
