/** `BlockList`: what a builder keeps of its finished blocks, column by column, for the table's index. */

import { VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import type { TableIndexBlocks } from "../format/table-index.ts";
import { GrowableBytes } from "./growable-bytes.ts";
import { GrowableNumbers } from "./growable-numbers.ts";

export class BlockList {
  readonly #keys = new GrowableBytes();
  readonly #keyStarts = new GrowableNumbers();
  readonly #offsets = new GrowableNumbers();
  readonly #lengths = new GrowableNumbers();

  constructor() {
    this.#keyStarts.push(0);
  }

  /** About what the blocks take in the index: the base key, padded, and 36 bytes of tables and offsets. */
  get estimatedIndexBytes(): number {
    return this.#keys.length + 36 * this.#offsets.length;
  }

  /** Adds a block by its base key `bytes[keyStart, keyEnd)`, an internal key. */
  addKey(bytes: Uint8Array, keyStart: number, keyEnd: number): void {
    this.#keys.append(bytes, keyStart, keyEnd);
    this.#keyStarts.push(this.#keys.length);
  }

  /** Where the block added last lies in the file. */
  addPlace(offset: number, storedLength: number): void {
    this.#offsets.push(offset);
    this.#lengths.push(storedLength);
  }

  /** A copy of the table's smallest user key. */
  firstUserKey(): Uint8Array {
    return this.#keys.items.slice(0, (this.#keyStarts.items[1] as number) - VERSION_SUFFIX_SIZE);
  }

  /** The columns, as views. */
  view(): TableIndexBlocks {
    return {
      keys: this.#keys.view(),
      keyStarts: this.#keyStarts.view(),
      offsets: this.#offsets.view(),
      lengths: this.#lengths.view(),
    };
  }
}
