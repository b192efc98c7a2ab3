/**
 * `TableBuilder`: writes one table file from entries in internal-key order.
 *
 * A stream: the current block grows at the end of one buffer, finished blocks before it are written
 * out with one positional write per MiB. Of a finished block only its base key and position stay, of a
 * user key only its hash for the bloom filter.
 *
 * Blocks are cut exactly where Badger cuts them. The file is written from offset 0 and must be empty;
 * the builder neither closes nor removes it and does not sync its directory. One thread.
 */

import { assert } from "../base/assert.ts";
import { BufferPool } from "../base/buffer-pool.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Random } from "../env/env.ts";
import type { File } from "../env/file-system.ts";
import { BLOCK_ENTRY_DIFF_MAX, BLOCK_ENTRY_HEADER_SIZE } from "../format/block.ts";
import {
  blockIsFull,
  blockTrailerSizeMax,
  finishBlock,
  writeBlockEntryHeader,
} from "../format/block-encoder.ts";
import { bloomBitsPerKey, bloomProbes, buildBloomFilter } from "../format/bloom-filter.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { compressBlock } from "../format/compression.ts";
import { encryptBlock, IV_SIZE } from "../format/encryption.ts";
import {
  encodeInternalKey,
  VERSION_SUFFIX_SIZE,
  writeVersionSuffix,
} from "../format/internal-key.ts";
import { storedValueLength, writeStoredValueHeader } from "../format/stored-value.ts";
import { encodeTableFooter } from "../format/table-footer.ts";
import { encodeTableIndex } from "../format/table-index.ts";
import type { TableMeta } from "../manifest/version.ts";
import { BlockList } from "./block-list.ts";
import { copyBytes } from "../base/copy-bytes.ts";
import { GrowableNumbers } from "./growable-numbers.ts";
import type { TableOptions } from "./table-options.ts";
import { TableStatistics } from "./table-statistics.ts";

/** Finished blocks are written out once they fill this much. */
const WRITE_BYTES = 1024 * 1024;
const BUFFER_SLACK_BYTES = 64 * 1024;
/** More than users may write: tables made by Badger's bulk loaders hold such keys. */
const USER_KEY_SIZE_MAX = BLOCK_ENTRY_DIFF_MAX - VERSION_SUFFIX_SIZE;
/** Offsets in a table are u32. Frozen. */
const TABLE_SIZE_MAX = 0xffff_ffff;

/** What a table is called and where it goes: not in the file, but in its `TableMeta`. */
export interface TableIdentity {
  readonly fileNumber: number;
  readonly level: number;
  /** Known to be ordered (I3): the caller's promise, recorded in the table. */
  readonly knownOrdered: boolean;
}

export class TableBuilder {
  readonly #file: File;
  readonly #identity: TableIdentity;
  readonly #options: TableOptions;
  readonly #random: Random | undefined;
  readonly #encrypted: boolean;
  readonly #statistics = new TableStatistics();

  /** Finished blocks not yet written, then the current block from `#blockStart` to `#end`. */
  #buffer: Uint8Array;
  readonly #buffers: BufferPool;
  #blockStart = 0;
  #end = 0;
  /** File offset of the buffer's first byte. */
  #filePosition = 0;
  /** Starts of the current block's entries, counted from the block's start. */
  readonly #entryOffsets = new GrowableNumbers();

  /** The user key of the current block's base key, and how much of it the last key shares. */
  #baseKeyLength = 0;
  #baseShared = 0;
  #lastKey: Uint8Array = new Uint8Array(256);
  #lastKeyLength = 0;
  #lastVersion = 0;
  readonly #suffix = new Uint8Array(VERSION_SUFFIX_SIZE);

  readonly #hashes = new GrowableNumbers(4096);
  readonly #blocks = new BlockList();
  #plainBytes = 0;
  #done = false;

  /**
   * `random` makes the initialisation vectors of an encrypted table; needed only for one. `buffers`: where
   * builders that follow each other leave theirs.
   */
  constructor(
    file: File,
    identity: TableIdentity,
    options: TableOptions,
    random?: Random,
    buffers = new BufferPool(0),
  ) {
    this.#buffers = buffers;
    this.#buffer = buffers.take(WRITE_BYTES + BUFFER_SLACK_BYTES);
    this.#file = file;
    this.#identity = identity;
    this.#options = options;
    this.#random = random;
    this.#encrypted = options.encryption !== undefined;
    assert(!this.#encrypted || random !== undefined, "an encrypted table needs random vectors");
  }

  get isEmpty(): boolean {
    return this.#statistics.entryCount === 0;
  }

  /** What the file would take if finished now, within a few percent. */
  get estimatedSizeBytes(): number {
    const blocks = this.#filePosition + this.#end + 4 * this.#entryOffsets.length;
    const filter = this.#options.bloomFalsePositive === 0 ? 0 : 1.25 * this.#hashes.length;
    return Math.ceil(blocks + filter + this.#blocks.estimatedIndexBytes);
  }

  /**
   * Appends an entry. Entries come strictly ascending: user key as bytes, then newest version first.
   * `stale` says that the caller knows the entry to be droppable; it is counted, nothing more.
   */
  add(
    keyBytes: Uint8Array,
    keyOffset: number,
    keyLength: number,
    version: number,
    meta: number,
    userMeta: number,
    expiresAt: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
    stale: boolean,
  ): void {
    assert(!this.#done, "a finished table takes no more entries");
    this.#followKey(keyBytes, keyOffset, keyLength, version);
    const internalLength = keyLength + VERSION_SUFFIX_SIZE;
    const storedLength = storedValueLength(expiresAt, valueLength);
    const entryCount = this.#entryOffsets.length;
    const cut = blockIsFull(
      this.#end - this.#blockStart,
      entryCount,
      internalLength,
      storedLength,
      this.#options.blockSizeBytes,
      this.#encrypted,
    );
    if (cut) this.#finishBlock();
    this.#reserve(BLOCK_ENTRY_HEADER_SIZE + internalLength + storedLength);
    let position =
      cut || entryCount === 0
        ? this.#startBlock(keyBytes, keyOffset, keyLength, version)
        : this.#writeKey(keyBytes, keyOffset, keyLength, version);
    const buffer = this.#buffer;
    position = writeStoredValueHeader(buffer, position, meta, userMeta, expiresAt);
    copyBytes(valueBytes, valueOffset, buffer, position, valueLength);
    this.#end = position + valueLength;
    this.#statistics.add(version, meta, expiresAt, valueBytes, valueOffset);
    if (stale) this.#statistics.addStale(internalLength, valueLength, cut);
  }

  /** Completes the file and syncs it. Needs at least one entry. */
  finish(): TableMeta {
    assert(!this.#done, "a table is finished once");
    assert(!this.isEmpty, "a table has at least one entry");
    this.#finishBlock();
    this.#flush();
    this.#done = true;
    const largestKey = this.#lastKey.slice(0, this.#lastKeyLength);
    const index = this.#sealed(this.#encodeIndex(largestKey));
    const footer = encodeTableFooter(index, this.#options.checksum);
    assert(
      this.#filePosition + index.length + footer.length <= TABLE_SIZE_MAX,
      "a table is smaller than 4 GiB",
    );
    this.#write(index, index.length);
    this.#write(footer, footer.length);
    this.#file.sync();
    this.#releaseBuffer();
    return this.#describe(largestKey);
  }

  /** Gives the buffer back without completing the file, which is the caller's to remove. */
  abandon(): void {
    this.#done = true;
    this.#releaseBuffer();
  }

  #releaseBuffer(): void {
    this.#buffers.giveBack(this.#buffer);
    this.#buffer = EMPTY_BYTES;
  }

  /** Checks the order, notes a new user key, and keeps `#baseShared` up to date. */
  #followKey(bytes: Uint8Array, offset: number, length: number, version: number): void {
    const last = this.#lastKey;
    const lastLength = this.#lastKeyLength;
    const limit = length < lastLength ? length : lastLength;
    let same = 0;
    while (same < limit && bytes[offset + same] === last[same]) same++;
    if (same === length && same === lastLength && !this.isEmpty) {
      assert(version < this.#lastVersion, "versions of a key are added newest first");
      // Badger's filter holds one hash per entry; to size it alike, so must this one.
      if (this.#options.bloomStyle === "badger") this.#addHash(bytes, offset, length);
    } else {
      assert(
        same === lastLength ||
          (same < length && (bytes[offset + same] as number) > (last[same] as number)),
        "keys are added in ascending order",
      );
      assert(length <= USER_KEY_SIZE_MAX, "a key fits the 16-bit lengths of a block entry");
      this.#addHash(bytes, offset, length);
      if (length > last.length) this.#growLastKey(length, same);
      copyBytes(bytes, offset + same, this.#lastKey, same, length - same);
      this.#lastKeyLength = length;
      // Keys ascend, so what a key shares with the base is the least that neighbours since shared.
      if (same < this.#baseShared) this.#baseShared = same;
    }
    this.#lastVersion = version;
  }

  #addHash(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#options.bloomFalsePositive === 0) return;
    this.#hashes.push(bloomHash(bytes, offset, length));
  }

  #growLastKey(length: number, keep: number): void {
    const grown = new Uint8Array(Math.max(length, 2 * this.#lastKey.length));
    grown.set(this.#lastKey.subarray(0, keep));
    this.#lastKey = grown;
  }

  /** Writes header and key of a block's first entry, the base key; returns where its value goes. */
  #startBlock(bytes: Uint8Array, offset: number, length: number, version: number): number {
    this.#entryOffsets.push(0);
    this.#baseKeyLength = length;
    this.#baseShared = length;
    const key = writeBlockEntryHeader(this.#buffer, this.#end, 0, length + VERSION_SUFFIX_SIZE);
    copyBytes(bytes, offset, this.#buffer, key, length);
    writeVersionSuffix(this.#buffer, key + length, version);
    return key + length + VERSION_SUFFIX_SIZE;
  }

  /** Writes header and key remainder of a further entry; returns where its value goes. */
  #writeKey(bytes: Uint8Array, offset: number, length: number, version: number): number {
    const buffer = this.#buffer;
    const start = this.#end;
    this.#entryOffsets.push(start - this.#blockStart);
    const shared = this.#baseShared;
    const overlap =
      shared === length || shared === this.#baseKeyLength
        ? this.#overlapBeyond(shared, bytes, offset, length, version)
        : shared;
    const internalLength = length + VERSION_SUFFIX_SIZE;
    const remainder = writeBlockEntryHeader(buffer, start, overlap, internalLength - overlap);
    if (overlap <= length) {
      copyBytes(bytes, offset + overlap, buffer, remainder, length - overlap);
      writeVersionSuffix(buffer, remainder + length - overlap, version);
    } else {
      copyBytes(this.#suffix, overlap - length, buffer, remainder, internalLength - overlap);
    }
    return remainder + internalLength - overlap;
  }

  /**
   * How many bytes the whole internal key shares with the base key when one user key is a prefix of the
   * other: the comparison goes on into the version bytes. Leaves the key's suffix in `#suffix`.
   */
  #overlapBeyond(
    shared: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    version: number,
  ): number {
    const buffer = this.#buffer;
    const suffix = this.#suffix;
    writeVersionSuffix(suffix, 0, version);
    const base = this.#blockStart + BLOCK_ENTRY_HEADER_SIZE;
    const limit = Math.min(length, this.#baseKeyLength) + VERSION_SUFFIX_SIZE;
    let i = shared;
    while (i < limit) {
      const byte = i < length ? bytes[offset + i] : suffix[i - length];
      if (byte !== buffer[base + i]) break;
      i++;
    }
    return i;
  }

  /** Ends the current block, if it has entries, and packs it in place. */
  #finishBlock(): void {
    const offsets = this.#entryOffsets;
    if (offsets.length === 0) return;
    this.#reserve(blockTrailerSizeMax(offsets.length));
    const start = this.#blockStart;
    const baseKey = start + BLOCK_ENTRY_HEADER_SIZE;
    const baseKeyEnd = baseKey + this.#baseKeyLength + VERSION_SUFFIX_SIZE;
    this.#blocks.addKey(this.#buffer, baseKey, baseKeyEnd);
    this.#end = finishBlock(
      this.#buffer,
      start,
      this.#end,
      offsets.items,
      offsets.length,
      this.#options.checksum,
    );
    offsets.length = 0;
    this.#plainBytes += this.#end - start;
    if (this.#options.compression !== 0 || this.#encrypted) this.#packBlock();
    this.#blocks.addPlace(this.#filePosition + start, this.#end - start);
    this.#blockStart = this.#end;
    if (this.#end >= WRITE_BYTES) this.#flush();
  }

  /** Replaces the finished plain block at the end of the buffer by its stored form. */
  #packBlock(): void {
    const start = this.#blockStart;
    const { compression, compressionLevel } = this.#options;
    const plain = this.#buffer.subarray(start, this.#end);
    const stored = this.#sealed(compressBlock(compression, compressionLevel, plain));
    this.#end = start;
    this.#reserve(stored.length);
    copyBytes(stored, 0, this.#buffer, start, stored.length);
    this.#end = start + stored.length;
  }

  /** The encrypted form, or the same bytes in a table without encryption. */
  #sealed(bytes: Uint8Array): Uint8Array {
    const { encryption } = this.#options;
    if (encryption === undefined) return bytes;
    const iv = new Uint8Array(IV_SIZE);
    this.#random?.fill(iv);
    return encryptBlock(encryption.key, iv, bytes);
  }

  /** Makes room for `length` bytes behind `#end`. */
  #reserve(length: number): void {
    if (this.#end + length <= this.#buffer.length) return;
    const grown = this.#buffers.take(Math.max(this.#end + length, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#end));
    this.#buffers.giveBack(this.#buffer);
    this.#buffer = grown;
  }

  /** Writes out the finished blocks; only between blocks. */
  #flush(): void {
    this.#write(this.#buffer, this.#end);
    this.#end = 0;
    this.#blockStart = 0;
  }

  #write(bytes: Uint8Array, length: number): void {
    if (length === 0) return;
    assert(this.#filePosition + length <= TABLE_SIZE_MAX, "a table is smaller than 4 GiB");
    this.#file.write(bytes, 0, length, this.#filePosition);
    this.#filePosition += length;
  }

  #encodeIndex(largestKey: Uint8Array): Uint8Array {
    const statistics = this.#statistics;
    return encodeTableIndex({
      blocks: this.#blocks.view(),
      bloomFilter: this.#bloomFilter(),
      maxVersion: statistics.maxVersion,
      keyCount: statistics.entryCount,
      uncompressedSize: this.#plainBytes,
      onDiskSize: this.#filePosition + statistics.pointedBytes,
      staleDataSize: statistics.staleBytes,
      extension: this.#options.extension
        ? {
            knownOrdered: this.#identity.knownOrdered,
            tombstoneCount: statistics.tombstoneCount,
            expiringCount: statistics.expiringCount,
            endingCount: statistics.endingCount,
            minExpiresAt: statistics.minExpiresAt,
            maxExpiresAt: statistics.maxExpiresAt,
            largestKey: encodeInternalKey(largestKey, this.#lastVersion),
            valueLogBytes: statistics.valueLogBytes(),
          }
        : undefined,
    });
  }

  #bloomFilter(): Uint8Array | undefined {
    const { bloomFalsePositive, bloomStyle } = this.#options;
    if (bloomFalsePositive === 0) return undefined;
    const bitsPerKey = bloomBitsPerKey(bloomFalsePositive, bloomStyle);
    const probes = bloomProbes(bitsPerKey, bloomStyle);
    return buildBloomFilter(this.#hashes.items, this.#hashes.length, bitsPerKey, probes);
  }

  #describe(largestKey: Uint8Array): TableMeta {
    const statistics = this.#statistics;
    return {
      fileNumber: this.#identity.fileNumber,
      level: this.#identity.level,
      sizeBytes: this.#filePosition,
      smallestKey: this.#blocks.firstUserKey(),
      largestKey,
      maxVersion: statistics.maxVersion,
      entryCount: statistics.entryCount,
      tombstoneCount: statistics.tombstoneCount,
      endingCount: statistics.endingCount,
      staleBytes: statistics.staleBytes,
      minExpiresAt: statistics.minExpiresAt,
      maxExpiresAt: statistics.maxExpiresAt,
      valueLogBytes: statistics.valueLogBytes(),
      hasStatistics: this.#options.extension,
      knownOrdered: this.#identity.knownOrdered,
      compression: this.#options.compression,
      keyId: this.#options.encryption?.keyId ?? 0,
    };
  }
}
