import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/base/bytes.ts";
import { CorruptionError } from "../../src/base/errors.ts";
import { crc32c } from "../../src/format/crc32c.ts";
import { writeU32BE } from "../../src/format/integers.ts";
import type { ManifestChange, ManifestChangeSet } from "../../src/format/manifest-change.ts";
import { decodeManifestChangeSet, encodeManifestRecord } from "../../src/format/manifest-change.ts";
import {
  decodeManifestHeader,
  encodeManifestHeader,
  replayManifest,
} from "../../src/format/manifest-replay.ts";
import { expectDamageContained } from "./damage-suite.ts";
import { fromHex } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

function create(
  fileNumber: number,
  level = 0,
  keyId = 0,
  compression: 0 | 1 | 2 = 0,
): ManifestChange {
  return { op: "create", fileNumber, level, keyId, compression };
}

function remove(fileNumber: number): ManifestChange {
  return { op: "delete", fileNumber };
}

/** A record around any payload. */
function frame(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(8 + payload.length);
  writeU32BE(record, 0, payload.length);
  writeU32BE(record, 4, crc32c(payload, 0, payload.length));
  record.set(payload, 8);
  return record;
}

const HEADER = encodeManifestHeader(0);
const EMPTY_RECORD = encodeManifestRecord({ changes: [] });

describe("manifest record", () => {
  test.each<[string, ManifestChange[], string]>([
    ["an empty change set", [], "00 00 00 00 00 00 00 00"],
    ["create 1, level 0", [create(1)], "00 00 00 04 21 54 19 16 0a 02 08 01"],
    [
      "create 2, level 0, Snappy",
      [create(2, 0, 0, 1)],
      "00 00 00 06 07 eb da 8d 0a 04 08 02 30 01",
    ],
    [
      "create 1, level 0, key 1, Snappy",
      [create(1, 0, 1, 1)],
      "00 00 00 08 b1 db b0 99 0a 06 08 01 20 01 30 01",
    ],
    [
      "create 300, level 6, key 2, Zstandard",
      [create(300, 6, 2, 2)],
      "00 00 00 0b 9b 6c 69 9a 0a 09 08 ac 02 18 06 20 02 30 02",
    ],
    ["delete 1", [remove(1)], "00 00 00 06 92 4e f9 fc 0a 04 08 01 10 01"],
    [
      "create 4 at level 6, delete 3, delete 2",
      [create(4, 6), remove(3), remove(2)],
      "00 00 00 12 b9 00 97 05 0a 04 08 04 18 06 0a 04 08 03 10 01 0a 04 08 02 10 01",
    ],
  ])("%s is the frozen bytes", (_name, changes, hex) => {
    const record = fromHex(hex);
    expect(encodeManifestRecord({ changes })).toEqual(record);
    expect(decodeManifestChangeSet(record, 8, record.length)).toEqual({ changes });
  });

  test(`gives back any change set (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 200; round++) {
      const set: ManifestChangeSet = {
        changes: Array.from({ length: random.below(6) }, () =>
          random.below(2) === 0
            ? remove(random.spread())
            : create(random.spread(), random.below(7), random.spread(), random.below(3) as 0),
        ),
        ...(random.below(2) === 0 ? {} : { thinnedVersion: 1 + random.below(2 ** 40) }),
        ...(random.below(2) === 0
          ? {}
          : { valueLogDiscards: [{ file: random.u32(), bytes: random.spread() }] }),
      };
      const record = encodeManifestRecord(set);
      expect(decodeManifestChangeSet(record, 8, record.length)).toEqual(set);
    }
  });

  test("fields in any order and unknown ones are read, as Badger reads ours", () => {
    // thinned version, then a change with level before id and an unknown string field in between.
    const payload = fromHex("c0 3e 05 0a 0a 18 06 aa 06 03 61 62 63 08 09");
    expect(decodeManifestChangeSet(payload, 0, payload.length)).toEqual({
      changes: [create(9, 6)],
      thinnedVersion: 5,
    });
    const ours = encodeManifestRecord({ changes: [create(1)], thinnedVersion: 5 });
    expect(ours.subarray(8, 12)).toEqual(fromHex("0a 02 08 01"));
    expect(ours.subarray(12)).toEqual(fromHex("c0 3e 05"));
  });

  test("an unknown operation is damage, an unknown compression is not supported", () => {
    const operation = fromHex("0a 04 08 01 10 02");
    expect(() => decodeManifestChangeSet(operation, 0, 6)).toThrow(CorruptionError);
    const compression = fromHex("0a 04 08 01 30 03");
    expect(() => decodeManifestChangeSet(compression, 0, 6)).toThrow(
      expect.objectContaining({ code: "ERR_UNSUPPORTED_FORMAT" }),
    );
  });
});

describe("manifest replay", () => {
  test("reads the worked example", () => {
    const manifest = fromHex(
      "42646772 0000 0008 0000000000000000 00000006 db905eaf 0a04 0801 1806",
    );
    expect(replayManifest(manifest)).toEqual({
      headerExternalMagic: 0,
      changeSets: [{ changes: [create(1, 6)] }],
      tables: new Map([[1, create(1, 6) as never]]),
      unknownDeletions: [],
      validEnd: 30,
    });
  });

  test("a fresh manifest is 16 bytes, and 8 bytes are a manifest too", () => {
    const fresh = concatBytes(HEADER, EMPTY_RECORD);
    expect(fresh.length).toBe(16);
    expect(replayManifest(fresh)).toMatchObject({ changeSets: [], validEnd: 16 });
    expect(replayManifest(HEADER)).toMatchObject({ changeSets: [], validEnd: 8 });
  });

  test("other files are no database, other versions not supported, the magic is reported", () => {
    for (const bytes of [new Uint8Array(0), HEADER.subarray(0, 7), fromHex("4264677300000008")]) {
      expect(() => replayManifest(bytes)).toThrow(
        expect.objectContaining({ code: "ERR_NOT_A_DATABASE" }),
      );
    }
    expect(() => replayManifest(fromHex("4264677200000007"))).toThrow(/version 7.*only 8/);
    expect(decodeManifestHeader(encodeManifestHeader(0xabcd))).toBe(0xabcd);
  });

  test("applies changes in order; an id may return after its deletion", () => {
    const manifest = concatBytes(
      HEADER,
      encodeManifestRecord({ changes: [create(1), create(2)] }),
      encodeManifestRecord({ changes: [create(3, 6), remove(1), remove(2)] }),
      encodeManifestRecord({ changes: [create(1, 5), remove(77)] }),
    );
    const replay = replayManifest(manifest);
    expect([...replay.tables.values()]).toEqual([create(3, 6), create(1, 5)] as never);
    expect(replay.unknownDeletions).toEqual([77]);
    expect(replay.changeSets.length).toBe(3);
    expect(replay.validEnd).toBe(manifest.length);
  });

  test("creating an existing table is an error", () => {
    const record = encodeManifestRecord({ changes: [create(1)] });
    expect(() => replayManifest(concatBytes(HEADER, record, record))).toThrow(CorruptionError);
  });

  test("cut anywhere, it ends behind the last whole record", () => {
    const records = [1, 2, 3].map((n) => encodeManifestRecord({ changes: [create(n)] }));
    const manifest = concatBytes(HEADER, ...records);
    for (let length = 8; length <= manifest.length; length++) {
      const { validEnd } = replayManifest(manifest.subarray(0, length));
      expect(validEnd).toBe(8 + 12 * Math.floor((length - 8) / 12));
    }
  });

  test("a tail of zeros is empty records, seven of them are torn", () => {
    const manifest = concatBytes(HEADER, encodeManifestRecord({ changes: [create(1)] }));
    expect(replayManifest(concatBytes(manifest, new Uint8Array(24))).validEnd).toBe(44);
    expect(replayManifest(concatBytes(manifest, new Uint8Array(31))).validEnd).toBe(44);
  });

  // A record longer than all before it, torn after its header, was taken for damage, as Badger does.
  test("a long record is torn like any other, unless no record is that long", () => {
    const manifest = concatBytes(HEADER, encodeManifestRecord({ changes: [create(1)] }));
    const changes = Array.from({ length: 50 }, (_, index) => create(index + 2));
    const long = encodeManifestRecord({ changes });
    for (let length = 1; length < long.length; length++) {
      const torn = concatBytes(manifest, long.subarray(0, length));
      expect(replayManifest(torn).validEnd).toBe(manifest.length);
    }
  });

  // One damaged length took all records behind it along, and the next open removed their tables.
  test("a length beyond the end is damage when records follow", () => {
    const records = [1, 2, 3].map((n) => encodeManifestRecord({ changes: [create(n)] }));
    const manifest = concatBytes(HEADER, ...records);
    manifest[HEADER.length + 3] = 0x40;
    expect(() => replayManifest(manifest)).toThrow(CorruptionError);
  });

  test("an absurd length, a wrong checksum and a bad payload are errors at the tail too", () => {
    const manifest = concatBytes(HEADER, encodeManifestRecord({ changes: [create(1)] }));
    const tooLong = fromHex("10 00 01 00 00 00 00 00 00");
    expect(() => replayManifest(concatBytes(manifest, tooLong))).toThrow(CorruptionError);
    const zeroPayload = fromHex("00 00 00 04 21 54 19 16 00 00 00 00");
    expect(() => replayManifest(concatBytes(manifest, zeroPayload))).toThrow(
      expect.objectContaining({ offset: manifest.length }),
    );
    const unparseable = frame(fromHex("0a 7f 08"));
    expect(() => replayManifest(concatBytes(manifest, unparseable))).toThrow(CorruptionError);
  });

  test("damage is a typed error or a shorter manifest, never other tables", () => {
    const manifest = concatBytes(
      encodeManifestHeader(7),
      encodeManifestRecord({ changes: [create(300, 6, 2, 2)], thinnedVersion: 12 }),
      encodeManifestRecord({ changes: [create(5), remove(300)] }),
    );
    expectDamageContained(manifest, (bytes) => {
      for (const table of replayManifest(bytes).tables.values()) {
        expect([300, 5]).toContain(table.fileNumber);
      }
    });
  });

  test("damage inside a payload is a typed error when the checksum does not show it", () => {
    const record = encodeManifestRecord({
      changes: [create(300, 6, 2, 2), remove(7)],
      thinnedVersion: 99,
      valueLogDiscards: [{ file: 3, bytes: 2 ** 40 }],
    });
    expectDamageContained(record.slice(8), (bytes) => {
      decodeManifestChangeSet(bytes, 0, bytes.length);
    });
  });
});
