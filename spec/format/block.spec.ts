import { describe, expect, test } from "bun:test";
import { CorruptionError } from "../../src/base/errors.ts";
import {
  blockIsFull,
  blockTrailerSizeMax,
  finishBlock,
  writeBlockEntryHeader,
} from "../../src/format/block-encoder.ts";
import { BlockView } from "../../src/format/block.ts";
import type { ChecksumKind } from "../../src/format/checksum.ts";
import { readU16LE } from "../../src/format/integers.ts";
import { encodeInternalKey } from "../../src/format/internal-key.ts";
import { expectDamageContained } from "./damage-suite.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";
import { PLAIN_BLOCK } from "./vectors.ts";

interface Entry {
  readonly key: Uint8Array;
  readonly stored: Uint8Array;
}

/** The layout, spelled out: prefixes shared with the first key. */
function build(entries: readonly Entry[], kind: ChecksumKind, lead = 0): Uint8Array {
  const target = new Uint8Array(100_000);
  const offsets = new Uint32Array(entries.length);
  const base = (entries[0] as Entry).key;
  let position = lead;
  for (const [index, { key, stored }] of entries.entries()) {
    let overlap = 0;
    if (index > 0) while (overlap < key.length && key[overlap] === base[overlap]) overlap++;
    offsets[index] = position - lead;
    position = writeBlockEntryHeader(target, position, overlap, key.length - overlap);
    target.set(key.subarray(overlap), position);
    position += key.length - overlap;
    target.set(stored, position);
    position += stored.length;
  }
  const end = finishBlock(target, lead, position, offsets, entries.length, kind);
  expect(end - position).toBeLessThanOrEqual(blockTrailerSizeMax(entries.length));
  return target.slice(0, end);
}

function entriesOf(view: BlockView): Entry[] {
  const { bytes } = view;
  const entries: Entry[] = [];
  for (let i = 0; i < view.entryCount; i++) {
    const start = view.entryStart(i);
    const overlap = readU16LE(bytes, start);
    const keyEnd = start + 4 + readU16LE(bytes, start + 2);
    const shared = bytes.slice(view.baseKeyOffset, view.baseKeyOffset + overlap);
    entries.push({
      key: new Uint8Array([...shared, ...bytes.subarray(start + 4, keyEnd)]),
      stored: bytes.slice(keyEnd, view.entryEnd(i)),
    });
  }
  return entries;
}

function open(bytes: Uint8Array, start = 0): BlockView {
  const view = new BlockView();
  view.parse(bytes, start, bytes.length);
  view.checkEntries();
  return view;
}

const DOCUMENTED: Entry[] = [
  { key: encodeInternalKey(utf8("apple"), 4), stored: fromHex("41 00 00") },
  { key: encodeInternalKey(utf8("apple"), 1), stored: fromHex("40 07 00 72 65 64") },
  { key: encodeInternalKey(utf8("apricot"), 2), stored: fromHex("40 00 00 6f 72 61 6e 67 65") },
  {
    key: encodeInternalKey(utf8("banana"), 2),
    stored: fromHex("40 00 80 ae 99 a4 0f 79 65 6c 6c 6f 77"),
  },
  {
    key: encodeInternalKey(utf8("big"), 3),
    stored: fromHex("42 00 00 01 00 00 00 3c 00 00 00 14 00 00 00"),
  },
  { key: encodeInternalKey(utf8("disc"), 5), stored: fromHex("44 00 00 64") },
];

describe("block", () => {
  test("is the 176 bytes Badger wrote, in both directions", () => {
    expect(build(DOCUMENTED, "crc32c")).toEqual(PLAIN_BLOCK);
    const view = open(PLAIN_BLOCK);
    expect(view.verifyChecksum()).toBe(true);
    expect(entriesOf(view)).toEqual(DOCUMENTED);
  });

  test(`gives back any entries at any alignment (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 100; round++) {
      const entries = Array.from({ length: 1 + random.below(40) }, () => ({
        key: encodeInternalKey(random.key(), random.below(1000)),
        stored: new Uint8Array([random.u32(), random.u32(), 0, ...random.bytes(random.below(30))]),
      }));
      const lead = random.below(9);
      const view = open(build(entries, random.below(2) === 0 ? "crc32c" : "xxhash64", lead), lead);
      expect(view.verifyChecksum()).toBe(true);
      expect(entriesOf(view)).toEqual(entries);
    }
  });

  test("no damaged byte goes unnoticed once the checksum is verified", () => {
    for (const kind of ["crc32c", "xxhash64"] as const) {
      const good = build(DOCUMENTED, kind);
      for (let i = 0; i < good.length; i++) {
        for (let bit = 0; bit < 8; bit++) {
          const bad = good.slice();
          bad[i] = (bad[i] as number) ^ (1 << bit);
          let intact: boolean;
          try {
            intact = open(bad).verifyChecksum();
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptionError);
            intact = false;
          }
          expect(intact, `byte ${i}, bit ${bit}`).toBe(false);
        }
      }
    }
  });

  test("damage never leads outside the block, even when no checksum is verified", () => {
    const padded = new Uint8Array(PLAIN_BLOCK.length + 20).fill(0xee);
    expectDamageContained(PLAIN_BLOCK, (bytes) => {
      padded.set(bytes, 10);
      const view = new BlockView();
      view.parse(padded, 10, 10 + bytes.length);
      view.checkEntries();
      for (let i = 0; i < view.entryCount; i++) {
        const start = view.entryStart(i);
        const keyEnd = start + 4 + readU16LE(padded, start + 2);
        expect(start).toBeGreaterThanOrEqual(10);
        expect(readU16LE(padded, start)).toBeLessThanOrEqual(view.baseKeyLength);
        expect(keyEnd + 3).toBeLessThanOrEqual(view.entryEnd(i));
        expect(view.entryEnd(i)).toBeLessThanOrEqual(view.entriesEnd);
      }
      expect(view.entriesEnd).toBeLessThan(10 + bytes.length);
    });
  });

  test("a block without entries, or with an expiry that does not end, is damage", () => {
    expect(() => open(fromHex("00 00 00 00 00 00 00 00"))).toThrow(CorruptionError);
    const endless = build(
      [{ key: encodeInternalKey(utf8("k"), 1), stored: fromHex("40 00 ff ff ff ff") }],
      "crc32c",
    );
    expect(() => open(endless)).toThrow(CorruptionError);
  });

  test("is cut where Badger cuts it", () => {
    // 6 + key + value + 4 per offset + 16, and 16 more when encrypting.
    expect(blockIsFull(1000, 10, 20, 30, 1000 + 6 + 20 + 30 + 44 + 16, false)).toBe(false);
    expect(blockIsFull(1000, 10, 20, 30, 1000 + 6 + 20 + 30 + 44 + 15, false)).toBe(true);
    expect(blockIsFull(1000, 10, 20, 30, 1000 + 6 + 20 + 30 + 44 + 31, true)).toBe(true);
    expect(blockIsFull(0, 0, 20, 1_000_000, 4096, false)).toBe(false);
  });
});
