/** Hazards 18 to 21: the MANIFEST. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BunFileSystem } from "../../../src/env/bun-file-system.ts";
import { systemEnv } from "../../../src/env/system-env.ts";
import { FaultyFileSystem } from "../../suites/faulty-file-system.ts";
import { withBadger } from "../badger-build.ts";
import { type BadgerOptions, BadgerProcess } from "../badger-process.ts";
import { openMeles } from "../meles-side.ts";
import { type NaiveChange, naiveCrc, protobuf } from "../naive-files.ts";
import { MASTER_KEY, Sample, SMALL } from "./sample.ts";

let sample: Sample;
beforeAll(async () => {
  sample = await new Sample({
    compression: ["none", "snappy", "zstd"],
    encryptionKey: MASTER_KEY,
    encryptionKeyRotationMs: 1,
  }).fill();
});
afterAll(() => sample[Symbol.dispose]());

const BADGER: BadgerOptions = { encryptionKey: MASTER_KEY };
const manifestOf = (directory: string) => join(directory, "MANIFEST");

/** A record: length, checksum, payload. */
function record(payload: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(8 + payload.length);
  bytes.writeUInt32BE(payload.length);
  bytes.writeUInt32BE(naiveCrc(Uint8Array.from(payload)), 4);
  bytes.set(payload, 8);
  return bytes;
}

/** What opening a copy with a changed MANIFEST does: its code, or "opens". */
async function openChanged(change: (path: string, size: number) => void): Promise<string> {
  const copy = sample.folder.copyOf(sample.directory);
  change(manifestOf(copy), statSync(manifestOf(copy)).size);
  try {
    await using db = await openMeles(copy, sample.options);
    sample.ledger.expectLive(db.scan().toArray());
    return "opens";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const CHANGES: readonly {
  readonly name: string;
  readonly change: (path: string, size: number) => void;
  readonly meles: string;
  /** What Badger says. */
  readonly badger: string;
}[] = [
  {
    name: "a torn tail is forgiven",
    change: (path) => appendFileSync(path, record([0x0a, 0x02, 0x08, 0x01]).subarray(0, 9)),
    meles: "opens",
    badger: "opens",
  },
  {
    name: "zeros are empty records",
    change: (path) => appendFileSync(path, new Uint8Array(24)),
    meles: "opens",
    badger: "opens",
  },
  {
    name: "a wrong checksum is fatal, also in the last record",
    change: (path, size) => {
      const bytes = readFileSync(path);
      bytes[size - 1] = (bytes[size - 1] as number) ^ 1;
      writeFileSync(path, bytes);
    },
    meles: "ERR_CORRUPTION",
    badger: "checksum mismatch",
  },
  {
    name: "a record longer than the file is fatal",
    change: (path) => appendFileSync(path, Uint8Array.of(0x7f, 0, 0, 0, 0, 0, 0, 0, 0)),
    meles: "ERR_CORRUPTION",
    badger: "greater than file size",
  },
  {
    name: "creating a table again is fatal",
    change: (path) => {
      const [table] = sample.read().manifest.tables.keys() as Iterable<number>;
      const id = table as number;
      appendFileSync(path, record([0x0a, id > 127 ? 0x03 : 0x02, 0x08, ...varint(id)]));
    },
    meles: "ERR_CORRUPTION",
    badger: "exists",
  },
  {
    name: "deleting an unknown table is not",
    change: (path) => appendFileSync(path, record([0x0a, 0x05, 0x08, 0xff, 0x7f, 0x10, 0x01])),
    meles: "opens",
    badger: "opens",
  },
];

function varint(value: number): number[] {
  return value > 127 ? [(value & 127) | 128, value >> 7] : [value];
}

describe("hazard 18: damage in the last record", () => {
  for (const { name, change, meles } of CHANGES) {
    test(`${name}: ${meles}`, async () => {
      expect(await openChanged(change)).toBe(meles);
    });
  }

  test("each record is one write, synced before anything it replaces is removed", async () => {
    const copy = sample.folder.copyOf(sample.directory);
    const operations: string[] = [];
    const sizes: number[] = [];
    const fileSystem = new FaultyFileSystem(new BunFileSystem());
    fileSystem.hook = (operation, path) => {
      if (operation === "read") return;
      operations.push(`${operation} ${path.slice(copy.length + 1)}`);
      if (operation === "sync" && path.endsWith("MANIFEST")) sizes.push(statSync(path).size);
    };
    const options = { ...sample.options, env: { ...systemEnv(), fileSystem } };
    const db = await openMeles(copy, options);
    for (let n = 0; n < 100; n++) await db.put(`${n}`, "value");
    await db.compact();
    await db.close();
    const ofManifest = operations.filter((one) => one.endsWith(" MANIFEST"));
    const writes = ofManifest.filter((one) => one.startsWith("write")).length;
    expect(writes).toBeGreaterThan(1);
    // write, sync, write, sync, …
    const pairs = ofManifest.join().match(/write MANIFEST,sync MANIFEST/g)?.length;
    expect(pairs).toBe(writes);
    // After every sync the file ends with a whole record.
    const bytes = readFileSync(manifestOf(copy));
    const ends = new Set<number>([8]);
    for (let at = 8; at < bytes.length; ends.add(at)) at += 8 + bytes.readUInt32BE(at);
    expect(sizes.filter((size) => !ends.has(size))).toEqual([]);
  });
});

withBadger("hazard 18: damage in the last record, in Badger", () => {
  for (const { name, change, badger } of CHANGES) {
    test(`${name}: ${badger}`, async () => {
      const copy = sample.folder.copyOf(sample.directory);
      change(manifestOf(copy), statSync(manifestOf(copy)).size);
      const opened = await BadgerProcess.open(copy, BADGER).catch((error: unknown) => error);
      if (!(opened instanceof BadgerProcess)) {
        expect(String(opened)).toContain(badger);
        return;
      }
      expect(badger).toBe("opens");
      sample.ledger.expectLive((await opened.dump()).live);
      await opened.close();
    });
  }
});

describe("hazard 19: changes that Badger does not survive", () => {
  test("no table twice, none below level 6, deletions of known ones only, behind the creations", () => {
    // The naive reader throws for the first and the third.
    const { manifest } = sample.read();
    expect(manifest.records.length).toBeGreaterThan(5);
    for (const changes of manifest.records) {
      const operations = changes.map(({ op }) => op);
      expect(operations).toEqual([...operations].sort());
      for (const { level } of changes) expect(level).toBeLessThan(7);
    }
  });

  test("a compaction is one record: nothing disappears without what replaces it", () => {
    const { manifest } = sample.read();
    const deleting = manifest.records.filter((changes) =>
      changes.some(({ op }) => op === "delete"),
    );
    expect(deleting.length).toBeGreaterThan(2);
    const live = new Map<number, number>();
    for (const changes of manifest.records) {
      for (const { id, op, level } of changes) {
        if (op === "create") live.set(id, level);
        else live.delete(id);
      }
      // Something is left after every record but the empty first one.
      if (changes.length > 0) expect(live.size).toBeGreaterThan(0);
    }
  });
});

describe("hazard 20: compression and data key are recorded in the MANIFEST alone", () => {
  test("each table reads with what its record says", () => {
    const { tables, keys } = sample.read();
    expect(new Set(tables.map(({ compression }) => compression)).size).toBeGreaterThan(1);
    const keyIds = new Set(tables.map(({ keyId }) => keyId));
    expect(keyIds.size).toBeGreaterThan(1);
    expect([...keyIds].filter((id) => !keys.has(id))).toEqual([]);
    for (const { entries, keyCount } of tables) expect(entries.length).toBe(keyCount);
  });

  test("a table stays readable under the settings of a later open", async () => {
    const copy = sample.folder.copyOf(sample.directory);
    const options = { ...sample.options, compression: "zstd" as const, encryptionKeyRotationMs: 1 };
    for (let n = 0; n < 2; n++) {
      const db = await openMeles(copy, { ...options, ...(n === 0 ? {} : { compression: "none" }) });
      sample.ledger.expectLive(db.scan().toArray());
      await db.put("more", String(n));
      await db.delete("more");
      await db.close();
    }
  });
});

withBadger("hazard 20: mixed settings, in Badger", () => {
  test("Badger reads tables of every compression and data key in one directory", async () => {
    const copy = sample.folder.copyOf(sample.directory);
    await using badger = await BadgerProcess.open(copy, { ...BADGER, readOnly: true });
    sample.ledger.expectLive((await badger.dump()).live);
    await badger.call("verify");
    expect((await badger.tables()).length).toBe(sample.read().tables.length);
    await badger.close();
  });
});

describe("hazard 21: zeros are left out", () => {
  test("an uncompressed table at level 0 has an id and nothing else", async () => {
    using plain = new Sample({ compression: "none" });
    await plain.use(async (db) => {
      await plain.write(db, 5);
      await db.flush();
      const { payloads, records } = plain.read(plain.killed()).manifest;
      const at = records.findIndex((changes) => changes.some(({ op }) => op === "create"));
      const create = protobuf(payloads[at] as Uint8Array).find(({ field }) => field === 1);
      const [first] = records[at] as NaiveChange[];
      expect(create?.value).toEqual(Uint8Array.of(0x08, first?.id ?? 0));
    });
  });

  test("the first record of a new directory is empty: length 0 and checksum 0", async () => {
    using plain = new Sample(SMALL);
    await plain.use(async () => undefined);
    const bytes = readFileSync(manifestOf(plain.directory));
    expect(bytes.subarray(0, 16).toString("hex")).toBe("42646772000000080000000000000000");
  });

  test("Meles understands an op that is not there", async () => {
    const opens = (path: string, size: number) => {
      // A creation and deletion of table 900, the former with nothing but its id.
      truncateSync(path, size);
      appendFileSync(
        path,
        record([0x0a, 0x03, 0x08, ...varint(900), 0x0a, 0x05, 0x08, ...varint(900), 0x10, 1]),
      );
    };
    expect(await openChanged(opens)).toBe("opens");
  });
});
