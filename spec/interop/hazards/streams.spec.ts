/** Hazards 35 to 40: backups and bulk loads. */

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { withBadger } from "../badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "../badger-process.ts";
import { openMeles } from "../meles-side.ts";
import { protobuf } from "../naive-files.ts";
import { ScratchFolder } from "../scratch-folder.ts";
import { latin1, Sample, text } from "./sample.ts";

const POINTER = 0x02;
const BADGER: BadgerOptions = {
  memTableSize: 1 << 20,
  valueLogFileSize: 1 << 20,
  valueThreshold: 100,
  versionsToKeep: 1_000_000,
};

interface NaiveKv {
  readonly key: string;
  readonly value: Uint8Array;
  readonly userMeta: Uint8Array | undefined;
  readonly version: number;
  readonly expiresAt: number;
  readonly meta: Uint8Array | undefined;
  readonly streamId: number;
  readonly isDone: boolean;
}

/** The entries of a backup stream, read with nothing of `src/`. */
function naiveBackup(bytes: Uint8Array): NaiveKv[] {
  const entries: NaiveKv[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at < bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    const frame = bytes.subarray(at + 8, at + 8 + length);
    if (frame.length < length) throw new Error(`a frame of ${length} bytes at ${at}`);
    for (const { field, value } of protobuf(frame)) {
      if (field === 1) entries.push(naiveKv(value as Uint8Array));
    }
    at += 8 + length;
  }
  return entries;
}

function naiveKv(bytes: Uint8Array): NaiveKv {
  const fields = new Map(protobuf(bytes).map(({ field, value }) => [field, value]));
  const number = (field: number) => Number(fields.get(field) ?? 0);
  const part = (field: number) => fields.get(field) as Uint8Array | undefined;
  return {
    key: latin1(part(1) ?? new Uint8Array(0)),
    value: part(2) ?? new Uint8Array(0),
    userMeta: part(3),
    version: number(4),
    expiresAt: number(5),
    meta: part(6),
    streamId: number(10),
    isDone: number(11) !== 0,
  };
}

/** A frame out of entries, each a list of tagged fields: `[tag, …payload]`. */
function frame(...entries: (readonly (readonly number[])[])[]): Uint8Array {
  const list = entries.flatMap((fields) => {
    const entry = fields.flat();
    return [0x0a, entry.length, ...entry];
  });
  const bytes = new Uint8Array(8 + list.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(list.length), true);
  bytes.set(list, 8);
  return bytes;
}

const bytesField = (field: number, payload: Uint8Array | readonly number[]) => [
  field * 8 + 2,
  payload.length,
  ...payload,
];
const numberField = (field: number, value: number) => [field * 8, value];

/** A backup of the sample by Meles, and what it holds. */
async function melesBackup(sample: Sample): Promise<{ file: string; entries: NaiveKv[] }> {
  const file = sample.folder.at("meles.bak");
  await sample.use(async (db) => {
    await sample.write(db, 200);
    await db.backup(file);
  });
  return { file, entries: naiveBackup(new Uint8Array(readFileSync(file))) };
}

describe("hazard 35: the length of a frame is little endian", () => {
  test("in backups of Meles, whose frames fill the file to the byte", async () => {
    using sample = new Sample();
    const { entries } = await melesBackup(sample);
    expect(entries.length).toBeGreaterThan(200);
    const live = new Set(
      sample.ledger.live().map(({ key, version }) => `${latin1(key)}@${version}`),
    );
    for (const { key, version } of entries) live.delete(`${key}@${version}`);
    expect([...live]).toEqual([]);
  });
});

describe("hazard 36: since is exclusive", () => {
  test("the version a backup returns is what the next one starts from: none twice, none left out", async () => {
    using sample = new Sample();
    const versions: number[] = [];
    let since = 0;
    await sample.use(async (db) => {
      for (let part = 0; part < 4; part++) {
        // The third part is empty.
        if (part !== 2) await sample.write(db, 50);
        const file = sample.folder.at(`${part}.bak`);
        const { version } = await db.backup(file, { since });
        const entries = naiveBackup(new Uint8Array(readFileSync(file)));
        expect(
          entries.every((entry) => entry.version > since || entry.userMeta === undefined),
        ).toBe(true);
        if (part === 2) expect([entries.length, version]).toEqual([0, since]);
        // An added marker is no version of its own.
        versions.push(
          ...entries.filter((one) => one.userMeta !== undefined).map((one) => one.version),
        );
        since = version;
      }
      expect(since).toBe(sample.ledger.newest);
    });
    expect(new Set(versions).size).toBeGreaterThan(100);
  });
});

withBadger("hazard 36: since, in both", () => {
  test("a chain of Badger's backups restores whole, and none of its versions comes twice", async () => {
    using folder = new ScratchFolder();
    await using badger = await BadgerProcess.open(folder.at("source"), BADGER);
    const target = await openMeles(folder.at("target"));
    const seen: number[] = [];
    let since = 0;
    for (let part = 0; part < 3; part++) {
      await badger.commit(
        ...[1, 2, 3].map((n) => [{ key: text(`k${n}`), value: text(`${part}`) }]),
      );
      const file = folder.at(`${part}.bak`);
      since = (await badger.call("backup", { file, since })) as number;
      seen.push(...naiveBackup(new Uint8Array(readFileSync(file))).map(({ version }) => version));
      expect((await target.restore(file)).version).toBe(since);
    }
    expect(seen.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(
      target
        .scan()
        .toArray()
        .map((entry) => entry.text()),
    ).toEqual(["2", "2", "2"]);
    await target.close();
    await badger.close();
  });
});

describe("hazard 37: the pointer bit in a backup", () => {
  test("Meles leaves it and the transaction bits out: values are inline there", async () => {
    using sample = new Sample({ valueThreshold: 10 });
    const { entries } = await melesBackup(sample);
    expect(entries.filter(({ value }) => value.length > 10).length).toBeGreaterThan(50);
    expect(entries.filter(({ meta }) => ((meta?.[0] ?? 0) & ~0x0d) !== 0)).toEqual([]);
  });
});

withBadger("hazard 37: the pointer bit, in both", () => {
  test("Meles restores Badger's, which have it", async () => {
    using folder = new ScratchFolder();
    const file = folder.at("badger.bak");
    const big = new Uint8Array(500).fill(7);
    {
      await using badger = await BadgerProcess.open(folder.at("source"), BADGER);
      await badger.commit([{ key: text("big"), value: big }]);
      await badger.call("backup", { file, since: 0 });
      await badger.close();
    }
    const [entry] = naiveBackup(new Uint8Array(readFileSync(file)));
    expect(entry?.meta?.[0]).toBe(POINTER);
    // Above the threshold of the target, and below.
    for (const valueThreshold of [100, 1000]) {
      const directory = folder.at(`target-${valueThreshold}`);
      {
        await using db = await openMeles(directory, { valueThreshold });
        await db.restore(file);
        expect(db.get("big")).toEqual(big);
      }
      await using db = await openMeles(directory, { valueThreshold, readOnly: true });
      expect(db.get("big")).toEqual(big);
      expect((await db.verify()).findings).toEqual([]);
      await using badger = await BadgerProcess.open(folder.copyOf(directory), BADGER);
      expect((await badger.dump()).live[0]?.value).toEqual(big);
      await badger.close();
    }
  });

  test("a StreamWriter takes what is in a backup of Meles as it is", async () => {
    using sample = new Sample({ valueThreshold: 10 });
    const { entries } = await melesBackup(sample);
    const order = (a: NaiveKv, b: NaiveKv) =>
      Buffer.compare(Buffer.from(a.key, "latin1"), Buffer.from(b.key, "latin1")) ||
      b.version - a.version;
    const sorted = [...entries].sort(order).map((entry) => ({
      ...entry,
      key: Buffer.from(entry.key, "latin1"),
      meta: entry.meta?.[0] ?? 0,
      userMeta: entry.userMeta?.[0] ?? 0,
    }));
    await using badger = await BadgerProcess.open(sample.folder.at("target"), BADGER);
    await badger.call("stream", { entries: sorted });
    sample.ledger.expectLive((await badger.dump()).live);
    await badger.close();
  });
});

describe("hazard 38: the end of a stream is no entry", () => {
  test("Meles restores around it: there is no empty key", async () => {
    using folder = new ScratchFolder();
    const file = folder.at("streams.bak");
    const entry = [bytesField(1, text("k")), bytesField(2, text("v")), numberField(4, 3)];
    const done = [numberField(10, 2), numberField(11, 1)];
    writeFileSync(file, frame(entry, done));
    await using db = await openMeles(folder.at("data"));
    expect((await db.restore(file)).version).toBe(3);
    expect([...db.scan({ allVersions: true })].map((one) => latin1(one.key))).toEqual(["k"]);
  });

  test("and Meles writes none", async () => {
    using sample = new Sample();
    const { entries } = await melesBackup(sample);
    expect(entries.filter(({ isDone, key }) => isDone || key === "")).toEqual([]);
  });
});

describe("hazard 39: what is absent in a backup", () => {
  test("absent values are empty ones, absent bytes of meta are 0", async () => {
    using folder = new ScratchFolder();
    const file = folder.at("absent.bak");
    const entries = [
      [bytesField(1, text("bare")), numberField(4, 1)],
      [bytesField(1, text("deleted")), numberField(4, 2), bytesField(6, [1])],
      [bytesField(1, text("empty bytes")), bytesField(3, []), numberField(4, 3), bytesField(6, [])],
      [bytesField(1, text("meta")), bytesField(3, [9]), numberField(4, 4), bytesField(6, [0x40])],
    ];
    writeFileSync(file, frame(...entries));
    await using db = await openMeles(folder.at("data"));
    await db.restore(file);
    const found = db.scan({ allVersions: true }).toArray();
    expect(found.map((one) => [one.text(), one.version, one.userMeta, one.deleted])).toEqual([
      ["", 1, 0, false],
      ["", 2, 0, true],
      ["", 3, 0, false],
      ["", 4, 9, false],
    ]);
    expect(db.get("bare")).toEqual(new Uint8Array(0));
    expect(db.has("deleted")).toBe(false);
  });

  test("meta and user meta of Meles are one byte each, an empty value is left out", async () => {
    using sample = new Sample();
    const { entries } = await melesBackup(sample);
    for (const { meta, userMeta } of entries) {
      expect(meta?.length).toBe(1);
      if (userMeta !== undefined) expect(userMeta.length).toBe(1);
    }
    expect(entries.some(({ value }) => value.length === 0)).toBe(true);
  });
});

describe("hazard 40: version 0", () => {
  test("Meles never gives it out: the first commit is 1, and a batch's, and an import's", async () => {
    using folder = new ScratchFolder();
    const db = await openMeles(folder.at("put"));
    expect(await db.put("k", "v")).toBe(1);
    await db.close();
    const other = await openMeles(folder.at("batch"));
    const batch = other.batch();
    await batch.put("k", "v");
    await batch.flush();
    expect(other.getEntry("k")?.version).toBe(1);
    await other.close();
  });
});

withBadger("hazard 40: version 0, in both", () => {
  test("an entry that Badger has at version 0 does not stand in the way of newer ones", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const file = folder.at("zero.bak");
    const entry = (key: string, ...version: number[][]) => [
      bytesField(1, text(key)),
      bytesField(2, text("old")),
      ...version,
    ];
    writeFileSync(file, frame(entry("a"), entry("b", numberField(4, 1)), entry("b")));
    {
      await using badger = await BadgerProcess.open(directory, BADGER);
      await badger.call("load", { file });
      await badger.close();
    }
    await using db = await openMeles(directory, { versionsToKeep: 9 });
    expect(db.getEntry("b")?.version).toBe(1);
    expect((await db.verify()).findings).toEqual([]);
    expect(await db.put("a", "new")).toBe(2);
    expect(db.getEntry("a")?.text()).toBe("new");
    await db.compact();
    expect([...db.scan()].map((one) => [one.text(), one.version])).toEqual([
      ["new", 2],
      ["old", 1],
    ]);
  });
});
