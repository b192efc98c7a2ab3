/**
 * `BlockFile`: brings stored blocks of one table file into memory and makes them plain: decrypt,
 * decompress, verify the checksum if asked, check every entry. Nothing that comes out of here needs
 * further checks (I8); damage is a `CorruptionError` with the file and an offset in it.
 *
 * Holds no cache and no state between calls. Used by the reader (one block, into the cache) and by
 * cursors (several blocks, into their own buffer).
 */

import { CorruptionError } from "../base/errors.ts";
import type { File } from "../env/file-system.ts";
import { BlockView } from "../format/block.ts";
import { decompressBlock } from "../format/compression.ts";
import { damaged, located } from "../format/damage.ts";
import { decryptBlock } from "../format/encryption.ts";
import type { CompressionCode } from "../manifest/version.ts";
import type { BlockIndex } from "./block-index.ts";
import { type BlockLocation, NOT_INDEXED } from "./block-location.ts";

/** One for all: parsing never nests. */
const view = new BlockView();

export class BlockFile {
  /** Stored blocks are plain ones: they can be read straight to where they are used. */
  readonly isPlain: boolean;
  readonly index: BlockIndex;
  readonly #file: File;
  readonly #compression: CompressionCode;
  readonly #key: Uint8Array | undefined;
  readonly #plainSizeMax: number;

  /** `plainSizeMax`: no plain block is bigger. */
  constructor(
    file: File,
    index: BlockIndex,
    compression: CompressionCode,
    key: Uint8Array | undefined,
    plainSizeMax: number,
  ) {
    this.isPlain = compression === 0 && key === undefined;
    this.index = index;
    this.#file = file;
    this.#compression = compression;
    this.#key = key;
    this.#plainSizeMax = plainSizeMax;
  }

  /** Reads `lengthBytes` of stored bytes from the start of `block` on; blocks follow each other without gaps. */
  read(block: number, lengthBytes: number, target: Uint8Array, targetOffset: number): void {
    const position = this.index.offsets[block] as number;
    const read = this.#file.read(target, targetOffset, lengthBytes, position);
    if (read < lengthBytes) {
      throw new CorruptionError({
        file: this.#file.path,
        offset: position + read,
        expected: `${lengthBytes} bytes of blocks from ${position} on`,
        actual: "the end of the file",
      });
    }
  }

  /** The plain form of the stored block `bytes[start, end)`, in a buffer of its own; not for plain tables. */
  unpack(block: number, bytes: Uint8Array, start: number, end: number): Uint8Array {
    try {
      let plain = bytes.subarray(start, end);
      if (this.#key !== undefined) plain = decryptBlock(this.#key, plain);
      return decompressBlock(this.#compression, plain, this.#plainSizeMax);
    } catch (error) {
      throw this.#atBlock(error, block);
    }
  }

  /**
   * Checks the plain block `bytes[start, end)` and points `into` at it. The checksum is verified only
   * if `verify` is set; lengths, entries and value headers always are.
   */
  parse(
    block: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    verify: boolean,
    into: BlockLocation,
  ): void {
    try {
      view.parse(bytes, start, end);
      if (verify && !view.verifyChecksum()) {
        throw damaged(start, "a block that matches its checksum", "another checksum");
      }
      view.checkEntries();
    } catch (error) {
      if (!this.isPlain) throw this.#atBlock(error, block);
      throw located(error, this.#file.path, (this.index.offsets[block] as number) - start);
    }
    into.set(bytes, start, view.entriesEnd, view.entryCount, NOT_INDEXED);
  }

  /** Reads, unpacks and parses one block into a buffer of its own. */
  load(block: number, verify: boolean, into: BlockLocation): void {
    const length = this.index.lengths[block] as number;
    let bytes = new Uint8Array(length);
    this.read(block, length, bytes, 0);
    if (!this.isPlain) bytes = this.unpack(block, bytes, 0, length) as Uint8Array<ArrayBuffer>;
    this.parse(block, bytes, 0, bytes.length, verify, into);
  }

  /** Offsets inside an unpacked block mean nothing in the file: the block's own offset is reported. */
  #atBlock(error: unknown, block: number): unknown {
    if (!(error instanceof CorruptionError)) return error;
    return new CorruptionError({
      file: this.#file.path,
      offset: this.index.offsets[block] as number,
      expected: error.expected,
      actual: `${error.actual} (at ${error.offset} of block ${block})`,
      cause: error,
    });
  }
}
