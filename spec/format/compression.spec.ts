import { describe, expect, test } from "bun:test";
import { uncompress } from "snappyjs";
import { CorruptionError } from "../../src/base/errors.ts";
import type { CompressionCode } from "../../src/format/compression.ts";
import {
  COMPRESSION_NONE,
  COMPRESSION_SNAPPY,
  COMPRESSION_ZSTD,
  compressBlock,
  decompressBlock,
  toCompressionCode,
} from "../../src/format/compression.ts";
import { zstdSizeBound } from "../../src/format/zstd-frame.ts";
import { expectDamageContained } from "./damage-suite.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";
import { PLAIN_BLOCK, SNAPPY_BLOCK, ZSTD_BLOCK } from "./vectors.ts";

const LIMIT = 1 << 20;

function decompress(code: CompressionCode, bytes: Uint8Array, limit = LIMIT): Uint8Array {
  return new Uint8Array(decompressBlock(code, bytes, limit));
}

/** Blocks of every kind: text, repetition, noise, nothing, long. */
function samples(): Uint8Array[] {
  const random = new Seeded(SEED);
  const mixed = Array.from({ length: 100 }, (_, i) =>
    i % 3 === 0 ? random.bytes(random.below(90)) : utf8(`key/${i % 7} lorem ipsum `.repeat(i % 5)),
  );
  return [
    new Uint8Array(0),
    utf8("a"),
    PLAIN_BLOCK,
    new Uint8Array(5000),
    random.bytes(4096),
    new Uint8Array(mixed.flatMap((part) => [...part])),
    new Uint8Array(200_000).map((_, i) => (i * i) >> 9),
  ];
}

/** A frame of `count` blocks that repeat one byte 128 KiB long: 4 bytes each. */
function bomb(count: number): Uint8Array {
  const blocks = Array.from({ length: count }, (_, i) => {
    const header = (131_072 << 3) | 2 | (i === count - 1 ? 1 : 0);
    return [header & 255, (header >> 8) & 255, (header >> 16) & 255, 0x41];
  });
  return new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, ...blocks.flat()]);
}

describe("block compression", () => {
  test("decodes Badger's Snappy and Zstandard blocks", () => {
    expect(decompress(COMPRESSION_SNAPPY, SNAPPY_BLOCK)).toEqual(PLAIN_BLOCK);
    expect(decompress(COMPRESSION_ZSTD, ZSTD_BLOCK)).toEqual(PLAIN_BLOCK);
  });

  test.each<CompressionCode>([COMPRESSION_NONE, COMPRESSION_SNAPPY, COMPRESSION_ZSTD])(
    `method %d gives back any block (seed ${SEED})`,
    (code) => {
      for (const block of samples()) {
        const stored = compressBlock(code, 3, block);
        expect(decompress(code, stored)).toEqual(block);
        expect(decompress(code, stored, block.length)).toEqual(block);
        if (block.length > 0) {
          expect(() => decompress(code, stored, block.length - 1)).toThrow(CorruptionError);
        }
      }
    },
  );

  test("a code from disk is checked", () => {
    expect([0, 1, 2].map(toCompressionCode)).toEqual([0, 1, 2]);
    expect(() => toCompressionCode(3)).toThrow(
      expect.objectContaining({ code: "ERR_UNSUPPORTED_FORMAT" }),
    );
  });

  test("damaged blocks are a typed error or end within bounds", () => {
    for (const code of [COMPRESSION_SNAPPY, COMPRESSION_ZSTD] as const) {
      const stored = compressBlock(code, 1, samples()[5] as Uint8Array);
      expectDamageContained(stored, (bytes) => void decompress(code, bytes), 7);
    }
    expectDamageContained(SNAPPY_BLOCK, (bytes) => void decompress(COMPRESSION_SNAPPY, bytes));
    expectDamageContained(ZSTD_BLOCK, (bytes) => void decompress(COMPRESSION_ZSTD, bytes));
  });
});

describe("Snappy", () => {
  test("agrees with the decoder of snappyjs", () => {
    for (const block of samples()) {
      const stored = compressBlock(COMPRESSION_SNAPPY, 0, block);
      expect(decompress(COMPRESSION_SNAPPY, stored)).toEqual(uncompress(stored));
    }
  });

  test("decodes every kind of element", () => {
    // Length 20: literal "abcd", copy 1 (4 from 4 back), copy 2 (6 from 2 back), copy 4 (5 from 1
    // back), literal with a length byte "z".
    const bytes = fromHex("14 0c 61626364 01 04 16 0200 13 01000000 f0 00 7a");
    expect(new TextDecoder().decode(decompress(COMPRESSION_SNAPPY, bytes))).toBe(
      "abcdabcdcdcdcddddddz",
    );
  });

  test.each([
    ["an announced gigabyte", "80 80 80 80 04"],
    ["an announced length beyond 32 bits", "ff ff ff ff ff ff ff ff ff 01"],
    ["a literal with a negative 32-bit length", "05 fc f0 ff ff ff 61 62 63 64 65"],
    ["a literal beyond the input", "05 10 61 62"],
    ["a literal beyond the output", "02 10 61 62 63 64 65"],
    ["a copy from before the start", "08 0c 61626364 01 05"],
    ["a copy from nowhere", "08 0c 61626364 01 00"],
    ["a copy beyond the output", "06 0c 61626364 01 04"],
    ["too little output", "09 0c 61626364 01 04"],
    ["half a copy", "08 0c 61626364 02 04"],
    ["no length", "80"],
  ])("%s is damage", (_name, hex) => {
    expect(() => decompress(COMPRESSION_SNAPPY, fromHex(hex))).toThrow(CorruptionError);
  });
});

describe("Zstandard", () => {
  test("a few bytes cannot stand for gigabytes", () => {
    const before = Bun.nanoseconds();
    expect(() => decompress(COMPRESSION_ZSTD, bomb(40_000))).toThrow(CorruptionError);
    expect(() => decompress(COMPRESSION_ZSTD, bomb(9))).toThrow(CorruptionError);
    expect(decompress(COMPRESSION_ZSTD, bomb(8)).length).toBe(LIMIT);
    // Announced sizes of a gigabyte and of 2^40 bytes, for one byte of content.
    for (const hex of ["a0 00 00 00 40 09 00 00 61", "e0 00 00 00 00 00 01 00 00 09 00 00 61"]) {
      const bytes = fromHex(`28 b5 2f fd ${hex}`);
      expect(() => decompress(COMPRESSION_ZSTD, bytes)).toThrow(CorruptionError);
    }
    expect(Bun.nanoseconds() - before).toBeLessThan(2e9);
  });

  test("a frame of one raw block, made by hand, is read", () => {
    const header = (PLAIN_BLOCK.length << 3) | 1;
    const frame = new Uint8Array([
      // Magic, single segment with a one-byte size, block header u24 LE.
      0x28,
      0xb5,
      0x2f,
      0xfd,
      0x20,
      PLAIN_BLOCK.length,
      header & 255,
      (header >> 8) & 255,
      header >> 16,
      ...PLAIN_BLOCK,
    ]);
    expect(decompress(COMPRESSION_ZSTD, frame)).toEqual(PLAIN_BLOCK);
  });

  test("the bound of the size is never below it, and close for our own frames", () => {
    for (const block of samples()) {
      const stored = compressBlock(COMPRESSION_ZSTD, 1, block);
      const bound = zstdSizeBound(stored, Number.MAX_SAFE_INTEGER);
      expect(bound).toBeGreaterThanOrEqual(block.length);
      expect(bound).toBeLessThanOrEqual(Math.max(block.length * 1.5, block.length + 131_072));
    }
  });

  test("several frames and skippable ones are read as one block", () => {
    const part = compressBlock(COMPRESSION_ZSTD, 1, utf8("hello "));
    const skip = fromHex("50 2a 4d 18 03 00 00 00 01 02 03");
    const bytes = new Uint8Array([...part, ...skip, ...part]);
    expect(new TextDecoder().decode(decompress(COMPRESSION_ZSTD, bytes))).toBe("hello hello ");
  });
});
