import { describe, expect, test } from "bun:test";
import { ByteBuffer } from "flatbuffers";
import { CorruptionError } from "../../src/base/errors.ts";
import { bloomProbes, buildBloomFilter } from "../../src/format/bloom-filter.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { finishBlock, writeBlockEntryHeader } from "../../src/format/block-encoder.ts";
import { encodeInternalKey } from "../../src/format/internal-key.ts";
import { writeStoredValueHeader } from "../../src/format/stored-value.ts";
import type { TableIndexExtension } from "../../src/format/table-index-extension.ts";
import type { TableIndexBlocks, TableIndexFields } from "../../src/format/table-index.ts";
import { decodeTableIndex, encodeTableIndex } from "../../src/format/table-index.ts";
import {
  decodeTableFooter,
  encodeTableFooter,
  verifyTableIndex,
} from "../../src/format/table-footer.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { expectDamageContained } from "./damage-suite.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";
import { TABLE_217 } from "./vectors.ts";

const INDEX_128 = TABLE_217.slice(75, 203);

function blocksOf(keys: readonly Uint8Array[], lengths: readonly number[]): TableIndexBlocks {
  const keyStarts = new Uint32Array(keys.length + 1);
  const offsets = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    keyStarts[i + 1] = (keyStarts[i] as number) + (keys[i] as Uint8Array).length;
    if (i > 0) offsets[i] = (offsets[i - 1] as number) + (lengths[i - 1] as number);
  }
  return { keys: concatBytes(...keys), keyStarts, offsets, lengths: Uint32Array.from(lengths) };
}

function randomIndex(random: Seeded, extension: TableIndexExtension | undefined): TableIndexFields {
  const count = 1 + random.below(60);
  const keys = Array.from({ length: count }, () => random.bytes(8 + random.below(30)));
  return {
    blocks: blocksOf(
      keys,
      keys.map(() => 1 + random.below(5000)),
    ),
    bloomFilter: random.below(3) === 0 ? undefined : random.bytes(2 + random.below(50)),
    maxVersion: random.spread(),
    keyCount: random.below(2) * random.u32(),
    uncompressedSize: random.u32(),
    onDiskSize: 1 + random.below(2 ** 31),
    staleDataSize: random.below(2) * random.u32(),
    extension,
  };
}

function randomExtension(random: Seeded): TableIndexExtension {
  return {
    knownOrdered: random.below(2) === 0,
    tombstoneCount: random.below(2) * random.u32(),
    expiringCount: random.below(100),
    endingCount: random.below(200),
    minExpiresAt: random.spread(),
    maxExpiresAt: random.spread(),
    largestKey: random.bytes(8 + random.below(40)),
    valueLogBytes: new Map(
      Array.from({ length: random.below(5) }, (_, i) => [i * 7 + 1, random.spread()]),
    ),
  };
}

describe("table index", () => {
  test("rebuilds the whole 217-byte table of the worked example", () => {
    const target = new Uint8Array(200);
    const offsets = new Uint32Array(2);
    let position = writeBlockEntryHeader(target, 0, 0, 13);
    const apple = encodeInternalKey(utf8("apple"), 1);
    target.set(apple, position);
    position = writeStoredValueHeader(target, position + 13, 0x40, 7, 0);
    target.set(utf8("red"), position);
    position += 3;
    offsets[1] = position;
    position = writeBlockEntryHeader(target, position, 2, 13);
    target.set(encodeInternalKey(utf8("apricot"), 2).subarray(2), position);
    position = writeStoredValueHeader(target, position + 13, 0x40, 0, 4_102_444_800);
    target.set(utf8("orange"), position);
    position = finishBlock(target, 0, position + 6, offsets, 2, "crc32c");
    const hashes = Uint32Array.from(["apple", "apricot"], (k) => bloomHash(utf8(k), 0, k.length));
    const index = encodeTableIndex({
      blocks: blocksOf([apple], [position]),
      bloomFilter: buildBloomFilter(hashes, 2, 7, bloomProbes(7, "badger")),
      maxVersion: 2,
      keyCount: 2,
      uncompressedSize: position,
      onDiskSize: position,
      staleDataSize: 0,
      extension: undefined,
    });
    const table = concatBytes(
      target.subarray(0, position),
      index,
      encodeTableFooter(index, "crc32c"),
    );
    expect(table).toEqual(TABLE_217);
  });

  test("reads the worked example", () => {
    const footer = decodeTableFooter(TABLE_217, 217);
    expect([footer.indexOffset, footer.indexLength]).toEqual([75, 128]);
    verifyTableIndex(footer, INDEX_128);
    expect(decodeTableIndex(INDEX_128, 75)).toEqual({
      blocks: blocksOf([encodeInternalKey(utf8("apple"), 1)], [75]),
      bloomFilter: fromHex("40 01 00 00 a0 00 00 0f 04"),
      maxVersion: 2,
      keyCount: 2,
      uncompressedSize: 75,
      onDiskSize: 203,
      staleDataSize: 0,
      extension: undefined,
    });
  });

  test(`gives back any index, with and without extension (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 100; round++) {
      const fields = randomIndex(random, round % 2 === 0 ? undefined : randomExtension(random));
      const bytes = encodeTableIndex(fields);
      const onDiskSize = fields.onDiskSize + bytes.length;
      expect(decodeTableIndex(bytes)).toEqual({ ...fields, onDiskSize });
    }
  });

  test(`with an extension, readers of the plain schema see the same (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    const fields = randomIndex(random, randomExtension(random));
    const bytes = encodeTableIndex(fields);
    // The FlatBuffers runtime, as generated code would use it.
    const buffer = new ByteBuffer(bytes);
    const root = buffer.readInt32(0);
    const slot = (id: number) => root + buffer.__offset(root, 4 + 2 * id);
    expect(buffer.readUint64(slot(2))).toBe(BigInt(fields.maxVersion));
    expect(buffer.readUint32(slot(4))).toBe(fields.uncompressedSize);
    expect(buffer.__vector_len(slot(0))).toBe(fields.blocks.offsets.length);
    const last = fields.blocks.offsets.length - 1;
    const block = buffer.__indirect(buffer.__vector(slot(0)) + 4 * last);
    const blockSlot = (id: number) => block + buffer.__offset(block, 4 + 2 * id);
    expect(buffer.readUint32(blockSlot(2))).toBe(fields.blocks.lengths[last] as number);
    if (last > 0) {
      expect(buffer.readUint32(blockSlot(1))).toBe(fields.blocks.offsets[last] as number);
    }
  });

  test("an extension of a later format is ignored, not misread", () => {
    const random = new Seeded(SEED);
    const extension = randomExtension(random);
    const fields = { ...randomIndex(random, extension), keyCount: 0x11223344 };
    const bytes = encodeTableIndex(fields);
    const buffer = new ByteBuffer(bytes);
    const root = buffer.readInt32(0);
    const version = root + buffer.__offset(root, 4 + 2 * 16);
    expect(buffer.readInt32(version)).toBe(1);
    bytes[version] = 2;
    expect(decodeTableIndex(bytes).extension).toBeUndefined();
  });

  test("damage is a typed error or a plausible index, within bounds", () => {
    const random = new Seeded(SEED);
    const rich = encodeTableIndex(randomIndex(random, randomExtension(random)));
    for (const good of [INDEX_128, rich]) {
      expectDamageContained(good, (bytes) => {
        const { blocks } = decodeTableIndex(bytes, 1_000_000);
        expect(blocks.keys.length).toBeLessThanOrEqual(bytes.length);
        expect(blocks.offsets.length * 4).toBeLessThanOrEqual(bytes.length);
        for (let i = 0; i < blocks.offsets.length; i++) {
          const end = (blocks.offsets[i] as number) + (blocks.lengths[i] as number);
          expect(end).toBeLessThanOrEqual(1_000_000);
        }
      });
    }
  });

  test("blocks that share one long key do not multiply it in memory", () => {
    const blockCount = 1000;
    const bytes = encodeTableIndex({
      blocks: blocksOf(
        Array.from({ length: blockCount }, (_, i) => new Uint8Array(i === 0 ? 20_000 : 8).fill(i)),
        Array.from({ length: blockCount }, () => 1),
      ),
      bloomFilter: undefined,
      maxVersion: 1,
      keyCount: 1,
      uncompressedSize: 1,
      onDiskSize: 1,
      staleDataSize: 0,
      extension: undefined,
    });
    const buffer = new ByteBuffer(bytes);
    const root = buffer.readInt32(0);
    const vector = buffer.__vector(root + buffer.__offset(root, 4));
    const first = buffer.__indirect(vector);
    for (let i = 0; i < blockCount; i++) {
      buffer.writeInt32(vector + 4 * i, first - (vector + 4 * i));
    }
    expect(() => decodeTableIndex(bytes)).toThrow(CorruptionError);
  });

  test("an index without blocks, or with a block outside the file, is damage", () => {
    expect(() => decodeTableIndex(INDEX_128, 74)).toThrow(CorruptionError);
    const empty = encodeTableIndex({
      blocks: blocksOf([], []),
      bloomFilter: undefined,
      maxVersion: 1,
      keyCount: 0,
      uncompressedSize: 0,
      onDiskSize: 0,
      staleDataSize: 0,
      extension: undefined,
    });
    expect(() => decodeTableIndex(empty)).toThrow(CorruptionError);
  });

  test("a version beyond 2^53 - 1 is refused", () => {
    const bytes = INDEX_128.slice();
    bytes[0x73 - 0x4b + 7] = 0x80;
    expect(() => decodeTableIndex(bytes)).toThrow(
      expect.objectContaining({ code: "ERR_UNSUPPORTED_FORMAT" }),
    );
  });
});

describe("table footer", () => {
  test("is found from the end of the file alone", () => {
    const index = new Seeded(SEED).bytes(5000);
    for (const kind of ["crc32c", "xxhash64"] as const) {
      const file = concatBytes(new Uint8Array(777), index, encodeTableFooter(index, kind));
      const footer = decodeTableFooter(file.subarray(-64), file.length);
      expect([footer.indexOffset, footer.indexLength]).toEqual([777, 5000]);
      verifyTableIndex(footer, index);
      const bad = index.slice();
      bad[4321] = (bad[4321] as number) ^ 4;
      expect(() => verifyTableIndex(footer, bad)).toThrow(CorruptionError);
    }
  });

  test("every damaged byte of a file's index or footer is noticed", () => {
    for (let i = 75; i < 217; i++) {
      const bad = TABLE_217.slice();
      bad[i] = (bad[i] as number) ^ 0x10;
      expect(() => {
        const footer = decodeTableFooter(bad, bad.length);
        const end = footer.indexOffset + footer.indexLength;
        verifyTableIndex(footer, bad.subarray(footer.indexOffset, end));
      }, `byte ${i}`).toThrow(CorruptionError);
    }
    expectDamageContained(TABLE_217, (bytes) => {
      const footer = decodeTableFooter(bytes, bytes.length);
      expect(footer.indexOffset).toBeGreaterThanOrEqual(0);
    });
  });
});
