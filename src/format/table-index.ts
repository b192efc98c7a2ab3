/**
 * Table index: a FlatBuffers table at the end of a table file.
 *
 *     TableIndex   0 offsets [BlockOffset]   1 bloom_filter [ubyte]   2 max_version u64
 *                  3 key_count u32   4 uncompressed_size u32   5 on_disk_size u32
 *                  6 stale_data_size u32   16… extension (table-index-extension.ts)
 *     BlockOffset  0 key [ubyte]   1 offset u32   2 len u32
 *
 * Frozen, and so is the order in which the writer adds things: without an extension the bytes equal
 * those of Badger. Fields equal to their default are left out by the FlatBuffers rules.
 *
 * In memory an index is a few typed arrays, whatever the number of blocks. The reader walks the
 * bytes itself (flat-table.ts), because the FlatBuffers runtime verifies nothing.
 */

import { Builder } from "flatbuffers";
import { MelesError } from "../base/errors.ts";
import { VERSION_MAX } from "../base/ids.ts";
import { damaged } from "./damage.ts";
import { FlatTable } from "./flat-table.ts";
import { readU32LE, writeU32LE } from "./integers.ts";
import { VERSION_SUFFIX_SIZE } from "./internal-key.ts";
import {
  addExtension,
  createExtensionVectors,
  EXTENSION_SLOT_END,
  readExtension,
} from "./table-index-extension.ts";
import type { TableIndexExtension } from "./table-index-extension.ts";

const SLOT_OFFSETS = 0;
const SLOT_BLOOM_FILTER = 1;
const SLOT_MAX_VERSION = 2;
const SLOT_KEY_COUNT = 3;
const SLOT_UNCOMPRESSED_SIZE = 4;
const SLOT_ON_DISK_SIZE = 5;
const SLOT_STALE_DATA_SIZE = 6;
const SLOT_COUNT = 7;

const BLOCK_SLOT_KEY = 0;
const BLOCK_SLOT_OFFSET = 1;
const BLOCK_SLOT_LENGTH = 2;
const BLOCK_SLOT_COUNT = 3;

/** The blocks of a table, column by column; `n` blocks, in file order. */
export interface TableIndexBlocks {
  /** Base keys (whole internal keys) one after the other. */
  readonly keys: Uint8Array;
  /** `n + 1` positions in `keys`: key `i` is `keys[keyStarts[i], keyStarts[i + 1])`. */
  readonly keyStarts: Uint32Array;
  /** File offset of each block. */
  readonly offsets: Uint32Array;
  /** Stored length of each block. */
  readonly lengths: Uint32Array;
}

/** What does not grow with the table. */
export interface TableIndexHead {
  /** Largest version of any entry. The next commit version is derived from it. */
  readonly maxVersion: number;
  /** Entries, all versions. A statistic, like the three sizes: 0 in some foreign tables. */
  readonly keyCount: number;
  /** Sum of plain block lengths. */
  readonly uncompressedSize: number;
  /**
   * Stored block lengths plus the record lengths of all value pointers, modulo 2^32. Encoding adds
   * the length of the index itself; a decoded value has it included.
   */
  readonly onDiskSize: number;
  /** Estimate of droppable bytes. */
  readonly staleDataSize: number;
  /** What only Meles records; `undefined` for tables written by Badger. */
  readonly extension: TableIndexExtension | undefined;
}

export interface TableIndexFields extends TableIndexHead {
  readonly blocks: TableIndexBlocks;
  readonly bloomFilter: Uint8Array | undefined;
}

/** A decoded index whose blocks and filter are decoded when they are needed, which keeps its bytes. */
export interface LazyTableIndex extends TableIndexHead {
  /** The first block's base key, a whole internal key. */
  readonly firstKey: Uint8Array;
  /** About 150 ns a block. Throws as `decodeTableIndex`. */
  readonly decodeBlocks: () => TableIndexBlocks;
  /** A copy. */
  readonly decodeFilter: () => Uint8Array | undefined;
}

/** The bytes of an index, before encryption. About 0.4 µs a block. */
export function encodeTableIndex(fields: TableIndexFields): Uint8Array {
  const { blocks, bloomFilter, extension } = fields;
  const blockCount = blocks.offsets.length;
  const builder = new Builder(
    256 + blocks.keys.length + 32 * blockCount + (bloomFilter?.length ?? 0),
  );
  const tables = new Uint32Array(blockCount);
  for (let i = 0; i < blockCount; i++) tables[i] = addBlock(builder, blocks, i);
  builder.startVector(4, blockCount, 4);
  for (let i = blockCount - 1; i >= 0; i--) builder.addOffset(tables[i] as number);
  const offsetsVector = builder.endVector();
  const bloomVector =
    bloomFilter === undefined || bloomFilter.length === 0
      ? 0
      : builder.createByteVector(bloomFilter);
  const vectors = extension === undefined ? undefined : createExtensionVectors(builder, extension);

  builder.startObject(extension === undefined ? SLOT_COUNT : EXTENSION_SLOT_END);
  builder.addFieldOffset(SLOT_OFFSETS, offsetsVector, 0);
  builder.addFieldOffset(SLOT_BLOOM_FILTER, bloomVector, 0);
  builder.addFieldInt64(SLOT_MAX_VERSION, BigInt(fields.maxVersion), 0n);
  builder.addFieldInt32(SLOT_UNCOMPRESSED_SIZE, fields.uncompressedSize | 0, 0);
  builder.addFieldInt32(SLOT_KEY_COUNT, fields.keyCount | 0, 0);
  builder.addFieldInt32(SLOT_ON_DISK_SIZE, fields.onDiskSize | 0, 0);
  builder.addFieldInt32(SLOT_STALE_DATA_SIZE, fields.staleDataSize | 0, 0);
  if (extension !== undefined && vectors !== undefined) addExtension(builder, extension, vectors);
  builder.finish(builder.endObject());
  return addOwnLength(builder.asUint8Array().slice());
}

function addBlock(builder: Builder, blocks: TableIndexBlocks, index: number): number {
  const start = blocks.keyStarts[index] as number;
  const end = blocks.keyStarts[index + 1] as number;
  const key = builder.createByteVector(blocks.keys.subarray(start, end));
  builder.startObject(BLOCK_SLOT_COUNT);
  builder.addFieldOffset(BLOCK_SLOT_KEY, key, 0);
  builder.addFieldInt32(BLOCK_SLOT_OFFSET, (blocks.offsets[index] as number) | 0, 0);
  builder.addFieldInt32(BLOCK_SLOT_LENGTH, (blocks.lengths[index] as number) | 0, 0);
  return builder.endObject();
}

/** Adds the index's own length to the on-disk size, which is only known now. */
function addOwnLength(index: Uint8Array): Uint8Array {
  const root = new FlatTable(index);
  root.open(readU32LE(index, 0));
  const position = root.field(SLOT_ON_DISK_SIZE, 4);
  if (position !== 0) writeU32LE(index, position, readU32LE(index, position) + index.length);
  return index;
}

/**
 * Reads a decrypted index. With `blocksEnd`, the size of the block area, every block must lie in it.
 * `CorruptionError` for damage, `ERR_UNSUPPORTED_FORMAT` for versions beyond 2^53 − 1. About 150 ns
 * a block; allocates no more than a small multiple of the input.
 */
export function decodeTableIndex(bytes: Uint8Array, blocksEnd?: number): TableIndexFields {
  const { decodeBlocks, decodeFilter, firstKey: _, ...head } = openTableIndex(bytes, blocksEnd);
  return { blocks: decodeBlocks(), bloomFilter: decodeFilter(), ...head };
}

/** As `decodeTableIndex`, in constant time: `bytes` must stay as they are until blocks and filter are decoded. */
export function openTableIndex(bytes: Uint8Array, blocksEnd?: number): LazyTableIndex {
  if (bytes.length < 4) throw damaged(0, "a table index", `${bytes.length} bytes`);
  const root = new FlatTable(bytes);
  root.open(readU32LE(bytes, 0));
  const maxVersion = root.u64(SLOT_MAX_VERSION);
  if (maxVersion === undefined) {
    throw new MelesError(
      "ERR_UNSUPPORTED_FORMAT",
      `a table has a version beyond ${VERSION_MAX}; only directories with smaller versions can be opened`,
    );
  }
  return {
    firstKey: firstKeyOf(bytes, root),
    decodeBlocks: () => decodeBlocks(bytes, root, blocksEnd ?? Number.MAX_SAFE_INTEGER),
    decodeFilter: () => decodeFilter(bytes, root),
    maxVersion,
    keyCount: root.u32(SLOT_KEY_COUNT),
    uncompressedSize: root.u32(SLOT_UNCOMPRESSED_SIZE),
    onDiskSize: root.u32(SLOT_ON_DISK_SIZE),
    staleDataSize: root.u32(SLOT_STALE_DATA_SIZE),
    extension: readExtension(bytes, root),
  };
}

function firstKeyOf(bytes: Uint8Array, root: FlatTable): Uint8Array {
  const vector = root.vector(SLOT_OFFSETS, 4);
  if (vector === 0 || root.vectorLength === 0) {
    throw damaged(0, "at least one block in the index", "none");
  }
  const block = new FlatTable(bytes);
  block.open(vector + readU32LE(bytes, vector));
  const key = block.vector(BLOCK_SLOT_KEY, 1);
  const keyLength = key === 0 ? 0 : block.vectorLength;
  if (keyLength < VERSION_SUFFIX_SIZE) {
    throw damaged(vector, "a block's base key", `${keyLength} bytes`);
  }
  return bytes.slice(key, key + keyLength);
}

function decodeFilter(bytes: Uint8Array, root: FlatTable): Uint8Array | undefined {
  const filter = root.vector(SLOT_BLOOM_FILTER, 1);
  if (filter === 0 || root.vectorLength === 0) return undefined;
  return bytes.slice(filter, filter + root.vectorLength);
}

function decodeBlocks(bytes: Uint8Array, root: FlatTable, blocksEnd: number): TableIndexBlocks {
  const vector = root.vector(SLOT_OFFSETS, 4);
  const blockCount = root.vectorLength;
  const offsets = new Uint32Array(blockCount);
  const lengths = new Uint32Array(blockCount);
  const keyStarts = new Uint32Array(blockCount + 1);
  // Base keys are distinct, so together they are shorter than the index. The check below keeps it
  // true for damaged ones, in which many blocks may share one long key.
  const keys = new Uint8Array(bytes.length);
  let keysEnd = 0;
  const block = new FlatTable(bytes);
  for (let i = 0; i < blockCount; i++) {
    const element = vector + 4 * i;
    block.open(element + readU32LE(bytes, element));
    const key = block.vector(BLOCK_SLOT_KEY, 1);
    const keyLength = key === 0 ? 0 : block.vectorLength;
    const offset = block.u32(BLOCK_SLOT_OFFSET);
    const length = block.u32(BLOCK_SLOT_LENGTH);
    if (keyLength < VERSION_SUFFIX_SIZE || keysEnd + keyLength > keys.length) {
      throw damaged(element, "a block's base key", `${keyLength} bytes`);
    }
    if (length > blocksEnd || offset > blocksEnd - length) {
      throw damaged(element, `a block before byte ${blocksEnd}`, `${length} bytes at ${offset}`);
    }
    for (let k = 0; k < keyLength; k++) keys[keysEnd + k] = bytes[key + k] as number;
    keysEnd += keyLength;
    keyStarts[i + 1] = keysEnd;
    offsets[i] = offset;
    lengths[i] = length;
  }
  return { keys: keys.slice(0, keysEnd), keyStarts, offsets, lengths };
}
