/** Hazards 22 to 34: the tables. Each is looked at in every way blocks are stored. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { withBadger } from "../badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "../badger-process.ts";
import { openMeles } from "../meles-side.ts";
import {
  naiveChecksumHolds,
  naiveCrc,
  type NaiveDirectory,
  naiveDirectory,
  type NaiveEntry,
  type NaiveTable,
  protobuf,
} from "../naive-files.ts";
import { ScratchFolder } from "../scratch-folder.ts";
import { latin1, MASTER_KEY, Sample, STORAGE, text } from "./sample.ts";

const POINTER = 0x02;

interface Stored {
  readonly name: string;
  readonly sample: Sample;
  readonly content: NaiveDirectory;
}

let stored: Stored[];
beforeAll(async () => {
  stored = [];
  for (const { name, options } of STORAGE) {
    const sample = await new Sample(options).fill();
    stored.push({ name, sample, content: sample.read() });
  }
}, 30_000);
afterAll(() => stored.forEach(({ sample }) => sample[Symbol.dispose]()));

const storedAs = (name: string) => stored.find((one) => one.name === name) as Stored;
const allTables = () => stored.flatMap(({ content }) => content.tables);

function badgerOptions({ sample }: Stored): BadgerOptions {
  const { encryptionKey } = sample.options;
  return { readOnly: true, ...(encryptionKey === undefined ? {} : { encryptionKey }) };
}

/** Badger's hash of user keys, in BigInt so that nothing can overflow. */
function naiveBloomHash(key: Uint8Array): bigint {
  const [M, wrap] = [0xc6a4a793n, 0xffff_ffffn];
  let h = (0xbc9f1d34n ^ (BigInt(key.length) * M)) & wrap;
  let at = 0;
  for (; at + 4 <= key.length; at += 4) {
    h = (h + BigInt(new DataView(key.buffer, key.byteOffset + at, 4).getUint32(0, true))) & wrap;
    h = (h * M) & wrap;
    h ^= h >> 16n;
  }
  const rest = key.subarray(at);
  if (rest.length === 3) h = (h + (BigInt(rest[2] as number) << 16n)) & wrap;
  if (rest.length >= 2) h = (h + (BigInt(rest[1] as number) << 8n)) & wrap;
  if (rest.length >= 1) {
    h = ((h + BigInt(rest[0] as number)) * M) & wrap;
    h ^= h >> 24n;
  }
  return h;
}

function naiveMayContain(filter: Uint8Array, key: Uint8Array): boolean {
  const probes = filter.at(-1) as number;
  const bits = BigInt((filter.length - 1) * 8);
  let h = naiveBloomHash(key);
  const delta = ((h >> 17n) | (h << 15n)) & 0xffff_ffffn;
  for (let n = 0; n < probes; n++) {
    const position = Number(h % bits);
    if (((filter[position >> 3] as number) & (1 << (position & 7))) === 0) return false;
    h = (h + delta) & 0xffff_ffffn;
  }
  return true;
}

function compareUser(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** User keys first, then newer before older. */
function compareEntries(a: NaiveEntry, b: NaiveEntry): number {
  return compareUser(a.user, b.user) || Number(b.version - a.version);
}

test("the samples have tables of several blocks at several levels", () => {
  for (const { content } of stored) {
    expect(content.tables.length).toBeGreaterThan(1);
    expect(new Set(content.tables.map(({ level }) => level)).size).toBeGreaterThan(1);
    expect(Math.max(...content.tables.map(({ blocks }) => blocks.length))).toBeGreaterThan(20);
  }
});

describe("hazard 22: the largest version of a table", () => {
  test("is that of its entries, no less and no more", () => {
    for (const { entries, maxVersion } of allTables()) {
      const largest = entries.reduce((max, { version }) => (version > max ? version : max), 0n);
      expect(maxVersion).toBe(largest);
    }
  });

  test("the next commit after an open is one above what was acknowledged", async () => {
    const { sample } = storedAs("plain");
    const copy = sample.folder.copyOf(sample.directory);
    await using db = await openMeles(copy, sample.options);
    expect(await db.put("k", "v")).toBe(sample.ledger.newest + 1);
  });
});

withBadger("hazard 22: the largest version, in Badger", () => {
  test("Badger goes on where Meles ended", async () => {
    const { sample } = storedAs("plain");
    await using badger = await BadgerProcess.open(sample.folder.copyOf(sample.directory));
    const [version] = await badger.commit([{ key: text("k") }]);
    const newest = storedAs("plain").content.tables.map(({ maxVersion }) => Number(maxVersion));
    expect(version).toBe(Math.max(...newest) + 1);
    await badger.close();
  });
});

describe("hazard 23: a filter that misses keys", () => {
  test("every key of a table passes its filter, by arithmetic that cannot overflow", () => {
    let checked = 0;
    for (const { bloomFilter, entries } of allTables()) {
      expect(bloomFilter).toBeDefined();
      for (const { user } of entries) {
        if (!naiveMayContain(bloomFilter as Uint8Array, user)) throw new Error(latin1(user));
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(1000);
    // And it is a filter at all.
    const { bloomFilter } = storedAs("plain").content.tables[0] as NaiveTable;
    const strangers = Array.from({ length: 1000 }, (_, n) => text(`stranger ${n}`));
    const passed = strangers.filter((key) => naiveMayContain(bloomFilter as Uint8Array, key));
    expect(passed.length).toBeLessThan(100);
  });

  test("with the filter switched off there is none", async () => {
    using sample = new Sample({ bloomFalsePositive: 0 });
    await sample.use((db) => sample.write(db, 100));
    const { tables } = sample.read();
    expect(tables.map(({ bloomFilter }) => bloomFilter)).toEqual(tables.map(() => undefined));
  });
});

withBadger("hazards 23 and 24: all checks of Badger", () => {
  for (const { name } of STORAGE) {
    test(`point reads through the filters and mode 3 find no fault, ${name}`, async () => {
      const one = storedAs(name);
      await using badger = await BadgerProcess.open(one.sample.directory, badgerOptions(one));
      // The dump compares each point read with the scan.
      const { live, versions } = await badger.dump();
      one.sample.ledger.expectLive(live);
      one.sample.ledger.expectThinned(versions, 1_000_000);
      await badger.call("verify");
      await badger.close();
    });
  }
});

describe("hazard 24: which bytes a checksum covers", () => {
  test("the index's: what is stored; a block's: what is plain", () => {
    for (const { blocks, indexChecksum, storedIndex } of allTables()) {
      expect(naiveChecksumHolds(indexChecksum, storedIndex)).toBe(true);
      for (const { checksum, covered } of blocks) {
        expect(naiveChecksumHolds(checksum, covered)).toBe(true);
      }
    }
    const { content } = storedAs("encrypted");
    for (const { index, indexChecksum } of content.tables) {
      expect(naiveChecksumHolds(indexChecksum, index)).toBe(false);
    }
  });

  test("a flipped byte inside a block is found by default", async () => {
    const { sample, content } = storedAs("plain");
    const copy = sample.folder.copyOf(sample.directory);
    const { id, blocks } = content.tables[0] as NaiveTable;
    const path = join(copy, `${String(id).padStart(6, "0")}.sst`);
    const bytes = readFileSync(path);
    const { offset, stored: block } = blocks[blocks.length >> 1] as NaiveTable["blocks"][number];
    const at = offset + Math.floor(block.length / 2);
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(path, bytes);
    await using db = await openMeles(copy, { ...sample.options, readOnly: true });
    expect(() => db.scan({ allVersions: true }).toArray()).toThrow("damaged");
    expect((await db.verify()).findings.length).toBeGreaterThan(0);
  });
});

describe("hazard 25: checksum messages have any length", () => {
  test("those of Meles end where their length says, with nothing behind them", () => {
    const lengths = new Set<number>();
    for (const { blocks } of allTables()) {
      for (const { checksum, covered, plain } of blocks) {
        expect(covered.length + checksum.length + 4).toBe(plain.length);
        expect(protobuf(checksum).map(({ field }) => field)).toEqual([1, 2]);
        lengths.add(checksum.length);
      }
    }
    expect(lengths.size).toBeGreaterThan(1);
  });
});

withBadger("hazards 25 and 32: Badger's tables", () => {
  for (const compression of [0, 1, 2]) {
    test(`Meles reads checksums of every length Badger writes, compression ${compression}`, async () => {
      using folder = new ScratchFolder();
      const directory = folder.at("data");
      const options = { compression, memTableSize: 1 << 20, valueThreshold: 1000, blockSize: 256 };
      await using badger = await BadgerProcess.open(directory, options);
      const keys = Array.from({ length: 3000 }, (_, n) => text(`key ${n}`));
      await badger.call("batch", { entries: keys.map((key) => ({ key, value: key })) });
      await badger.close();
      await using db = await openMeles(directory, { readOnly: true });
      expect(db.count()).toBe(3000);
      for (const key of keys) expect(db.get(key)).toEqual(key);
      expect((await db.verify()).findings).toEqual([]);
      const { tables } = naiveDirectory(directory);
      const lengths = tables.flatMap(({ blocks }) => blocks.map(({ checksum }) => checksum.length));
      expect(lengths).toContain(6);
      expect(lengths).toContain(5);
    });
  }
});

describe("hazard 26: the polynomial", () => {
  test("checksums in the MANIFEST, the logs and the registry are CRC-32C, not that of zlib", () => {
    const bytes = text("123456789");
    expect(naiveCrc(bytes)).toBe(0xe3069283);
    expect(crc32(bytes)).not.toBe(naiveCrc(bytes));
    // The naive reader has found every record of these with CRC-32C.
    const { content } = storedAs("encrypted");
    expect(content.manifest.records.length).toBeGreaterThan(5);
    expect(content.keys.size).toBeGreaterThan(0);
    expect(content.valueLogs.flatMap(({ records }) => records).length).toBeGreaterThan(50);
  });
});

describe("hazard 27: both byte orders in one block", () => {
  test("entry headers and offsets are little endian, counts and lengths big endian", () => {
    const { content } = storedAs("plain");
    const block = content.tables
      .flatMap(({ blocks }) => blocks)
      .find((one) => one.entries.length > 2);
    const { plain, checksum, entries, baseKey } = block as NaiveTable["blocks"][number];
    const bytes = Buffer.from(plain);
    expect(bytes.readUInt16LE(0)).toBe(0);
    expect(bytes.readUInt16LE(2)).toBe(baseKey.length);
    expect(bytes.readUInt32BE(plain.length - 4)).toBe(checksum.length);
    const countAt = plain.length - 4 - checksum.length - 4;
    expect(bytes.readUInt32BE(countAt)).toBe(entries.length);
    const offsetsAt = countAt - 4 * entries.length;
    expect(bytes.readUInt32LE(offsetsAt)).toBe(0);
    expect(bytes.readUInt32LE(offsetsAt + 4)).toBeGreaterThan(baseKey.length);
    expect(bytes.readUInt32LE(offsetsAt + 4)).toBeLessThan(offsetsAt);
  });
});

describe("hazard 28: defaults are left out of the index, and nothing in it is aligned", () => {
  test("the first block has no offset, others have one", () => {
    for (const { blocks, firstOffsetIsStored } of allTables()) {
      expect(blocks[0]?.offset).toBe(0);
      expect(firstOffsetIsStored).toBe(false);
      let end = 0;
      for (const { offset, stored: block } of blocks) {
        expect(offset).toBe(end);
        end += block.length;
      }
    }
  });

  test("indexes start at odd places in the file, and Meles reads them all the same", () => {
    const rests = new Set(allTables().map(({ indexOffset }) => indexOffset % 4));
    expect(rests.size).toBeGreaterThan(1);
  });
});

describe("hazard 29: tables of a level do not overlap", () => {
  test("by internal key, with all versions of a key in one table", () => {
    for (const { content } of stored) {
      for (let level = 1; level < 7; level++) {
        const tables = content.tables.filter((table) => table.level === level);
        const ends = tables.map(({ entries }) => [entries[0], entries.at(-1)] as NaiveEntry[]);
        ends.sort(([a], [b]) => compareEntries(a as NaiveEntry, b as NaiveEntry));
        for (let n = 1; n < ends.length; n++) {
          const [before, after] = [ends[n - 1]?.[1] as NaiveEntry, ends[n]?.[0] as NaiveEntry];
          expect(compareUser(before.user, after.user)).toBeLessThan(0);
        }
      }
    }
  });
});

describe("hazard 30: precedence in level 0 is by number", () => {
  test("a newer table has the larger number, from open to open", async () => {
    using sample = new Sample({
      levelZeroTables: 100,
      levelZeroTablesStall: 200,
      valueThreshold: 1 << 15,
    });
    for (let n = 0; n < 4; n++) {
      await sample.use(async (db) => {
        // Nothing that is deleted or expires: such tables are merged at once.
        for (const key of ["a", "b", "c"]) await db.put(key, `${n}`);
        await db.flush();
        await db.put("b", `${n} again`);
      });
    }
    const tables = sample.read().tables.filter(({ level }) => level === 0);
    expect(tables.length).toBeGreaterThan(4);
    tables.sort((a, b) => a.id - b.id);
    for (let n = 1; n < tables.length; n++) {
      const oldest = (tables[n]?.entries ?? []).map(({ version }) => Number(version));
      expect(Math.min(...oldest)).toBeGreaterThan(Number(tables[n - 1]?.maxVersion));
    }
  });

  test("a number is not given again while it is in use, and level 0 only grows upwards", () => {
    for (const { content } of stored) {
      const live = new Map<number, number>();
      for (const { id, op, level } of content.manifest.records.flat()) {
        if (op === "create") {
          expect(live.has(id)).toBe(false);
          const levelZero = [...live].filter(([, other]) => other === 0).map(([number]) => number);
          if (level === 0) expect(id).toBeGreaterThan(Math.max(0, ...levelZero));
          live.set(id, level);
        } else {
          live.delete(id);
        }
      }
    }
  });
});

/** Keys that are prefixes of each other, and what a plain comparison of internal keys would misplace. */
const PREFIXES = [
  "a",
  "a\xff",
  "a\xff\xff\xff\xff\xff\xff\xff",
  "a\xff\xff\xff\xff\xff\xff\xff\xff",
  "aa",
  "a\0",
  "b",
];

describe("hazard 31: keys that are prefixes of each other", () => {
  test("tables are in the order of user keys, then newer first", () => {
    for (const { entries } of allTables()) {
      for (let n = 1; n < entries.length; n++) {
        const [before, after] = [entries[n - 1] as NaiveEntry, entries[n] as NaiveEntry];
        if (compareEntries(before, after) >= 0) throw new Error(`${latin1(after.user)}`);
      }
    }
  });
});

withBadger("hazard 31: prefixes, in both", () => {
  test("both find each of them in what the other wrote", async () => {
    using folder = new ScratchFolder();
    const keys = PREFIXES.map((key) => Buffer.from(key, "latin1")).sort(compareUser);
    const [one, two] = [folder.at("meles"), folder.at("badger")];
    const db = await openMeles(one, { versionsToKeep: 5 });
    for (let n = 0; n < 3; n++) for (const key of keys) await db.put(key, `${n}`);
    await db.close();
    await using reader = await BadgerProcess.open(one, { versionsToKeep: 5 });
    expect((await reader.dump()).live.map(({ key }) => latin1(key))).toEqual(keys.map(latin1));
    expect((await reader.dump()).versions.length).toBe(3 * keys.length);
    await reader.close();
    await using writer = await BadgerProcess.open(two, { versionsToKeep: 5 });
    for (let n = 0; n < 3; n++)
      await writer.commit(...keys.map((key) => [{ key, value: text(`${n}`) }]));
    await writer.close();
    await using back = await openMeles(two, { versionsToKeep: 5 });
    expect([...back.scan().keys()].map(latin1)).toEqual(keys.map(latin1));
    for (const key of keys) expect(back.getEntry(key)?.text()).toBe("2");
    expect(back.scan({ allVersions: true }).toArray().length).toBe(3 * keys.length);
  });
});

describe("hazard 32: compressed blocks", () => {
  test("Snappy's are raw: the plain length, then elements; all are compressed, also if they grow", () => {
    const { content } = storedAs("Snappy");
    let grown = 0;
    for (const { blocks, compression } of content.tables) {
      expect(compression).toBe(1);
      for (const { stored: block, plain } of blocks) {
        let length = 0;
        for (let at = 0; ; at++) {
          length += ((block[at] as number) & 0x7f) * 2 ** (7 * at);
          if ((block[at] as number) < 0x80) break;
        }
        expect(length).toBe(plain.length);
        if (block.length >= plain.length) grown++;
      }
    }
    expect(grown).toBeGreaterThan(0);
  });

  test("Zstandard's are one standard frame each", () => {
    for (const { blocks, compression } of storedAs("Zstandard").content.tables) {
      expect(compression).toBe(2);
      for (const { stored: block } of blocks) {
        expect(Buffer.from(block).readUInt32LE(0)).toBe(0xfd2f_b528);
      }
    }
  });
});

describe("hazard 33: caches of size 0", () => {
  for (const name of ["Zstandard", "encrypted"]) {
    test(`Meles reads without a block cache, ${name}`, async () => {
      const { sample } = storedAs(name);
      const options = { ...sample.options, blockCacheSize: 0, readOnly: true };
      await using db = await openMeles(sample.directory, options);
      sample.ledger.expectLive(db.scan().toArray());
    });
  }
});

withBadger("hazard 33: caches of size 0, in Badger", () => {
  test("without an index cache Badger ends when it meets an encrypted table", async () => {
    const { sample } = storedAs("encrypted");
    const options = { readOnly: true, encryptionKey: MASTER_KEY, indexCacheSize: 0 };
    const opening = BadgerProcess.open(sample.folder.copyOf(sample.directory), options);
    await expect(opening).rejects.toThrow("Index Cache must be set for encrypted workloads");
  });
});

describe("hazard 34: statistics that compactions and estimates use", () => {
  test("are those of Badger: counted over what is in the table", () => {
    for (const { blocks, entries, index, keyCount, uncompressedSize, onDiskSize } of allTables()) {
      expect(keyCount).toBe(entries.length);
      const plain = blocks.reduce((sum, block) => sum + block.plain.length, 0);
      expect(uncompressedSize).toBe(plain);
      const written = blocks.reduce((sum, block) => sum + block.stored.length, 0);
      const pointed = entries.reduce((sum, { meta, value }) => {
        return (meta & POINTER) === 0 ? sum : sum + Buffer.from(value).readUInt32LE(4);
      }, 0);
      expect(onDiskSize).toBe(written + pointed + index.length);
    }
  });
});

withBadger("hazard 34: statistics, in Badger", () => {
  test("Badger sees the same, and stale bytes where versions are superseded", async () => {
    const one = storedAs("Snappy");
    await using badger = await BadgerProcess.open(one.sample.directory, badgerOptions(one));
    const tables = await badger.tables();
    expect(tables.length).toBe(one.content.tables.length);
    for (const { id, keyCount, onDiskSize, uncompressedSize } of tables) {
      const table = one.content.tables.find((other) => other.id === id);
      expect(table).toMatchObject({ keyCount, onDiskSize, uncompressedSize });
    }
    expect(tables.some(({ staleDataSize }) => staleDataSize > 0)).toBe(true);
    await badger.close();
  });
});
