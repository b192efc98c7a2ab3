/** Managed databases and banned namespaces: both engines on one directory, in turns. */

import { expect, test } from "bun:test";
import { toText } from "../../src/base/bytes.ts";
import type { Database } from "../../src/index.ts";
import { codeOf } from "../database/outcomes.ts";
import { withBadger } from "./badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "./badger-process.ts";
import { Ledger, type LedgerWrite } from "./ledger.ts";
import { openMeles } from "./meles-side.ts";
import { forBadger, RandomHistory, SEED } from "./random-history.ts";
import { ScratchFolder } from "./scratch-folder.ts";

const ALL = 1_000_000;
const SHAPE = { keyCount: 40, valueThreshold: 100, valueLengthMax: 2000 };
const BADGER: BadgerOptions = {
  managed: true,
  memTableSize: 1 << 20,
  valueLogFileSize: 1 << 20,
  valueThreshold: SHAPE.valueThreshold,
  versionsToKeep: ALL,
};
const MELES = { managed: true, valueThreshold: SHAPE.valueThreshold, versionsToKeep: ALL };
const VERSION_MAX = 5000;

function freeVersion(random: RandomHistory, ledger: Ledger, floor: number): number {
  const taken = new Set(ledger.versions().map(({ version }) => version));
  let version = floor + 1 + random.below(VERSION_MAX);
  while (taken.has(version)) version++;
  return version;
}

async function commitAt(db: Database, version: number, writes: readonly LedgerWrite[]) {
  using transaction = db.begin({ at: version });
  for (const { key, value, deleted, userMeta, expiresAt, discard } of writes) {
    if (deleted) transaction.delete(key);
    else transaction.put(key, value, { userMeta, expiresAt, discardEarlierVersions: discard });
  }
  expect(await transaction.commit({ version })).toBe(version);
}

/** What a reader at `at` sees, from the ledger alone. */
function expectAsOf(db: Database, ledger: Ledger, at: number): void {
  const past = new Ledger();
  for (const { version, ...write } of ledger.versions()) {
    if (version <= at) past.add(version, [write]);
  }
  using transaction = db.begin({ at, readOnly: true });
  past.expectLive(transaction.scan().toArray());
  past.expectLive(ledger.keys().flatMap((key) => transaction.getEntry(key) ?? []));
  past.expectLive(transaction.scan({ reverse: true }).toArray().toReversed());
}

withBadger("a managed directory in turns", () => {
  test(`any version, as of any version, closed and killed (seed ${SEED})`, async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const ledger = new Ledger();
    const random = new RandomHistory(SEED, SHAPE);
    for (let round = 0; round < 8; round++) {
      if (round % 2 === 0) {
        await using badger = await BadgerProcess.open(directory, BADGER);
        for (const writes of random.transactions(25)) {
          const version = freeVersion(random, ledger, 0);
          ledger.add(version, writes);
          await badger.commit(writes.map((write) => ({ ...forBadger(write), version })));
        }
        ledger.expectAllVersions((await badger.dump()).versions);
        if (round === 4) await badger.call("flatten");
        if (round % 4 === 0) await badger.close();
        else await badger.kill();
        continue;
      }
      const db = await openMeles(directory, MELES);
      for (const at of [1, 700, 2500, VERSION_MAX, ALL]) expectAsOf(db, ledger, at);
      for (const writes of random.transactions(25)) {
        const version = freeVersion(random, ledger, 0);
        ledger.add(version, writes);
        await commitAt(db, version, writes);
      }
      if (round === 3) await db.compact();
      for (const at of [700, 2500, ALL]) expectAsOf(db, ledger, at);
      ledger.expectAllVersions(db.scan({ allVersions: true }).toArray());
      expect((await db.verify()).findings).toEqual([]);
      await db.close();
    }
    await using badger = await BadgerProcess.open(directory, BADGER);
    ledger.expectAllVersions((await badger.dump()).versions);
    await badger.call("verify");
    await badger.close();
  });

  test(`each discards what the caller allows, and what is left reads the same (seed ${SEED})`, async () => {
    using folder = new ScratchFolder();
    const ledger = new Ledger();
    const directory = folder.at("data");
    const random = new RandomHistory(SEED + 1, SHAPE);
    {
      const db = await openMeles(directory, { ...MELES, versionsToKeep: 1 });
      for (const writes of random.transactions(80)) {
        const version = freeVersion(random, ledger, 0);
        ledger.add(version, writes);
        await commitAt(db, version, writes);
      }
      db.setDiscardVersion(2000);
      await db.compact();
      expect(db.scan({ allVersions: true }).toArray().length).toBeLessThan(
        ledger.versions().length,
      );
      for (const at of [2000, 3000, ALL]) expectAsOf(db, ledger, at);
      await db.close();
    }
    await using badger = await BadgerProcess.open(directory, { ...BADGER, versionsToKeep: 1 });
    ledger.expectLive((await badger.dump()).live);
    await badger.call("discardTs", { version: 4000 });
    await badger.call("flatten");
    await badger.close();
    const again = await openMeles(directory, { ...MELES, versionsToKeep: 1 });
    for (const at of [4000, ALL]) expectAsOf(again, ledger, at);
    await again.close();
  });
});

withBadger("banned namespaces", () => {
  const OFFSET = 1;
  const options = { namespaceOffset: OFFSET };
  const inNamespace = (number: number) => Uint8Array.of(0x74, 0, 0, 0, 0, 0, 0, 0, number, 0x6b);
  const value = (number: number) => new TextEncoder().encode(`value ${number}`);

  test("a ban of either holds for the other, and lasts", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    {
      await using badger = await BadgerProcess.open(directory, options);
      const numbers = [5, 6, 7, 8];
      await badger.commit(numbers.map((n) => ({ key: inNamespace(n), value: value(n) })));
      await badger.call("ban", { namespace: 7 });
      await badger.kill();
    }
    {
      await using db = await openMeles(directory, options);
      expect(db.bannedNamespaces()).toEqual([7n]);
      expect(await codeOf(() => db.get(inNamespace(7)))).toBe("ERR_BANNED");
      expect(
        db
          .scan()
          .toArray()
          .map((entry) => entry.text()),
      ).toEqual([5, 6, 8].map((n) => toText(value(n))));
      await db.banNamespace(5);
      await db.put(inNamespace(9), value(9));
      await db.compact();
    }
    await using badger = await BadgerProcess.open(directory, options);
    const { bannedNamespaces } = (await badger.call("structure")) as { bannedNamespaces: number[] };
    // Badger keeps them in no order.
    expect(bannedNamespaces.toSorted()).toEqual([5, 7]);
    const { live } = await badger.dump();
    expect(live.map(({ key }) => key[8])).toEqual([6, 8, 9]);
    const refused = badger.commit([{ key: inNamespace(5), value: value(5) }]);
    expect(await refused.catch((error: Error) => error.message)).toContain("banned");
    await badger.close();
    await using again = await openMeles(directory, { ...options, readOnly: true });
    expect(again.bannedNamespaces()).toEqual([5n, 7n]);
  });
});
