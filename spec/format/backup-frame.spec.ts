import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes } from "../../src/base/bytes.ts";
import { CorruptionError } from "../../src/base/errors.ts";
import type { BackupEntry } from "../../src/format/backup-frame.ts";
import {
  backupEntryLength,
  decodeBackupFrame,
  decodeBackupFrameLength,
  encodeBackupFrame,
} from "../../src/format/backup-frame.ts";
import { FIXTURES } from "../fixtures/unpack.ts";
import { expectDamageContained } from "./damage-suite.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

function decodeFrames(bytes: Uint8Array): BackupEntry[][] {
  const frames: BackupEntry[][] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = decodeBackupFrameLength(bytes, offset, bytes.length - offset - 8);
    frames.push(decodeBackupFrame(bytes, offset + 8, offset + 8 + length));
    offset += 8 + length;
  }
  return frames;
}

const DELETED_D: BackupEntry = {
  key: utf8("d"),
  value: new Uint8Array(0),
  userMeta: 0,
  version: 5,
  expiresAt: 0,
  meta: 1,
  streamId: 2,
  streamDone: false,
};

describe("backup frame", () => {
  test("is the observed bytes of the format text, in both directions", () => {
    const frame = fromHex("0f 00 00 00 00 00 00 00 0a 0d 0a 01 64 1a 01 00 20 05 32 01 01 50 02");
    expect(encodeBackupFrame([DELETED_D])).toEqual(frame);
    expect(decodeFrames(frame)).toEqual([[DELETED_D]]);
  });

  test.each(["full", "since1", "since2", "since4", "since5", "since6"])(
    "Badger's %s.bak is read, and written again byte for byte",
    (name) => {
      const bytes = new Uint8Array(readFileSync(join(FIXTURES, "backup-since", `${name}.bak`)));
      const frames = decodeFrames(bytes);
      expect(concatBytes(...frames.map((entries) => encodeBackupFrame(entries)))).toEqual(bytes);
      const since = name === "full" ? 0 : Number(name.slice(5));
      for (const entry of frames.flat()) expect(entry.version).toBeGreaterThan(since);
    },
  );

  test(`gives back any entries (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 50; round++) {
      const entries = Array.from({ length: random.below(20) }, () => ({
        key: random.bytes(random.below(40)),
        value: random.bytes(random.below(3) * random.below(200)),
        userMeta: random.below(4) === 0 ? undefined : random.below(256),
        version: random.spread(),
        expiresAt: random.spread(),
        meta: random.below(256),
        streamId: random.u32(),
        streamDone: random.below(5) === 0,
      }));
      const frame = encodeBackupFrame(entries);
      expect(decodeFrames(frame)).toEqual([entries]);
      const sum = entries.reduce((total, entry) => total + backupEntryLength(entry), 8);
      expect(frame.length).toBe(sum);
    }
  });

  test("absent fields are empty, longer meta counts by its first byte", () => {
    const payload = fromHex("0a 09 0a 01 6b 1a 02 07 08 32 00");
    expect(decodeBackupFrame(payload, 0, payload.length)).toEqual([
      {
        key: utf8("k"),
        value: new Uint8Array(0),
        userMeta: 7,
        version: 0,
        expiresAt: 0,
        meta: 0,
        streamId: 0,
        streamDone: false,
      },
    ]);
  });

  test("an announced length is not believed", () => {
    const bytes = fromHex("ff ff ff ff ff ff ff ff");
    expect(() => decodeBackupFrameLength(bytes, 0)).toThrow(CorruptionError);
    expect(() => decodeBackupFrameLength(fromHex("0f 00 00 00 00 00 00 00"), 0, 14)).toThrow(
      CorruptionError,
    );
  });

  test("damage is a typed error or other entries inside the frame", () => {
    const frame = encodeBackupFrame([DELETED_D, { ...DELETED_D, value: utf8("some value") }]);
    expectDamageContained(frame, (bytes) => {
      for (const entry of decodeFrames(bytes).flat()) {
        expect(entry.key.length + entry.value.length).toBeLessThan(bytes.length);
      }
    });
  });
});
