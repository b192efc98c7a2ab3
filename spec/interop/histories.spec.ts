/**
 * Random histories through every other door of both engines: backups, bulk loads, batches, versions
 * out of order, merge operands, sequences, bans, drops.
 */

import { expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { compareBytes } from "../../src/base/bytes.ts";
import { withBadger } from "./badger-build.ts";
import { type BadgerOptions, BadgerProcess, type BadgerWrite } from "./badger-process.ts";
import { type FoundVersion, Ledger, type LedgerWrite } from "./ledger.ts";
import { openMeles, readMeles, writeHistory } from "./meles-side.ts";
import { forBadger, RandomHistory, SEED } from "./random-history.ts";
import { ScratchFolder } from "./scratch-folder.ts";

const ALL = 1_000_000;
const SHAPE = { keyCount: 60, valueThreshold: 100, valueLengthMax: 3000 };
const BADGER: BadgerOptions = {
  memTableSize: 1 << 20,
  valueLogFileSize: 1 << 20,
  valueThreshold: SHAPE.valueThreshold,
  versionsToKeep: ALL,
};
const MELES = { valueThreshold: SHAPE.valueThreshold, versionsToKeep: ALL };

const history = (seed: number) => new RandomHistory(seed, SHAPE);
const text = (value: string) => new TextEncoder().encode(value);
const key = (name: string, number: number) => text(`${name}/${String(number).padStart(6, "0")}`);

function written(write: Partial<LedgerWrite> & { key: Uint8Array }): LedgerWrite {
  const none = { value: text(""), userMeta: 0, expiresAt: 0, deleted: false, discard: false };
  return { ...none, ...write };
}

async function commitWithBadger(
  badger: BadgerProcess,
  transactions: readonly (readonly LedgerWrite[])[],
  ledger: Ledger,
): Promise<void> {
  const versions = await badger.commit(...transactions.map((writes) => writes.map(forBadger)));
  transactions.forEach((writes, index) => ledger.add(versions[index] as number, writes));
}

/** In Meles: right before and after everything was merged. */
async function expectInMeles(directory: string, ledger: Ledger, versionsToKeep = ALL) {
  await using db = await openMeles(directory, { ...MELES, versionsToKeep });
  for (let round = 0; round < 2; round++) {
    const found = await readMeles(db, ledger);
    ledger.expectLive(found.live);
    ledger.expectThinned(found.versions, versionsToKeep);
    await db.compact();
  }
}

async function expectInBadger(directory: string, ledger: Ledger, options: BadgerOptions = BADGER) {
  await using badger = await BadgerProcess.open(directory, options);
  const found = await badger.dump();
  ledger.expectLive(found.live);
  ledger.expectThinned(found.versions, options.versionsToKeep ?? 1);
  await badger.call("verify");
  await badger.close();
}

/**
 * A backup ends a key at a version that discards earlier ones with a delete marker one version below,
 * which nobody wrote.
 */
function withoutAddedMarkers(found: readonly FoundVersion[], ledger: Ledger): FoundVersion[] {
  const discarding = ledger.versions().filter((one) => one.discard && !one.deleted);
  const added = new Set(discarding.map((one) => `${one.key.toHex()}@${one.version - 1}`));
  return found.filter((one) => !one.deleted || !added.has(`${one.key.toHex()}@${one.version}`));
}

withBadger("backups", () => {
  test(`Meles restores Badger's, whole and incremental (seed ${SEED})`, async () => {
    using folder = new ScratchFolder();
    const ledger = new Ledger();
    const random = history(SEED);
    const files = [folder.at("1.bak"), folder.at("2.bak"), folder.at("3.bak")];
    {
      await using badger = await BadgerProcess.open(folder.at("source"), BADGER);
      let since = 0;
      for (const file of files) {
        await commitWithBadger(badger, random.transactions(60), ledger);
        since = (await badger.call("backup", { file, since })) as number;
        expect(since).toBe(ledger.newest);
      }
      await badger.close();
    }
    await using db = await openMeles(folder.at("target"), MELES);
    let version = 0;
    for (const file of files) version = (await db.restore(file)).version;
    expect(version).toBe(ledger.newest);
    const found = await readMeles(db, ledger);
    ledger.expectLive(found.live);
    ledger.expectThinned(withoutAddedMarkers(found.versions, ledger), ALL);
    // The next commit is newer than everything restored.
    expect(await db.put("next", "1")).toBe(ledger.newest + 1);
  });

  test(`Badger loads those of Meles, whole and incremental (seed ${SEED + 1})`, async () => {
    using folder = new ScratchFolder();
    const ledger = new Ledger();
    const random = history(SEED + 1);
    const files = [folder.at("1.bak"), folder.at("2.bak"), folder.at("3.bak")];
    {
      await using db = await openMeles(folder.at("source"), MELES);
      let since = 0;
      for (const file of files) {
        await writeHistory(db, random.transactions(60), ledger);
        ({ version: since } = await db.backup(file, { since }));
        expect(since).toBe(ledger.newest);
      }
    }
    await using badger = await BadgerProcess.open(folder.at("target"), BADGER);
    for (const file of files) await badger.call("load", { file });
    const found = await badger.dump();
    ledger.expectLive(found.live);
    ledger.expectThinned(withoutAddedMarkers(found.versions, ledger), ALL);
    expect(await badger.commit([{ key: text("next") }])).toEqual([ledger.newest + 1]);
    await badger.close();
  });

  test(`one that went there and back is the same (seed ${SEED + 2})`, async () => {
    using folder = new ScratchFolder();
    const ledger = new Ledger();
    const [first, second] = [folder.at("first.bak"), folder.at("second.bak")];
    {
      await using db = await openMeles(folder.at("meles"), MELES);
      await writeHistory(db, history(SEED + 2).transactions(100), ledger);
      await db.backup(first);
    }
    await using badger = await BadgerProcess.open(folder.at("badger"), BADGER);
    await badger.call("load", { file: first });
    await badger.call("backup", { file: second, since: 0 });
    await badger.close();
    await using back = await openMeles(folder.at("back"), MELES);
    await back.restore(second);
    ledger.expectLive((await readMeles(back, ledger)).live);
  });
});

withBadger("bulk", () => {
  test("Meles reads what a StreamWriter has loaded, and Badger what Meles adds", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const ledger = new Ledger();
    const entries: BadgerWrite[] = [];
    for (let number = 0; number < 3000; number++) {
      const value = new Uint8Array(number % 300).fill(number);
      const stream = 1 + Math.floor(number / 1000);
      const write = written({ key: key("stream", number), value, userMeta: number % 256 });
      entries.push({ ...forBadger(write), version: 7, streamId: stream });
      ledger.add(7, [write]);
    }
    await using badger = await BadgerProcess.open(directory, BADGER);
    expect(await badger.call("stream", { entries })).toBeNumber();
    await badger.close();
    await expectInMeles(directory, ledger);
    await using db = await openMeles(directory, MELES);
    await writeHistory(db, history(SEED).transactions(50), ledger);
    await db.close();
    await expectInBadger(directory, ledger);
  });

  test("both read 20,000 keys that a batch of the other wrote, over many tables", async () => {
    using folder = new ScratchFolder();
    const writes = Array.from({ length: 20_000 }, (_, number) =>
      written({ key: key("batch", (number * 7919) % 20_000), value: text(`value ${number}`) }),
    );
    const small = { memtableSize: 128 << 10, baseLevelSize: 128 << 10, levelSizeMultiplier: 2 };
    const ofMeles = new Ledger();
    const db = await openMeles(folder.at("meles"), { ...small, blockSize: 600 });
    const batch = db.batch();
    for (const write of writes) await batch.put(write.key, write.value);
    await batch.flush();
    for (const { key, version } of db.scan({ keysOnly: true })) {
      ofMeles.add(version, [written({ key, value: db.get(key) as Uint8Array })]);
    }
    expect(ofMeles.live().length).toBe(20_000);
    await db.close();
    await expectInBadger(folder.at("meles"), ofMeles, { versionsToKeep: 1 });

    const ofBadger = new Ledger();
    await using badger = await BadgerProcess.open(folder.at("badger"), {
      memTableSize: 1 << 20,
      valueThreshold: 1000,
      baseTableSize: 64 << 10,
      baseLevelSize: 128 << 10,
    });
    await badger.call("batch", { entries: writes.map(forBadger) });
    // A batch is several transactions, and who knows where it was cut.
    for (const one of (await badger.dump()).live) ofBadger.add(one.version, [written(one)]);
    await badger.close();
    expect(ofBadger.live().length).toBe(20_000);
    await expectInMeles(folder.at("badger"), ofBadger, 1);
  }, 30_000);
});

withBadger("several writes of a key in one batch", () => {
  test("share a version, and the last one counts, in the log and in tables", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const db = await openMeles(directory, { valueThreshold: 100, memtableSize: 64 << 10 });
    const names = Array.from({ length: 300 }, (_, number) => key("k", number));
    const long = "x".repeat(150);
    const expected = names.map((name, number) => {
      if (number % 3 === 0) return [name, undefined] as const;
      return [name, number % 3 === 1 ? `${long}${number}` : `${number}`] as const;
    });
    const batch = db.batch();
    for (const [name, last] of expected) {
      await batch.put(name, "first");
      await batch.delete(name);
      await batch.put(name, long);
      if (last === undefined) await batch.delete(name);
      else await batch.put(name, last);
    }
    await batch.flush();
    const live = expected.flatMap(([name, last]) => (last === undefined ? [] : [[name, last]]));
    const shown = (entries: readonly FoundVersion[]) =>
      entries.map((entry) => [entry.key, new TextDecoder().decode(entry.value)]);
    expect(shown(db.scan().toArray())).toEqual(live as [Uint8Array, string][]);
    const killed = folder.copyOf(directory);
    await db.close();
    for (const copy of [killed, directory]) {
      await using badger = await BadgerProcess.open(copy, BADGER);
      expect(shown((await badger.dump()).live)).toEqual(live as [Uint8Array, string][]);
      await badger.close();
    }
  });
});

withBadger("versions out of order", () => {
  test(`Meles reads what managed transactions wrote in any order (seed ${SEED})`, async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const ledger = new Ledger();
    const random = history(SEED);
    // Several tables and a log, whose version ranges overlap: newer is not above.
    for (let part = 0; part < 4; part++) {
      await using badger = await BadgerProcess.open(directory, {
        ...BADGER,
        managed: true,
        compactors: 0,
      });
      for (const writes of random.transactions(60)) {
        let version = 1 + random.below(10_000);
        while (ledger.versions().some((one) => one.version === version)) version++;
        ledger.add(version, writes);
        await badger.commit(writes.map((write) => ({ ...forBadger(write), version })));
      }
      if (part < 3) await badger.close();
      else await badger.kill();
    }
    const copy = folder.copyOf(directory);
    await using db = await openMeles(copy, { ...MELES, readOnly: true });
    ledger.expectAllVersions((await readMeles(db, ledger)).versions);
    await db.close();
    await expectInMeles(directory, ledger);
    await expectInBadger(directory, ledger, { ...BADGER, managed: true });
  });
});

withBadger("what Badger keeps for itself", () => {
  test("merge operands survive a merge of Meles, whatever it keeps", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const operands = Array.from({ length: 8 }, (_, number) => `<${number}>`);
    const merge = { keys: [text("list")] };
    {
      await using badger = await BadgerProcess.open(directory, { compactors: 0 });
      await badger.commit([{ key: text("list"), value: text("start") }]);
      for (const operand of operands) {
        const entries = [{ key: text("list"), value: text(operand) }];
        await badger.call("merge", { entries });
      }
      await badger.kill();
    }
    {
      await using db = await openMeles(directory, { versionsToKeep: 1 });
      await db.compact();
      expect(db.getEntry("list")?.text()).toBe("<7>");
    }
    await using badger = await BadgerProcess.open(directory);
    const joined = Buffer.from(String(await badger.call("merged", merge)), "base64").toString();
    expect(joined.endsWith(operands.join(""))).toBe(true);
  });

  test("a sequence goes on where its lease ends", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const lease = { keys: [text("ids")], count: 3 };
    {
      await using badger = await BadgerProcess.open(directory);
      expect(await badger.call("sequence", lease)).toEqual([0, 1, 2]);
      await badger.kill();
    }
    {
      await using db = await openMeles(directory);
      expect(db.get("ids")).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 100));
      await db.compact();
    }
    await using badger = await BadgerProcess.open(directory);
    expect(await badger.call("sequence", lease)).toEqual([100, 101, 102]);
  });

  test("a ban of a namespace outlives what Meles does, and Meles shows nothing of it", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const options = { namespaceOffset: 0 };
    const inNamespace = (number: number) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, number, 0x6b);
    {
      await using badger = await BadgerProcess.open(directory, options);
      await badger.commit([{ key: inNamespace(7) }, { key: inNamespace(8) }]);
      await badger.call("ban", { namespace: 7 });
      await badger.kill();
    }
    {
      await using db = await openMeles(directory, { versionsToKeep: 1 });
      expect([...db.scan().keys()]).toEqual([inNamespace(7), inNamespace(8)]);
      await db.put(inNamespace(9), "later");
      await db.compact();
      await db.collectGarbage();
    }
    await using badger = await BadgerProcess.open(directory, options);
    expect(await badger.call("structure")).toMatchObject({ bannedNamespaces: [7] });
    const { live } = await badger.dump();
    expect(live.map((one) => one.key)).toEqual([inNamespace(8), inNamespace(9)]);
  });
});

withBadger("drops", () => {
  test("of a process that was killed leave Badger at ease, and stay dropped for Meles", async () => {
    for (const options of [MELES, { ...MELES, encryptionKey: new Uint8Array(32).fill(9) }]) {
      using folder = new ScratchFolder();
      const { encryptionKey } = options as { encryptionKey?: Uint8Array };
      const long = "b".repeat(3000);
      const db = await openMeles(folder.at("first"), options);
      for (const name of ["a", "bb", `${long}1`, "c"]) await db.put(name, "v");
      // Longer than any value that stays in the tree.
      await db.dropPrefix(long, "c");
      await db.put("c2", "v");
      const directory = folder.at("killed");
      cpSync(folder.at("first"), directory, { recursive: true });
      await db.close();
      const badger = await BadgerProcess.open(directory, {
        ...BADGER,
        ...(encryptionKey && { encryptionKey }),
      });
      const { live } = await badger.dump();
      // Badger knows of no cuts.
      expect(live.map(({ key: found }) => found.length)).toEqual([1, 2, 3001, 1, 2]);
      await badger.commit([{ key: text("later"), value: new Uint8Array(3) }]);
      await badger.call("verify");
      await badger.close();
      await using again = await openMeles(directory, options);
      const left = [...again.scan().keys()].map((one) => Buffer.from(one).toString());
      expect(left).toEqual(["a", "bb", "c2", "later"]);
    }
  });

  for (const dropsAll of [false, true]) {
    test(`${dropsAll ? "everything" : "a prefix"} dropped by one is gone for the other`, async () => {
      using folder = new ScratchFolder();
      const directory = folder.at("data");
      const names = ["a", "b", "c"].flatMap((name) =>
        Array.from({ length: 100 }, (_, number) => key(name, number)),
      );
      names.sort(compareBytes);
      const value = new Uint8Array(500).fill(1);
      const initial = text("b").at(0);
      const rest = (keys: Uint8Array[]) => keys.filter((one) => !dropsAll && one[0] !== initial);
      const later = text("later");
      await using badger = await BadgerProcess.open(directory, BADGER);
      await badger.commit(names.map((name) => ({ key: name, value })));
      await badger.call("drop", { keys: dropsAll ? [] : [text("b")] });
      await badger.commit([{ key: later, value }]);
      await badger.close();
      {
        await using db = await openMeles(directory, MELES);
        expect([...db.scan().keys()]).toEqual([...rest(names), later]);
        for (const name of names) await db.put(name, value);
        await (dropsAll ? db.dropAll() : db.dropPrefix("b"));
        await db.put(later, value);
        expect((await db.verify()).findings).toEqual([]);
      }
      await using again = await BadgerProcess.open(directory, BADGER);
      const { live } = await again.dump();
      expect(live.map((one) => one.key)).toEqual([...rest(names), later]);
      await again.call("verify");
      await again.close();
    });
  }
});
