/**
 * A Meles directory is a Badger directory and the other way round: four option sets, closed and killed.
 * Every check is on, and what is read is exactly what was acknowledged.
 */

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { withBadger } from "./badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "./badger-process.ts";
import { Ledger } from "./ledger.ts";
import { openMeles, readMeles, writeAndGetKilled, writeHistory } from "./meles-side.ts";
import { forBadger, RandomHistory, SEED } from "./random-history.ts";
import { ScratchFolder } from "./scratch-folder.ts";
import type { OpenOptions } from "../../src/index.ts";

interface OptionSet {
  readonly name: string;
  readonly meles: OpenOptions;
  readonly badger: BadgerOptions;
  readonly encryptionKey?: Uint8Array;
  readonly valueThreshold: number;
}

const KEY_32 = Uint8Array.from({ length: 32 }, (_, index) => index * 7 + 1);

/** Badger refuses thresholds above its batch size, which follows from the memtable size. */
const BADGER_SMALL = { memTableSize: 1 << 20, valueLogFileSize: 1 << 20, compactors: 0 };

const SETS: readonly OptionSet[] = [
  {
    name: "plain",
    meles: { compression: "none", valueThreshold: 64, blockSize: 512 },
    badger: { ...BADGER_SMALL, compression: 0, valueThreshold: 64, blockSize: 512 },
    valueThreshold: 64,
  },
  {
    name: "Snappy",
    meles: { compression: "snappy", bloomFalsePositive: 0 },
    badger: { ...BADGER_SMALL, compression: 1, valueThreshold: 1024, bloomFalsePositive: 0 },
    valueThreshold: 1024,
  },
  {
    name: "Zstandard below level 1, external magic",
    meles: { compression: ["none", "zstd"], externalMagic: 4711, valueThreshold: 1 << 20 },
    badger: { ...BADGER_SMALL, compression: 2, externalMagic: 4711, valueThreshold: 100_000 },
    valueThreshold: 300,
  },
  {
    name: "encrypted, with a new data key for every file",
    meles: { compression: "zstd", valueThreshold: 32, encryptionKeyRotationMs: 1 },
    badger: { ...BADGER_SMALL, compression: 1, valueThreshold: 32, encryptionRotationMs: 1 },
    encryptionKey: KEY_32,
    valueThreshold: 32,
  },
];

const COUNT = 150;
const ALL = 1_000_000;

for (const [index, set] of SETS.entries()) {
  const seed = SEED + index;
  const shape = { keyCount: 40, valueThreshold: set.valueThreshold, valueLengthMax: 5000 };
  const key = set.encryptionKey === undefined ? {} : { encryptionKey: set.encryptionKey };
  const melesOptions = { ...set.meles, ...key, versionsToKeep: ALL };
  const badgerOptions = { ...set.badger, ...key, versionsToKeep: ALL };
  const history = () => new RandomHistory(seed, shape).transactions(COUNT);

  withBadger(`${set.name} (seed ${seed})`, () => {
    test("Badger reads what Meles has closed", async () => {
      using folder = new ScratchFolder();
      const ledger = new Ledger();
      const directory = folder.at("data");
      const db = await openMeles(directory, melesOptions);
      await writeHistory(db, history().slice(0, COUNT / 2), ledger);
      await db.flush();
      await writeHistory(db, history().slice(COUNT / 2), ledger);
      await db.close();
      expect(readdirSync(directory).filter((name) => name.endsWith(".mem"))).toEqual([]);
      await expectInBadger(folder.copyOf(directory), readOnly(badgerOptions), ledger);
      await expectInBadger(directory, badgerOptions, ledger);
    });

    test("Badger reads what Meles had acknowledged when it was killed", async () => {
      using folder = new ScratchFolder();
      const ledger = new Ledger();
      const directory = folder.at("data");
      const { encryptionKey } = set;
      await writeAndGetKilled(
        {
          directory,
          options: { ...set.meles, versionsToKeep: ALL },
          ...(encryptionKey === undefined ? {} : { encryptionKey: encryptionKey.toBase64() }),
          seed,
          shape,
          count: COUNT,
        },
        ledger,
      );
      for (const options of [readOnly(badgerOptions), badgerOptions]) {
        await using badger = await BadgerProcess.open(folder.copyOf(directory), options);
        ledger.expectAllVersions((await badger.dump()).versions);
        await badger.call("verify");
        await badger.close();
      }
      await expectInBadger(directory, badgerOptions, ledger);
    });

    test("Meles reads what Badger has closed", async () => {
      using folder = new ScratchFolder();
      const ledger = new Ledger();
      const directory = folder.at("data");
      await using badger = await BadgerProcess.open(directory, badgerOptions);
      await writeWithBadger(badger, history(), ledger);
      await badger.close();
      await expectInMeles(folder.copyOf(directory), { ...melesOptions, readOnly: true }, ledger);
      await expectInMeles(directory, melesOptions, ledger);
    });

    test("Meles reads what Badger had acknowledged when it was killed", async () => {
      using folder = new ScratchFolder();
      const ledger = new Ledger();
      const directory = folder.at("data");
      await using badger = await BadgerProcess.open(directory, badgerOptions);
      await writeWithBadger(badger, history(), ledger);
      await badger.kill();
      await expectInMeles(folder.copyOf(directory), { ...melesOptions, readOnly: true }, ledger);
      await expectInMeles(directory, melesOptions, ledger);
    });
  });
}

/**
 * Badger 4.9 ends its process when it opens a directory read-only whose newest data key is due for
 * rotation: it tries to write a new one. So it is told of no rotation then.
 */
function readOnly(options: BadgerOptions): BadgerOptions {
  return { ...options, readOnly: true, encryptionRotationMs: 1e12 };
}

async function writeWithBadger(
  badger: BadgerProcess,
  transactions: ReturnType<RandomHistory["transactions"]>,
  ledger: Ledger,
): Promise<void> {
  const versions = await badger.commit(...transactions.map((writes) => writes.map(forBadger)));
  transactions.forEach((writes, index) => ledger.add(versions[index] as number, writes));
}

/** Reads with Badger, before and after it has closed the directory itself. */
async function expectInBadger(
  directory: string,
  options: BadgerOptions,
  ledger: Ledger,
): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await using badger = await BadgerProcess.open(directory, options);
    const found = await badger.dump();
    ledger.expectLive(found.live);
    ledger.expectThinned(found.versions, ALL);
    await badger.call("verify");
    await badger.close();
  }
}

/** Nothing is dropped before Meles has flushed; afterwards what is live is the same. */
async function expectInMeles(
  directory: string,
  options: OpenOptions,
  ledger: Ledger,
): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await using db = await openMeles(directory, options);
    const found = await readMeles(db, ledger);
    ledger.expectLive(found.live);
    if (round === 0 && options.readOnly === true) ledger.expectAllVersions(found.versions);
    else ledger.expectThinned(found.versions, ALL);
  }
}
