/**
 * Two directories, Badger's `Dir` and `ValueDir`: each of both reads, writes and collects what the other has left,
 * closed and killed; and Meles, told nothing of the second one, refuses before it has changed anything.
 */

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CorruptionError, type OpenOptions, salvage, verifyDirectory } from "../../src/index.ts";
import { withBadger } from "./badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "./badger-process.ts";
import { Ledger } from "./ledger.ts";
import { openMeles, readMeles, writeAndGetKilled, writeHistory } from "./meles-side.ts";
import { forBadger, RandomHistory, SEED } from "./random-history.ts";
import { ScratchFolder } from "./scratch-folder.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, index) => index * 5 + 3);
const SHAPE = { keyCount: 40, valueThreshold: 64, valueLengthMax: 5000 };
const ALL = 1_000_000;
const COUNT = 120;
const MELES: OpenOptions = { valueThreshold: 64, valueLogFileSize: 1 << 20, versionsToKeep: ALL };
const BADGER: BadgerOptions = {
  memTableSize: 1 << 20,
  valueLogFileSize: 1 << 20,
  valueLogMaxEntries: 50,
  valueThreshold: 64,
  compactors: 0,
  versionsToKeep: ALL,
};

const ENCRYPTION: readonly (readonly [string, { readonly encryptionKey?: Uint8Array }])[] = [
  ["in clear", {}],
  ["encrypted", { encryptionKey: KEY }],
];

/** Two directories, and copies of both. */
class Pair implements Disposable {
  readonly #folder = new ScratchFolder();
  readonly home: string;
  readonly values: string;

  constructor() {
    this.home = this.#folder.at("db");
    this.values = this.#folder.at("values");
  }

  copy(): Pair {
    const copy = new Pair();
    const { home, values } = this;
    for (const [from, to] of [
      [home, copy.home],
      [values, copy.values],
    ] as const) {
      Bun.spawnSync(["cp", "-a", from, to]);
    }
    return copy;
  }

  meles(options: OpenOptions = {}) {
    return openMeles(this.home, { ...MELES, valueDirectory: this.values, ...options });
  }

  badger(options: BadgerOptions = {}): Promise<BadgerProcess> {
    return BadgerProcess.open(this.home, { ...BADGER, valueDir: this.values, ...options });
  }

  at(name: string): string {
    return this.#folder.at(name);
  }

  photograph(): string {
    const hash = createHash("sha256");
    for (const directory of [this.home, this.values]) {
      for (const name of readdirSync(directory).sort()) {
        // Whoever takes the lock leaves none behind.
        if (name === "LOCK") continue;
        hash.update(name).update(readFileSync(join(directory, name)));
      }
    }
    return hash.digest("hex");
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

async function write(badger: BadgerProcess, history: RandomHistory, ledger: Ledger): Promise<void> {
  const transactions = history.transactions(COUNT);
  const versions = await badger.commit(...transactions.map((writes) => writes.map(forBadger)));
  transactions.forEach((writes, index) => ledger.add(versions[index] as number, writes));
}

for (const [name, key] of ENCRYPTION) {
  withBadger(`a separate value directory, ${name} (seed ${SEED})`, () => {
    for (const end of ["closed", "killed"] as const) {
      test(`Meles reads, writes and collects what Badger has ${end}, and Badger goes on`, async () => {
        using pair = new Pair();
        const ledger = new Ledger();
        const history = new RandomHistory(SEED, SHAPE);
        await using badger = await pair.badger(key);
        await write(badger, history, ledger);
        if (end === "closed") await badger.close();
        else await badger.kill();
        {
          const before = pair.photograph();
          await using db = await pair.meles({ ...key, readOnly: true });
          const found = await readMeles(db, ledger);
          ledger.expectAllVersions(found.versions);
          await db.close();
          expect(pair.photograph()).toBe(before);
        }
        const { findings } = await verifyDirectory(pair.home, {
          ...key,
          valueDirectory: pair.values,
        });
        expect(findings).toEqual([]);
        const told = { ...key, valueDirectory: pair.values };
        expect((await salvage(pair.home, pair.at("salvaged"), told)).lost).toBe(false);
        {
          await using db = await pair.meles(key);
          ledger.expectLive((await readMeles(db, ledger)).live);
          await writeHistory(db, history.transactions(COUNT), ledger);
          await db.collectGarbage();
          ledger.expectLive((await readMeles(db, ledger)).live);
        }
        expect(readdirSync(pair.home).filter((file) => /vlog|DISCARD/.test(file))).toEqual([]);
        for (let round = 0; round < 2; round++) {
          await using reader = await pair.badger(key);
          ledger.expectLive((await reader.dumpCollected()).live);
          await reader.call("verify");
          await reader.collect();
          ledger.expectLive((await reader.dumpCollected()).live);
          await reader.close();
          await using db = await pair.meles(key);
          ledger.expectLive((await readMeles(db, ledger)).live);
        }
      });

      test(`Meles refuses what Badger has ${end} without the option, or with a wrong one`, async () => {
        using pair = new Pair();
        using other = new Pair();
        const ledger = new Ledger();
        for (const [index, one] of [pair, other].entries()) {
          await using badger = await one.badger(key);
          await write(
            badger,
            new RandomHistory(SEED + index, SHAPE),
            index === 0 ? ledger : new Ledger(),
          );
          if (end === "closed") await badger.close();
          else await badger.kill();
        }
        Bun.spawnSync(["mkdir", pair.at("empty")]);
        const before = [pair.photograph(), other.photograph()];
        for (const readOnly of [true, false]) {
          for (const valueDirectory of [
            pair.home,
            pair.at("empty"),
            pair.at("none"),
            other.values,
          ]) {
            const attempt = pair.meles({ ...key, valueDirectory, readOnly });
            const error = await attempt.then(
              () => undefined,
              (reason: unknown) => reason,
            );
            expect(String(error)).toContain("valueDirectory");
            if (valueDirectory !== pair.at("none")) expect(error).toBeInstanceOf(CorruptionError);
          }
        }
        expect([pair.photograph(), other.photograph()]).toEqual(before);
        await using db = await pair.meles(key);
        ledger.expectLive((await readMeles(db, ledger)).live);
      });
    }

    test("Badger reads what Meles had acknowledged when it was killed, collects it, and Meles goes on", async () => {
      using pair = new Pair();
      const ledger = new Ledger();
      const { encryptionKey } = key;
      const order = {
        directory: pair.home,
        options: { ...MELES, valueDirectory: pair.values },
        ...(encryptionKey === undefined ? {} : { encryptionKey: encryptionKey.toBase64() }),
        seed: SEED,
        shape: SHAPE,
        count: COUNT,
      };
      await writeAndGetKilled(order, ledger);
      using copy = pair.copy();
      {
        await using badger = await copy.badger({ ...key, readOnly: true });
        ledger.expectAllVersions((await badger.dump()).versions);
        await badger.call("verify");
        await badger.close();
      }
      await using badger = await pair.badger(key);
      ledger.expectLive((await badger.dump()).live);
      await write(badger, new RandomHistory(SEED + 7, SHAPE), ledger);
      await badger.collect();
      await badger.kill();
      await using db = await pair.meles(key);
      ledger.expectLive((await readMeles(db, ledger)).live);
    });
  });
}
