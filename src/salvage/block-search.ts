/**
 * Finds the blocks of a table whose index is lost, by looking at the bytes alone. Each kind of storage
 * gives away something else:
 *
 *     plain     a block ends with a count and a checksum message whose forms are rare
 *     zstd      a frame begins with a magic number, and its headers tell where it ends
 *     Snappy    a block announces its plain size, so decoding it finds its end
 *
 * Whatever is found passes the block's own checksum, so a wrong guess costs time, never truth. Encrypted
 * blocks look like noise: they are not sought.
 */

import {
  COMPRESSION_NONE,
  COMPRESSION_SNAPPY,
  type CompressionCode,
} from "../format/compression.ts";
import { readU16LE, readU32BE, readU32LE } from "../format/integers.ts";
import { VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import { MelesError } from "../base/errors.ts";
import { snappyExtent, ZSTD_MAGIC, zstdExtent } from "./compressed-extent.ts";
import { BlockDecoder } from "./stored-block.ts";

/** A block that was found: `bytes[start, end)`. */
export interface FoundBlock {
  readonly start: number;
  readonly end: number;
}

/** Checksum message: 2 to 13 bytes, see format/checksum.ts. */
const CHECKSUM_BYTES_MIN = 2;
const CHECKSUM_BYTES_MAX = 13;
/** The smallest block: one entry with an empty key, its offset, count, checksum and length. */
const BLOCK_BYTES_MIN = 4 + VERSION_SUFFIX_SIZE + 3 + 4 + 4 + CHECKSUM_BYTES_MIN + 4;
/** How far in front of its last entry a block may begin. */
const LOOK_BACK_BYTES = 1 << 20;

/** All blocks in `bytes[from, to)`, in file order. `codec` holds no key. */
export function findBlocks(
  bytes: Uint8Array,
  from: number,
  to: number,
  compression: CompressionCode,
): FoundBlock[] {
  const decoder = new BlockDecoder();
  const found: FoundBlock[] = [];
  let start = from;
  while (start < to) {
    const block =
      compression === COMPRESSION_NONE
        ? nextPlainBlock(decoder, bytes, start, to)
        : nextCompressedBlock(decoder, bytes, start, to, compression);
    if (block === undefined) break;
    found.push(block);
    start = block.end;
  }
  return found;
}

/** The first plain block that ends behind `from`: most likely it begins there. */
function nextPlainBlock(
  decoder: BlockDecoder,
  bytes: Uint8Array,
  from: number,
  to: number,
): FoundBlock | undefined {
  for (let end = from + BLOCK_BYTES_MIN; end <= to; end++) {
    // The message's length, u32 BE, is a small number: three zero bytes.
    if (bytes[end - 2] !== 0 || bytes[end - 3] !== 0 || bytes[end - 4] !== 0) continue;
    const messageLength = bytes[end - 1] as number;
    if (messageLength < CHECKSUM_BYTES_MIN || messageLength > CHECKSUM_BYTES_MAX) continue;
    const countAt = end - 4 - messageLength - 4;
    const tag = bytes[countAt + 4];
    if (countAt < from || (tag !== 0x08 && tag !== 0x10)) continue;
    const start = blockStart(decoder, bytes, from, countAt, end);
    if (start >= 0) return { start, end };
  }
  return undefined;
}

/** Where the block whose entry count stands at `countAt` begins, at or behind `from`; or −1. */
function blockStart(
  decoder: BlockDecoder,
  bytes: Uint8Array,
  from: number,
  countAt: number,
  end: number,
): number {
  const count = readU32BE(bytes, countAt);
  const entriesEnd = countAt - 4 * count;
  if (count === 0 || entriesEnd <= from || readU32LE(bytes, entriesEnd) !== 0) return -1;
  if (isBlock(decoder, bytes, from, end)) return from;
  const lastOffset = readU32LE(bytes, countAt - 4);
  const secondOffset = count > 1 ? readU32LE(bytes, entriesEnd + 4) : entriesEnd - from;
  const latest = entriesEnd - lastOffset - 7;
  const earliest = Math.max(from + 1, latest - LOOK_BACK_BYTES);
  for (let start = latest; start >= earliest; start--) {
    // The base key is whole: it overlaps nothing, and its entry ends where the second begins.
    if (bytes[start] !== 0 || bytes[start + 1] !== 0) continue;
    const keyLength = readU16LE(bytes, start + 2);
    if (keyLength < VERSION_SUFFIX_SIZE || keyLength + 7 > secondOffset) continue;
    if (isBlock(decoder, bytes, start, end)) return start;
  }
  return -1;
}

function isBlock(decoder: BlockDecoder, bytes: Uint8Array, start: number, end: number): boolean {
  try {
    decoder.parse(bytes, start, end);
    return true;
  } catch (error) {
    if (error instanceof MelesError) return false;
    throw error;
  }
}

function nextCompressedBlock(
  decoder: BlockDecoder,
  bytes: Uint8Array,
  from: number,
  to: number,
  compression: CompressionCode,
): FoundBlock | undefined {
  const isSnappy = compression === COMPRESSION_SNAPPY;
  const codec = { compression, key: undefined };
  for (let start = from; start + 8 <= to; start++) {
    if (!isSnappy && readU32LE(bytes, start) !== ZSTD_MAGIC) continue;
    const end = isSnappy ? snappyExtent(bytes, start, to) : zstdExtent(bytes, start, to);
    if (end < 0) continue;
    if (decoder.decode(bytes.subarray(start, end), codec) === undefined) return { start, end };
  }
  return undefined;
}
