import { describe, expect, test } from "bun:test";
import { FrameReader } from "../../src/backup/frame-reader.ts";
import { CorruptionError, MelesError } from "../../src/base/errors.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { encodeBackupFrame } from "../../src/format/backup-frame.ts";
import { fromHex } from "../format/hex.ts";
import { Seeded, SEED } from "../format/seeded.ts";
import { decodeAll, frameOf, originOf, readAll } from "./streams.ts";

function randomStream(random: Seeded): Uint8Array {
  const frames = Array.from({ length: 1 + random.below(4) }, () =>
    encodeBackupFrame(
      Array.from({ length: random.below(12) }, () => ({
        key: random.key(),
        value: random.bytes(random.below(random.below(8) === 0 ? 3000 : 40)),
        userMeta: random.below(3) === 0 ? undefined : random.below(256),
        version: random.spread(),
        expiresAt: random.below(2) * random.spread(),
        meta: random.below(16),
        streamId: random.below(3),
        streamDone: random.below(9) === 0,
      })),
    ),
  );
  return concatBytes(...frames);
}

describe("the frame reader", () => {
  test(`reads the same entries as a decoder of whole frames, in any pieces (seed ${SEED})`, async () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 60; round++) {
      const bytes = randomStream(random);
      const reader = new FrameReader(originOf(bytes, 1 + random.below(200)));
      expect(await readAll(reader)).toEqual(decodeAll(bytes));
      expect(reader.offset).toBe(bytes.length);
    }
  });

  test("hands out what a frame holds before the frame has ended", async () => {
    const bytes = frameOf({ text: "a" }, { text: "b" });
    const reader = new FrameReader(originOf(bytes.subarray(0, bytes.length - 1), 1));
    const first = await reader.next();
    expect(first?.entries.map(({ key }) => key)).toEqual([new Uint8Array([0x61])]);
    expect(first).toMatchObject({ offset: 8, frameOffset: 0, frameLength: bytes.length - 8 });
    await expect(reader.next()).rejects.toBeInstanceOf(CorruptionError);
  });

  test("reads an entry larger than its buffer", async () => {
    const value = new Uint8Array(5 << 20).fill(7);
    const bytes = frameOf({ text: "big", value }, { text: "c" });
    const entries = await readAll(new FrameReader(originOf(bytes, 1 << 16)));
    expect(entries.map((entry) => entry.value.length)).toEqual([5 << 20, 1]);
  });

  test("says where the stream is cut, at every byte", async () => {
    const bytes = concatBytes(frameOf({ text: "a" }), frameOf({ text: "b" }, { text: "c" }));
    const whole = [0, frameOf({ text: "a" }).length, bytes.length];
    for (let length = 0; length <= bytes.length; length++) {
      const reader = new FrameReader(originOf(bytes.subarray(0, length), 7));
      const error = await readAll(reader).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (whole.includes(length)) expect(error).toBeUndefined();
      else
        expect(error).toMatchObject({ file: "test.bak", offset: length, code: "ERR_CORRUPTION" });
    }
  });

  test(`throws errors of ours, and nothing else, for damaged bytes (seed ${SEED})`, async () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 600; round++) {
      const bytes = randomStream(random);
      for (let hits = 1 + random.below(4); hits > 0 && bytes.length > 0; hits--) {
        bytes[random.below(bytes.length)] = random.below(3) === 0 ? 0xff : random.u32();
      }
      const reader = new FrameReader(originOf(bytes, 50), 1 << 20);
      const error = await readAll(reader).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error !== undefined && !(error instanceof MelesError)) throw error;
    }
  });

  test("spends no memory on a length that the stream does not keep", async () => {
    // A frame and a value that claim 2 GiB.
    const bytes = fromHex("ff ff ff 7f 00 00 00 00 0a ff ff ff ff 07 12 f0 ff ff ff 07 61");
    const before = process.memoryUsage.rss();
    const reader = new FrameReader(originOf(bytes, 4));
    await expect(reader.next()).rejects.toBeInstanceOf(CorruptionError);
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 << 20);
  });

  test("refuses an entry that the database could not take before reading it", async () => {
    const bytes = frameOf({ text: "a", value: new Uint8Array(5000) });
    const reader = new FrameReader(originOf(bytes.subarray(0, 40), 10), 1000);
    await expect(reader.next()).rejects.toMatchObject({ code: "ERR_VALUE_TOO_LARGE" });
  });

  test("takes a text for what it is: no backup", async () => {
    const text = new TextEncoder().encode("root:x:0:0:root:/root:/bin/sh\n");
    const reader = new FrameReader(originOf(text, 1000));
    await expect(reader.next()).rejects.toMatchObject({ code: "ERR_CORRUPTION", offset: 0 });
  });
});
