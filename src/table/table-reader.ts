/**
 * `TableReader`: one open table file. Immutable, so any number of cursors may read it; they and all
 * slots filled by `get` must be done with before `close`. One thread.
 *
 * Opening reads the footer and the index, and the last block too if the index does not tell the
 * largest key (tables written by Badger). The index checksum is always verified, block checksums by
 * option; lengths and positions are checked before they are used, whatever the option (I8).
 *
 * Of the index only what does not grow with the table is kept then. With the first read of the table it is
 * read again, whole: opening 2 GB of small entries would spend half its time on the list of blocks, and a
 * load would hold the indexes of tables that nobody reads (100 of 500 MiB resident in one of 2 GB).
 */

import { CorruptionError, MelesError } from "../base/errors.ts";
import type { EntryCursor } from "../cursor/cursor.ts";
import type { EntrySlot } from "../cursor/entry-slot.ts";
import type { File } from "../env/file-system.ts";
import { bloomMayContain } from "../format/bloom-filter.ts";
import { located } from "../format/damage.ts";
import { decryptBlock } from "../format/encryption.ts";
import { VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import {
  decodeTableFooter,
  TABLE_FOOTER_SIZE_MAX,
  verifyTableIndex,
} from "../format/table-footer.ts";
import { openTableIndex } from "../format/table-index.ts";
import type { LazyTableIndex } from "../format/table-index.ts";
import type { CompressionCode, TableMeta } from "../manifest/version.ts";
import type { BlockCache } from "./block-cache.ts";
import { BlockFile } from "./block-file.ts";
import { BlockIndex } from "./block-index.ts";
import { BlockLocation } from "./block-location.ts";
import { copyUserKey, findEntry, readEntry } from "./block-search.ts";
import { CachedBlocks } from "./cached-blocks.ts";
import { ReadAhead } from "./read-ahead.ts";
import { TableCursor } from "./table-cursor.ts";

/** What the manifest says of a table: the file itself does not tell. */
export interface TableSource {
  readonly fileNumber: number;
  readonly level: number;
  readonly compression: CompressionCode;
  /** 0 = not encrypted; else `key` is needed. */
  readonly keyId: number;
  readonly key?: Uint8Array;
}

/** When block checksums are verified: all of them at open, each when read from the file, or both. */
export type ChecksumVerification = "none" | "open" | "read" | "both";

export interface TableReaderOptions {
  readonly verifyChecksums: ChecksumVerification;
}

/** Bound for one plain block where the index does not bound it. */
const PLAIN_BLOCK_SIZE_MAX = 64 * 1024 * 1024;
/** Below this file size the index's u32 sum of plain sizes cannot have wrapped around. */
const UNWRAPPED_FILE_SIZE = 16 * 1024 * 1024;
const EMPTY_FILTER = new Uint8Array(0);

/** What reads need, once there was one. */
interface OpenBlocks {
  readonly filter: Uint8Array;
  readonly index: BlockIndex;
  readonly file: BlockFile;
  readonly cached: CachedBlocks;
}

export class TableReader {
  readonly meta: TableMeta;
  /**
   * Whether it may point into the value log. Badger writes no more of it than the sum of all lengths of pointers, as
   * part of another.
   */
  readonly mayPoint: boolean;
  readonly #file: File;
  /** When it was opened. */
  readonly #sizeBytes: number;
  readonly #source: TableSource;
  readonly #cache: BlockCache;
  readonly #verifyReads: boolean;
  readonly #location = new BlockLocation();
  #blocks: OpenBlocks | undefined;
  #closed = false;

  /**
   * Opens a table; owns `file` from then on (not when it throws). Throws `CorruptionError` for damage,
   * `ERR_ENCRYPTION_KEY` when the data key is missing, `ERR_UNSUPPORTED_FORMAT` for versions beyond
   * 2^53 − 1. Reads footer and index; the first read of a block does so again, and takes about 0.2 µs more
   * for each block there is.
   */
  static open(
    file: File,
    source: TableSource,
    cache: BlockCache,
    options: TableReaderOptions,
  ): TableReader {
    requireKey(file, source);
    return new TableReader(file, source, cache, options.verifyChecksums);
  }

  /**
   * The newest version in a table, by its index, and whether Badger has written it. Throws as `open` does
   * for what is no whole table, or is encrypted with another key.
   */
  static newestVersion(
    file: File,
    key: Uint8Array | undefined,
  ): { readonly version: number; readonly isBadgers: boolean } {
    const { index } = readIndex(file, file.size(), key, newBytes);
    return { version: index.maxVersion, isBadgers: index.extension === undefined };
  }

  private constructor(
    file: File,
    source: TableSource,
    cache: BlockCache,
    verify: ChecksumVerification,
  ) {
    const sizeBytes = file.size();
    const stored = readIndex(file, sizeBytes, source.key, (length) => cache.spare(length));
    const { index } = stored;
    this.mayPoint = mayPoint(stored);
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#source = source;
    this.#cache = cache;
    this.#verifyReads = verify === "read" || verify === "both";
    try {
      this.meta = describe(source, index, sizeBytes, this.#largestKey(stored));
      if (verify === "open" || verify === "both") verifyBlocks(this.#open(stored).file);
    } catch (error) {
      this.#blocks?.cached.close();
      throw error;
    }
  }

  /** Reads the index again, if it is not at hand, and keeps what reads need of it. */
  #open(stored?: StoredIndex): OpenBlocks {
    if (this.#blocks !== undefined) return this.#blocks;
    const { compression, key } = this.#source;
    const sizeBytes = this.#sizeBytes;
    const { index: whole, indexOffset } =
      stored ?? readIndex(this.#file, sizeBytes, key, (length) => this.#cache.spare(length));
    const [index, filter] = locating(this.#file, indexOffset, () => [
      new BlockIndex(whole.decodeBlocks()),
      whole.decodeFilter() ?? EMPTY_FILTER,
    ]);
    const plainMax = plainSizeMax(whole.uncompressedSize, sizeBytes);
    const file = new BlockFile(this.#file, index, compression, key, plainMax);
    const cached = new CachedBlocks(file, this.#cache, this.#verifyReads);
    this.#blocks = { filter, index, file, cached };
    return this.#blocks;
  }

  /** The index must still be at hand. */
  #largestKey(stored: StoredIndex): Uint8Array {
    const { extension } = stored.index;
    if (extension !== undefined) return withoutVersion(extension.largestKey);
    const { file, index } = this.#open(stored);
    const location = new BlockLocation();
    file.load(index.blockCount - 1, this.#verifyReads, location);
    return copyUserKey(location, location.entryCount - 1);
  }

  /** False only when no entry has a user key with this bloom hash. */
  mayContain(hash: number): boolean {
    const { filter } = this.#blocks ?? this.#open();
    return bloomMayContain(filter, 0, filter.length, hash);
  }

  /**
   * Finds the newest entry of `key` with a version of at most `version`, delete markers and expired
   * entries included, and fills `slot`. `hash` is the key's bloom hash. The slot's value bytes are
   * valid until the next read through the same cache.
   */
  get(key: Uint8Array, hash: number, version: number, slot: EntrySlot): boolean {
    return this.mayContain(hash) && this.find(key, hash, version, slot);
  }

  /**
   * As `get`, without asking the filter about a block that is cached: for who has asked already, or expects
   * a hit. A look into a filter costs as much as one into a cached block.
   */
  find(key: Uint8Array, hash: number, version: number, slot: EntrySlot): boolean {
    const { index, cached } = this.#blocks ?? this.#open();
    const location = this.#location;
    const block = index.lastAtOrBefore(key, version);
    if (block >= 0 && !cached.holds(block) && !this.mayContain(hash)) return false;
    if (block >= 0) {
      cached.locate(block, location);
      const entry = findEntry(location, key, version);
      if (entry >= 0) {
        readEntry(location, entry, slot);
        return true;
      }
    }
    // If not there it sorts behind all of that block, as the next one's first entry, or is nowhere.
    const next = block + 1;
    if (next === index.blockCount || !index.hasBaseUserKey(next, key)) return false;
    cached.locate(next, location);
    readEntry(location, 0, slot);
    return true;
  }

  /** A cursor over the table, not yet positioned. How it reads: read-ahead.ts. */
  cursor(): EntryCursor {
    const { index, file, cached } = this.#open();
    return new TableCursor(index, new ReadAhead(file, cached, this.#verifyReads));
  }

  /** Frees the table's cached blocks and closes the file. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#blocks?.cached.close();
    this.#file.close();
  }
}

function requireKey(file: File, source: TableSource): void {
  if (source.keyId === 0 || source.key !== undefined) return;
  throw new MelesError(
    "ERR_ENCRYPTION_KEY",
    `${file.path} is encrypted with data key ${source.keyId}, which is not in the key registry; restore KEYREGISTRY from a copy`,
  );
}

/** Valid as long as the room that it was read into is not used for anything else. */
interface StoredIndex {
  readonly index: LazyTableIndex;
  readonly indexOffset: number;
  /** Of the index, in clear. */
  readonly indexLength: number;
}

/** Reads, verifies, decrypts and decodes the index. `room`: at least so many bytes to read it into. */
function readIndex(
  file: File,
  sizeBytes: number,
  key: Uint8Array | undefined,
  room: (lengthBytes: number) => Uint8Array,
): StoredIndex {
  const tailLength = Math.min(sizeBytes, TABLE_FOOTER_SIZE_MAX);
  const tail = readExactly(file, newBytes(tailLength), tailLength, sizeBytes);
  // Footer offsets already count from the start of the file.
  const footer = locating(file, 0, () => decodeTableFooter(tail, sizeBytes));
  const { indexOffset, indexLength } = footer;
  const stored = readExactly(file, room(indexLength), indexLength, indexOffset + indexLength);
  return locating(file, indexOffset, () => {
    verifyTableIndex(footer, stored);
    const plain = key === undefined ? stored : decryptBlock(key, stored);
    return { index: openTableIndex(plain, indexOffset), indexOffset, indexLength: plain.length };
  });
}

/** The size on disk that Badger notes counts blocks, the index in clear, and the values pointed to. */
function mayPoint({ index, indexOffset, indexLength }: StoredIndex): boolean {
  const { extension, onDiskSize } = index;
  if (extension !== undefined) return extension.valueLogBytes.size > 0;
  return onDiskSize === 0 || onDiskSize !== (indexOffset + indexLength) % 2 ** 32;
}

function newBytes(lengthBytes: number): Uint8Array {
  return new Uint8Array(lengthBytes);
}

/** The `length` bytes that end at `end`, at the start of `room`. */
function readExactly(file: File, room: Uint8Array, length: number, end: number): Uint8Array {
  const read = file.read(room, 0, length, end - length);
  if (read < length) {
    throw new CorruptionError({
      file: file.path,
      offset: end - length + read,
      expected: `${length} bytes from ${end - length} on`,
      actual: "the end of the file",
    });
  }
  return room.subarray(0, length);
}

/** Runs a decoder and completes what it reports with the file and the offset of its input. */
function locating<T>(file: File, baseOffset: number, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw located(error, file.path, baseOffset);
  }
}

/** No plain block of the table is bigger: damage must not make a decompressor allocate without bound. */
function plainSizeMax(uncompressedSize: number, fileSizeBytes: number): number {
  if (uncompressedSize > 0 && fileSizeBytes < UNWRAPPED_FILE_SIZE) return uncompressedSize;
  return Math.max(uncompressedSize, PLAIN_BLOCK_SIZE_MAX);
}

function verifyBlocks(blocks: BlockFile): void {
  const location = new BlockLocation();
  for (let block = 0; block < blocks.index.blockCount; block++) blocks.load(block, true, location);
}

function withoutVersion(internalKey: Uint8Array): Uint8Array {
  return internalKey.slice(0, internalKey.length - VERSION_SUFFIX_SIZE);
}

function describe(
  source: TableSource,
  index: LazyTableIndex,
  sizeBytes: number,
  largestKey: Uint8Array,
): TableMeta {
  const { extension } = index;
  return {
    fileNumber: source.fileNumber,
    level: source.level,
    sizeBytes,
    smallestKey: withoutVersion(index.firstKey),
    largestKey,
    maxVersion: index.maxVersion,
    entryCount: index.keyCount,
    tombstoneCount: extension?.tombstoneCount ?? 0,
    endingCount: extension?.endingCount ?? 0,
    staleBytes: index.staleDataSize,
    minExpiresAt: extension?.minExpiresAt ?? 0,
    maxExpiresAt: extension?.maxExpiresAt ?? 0,
    valueLogBytes: extension?.valueLogBytes ?? new Map(),
    hasStatistics: extension !== undefined,
    knownOrdered: extension?.knownOrdered ?? false,
    compression: source.compression,
    keyId: source.keyId,
  };
}
