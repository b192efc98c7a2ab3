/**
 * How much of the level below the target the current output has passed: an output that meets too much
 * there makes its own later compaction expensive.
 */

import { compareRange } from "../base/bytes.ts";
import type { KeySpan } from "./key-span.ts";

export class OverlapMeter {
  readonly #spans: readonly (KeySpan & { readonly sizeBytes: number })[];
  #next = 0;
  #passedBytes = 0;

  /** `spans`: sorted and disjoint. */
  constructor(spans: readonly (KeySpan & { readonly sizeBytes: number })[]) {
    this.#spans = spans;
  }

  /** Bytes of the spans that end before this key and after the last restart. Keys never descend. */
  advanceTo(bytes: Uint8Array, offset: number, length: number): number {
    for (let span = this.#spans[this.#next]; span !== undefined; span = this.#spans[this.#next]) {
      const { largestKey } = span;
      if (compareRange(largestKey, 0, largestKey.length, bytes, offset, length) >= 0) break;
      this.#passedBytes += span.sizeBytes;
      this.#next++;
    }
    return this.#passedBytes;
  }

  /** A new output starts here. */
  restart(): void {
    this.#passedBytes = 0;
  }
}
