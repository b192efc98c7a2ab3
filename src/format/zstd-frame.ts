/**
 * How much a Zstandard stream can grow, from its headers alone.
 *
 *     frame:  | magic 28 b5 2f fd | descriptor u8 | window u8? | dictionary id? | content size? |
 *             | blocks … | checksum u32? |
 *     block:  | last, type and size, u24 LE | data; raw, repeated byte, or compressed |
 *
 * The decompressor built into Bun has no limit of its own, and a few kilobytes can stand for
 * gigabytes. A frame is a chain of blocks, each of which yields at most 128 KiB, so walking the
 * block headers (one for a table block) bounds the output before anything is allocated. Content
 * sizes are optional, and the small frames Badger writes have none, so they cannot be relied on.
 */

import { damaged } from "./damage.ts";
import { readU32LE, readU64LE, readU16LE } from "./integers.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a5;
const BLOCK_SIZE_MAX = 128 * 1024;

const TYPE_RAW = 0;
const TYPE_REPEATED = 1;
const TYPE_COMPRESSED = 2;

/**
 * An upper bound of the decompressed size of `bytes`, a chain of frames. Stops counting once the
 * bound exceeds `enough`. `CorruptionError` when the chain is cut short or not Zstandard.
 */
export function zstdSizeBound(bytes: Uint8Array, enough: number): number {
  let bound = 0;
  let offset = 0;
  if (bytes.length === 0) throw damaged(0, "a Zstandard frame", "nothing");
  while (offset < bytes.length && bound <= enough) {
    requireBytes(bytes, offset, 8);
    const magic = readU32LE(bytes, offset);
    if (magic >>> 4 === SKIPPABLE_MAGIC) {
      const size = readU32LE(bytes, offset + 4);
      requireBytes(bytes, offset + 8, size);
      offset += 8 + size;
      continue;
    }
    if (magic !== MAGIC) throw damaged(offset, "a Zstandard frame", "other bytes");
    const descriptor = bytes[offset + 4] as number;
    const header = readFrameHeader(bytes, offset + 5, descriptor);
    offset = header.end;
    for (let last = false; !last && bound <= enough;) {
      requireBytes(bytes, offset, 3);
      const word = readU16LE(bytes, offset) | ((bytes[offset + 2] as number) << 16);
      last = (word & 1) === 1;
      const type = (word >>> 1) & 3;
      const size = word >>> 3;
      if (type > TYPE_COMPRESSED) throw damaged(offset, "a Zstandard block type", `${type}`);
      bound += type === TYPE_RAW || type === TYPE_REPEATED ? size : header.blockSizeMax;
      const stored = type === TYPE_REPEATED ? 1 : size;
      requireBytes(bytes, offset + 3, stored);
      offset += 3 + stored;
    }
    if ((descriptor & 4) !== 0) offset += 4;
  }
  return bound;
}

function readFrameHeader(
  bytes: Uint8Array,
  start: number,
  descriptor: number,
): { end: number; blockSizeMax: number } {
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionarySize = [0, 1, 2, 4][descriptor & 3] as number;
  const contentCode = descriptor >>> 6;
  const contentSize = contentCode === 0 ? (singleSegment ? 1 : 0) : 1 << contentCode;
  const windowEnd = start + (singleSegment ? 0 : 1);
  const contentStart = windowEnd + dictionarySize;
  requireBytes(bytes, start, contentStart + contentSize - start);
  const window = singleSegment
    ? readContentSize(bytes, contentStart, contentSize)
    : windowSize(bytes[start] as number);
  return { end: contentStart + contentSize, blockSizeMax: Math.min(window, BLOCK_SIZE_MAX) };
}

function readContentSize(bytes: Uint8Array, offset: number, size: number): number {
  if (size === 1) return bytes[offset] as number;
  if (size === 2) return readU16LE(bytes, offset) + 256;
  if (size === 4) return readU32LE(bytes, offset);
  return readU64LE(bytes, offset) ?? Number.MAX_SAFE_INTEGER;
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

function requireBytes(bytes: Uint8Array, offset: number, size: number): void {
  if (size > bytes.length - offset) {
    throw damaged(Math.min(offset, bytes.length), "a whole Zstandard frame", "the end");
  }
}
