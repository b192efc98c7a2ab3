/** A list of u32 that grows by doubling: no boxing, no holes. For builders, which reuse it. */

export class GrowableNumbers {
  items: Uint32Array;
  length = 0;

  constructor(capacity = 256) {
    this.items = new Uint32Array(capacity);
  }

  push(item: number): void {
    if (this.length === this.items.length) {
      const grown = new Uint32Array(2 * this.length);
      grown.set(this.items);
      this.items = grown;
    }
    this.items[this.length++] = item;
  }

  /** The items so far, as a view. */
  view(): Uint32Array {
    return this.items.subarray(0, this.length);
  }
}
