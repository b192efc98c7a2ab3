/**
 * One directory, two owners: Badger writes, Meles writes, Badger collects, Meles compacts, …, twenty
 * rounds, some of which end with a kill. Each owner begins by reading everything: what is live is
 * exactly what was acknowledged, and no version is there that nobody wrote.
 */

import { expect, test } from "bun:test";
import { withBadger } from "./badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "./badger-process.ts";
import { Ledger } from "./ledger.ts";
import { openMeles, readMeles, writeAndGetKilled, writeHistory } from "./meles-side.ts";
import { forBadger, RandomHistory, SEED } from "./random-history.ts";
import { ScratchFolder } from "./scratch-folder.ts";
import type { OpenOptions } from "../../src/index.ts";

const ROUNDS = 20;
const SHAPE = { keyCount: 120, valueThreshold: 200, valueLengthMax: 6000 };

/** Small everything, so that each round makes tables, value-log files and compactions. */
const MELES: OpenOptions = {
  memtableSize: 64 << 10,
  baseLevelSize: 64 << 10,
  levelSizeMultiplier: 4,
  levelZeroTables: 2,
  levelZeroTablesStall: 6,
  valueLogFileSize: 1 << 20,
  valueThreshold: SHAPE.valueThreshold,
  blockSize: 1024,
};
const BADGER: BadgerOptions = {
  memTableSize: 1 << 20,
  baseTableSize: 64 << 10,
  baseLevelSize: 64 << 10,
  levelZeroTables: 2,
  valueLogFileSize: 1 << 20,
  valueLogMaxEntries: 60,
  valueThreshold: SHAPE.valueThreshold,
  blockSize: 1024,
};

interface Case {
  readonly name: string;
  readonly versionsToKeep: number;
  readonly meles: OpenOptions;
  readonly badger: BadgerOptions;
}

const MASTER_KEY = Uint8Array.from({ length: 24 }, (_, index) => 0xa0 + index);
const CASES: readonly Case[] = [
  {
    name: "one version, compressed",
    versionsToKeep: 1,
    meles: { compression: ["none", "zstd"] },
    badger: { compression: 1 },
  },
  {
    name: "all versions",
    versionsToKeep: 1_000_000,
    meles: { compression: "snappy" },
    badger: { compression: 0 },
  },
  {
    name: "three versions, encrypted with ever new keys",
    versionsToKeep: 3,
    meles: { compression: "none", encryptionKey: MASTER_KEY, encryptionKeyRotationMs: 1 },
    badger: { compression: 2, encryptionKey: MASTER_KEY, encryptionRotationMs: 1 },
  },
];

withBadger("alternating ownership", () => {
  for (const [index, { name, versionsToKeep, meles, badger }] of CASES.entries()) {
    const seed = SEED + 1000 * index;
    test(`${name}: ${ROUNDS} rounds on one directory (seed ${seed})`, async () => {
      using folder = new ScratchFolder();
      const round = new Ownership(folder.at("data"), seed, versionsToKeep);
      for (let n = 0; n < ROUNDS; n += 2) {
        await round.ofBadger({ ...BADGER, ...badger, versionsToKeep });
        await round.ofMeles({ ...MELES, ...meles, versionsToKeep });
      }
      expect(round.collected).toBeGreaterThan(0);
    }, 60_000);
  }
});

class Ownership {
  readonly #directory: string;
  readonly #versionsToKeep: number;
  readonly #ledger = new Ledger();
  readonly #history: RandomHistory;
  #seed: number;
  /** Value-log files that Badger has rewritten. */
  collected = 0;

  constructor(directory: string, seed: number, versionsToKeep: number) {
    this.#directory = directory;
    this.#seed = seed;
    this.#versionsToKeep = versionsToKeep;
    this.#history = new RandomHistory(seed, SHAPE);
  }

  async ofBadger(options: BadgerOptions): Promise<void> {
    {
      await using badger = await BadgerProcess.open(this.#directory, options);
      await this.#expectInBadger(badger);
      await this.#writeWithBadger(badger);
      if (this.#history.below(2) === 0) await badger.call("flatten");
      await badger.close();
    }
    // Badger 4.9 lets deleted keys come back when it compacts what its collection has yet to flush:
    // the delete marker goes, and the older version that was written again stays.
    await using badger = await BadgerProcess.open(this.#directory, { ...options, compactors: 0 });
    this.collected += await badger.collect();
    await this.#writeWithBadger(badger);
    await this.#expectInBadger(badger);
    if (this.#history.below(3) === 0) await badger.kill();
    else await badger.close();
  }

  async #expectInBadger(badger: BadgerProcess): Promise<void> {
    const found = await badger.dumpCollected();
    this.#ledger.expectLive(found.live);
    const readable = found.versions.filter((one) => !one.unreadable);
    this.#ledger.expectThinned(readable, this.#versionsToKeep);
    await badger.call("verify");
  }

  async #writeWithBadger(badger: BadgerProcess): Promise<void> {
    const transactions = this.#history.transactions(20 + this.#history.below(40));
    const versions = await badger.commit(...transactions.map((writes) => writes.map(forBadger)));
    transactions.forEach((writes, index) => this.#ledger.add(versions[index] as number, writes));
  }

  async ofMeles(options: OpenOptions): Promise<void> {
    {
      await using db = await openMeles(this.#directory, options);
      const found = await readMeles(db, this.#ledger);
      this.#ledger.expectLive(found.live);
      this.#ledger.expectThinned(found.versions, this.#versionsToKeep);
      const count = 20 + this.#history.below(80);
      await writeHistory(db, this.#history.transactions(count), this.#ledger);
      const work = this.#history.below(3);
      if (work === 0) await db.compact();
      if (work === 1) await db.collectGarbage();
      this.#ledger.expectLive((await readMeles(db, this.#ledger)).live);
    }
    if (this.#history.below(3) === 0) await this.#getMelesKilled(options);
  }

  async #getMelesKilled({ encryptionKey, ...options }: OpenOptions): Promise<void> {
    const order = {
      directory: this.#directory,
      options: { ...options, workers: 1 },
      ...(encryptionKey === undefined ? {} : { encryptionKey: encryptionKey.toBase64() }),
      seed: ++this.#seed,
      shape: SHAPE,
      count: 60,
    };
    await writeAndGetKilled(order, this.#ledger);
  }
}
