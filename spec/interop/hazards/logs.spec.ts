/** Hazards 7 to 17: the write-ahead logs and the value log. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { OpenOptions } from "../../../src/index.ts";
import { withBadger } from "../badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "../badger-process.ts";
import { openMeles } from "../meles-side.ts";
import {
  naiveCrc,
  naiveCtr,
  type NaiveDirectory,
  naiveFollow,
  type NaiveLog,
  naiveLog,
  type NaiveRecord,
} from "../naive-files.ts";
import { ScratchFolder } from "../scratch-folder.ts";
import { latin1, MASTER_KEY, Sample, text } from "./sample.ts";

const DELETE = 0x01;
const POINTER = 0x02;
const IN_TRANSACTION = 0x40;
const TRANSACTION_END = 0x80;

/** Badger with a memtable that holds what those of Meles do. */
const BADGER: BadgerOptions = { memTableSize: 8 << 20, compactors: 0 };

/** Nothing is flushed: everything is in the logs. */
const LOGS_ONLY: OpenOptions = { memtableSize: 4 << 20 };

const samples = new Map<string, Sample>();
/** What a kill leaves after 200 transactions. */
let killed: string;
let killedEncrypted: string;

beforeAll(async () => {
  const made = async (name: string, options: OpenOptions) => {
    const sample = new Sample({ ...LOGS_ONLY, ...options });
    samples.set(name, sample);
    let copy = "";
    await sample.use(async (db) => {
      await sample.write(db, 200);
      copy = sample.killed();
    });
    return copy;
  };
  killed = await made("plain", {});
  killedEncrypted = await made("encrypted", { encryptionKey: MASTER_KEY });
});

afterAll(() => {
  for (const sample of samples.values()) sample[Symbol.dispose]();
});

function sampleOf(name: "plain" | "encrypted"): Sample {
  return samples.get(name) as Sample;
}

/** The groups of a write-ahead log that count: a plain record alone, a transaction with its marker. */
function groups(records: readonly NaiveRecord[]): NaiveRecord[][] {
  const found: NaiveRecord[][] = [];
  let open: NaiveRecord[] = [];
  for (const record of records) {
    open.push(record);
    if ((record.meta & IN_TRANSACTION) !== 0) continue;
    found.push(open);
    open = [];
  }
  expect(open).toEqual([]);
  return found;
}

function firstLog({ logs }: NaiveDirectory): NaiveLog {
  return logs[0] as NaiveLog;
}

const memOf = (directory: string) => join(directory, "00001.mem");

function readLog(path: string) {
  return naiveLog(path, new Uint8Array(readFileSync(path)));
}

describe("hazard 7: garbage behind the last record", () => {
  test("a log of Meles ends with its last record, to the byte", () => {
    const { logs, valueLogs } = sampleOf("plain").read(killed);
    expect(logs.length).toBe(1);
    expect(valueLogs.length).toBeGreaterThan(0);
    for (const { records, tail } of [...logs, ...valueLogs]) {
      expect(records.length).toBeGreaterThan(10);
      expect(tail.length).toBe(0);
    }
  });

  test("so it does after a torn tail was cut and a shorter one written", async () => {
    const copy = sampleOf("plain").folder.copyOf(killed);
    truncateSync(memOf(copy), statSync(memOf(copy)).size - 3);
    const db = await openMeles(copy, LOGS_ONLY);
    await db.put("k", "v");
    const { logs } = sampleOf("plain").read(copy);
    expect(logs.map(({ tail }) => tail.length)).toEqual(logs.map(() => 0));
    await db.close();
  });
});

withBadger("hazard 7: garbage behind the last record, in both", () => {
  const tails: [string, Uint8Array][] = [
    ["bytes 0xff", new Uint8Array(40).fill(0xff)],
    ["lengths whose sum wraps", Uint8Array.of(0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 1, 2, 3)],
    ["zeros", new Uint8Array(40)],
  ];
  for (const [name, tail] of tails) {
    test(`Meles never reads ${name} as data, whatever Badger makes of them`, async () => {
      const sample = sampleOf("plain");
      const copy = sample.folder.copyOf(killed);
      appendFileSync(memOf(copy), tail);
      const other = sample.folder.copyOf(copy);
      const failure = await BadgerProcess.open(copy, BADGER).catch((error: unknown) =>
        String(error),
      );
      if (failure instanceof BadgerProcess) {
        sample.ledger.expectLive((await failure.dump()).live);
        await failure.kill();
      }
      const db = await openMeles(other, LOGS_ONLY).catch((error: unknown) => error);
      if (name === "bytes 0xff") {
        expect(failure).toContain("overflow");
        expect(db).toMatchObject({ code: "ERR_CORRUPTION" });
        return;
      }
      const opened = db as Awaited<ReturnType<typeof openMeles>>;
      sample.ledger.expectLive(opened.scan().toArray());
      await opened.close();
    });
  }
});

describe("hazard 8: what does not fit discards everything behind it", () => {
  test("a transaction is contiguous and ends with its version in plain digits", () => {
    for (const name of ["plain", "encrypted"] as const) {
      const directory = name === "plain" ? killed : killedEncrypted;
      const { records } = firstLog(sampleOf(name).read(directory));
      const all = groups(records);
      expect(all.length).toBe(200);
      for (const group of all) {
        const marker = group.at(-1) as NaiveRecord;
        expect(new Set(group.map(({ version }) => version)).size).toBe(1);
        if (group.length === 1) {
          expect(marker.meta & (IN_TRANSACTION | TRANSACTION_END)).toBe(0);
          continue;
        }
        expect(marker.meta).toBe(TRANSACTION_END);
        expect(latin1(marker.user)).toBe("!badger!txn");
        expect(latin1(marker.value)).toBe(String(marker.version));
      }
    }
  });

  test("an empty transaction writes nothing", async () => {
    using sample = new Sample(LOGS_ONLY);
    await sample.use(async (db) => {
      await db.begin().commit();
      using reader = db.begin();
      reader.get("nothing");
      await reader.commit();
      expect(sample.read().logs).toEqual([]);
    });
  });
});

withBadger("hazard 8: both stop at the same byte", () => {
  test("wherever the log is cut or a byte is flipped", async () => {
    const sample = sampleOf("plain");
    const { records } = firstLog(sample.read(killed));
    const last = groups(records).findLast((group) => group.length > 3) as NaiveRecord[];
    const [first, second] = [last[0] as NaiveRecord, last[1] as NaiveRecord];
    const marker = last.at(-1) as NaiveRecord;
    const cuts = [first.offset + 1, first.end, second.end - 1, marker.offset, marker.end - 1];
    const flips = [first.offset, first.end - 1, second.offset + 9, marker.offset, marker.end - 6];
    for (const at of cuts) {
      const { badger, meles } = await readBoth((path) => truncateSync(path, at));
      expect(meles).toEqual(badger);
      expect(badger.length).toBeGreaterThan(50);
    }
    for (const at of flips) {
      const { badger, meles } = await readBoth((path) => {
        const bytes = readFileSync(path);
        bytes[at] = (bytes[at] as number) ^ 0x04;
        writeFileSync(path, bytes);
      });
      // Badger drops acknowledged commits in silence; where no crash explains it, Meles does not.
      if (meles instanceof Error) expect(meles).toMatchObject({ code: "ERR_CORRUPTION" });
      else expect(meles).toEqual(badger);
    }
  }, 20_000);

  /** All versions that each finds in a changed copy, or why Meles refuses it. */
  async function readBoth(change: (log: string) => void) {
    const { folder } = sampleOf("plain");
    const [one, two] = [folder.copyOf(killed), folder.copyOf(killed)];
    for (const copy of [one, two]) change(memOf(copy));
    await using badger = await BadgerProcess.open(one, BADGER);
    const { versions } = await badger.dump();
    await badger.kill();
    const db = await openMeles(two, { readOnly: true }).catch((error: unknown) => error as Error);
    if (db instanceof Error) return { badger: versions.map(lineOf), meles: db };
    const found = db.scan({ allVersions: true }).toArray();
    await db.close();
    return { badger: versions.map(lineOf), meles: found.map(lineOf) };
  }
});

function lineOf({ key, version, value }: { key: Uint8Array; version: number; value: Uint8Array }) {
  return `${latin1(key)}@${version}=${latin1(value)}`;
}

describe("hazard 9: the end marker's value is inline", () => {
  test("also when every value goes to the value log", async () => {
    using sample = new Sample({ ...LOGS_ONLY, valueThreshold: 0 });
    await sample.use(async (db) => {
      await sample.write(db, 50);
      const found = sample.read(sample.killed());
      const records = found.logs.flatMap((log) => log.records);
      const markers = records.filter(({ meta }) => (meta & TRANSACTION_END) !== 0);
      expect(markers.length).toBeGreaterThan(10);
      for (const { meta, value, version } of markers) {
        expect([meta, latin1(value)]).toEqual([TRANSACTION_END, String(version)]);
      }
      const inLog = found.valueLogs.flatMap((log) => log.records).map(({ user }) => latin1(user));
      expect(inLog.filter((name) => name.startsWith("!badger!"))).toEqual([]);
    });
  });
});

withBadger("hazard 9: thresholds below the digits of a version", () => {
  test("Badger replays what Meles wrote with threshold 0", async () => {
    using sample = new Sample({ ...LOGS_ONLY, valueThreshold: 0 });
    await sample.use(async (db) => {
      await sample.write(db, 50);
      await using badger = await BadgerProcess.open(sample.killed(), BADGER);
      sample.ledger.expectAllVersions((await badger.dump()).versions);
    });
  });
});

withBadger("hazard 10: the reader's arena", () => {
  test("a full log of the largest memtable and the smallest records fits Badger's", async () => {
    using sample = new Sample({
      memtableSize: 64 << 20,
      memoryBudget: 512 << 20,
      valueThreshold: 1 << 20,
    });
    const key = new Uint8Array(4);
    const view = new DataView(key.buffer);
    await sample.use(async (db) => {
      const batch = db.batch();
      let count = 0;
      const first = join(sample.directory, "00001.mem");
      let records = 0;
      // Until the first log is full: then there is a second, and the first goes as soon as it is flushed.
      while (!existsSync(join(sample.directory, "00002.mem"))) {
        for (let n = 0; n < 25_000; n++) {
          view.setUint32(0, count++);
          const wait = batch.put(key, "");
          if (wait !== undefined) await wait;
        }
        await batch.flush();
        expect(count).toBeLessThan(5_000_000);
        if (existsSync(first)) records = Math.max(records, readLogSizes(first, key.length).records);
      }
      // The cost of a skip-list node, as the format text has it, without the height's luck.
      expect(records).toBeGreaterThan(500_000);
      expect(records * (29 + 12 + 3)).toBeLessThan(87_241_465);
      await using badger = await BadgerProcess.open(sample.killed(), { readOnly: true });
      await badger.close();
    });
  }, 60_000);
});

/** Records of one size in a large log. */
function readLogSizes(path: string, keyLength: number): { records: number } {
  return { records: Math.floor((statSync(path).size - 20) / (5 + keyLength + 8 + 4)) };
}

withBadger("hazard 11: a read-only open wants exact logs", () => {
  test("Badger reads a killed Meles directory without writing", async () => {
    const sample = sampleOf("plain");
    const copy = sample.folder.copyOf(killed);
    await using badger = await BadgerProcess.open(copy, { ...BADGER, readOnly: true });
    sample.ledger.expectAllVersions((await badger.dump()).versions);
    await badger.close();
    expect(readdirSync(copy).sort()).toEqual(readdirSync(killed).sort());
  });

  test("no .mem is left by a close", async () => {
    using sample = new Sample(LOGS_ONLY);
    await sample.use((db) => sample.write(db, 5));
    expect(readdirSync(sample.directory).filter((name) => name.endsWith(".mem"))).toEqual([]);
  });
});

describe("hazard 12: keys shorter than a version suffix", () => {
  test("Meles writes none, also for the shortest key", async () => {
    using sample = new Sample(LOGS_ONLY);
    await sample.use(async (db) => {
      await db.put(Uint8Array.of(0), "");
      const [record] = readLog(memOf(sample.directory)).records as [NaiveRecord];
      expect([record.keyLength, record.valueLength]).toEqual([9, 0]);
    });
  });

  test("Meles refuses them with an error instead of crashing", async () => {
    const sample = sampleOf("plain");
    const copy = sample.folder.copyOf(killed);
    const record = Buffer.from([0, 0, 5, 1, 0, ...text("short"), 0x76, 0, 0, 0, 0]);
    record.writeUInt32BE(naiveCrc(record.subarray(0, -4)), record.length - 4);
    appendFileSync(memOf(copy), record);
    const refusal = await openMeles(copy).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "ERR_CORRUPTION", file: "00001.mem" });
  });
});

describe("hazards 13 and 14: the order and the checksum of a record", () => {
  test("hazard 13: meta, user meta, key length with suffix, value length, expiry", async () => {
    using sample = new Sample(LOGS_ONLY);
    await sample.use(async (db) => {
      await db.put("key", "value", { userMeta: 0x2a, expiresAt: 300 });
      const bytes = readFileSync(memOf(sample.directory)).subarray(20);
      const suffix = [255, 255, 255, 255, 255, 255, 255, 254];
      const expected = [0, 0x2a, 11, 5, 0xac, 0x02, ...text("key"), ...suffix, ...text("value")];
      expect([...bytes.subarray(0, -4)]).toEqual(expected);
      expect(bytes.readUInt32BE(bytes.length - 4)).toBe(naiveCrc(Uint8Array.from(expected)));
    });
  });

  test("hazard 14: the checksum covers the cipher text, header included", () => {
    const path = memOf(killedEncrypted);
    const bytes = new Uint8Array(readFileSync(path));
    const { keys } = sampleOf("encrypted").read(killedEncrypted);
    const [record] = naiveLog("mem", bytes, keys).records as [NaiveRecord];
    const stored = bytes.subarray(record.offset, record.end - 4);
    expect(new DataView(bytes.buffer).getUint32(record.end - 4)).toBe(naiveCrc(stored));
    // The same record in clear has another checksum.
    const clear = stored.slice();
    clear.set(record.value, clear.length - record.value.length);
    clear.set(record.user, clear.length - record.value.length - record.keyLength);
    expect(naiveCrc(clear)).not.toBe(naiveCrc(stored));
  });

  test("hazard 14: value pointers are little endian in a file of big endian numbers", () => {
    const found = sampleOf("plain").read(killed);
    const pointing = found.logs[0]?.records.filter(({ meta }) => (meta & POINTER) !== 0) ?? [];
    expect(pointing.length).toBeGreaterThan(10);
    for (const { value } of pointing) expect([...value.subarray(0, 4)]).toEqual([1, 0, 0, 0]);
  });
});

describe("hazard 15: a pointer to the wrong place", () => {
  /** Makes the value-log files something else and shows what reading gives. */
  async function readWith(change: (valueLog: string) => void): Promise<unknown> {
    const sample = sampleOf("plain");
    const copy = sample.folder.copyOf(sample.directory);
    change(join(copy, "000001.vlog"));
    try {
      await using db = await openMeles(copy, { readOnly: true });
      return db.scan().toArray();
    } catch (error) {
      return error;
    }
  }

  test("is an error in Meles, never another value or an empty one", async () => {
    expect(await readWith(() => undefined)).toBeArray();
    const [first, second] = readLog(join(sampleOf("plain").directory, "000001.vlog")).records as [
      NaiveRecord,
      NaiveRecord,
    ];
    // All records one further: each pointer now leads into the middle of another's.
    const shifted = await readWith((path) => {
      const bytes = readFileSync(path);
      const rest = bytes.subarray(first.end);
      writeFileSync(
        path,
        Buffer.concat([bytes.subarray(0, 20), rest, bytes.subarray(20, first.end)]),
      );
    });
    const gone = await readWith((path) => rmSync(path));
    const flipped = await readWith((path) => {
      const bytes = readFileSync(path);
      for (let at = 30; at < bytes.length; at += 200) bytes[at] = (bytes[at] as number) ^ 1;
      writeFileSync(path, bytes);
    });
    expect(second.offset).toBe(first.end);
    for (const error of [shifted, gone, flipped]) {
      expect(error).toMatchObject({ code: "ERR_CORRUPTION", file: "000001.vlog" });
    }
  });

  test("a value is on disk before the record that points to it", () => {
    // A copy taken after each write: whatever the log points to is there.
    const found = sampleOf("plain").read(killed);
    for (const { meta, value } of found.logs.flatMap((log) => log.records)) {
      if ((meta & POINTER) !== 0) expect(naiveFollow(found, value)).toBeDefined();
    }
  });

  test("file numbers go up from open to open", async () => {
    using sample = new Sample(LOGS_ONLY);
    const numbers = new Map<string, string>();
    for (let n = 0; n < 4; n++) {
      await sample.use((db) => sample.write(db, 60));
      for (const name of readdirSync(sample.directory).filter((one) => one.endsWith(".vlog"))) {
        // A header's random bytes tell one file from another of the same name.
        const header = readFileSync(join(sample.directory, name)).subarray(0, 20).toString("hex");
        expect(numbers.get(name) ?? header).toBe(header);
        numbers.set(name, header);
      }
    }
    expect(numbers.size).toBe(4);
  });
});

withBadger("hazard 15: pointers that Badger leaves behind", () => {
  test("a superseded version whose file was collected is left out, a live one is an error", async () => {
    using folder = new ScratchFolder();
    const directory = folder.at("data");
    const options = {
      ...BADGER,
      valueThreshold: 100,
      valueLogFileSize: 1 << 20,
      versionsToKeep: 9,
    };
    const put = (key: string, value: string, expiresAt = 0) => [
      { key: text(key), value: text(value), expiresAt },
    ];
    const [first, second] = ["1".repeat(200), "2".repeat(200)];
    {
      await using badger = await BadgerProcess.open(directory, options);
      await badger.commit(
        put("both old", first),
        put("live", first),
        put("over", first, 1_000_000_000),
      );
      await badger.close();
    }
    {
      await using badger = await BadgerProcess.open(directory, options);
      await badger.commit(put("both old", second), put("both old", "3"));
      await badger.close();
    }
    // Its collection does the same, once a copy of the live value was written on top.
    rmSync(join(directory, "000001.vlog"));
    const db = await openMeles(directory, { readOnly: true });
    const history = (prefix: string) => {
      const read = (reverse: boolean) => db.scan({ prefix, allVersions: true, reverse }).toArray();
      const forward = read(false);
      expect(read(true).reverse()).toEqual(forward);
      return forward.map((entry) => `${entry.version}${entry.deleted ? " gone" : ""}`);
    };
    expect(history("both")).toEqual(["5", "4"]);
    expect(history("over")).toEqual(["3 gone"]);
    expect(() => history("live")).toThrow("no such file");
    expect(() => db.get("live")).toThrow("no such file");
    // The one live value is all there is to find fault with.
    const { findings } = await db.verify();
    expect(findings.map(({ file }) => file)).toEqual(["000001.vlog"]);
    await db.close();
    // Badger reads them as empty.
    await using badger = await BadgerProcess.open(directory, options);
    await expect(badger.dumpCollected()).rejects.toThrow("live 2");
  });
});

describe("hazard 16: records behind a torn one", () => {
  test("nothing is ever written behind what a crash has torn", async () => {
    const sample = sampleOf("plain");
    const copy = sample.folder.copyOf(killed);
    const path = join(copy, "000001.vlog");
    const { records } = readLog(path);
    truncateSync(path, statSync(path).size - 5);
    const torn = statSync(path).size;
    const db = await openMeles(copy, LOGS_ONLY);
    await db.put("after", "x".repeat(2000));
    const found = sample.read(copy);
    expect(found.valueLogs.map(({ name }) => name)).toEqual(["000001.vlog", "000002.vlog"]);
    expect(statSync(path).size).toBeLessThanOrEqual(torn);
    expect(found.valueLogs[0]?.records.length).toBe(records.length - 1);
    expect(found.valueLogs[1]?.tail.length).toBe(0);
    await db.close();
  });
});

withBadger("hazard 16: a torn value log, in both", () => {
  test("Badger reads what Meles kept and added", async () => {
    const sample = sampleOf("plain");
    const copy = sample.folder.copyOf(killed);
    const path = join(copy, "000001.vlog");
    truncateSync(path, statSync(path).size - 5);
    const db = await openMeles(copy, LOGS_ONLY);
    const live = db
      .scan()
      .toArray()
      .map(({ key, version }) => `${latin1(key)}@${version}`);
    await db.close();
    await using badger = await BadgerProcess.open(copy, { ...BADGER, valueThreshold: 250 });
    const found = (await badger.dump()).live;
    expect(found.map(({ key, version }) => `${latin1(key)}@${version}`)).toEqual(live);
    await badger.close();
  });
});

describe("hazard 17: the pointer bit and the pointer agree", () => {
  for (const name of ["plain", "encrypted"] as const) {
    test(`in logs and tables, ${name}`, async () => {
      using sample = new Sample(name === "plain" ? {} : { encryptionKey: MASTER_KEY });
      await sample.fill();
      await sample.use(async (db) => {
        await sample.write(db, 100);
        const found = sample.read();
        const entries = [
          ...found.logs.flatMap((log) => log.records),
          ...found.tables.flatMap((table) => table.entries),
        ];
        let pointers = 0;
        for (const { meta, value, user, version } of entries) {
          if ((meta & POINTER) === 0) {
            expect(value.length).toBeLessThan(250);
            if ((meta & DELETE) !== 0) expect(value.length).toBe(0);
            continue;
          }
          pointers++;
          const record = naiveFollow(found, value);
          expect(record).toMatchObject({ version });
          expect(latin1(record?.user ?? text("?"))).toBe(latin1(user));
          expect(record?.valueLength).toBeGreaterThanOrEqual(250);
        }
        expect(pointers).toBeGreaterThan(100);
        const bits = found.valueLogs.flatMap((log) => log.records).map(({ meta }) => meta);
        expect(
          bits.filter((meta) => (meta & (POINTER | IN_TRANSACTION | TRANSACTION_END)) !== 0),
        ).toEqual([]);
      });
    });
  }
});

describe("hazard 45: the counter block of a record is made of its offset in the file", () => {
  test("each record decrypts with its own, and with no other", () => {
    const { keys, logs, valueLogs } = sampleOf("encrypted").read(killedEncrypted);
    const [key] = keys.values() as Iterable<Uint8Array>;
    for (const log of [logs[0], valueLogs[0]]) {
      const { name, records } = log as NaiveLog;
      const bytes = new Uint8Array(readFileSync(join(killedEncrypted, name)));
      const [, second, third] = records as [NaiveRecord, NaiveRecord, NaiveRecord];
      const decrypt = (record: NaiveRecord, offset: number) => {
        const counter = Buffer.alloc(16);
        counter.set(bytes.subarray(8, 20));
        counter.writeUInt32BE(offset, 12);
        const start = record.end - 4 - record.keyLength - record.valueLength;
        const plain = naiveCtr(key as Uint8Array, counter, bytes.subarray(start, record.end - 4));
        return latin1(plain.subarray(0, record.keyLength - 8));
      };
      for (const record of [second, third]) {
        expect(decrypt(record, record.offset)).toBe(latin1(record.user));
        expect(decrypt(record, record.offset - 20)).not.toBe(latin1(record.user));
      }
    }
  });
});
