/**
 * One `.sst` file: footer, index, and every block with its entries, each checked as it is read. A block
 * that is damaged is reported and passed over.
 *
 * Compression and encryption are on record in the manifest only. Without it the compression is the one
 * that makes the first block match its checksum.
 */

import { CorruptionError, MelesError } from "../base/errors.ts";
import type { File } from "../env/file-system.ts";
import { BlockView } from "../format/block.ts";
import { decodeChecksum } from "../format/checksum.ts";
import {
  COMPRESSION_NONE,
  COMPRESSION_SNAPPY,
  COMPRESSION_ZSTD,
  type CompressionCode,
  decompressBlock,
} from "../format/compression.ts";
import { decryptBlock } from "../format/encryption.ts";
import { parseTableFileName } from "../format/file-names.ts";
import { readU16LE } from "../format/integers.ts";
import {
  compareInternalKeys,
  readVersionSuffix,
  VERSION_SUFFIX_SIZE,
} from "../format/internal-key.ts";
import { META_IN_TRANSACTION, readExpiry } from "../format/stored-value.ts";
import {
  decodeTableFooter,
  TABLE_FOOTER_SIZE_MAX,
  type TableFooter,
  verifyTableIndex,
} from "../format/table-footer.ts";
import { decodeTableIndex, type TableIndexFields } from "../format/table-index.ts";
import { uvarintSize } from "../format/varint.ts";
import { metaFacts, valueFacts } from "./entry-facts.ts";
import { facts, finding, nestedRow, type Part, rowOf, shownKey } from "./part.ts";
import type { Surroundings } from "./surroundings.ts";

const COMPRESSIONS: readonly CompressionCode[] = [
  COMPRESSION_NONE,
  COMPRESSION_ZSTD,
  COMPRESSION_SNAPPY,
];
const COMPRESSION_NAMES: Readonly<Record<CompressionCode, string>> = {
  [COMPRESSION_NONE]: "none",
  [COMPRESSION_SNAPPY]: "snappy",
  [COMPRESSION_ZSTD]: "zstd",
};
/** No plain block is larger, whatever its stored form claims. */
const PLAIN_BLOCK_BYTES_MAX = 64 << 20;

export function inspectTable(
  file: File,
  name: string,
  surroundings: Surroundings,
): Generator<Part> {
  return new TableInspection(file, name, surroundings).run();
}

/** Decoders count from the start of what they were given. */
function damageOf({ offset, expected, actual }: CorruptionError, base: number): Part {
  return finding(base + offset, `expected ${expected}, found ${actual}`);
}

class TableInspection {
  readonly #file: File;
  readonly #name: string;
  readonly #surroundings: Surroundings;
  #key: Uint8Array | undefined;
  #compression: CompressionCode | undefined;
  readonly #view = new BlockView();
  #lastKey: Uint8Array | undefined;

  constructor(file: File, name: string, surroundings: Surroundings) {
    this.#file = file;
    this.#name = name;
    this.#surroundings = surroundings;
  }

  *run(): Generator<Part> {
    const size = this.#file.size();
    const { isReadable, isListed } = yield* this.#learn();
    const tail = this.#read(Math.max(0, size - TABLE_FOOTER_SIZE_MAX), size);
    const footer = decodeTableFooter(tail, size);
    const { indexOffset, indexLength, checksum } = footer;
    yield facts({ indexOffset, indexBytes: indexLength });
    const stored = this.#read(indexOffset, indexOffset + indexLength);
    const { kind, sum } = decodeChecksum(checksum, 0, checksum.length);
    yield facts({ indexChecksum: `${kind} ${sum}` });
    const damage = this.#verifyIndex(footer, stored);
    if (damage !== undefined) yield damage;
    if (!isReadable) return;
    const index = this.#decodeIndex(stored, indexOffset);
    if (index instanceof CorruptionError) {
      const encrypted = "it seems so: only the MANIFEST tells the data key of a table";
      yield damage === undefined && !isListed ? facts({ encrypted }) : damageOf(index, indexOffset);
      return;
    }
    yield* describeIndex(index);
    yield* this.#blocks(index);
  }

  /** What the neighbours know. Not readable: without the key there is nothing more to see. */
  *#learn(): Generator<Part, { isReadable: boolean; isListed: boolean }> {
    const parsed = parseTableFileName(this.#name);
    const table =
      parsed.kind === "numbered"
        ? this.#surroundings.table(parsed.fileNumber)
        : { known: false as const, reason: "its name is no table's" };
    if (!table.known) {
      yield facts({ manifest: table.reason });
      return { isReadable: true, isListed: false };
    }
    const { level, keyId, compression } = table.value;
    yield facts({
      level,
      compression: COMPRESSION_NAMES[compression],
      dataKey: keyId === 0 ? "none" : keyId,
    });
    this.#compression = compression;
    if (keyId === 0) return { isReadable: true, isListed: true };
    const key = this.#surroundings.dataKey(keyId);
    if (key.known) this.#key = key.value;
    else yield facts({ encrypted: `index and blocks cannot be shown: ${key.reason}` });
    return { isReadable: key.known, isListed: true };
  }

  #verifyIndex(footer: TableFooter, stored: Uint8Array): Part | undefined {
    try {
      verifyTableIndex(footer, stored);
      return undefined;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      return damageOf(error, footer.indexOffset);
    }
  }

  #decodeIndex(stored: Uint8Array, indexOffset: number): TableIndexFields | CorruptionError {
    try {
      const plain = this.#key === undefined ? stored : decryptBlock(this.#key, stored);
      return decodeTableIndex(plain, indexOffset);
    } catch (error) {
      if (error instanceof CorruptionError) return error;
      throw error;
    }
  }

  *#blocks({ blocks }: TableIndexFields): Generator<Part> {
    if (this.#compression === undefined) yield* this.#detectCompression(blocks);
    for (let block = 0; block < blocks.offsets.length; block++) {
      const offset = blocks.offsets[block] as number;
      const length = blocks.lengths[block] as number;
      try {
        const plain = this.#plain(this.#read(offset, offset + length), this.#compression ?? 0);
        yield* this.#block(block, offset, length, plain);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        const { expected, actual } = error;
        yield finding(offset, `block ${block}: expected ${expected}, found ${actual}`);
      }
    }
  }

  *#detectCompression(blocks: TableIndexFields["blocks"]): Generator<Part> {
    const offset = blocks.offsets[0] as number;
    const stored = this.#read(offset, offset + (blocks.lengths[0] as number));
    for (const code of COMPRESSIONS) {
      if (!this.#fits(stored, code)) continue;
      this.#compression = code;
      yield facts({ compression: `${COMPRESSION_NAMES[code]}, as the first block shows` });
      return;
    }
    yield facts({
      compression: "unknown: the first block is damaged, or the table is encrypted",
    });
  }

  #fits(stored: Uint8Array, code: CompressionCode): boolean {
    try {
      const plain = this.#plain(stored, code);
      this.#view.parse(plain, 0, plain.length);
      return this.#view.verifyChecksum();
    } catch (error) {
      if (error instanceof MelesError) return false;
      throw error;
    }
  }

  #plain(stored: Uint8Array, code: CompressionCode): Uint8Array {
    const compressed = this.#key === undefined ? stored : decryptBlock(this.#key, stored);
    return decompressBlock(code, compressed, PLAIN_BLOCK_BYTES_MAX);
  }

  *#block(block: number, offset: number, length: number, plain: Uint8Array): Generator<Part> {
    const view = this.#view;
    view.parse(plain, 0, plain.length);
    const { checksumStart, checksumLength } = view;
    const { kind, sum } = decodeChecksum(plain, checksumStart, checksumStart + checksumLength);
    yield rowOf("blocks", {
      offset,
      block,
      entryCount: view.entryCount,
      storedBytes: length,
      plainBytes: plain.length,
      checksum: `${kind} ${sum}`,
    });
    if (!view.verifyChecksum()) yield finding(offset, `block ${block} does not match its checksum`);
    view.checkEntries();
    for (let entry = 0; entry < view.entryCount; entry++) {
      const key = this.#entryKey(entry);
      const isOrdered =
        this.#lastKey === undefined ||
        compareInternalKeys(this.#lastKey, 0, this.#lastKey.length, key, 0, key.length) < 0;
      if (!isOrdered) yield finding(offset, `entry ${entry} of block ${block} is out of order`);
      this.#lastKey = key;
      yield nestedRow("entries", this.#entryRow(entry, key));
    }
  }

  #entryKey(entry: number): Uint8Array {
    const { bytes, baseKeyOffset } = this.#view;
    const start = this.#view.entryStart(entry);
    const overlap = readU16LE(bytes, start);
    const diff = readU16LE(bytes, start + 2);
    const key = new Uint8Array(overlap + diff);
    key.set(bytes.subarray(baseKeyOffset, baseKeyOffset + overlap));
    key.set(bytes.subarray(start + 4, start + 4 + diff), overlap);
    return key;
  }

  #entryRow(entry: number, key: Uint8Array): ReturnType<typeof metaFacts> {
    const view = this.#view;
    const start = view.entryStart(entry);
    const end = view.entryEnd(entry);
    const value = start + 4 + readU16LE(view.bytes, start + 2);
    const meta = view.bytes[value] as number;
    const userMeta = view.bytes[value + 1] as number;
    const expiresAt = readExpiry(view.bytes, value + 2, end);
    const valueStart = value + 2 + uvarintSize();
    const userKeyEnd = key.length - VERSION_SUFFIX_SIZE;
    return {
      key: shownKey(key, 0, userKeyEnd),
      version: readVersionSuffix(key, userKeyEnd),
      ...valueFacts(meta, view.bytes, valueStart, end),
      // In a table the transaction bit is a left-over that says nothing.
      ...metaFacts(meta & ~META_IN_TRANSACTION, userMeta, expiresAt),
    };
  }

  #read(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(end - start);
    const count = this.#file.read(bytes, 0, bytes.length, start);
    return count === bytes.length ? bytes : bytes.subarray(0, count);
  }
}

function* describeIndex(index: TableIndexFields): Generator<Part> {
  const { blocks, bloomFilter, extension, keyCount, maxVersion } = index;
  yield facts({
    blockCount: blocks.offsets.length,
    entryCount: keyCount,
    maxVersion,
    plainBytes: index.uncompressedSize,
    withValuesBytes: index.onDiskSize,
    staleDataBytes: index.staleDataSize,
    bloomFilter:
      bloomFilter === undefined
        ? "none"
        : `${bloomFilter.length - 1} bytes, ${bloomFilter.at(-1)} probes`,
  });
  if (extension === undefined) return;
  const { largestKey, valueLogBytes } = extension;
  yield facts({
    knownOrdered: extension.knownOrdered,
    tombstoneCount: extension.tombstoneCount,
    expiringCount: extension.expiringCount,
    endingCount: extension.endingCount,
    firstExpiresAt: extension.expiringCount === 0 ? undefined : extension.minExpiresAt,
    lastExpiresAt: extension.expiringCount === 0 ? undefined : extension.maxExpiresAt,
    largestKey: shownKey(largestKey, 0, largestKey.length - VERSION_SUFFIX_SIZE),
  });
  for (const [fileNumber, bytes] of valueLogBytes) {
    yield rowOf("valueLogFiles", { fileNumber, pointedToBytes: bytes });
  }
}
