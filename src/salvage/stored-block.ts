/**
 * `BlockDecoder`: from stored bytes to checked entries of one table block. Stricter than reading: the
 * checksum must match, every entry must be in its place and in order, every version readable. What
 * passes is data; anything else is damage.
 */

import { compareBytes, EMPTY_BYTES } from "../base/bytes.ts";
import type { Version } from "../base/ids.ts";
import { EntrySlot } from "../cursor/entry-slot.ts";
import { BlockView } from "../format/block.ts";
import { type CompressionCode, decompressBlock } from "../format/compression.ts";
import { damaged } from "../format/damage.ts";
import { decryptBlock } from "../format/encryption.ts";
import { META_POINTER } from "../format/stored-value.ts";
import { VALUE_POINTER_SIZE } from "../format/value-pointer.ts";
import { attempt } from "./attempt.ts";
import { BlockLocation, NOT_INDEXED } from "../table/block-location.ts";
import { copyUserKey, readEntry } from "../table/block-search.ts";

/** How the blocks of a table are stored: the file itself does not tell. */
export interface TableCodec {
  readonly compression: CompressionCode;
  /** Data key, if encrypted. */
  readonly key: Uint8Array | undefined;
}

/** No plain block is bigger. */
const PLAIN_BLOCK_BYTES_MAX = 64 << 20;

export class BlockDecoder {
  readonly location = new BlockLocation();
  readonly slot = new EntrySlot();
  /** Of the block decoded last. */
  firstKey: Uint8Array = EMPTY_BYTES;
  firstVersion: Version = 0;
  lastKey: Uint8Array = EMPTY_BYTES;
  lastVersion: Version = 0;
  maxVersion: Version = 0;
  readonly #view = new BlockView();

  /** Decodes a block; says what is wrong, or returns `undefined`. */
  decode(stored: Uint8Array, codec: TableCodec): string | undefined {
    return attempt(
      () => {
        const sealed = codec.key === undefined ? stored : decryptBlock(codec.key, stored);
        this.parse(decompressBlock(codec.compression, sealed, PLAIN_BLOCK_BYTES_MAX));
        return undefined;
      },
      (problem) => problem,
    );
  }

  /** The same for a block in clear; throws what is wrong. */
  parse(plain: Uint8Array, start = 0, end = plain.length): void {
    const view = this.#view;
    view.parse(plain, start, end);
    if (!view.verifyChecksum()) {
      throw damaged(start, "a block that matches its checksum", "another checksum");
    }
    view.checkEntries();
    this.location.set(plain, start, view.entriesEnd, view.entryCount, NOT_INDEXED);
    this.#checkOrder();
  }

  /** The user key of entry `index`, a copy; fills `slot` with the rest. */
  read(index: number): Uint8Array {
    readEntry(this.location, index, this.slot);
    return copyUserKey(this.location, index);
  }

  #checkOrder(): void {
    const { location, slot } = this;
    this.maxVersion = 0;
    for (let index = 0; index < location.entryCount; index++) {
      const key = this.read(index);
      const { version } = slot;
      if ((slot.meta & META_POINTER) !== 0 && slot.valueLength !== VALUE_POINTER_SIZE) {
        throw damaged(location.entryStart(index), "a value pointer", `${slot.valueLength} bytes`);
      }
      if (index === 0) {
        this.firstKey = key;
        this.firstVersion = version;
      } else if (compareEntry(this.lastKey, this.lastVersion, key, version) >= 0) {
        throw damaged(location.entryStart(index), "a later key or an older version", "another");
      }
      this.lastKey = key;
      this.lastVersion = version;
      if (version > this.maxVersion) this.maxVersion = version;
    }
  }
}

/** Internal-key order of two entries: user key, then newest version first. */
export function compareEntry(
  key: Uint8Array,
  version: Version,
  otherKey: Uint8Array,
  otherVersion: Version,
): number {
  return compareBytes(key, otherKey) || otherVersion - version;
}
