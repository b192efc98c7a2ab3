/**
 * Verification of one table file: every byte belongs to a block, the index or the footer, every block
 * matches its checksum and lies where the index says, entries ascend, the bloom filter knows every
 * key, and what the index counts is what there is. Value pointers are handed on. Reads, changes nothing.
 */

import type { Version } from "../base/ids.ts";
import { compareBytes, EMPTY_BYTES, equalBytes } from "../base/bytes.ts";
import { CorruptionError, MelesError } from "../base/errors.ts";
import { baseName } from "../base/paths.ts";
import type { File } from "../env/file-system.ts";
import { bloomMayContain } from "../format/bloom-filter.ts";
import { bloomHash } from "../format/bloom-hash.ts";
import { located } from "../format/damage.ts";
import { decryptBlock } from "../format/encryption.ts";
import { encodeInternalKey } from "../format/internal-key.ts";
import { META_POINTER } from "../format/stored-value.ts";
import {
  decodeTableFooter,
  TABLE_FOOTER_SIZE_MAX,
  verifyTableIndex,
} from "../format/table-footer.ts";
import { decodeTableIndex, type TableIndexFields } from "../format/table-index.ts";
import { complaintOf } from "../salvage/attempt.ts";
import { BlockDecoder, compareEntry, type TableCodec } from "../salvage/stored-block.ts";
import { TableStatistics } from "../table/table-statistics.ts";

export interface TableCheck {
  readonly file: File;
  readonly codec: TableCodec;
  /** Told of every finding. */
  readonly report: (offset: number, message: string) => void;
  /** Shown every entry whose value lies in the value log; the views last during the call. */
  readonly onPointer: (entry: PointingEntry) => void;
}

export interface PointingEntry {
  readonly key: Uint8Array;
  readonly version: number;
  readonly meta: number;
  readonly expiresAt: number;
  readonly pointer: Uint8Array;
}

/** What was found of a table. */
export interface CheckedTable {
  readonly entries: number;
  readonly smallestKey: Uint8Array;
  readonly largestKey: Uint8Array;
  readonly maxVersion: Version;
}

/**
 * Checks a table; yields after every block, so that others may run, and returns what it holds, or
 * `undefined` when its index cannot be read. Findings are reported; I/O errors are thrown.
 */
export function* checkTable(check: TableCheck): Generator<void, CheckedTable | undefined> {
  const index = readIndex(check);
  return index === undefined ? undefined : yield* new TableWalk(check, index).run();
}

interface TableIndex {
  readonly fields: TableIndexFields;
  readonly offset: number;
  /** In clear. */
  readonly length: number;
}

function readIndex({ file, codec, report }: TableCheck): TableIndex | undefined {
  const size = file.size();
  let base = 0;
  try {
    const tail = readExactly(file, Math.max(0, size - TABLE_FOOTER_SIZE_MAX), size);
    const footer = decodeTableFooter(tail, size);
    const { indexOffset: offset, indexLength: length } = footer;
    base = offset;
    const stored = readExactly(file, offset, offset + length);
    verifyTableIndex(footer, stored);
    const plain = codec.key === undefined ? stored : decryptBlock(codec.key, stored);
    return { fields: decodeTableIndex(plain, offset), offset, length: plain.length };
  } catch (error) {
    reportDamage(located(error, baseName(file.path), base), report);
    return undefined;
  }
}

class TableWalk {
  readonly #check: TableCheck;
  readonly #index: TableIndex;
  readonly #decoder = new BlockDecoder();
  readonly #statistics = new TableStatistics();
  #entries = 0;
  #plainBytes = 0;
  #damaged = 0;
  #misses = 0;
  #lastKey: Uint8Array = EMPTY_BYTES;
  #lastVersion = 0;
  #smallestKey: Uint8Array = EMPTY_BYTES;

  constructor(check: TableCheck, index: TableIndex) {
    this.#check = check;
    this.#index = index;
  }

  *run(): Generator<void, CheckedTable> {
    const { offsets, lengths, keys, keyStarts } = this.#index.fields.blocks;
    let end = 0;
    for (let block = 0; block < offsets.length; block++) {
      const offset = offsets[block] as number;
      const length = lengths[block] as number;
      this.#requireNoGap(end, offset);
      end = offset + length;
      this.#block(offset, length, keys.subarray(keyStarts[block], keyStarts[block + 1]));
      yield;
    }
    this.#requireNoGap(end, this.#index.offset);
    if (this.#damaged === 0) this.#compareFacts();
    if (this.#misses > 0) {
      this.#report(this.#index.offset, `the bloom filter denies ${this.#misses} keys of the table`);
    }
    return {
      entries: this.#entries,
      smallestKey: this.#smallestKey,
      maxVersion: this.#index.fields.maxVersion,
      largestKey: this.#lastKey,
    };
  }

  #requireNoGap(from: number, to: number): void {
    if (from < to) this.#report(from, `${to - from} bytes belong to no block`);
    if (from > to) this.#report(to, `a block reaches ${from - to} bytes into what follows`);
  }

  #block(offset: number, length: number, baseKey: Uint8Array): void {
    const { file, codec } = this.#check;
    const decoder = this.#decoder;
    const problem = decoder.decode(readExactly(file, offset, offset + length), codec);
    if (problem !== undefined) {
      this.#damaged++;
      this.#report(offset, `a block is damaged: ${problem}`);
      return;
    }
    const { firstKey, firstVersion } = decoder;
    if (!equalBytes(encodeInternalKey(firstKey, firstVersion), baseKey)) {
      this.#report(offset, "a block begins with another key than the index says");
    }
    if (this.#entries === 0) this.#smallestKey = firstKey;
    else if (compareEntry(this.#lastKey, this.#lastVersion, firstKey, firstVersion) >= 0) {
      this.#report(offset, "a block is out of order");
    }
    this.#entriesOf();
    this.#lastKey = decoder.lastKey;
    this.#lastVersion = decoder.lastVersion;
  }

  #entriesOf(): void {
    const { slot, location } = this.#decoder;
    this.#plainBytes += location.bytes.length;
    const filter = this.#index.fields.bloomFilter ?? EMPTY_BYTES;
    for (let i = 0; i < location.entryCount; i++) {
      const key = this.#decoder.read(i);
      const { version, meta, expiresAt, valueBytes, valueOffset, valueLength } = slot;
      this.#entries++;
      this.#statistics.add(version, meta, expiresAt, valueBytes, valueOffset);
      if (!bloomMayContain(filter, 0, filter.length, bloomHash(key, 0, key.length))) this.#misses++;
      if ((meta & META_POINTER) === 0) continue;
      const pointer = valueBytes.subarray(valueOffset, valueOffset + valueLength);
      this.#check.onPointer({ key, version, meta, expiresAt, pointer });
    }
  }

  /** The index's numbers against what was counted; 0 stands for "not recorded" in foreign tables. */
  #compareFacts(): void {
    const { fields, length } = this.#index;
    const counted = this.#statistics;
    this.#expect("entries", fields.keyCount, counted.entryCount, fields.keyCount !== 0);
    const hasSize = fields.uncompressedSize !== 0;
    this.#expect("plain bytes", fields.uncompressedSize, this.#plainBytes % 2 ** 32, hasSize);
    // A larger one costs version numbers, a smaller one would hide entries.
    if (fields.maxVersion < counted.maxVersion) {
      this.#expect("as the newest version", fields.maxVersion, counted.maxVersion, true);
    }
    const { extension } = fields;
    if (extension === undefined) return;
    const onDisk = this.#index.offset + counted.pointedBytes + length;
    this.#expect("bytes on disk", fields.onDiskSize, onDisk % 2 ** 32, true);
    this.#expect("delete markers", extension.tombstoneCount, counted.tombstoneCount, true);
    this.#expect("expiring entries", extension.expiringCount, counted.expiringCount, true);
    const { endingCount } = extension;
    this.#expect("ending entries", endingCount, counted.endingCount, endingCount !== 0);
    this.#expect("as the first expiry", extension.minExpiresAt, counted.minExpiresAt, true);
    this.#expect("as the last expiry", extension.maxExpiresAt, counted.maxExpiresAt, true);
    const largest = encodeInternalKey(this.#lastKey, this.#lastVersion);
    if (compareBytes(extension.largestKey, largest) !== 0) {
      this.#report(this.#index.offset, "the index promises another largest key");
    }
    if (!sameBytesByFile(extension.valueLogBytes, counted.valueLogBytes())) {
      this.#report(this.#index.offset, "the index promises other bytes in the value log");
    }
  }

  #expect(what: string, promised: number, found: number, known: boolean): void {
    if (!known || promised === found) return;
    this.#report(this.#index.offset, `the index promises ${promised} ${what}, there are ${found}`);
  }

  #report(offset: number, message: string): void {
    this.#check.report(offset, message);
  }
}

function sameBytesByFile(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean {
  return a.size === b.size && [...a].every(([file, bytes]) => b.get(file) === bytes);
}

function readExactly(file: File, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  const read = file.read(bytes, 0, bytes.length, start);
  return read === bytes.length ? bytes : bytes.slice(0, read);
}

/** Turns an error of ours into a finding; anything else goes on up. */
export function reportDamage(
  error: unknown,
  report: (offset: number, message: string) => void,
): void {
  if (!(error instanceof MelesError)) throw error;
  report(error instanceof CorruptionError ? error.offset : 0, complaintOf(error));
}
